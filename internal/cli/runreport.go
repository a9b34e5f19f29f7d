package cli

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/file"
	"github.com/cardfleet/cardfleet/state"
)

// checkReport makes sure that a report can be written there once the run is
// over.
func checkReport(path string) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("write the report: %s is not a regular file", path)
	}
	if err := canReplace(path); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// report writes what became of each action to the file of -report. The run is
// over by then: what can't be written is a warning, and changes no exit code.
// Of what isn't done, held is how many actions runs at workers still have: where that is
// all, there is nothing to plan anew.
func (s *session) report(path string, in inputOptions, done *run.Applied, held int) {
	if path == "" {
		return
	}
	r := done.Report
	err := replaceFile(within(s.dir(), path), func(w io.Writer) error {
		return apply.WriteReport(redacting{s.out, w}, done.ReportHeader(Version), r.Each)
	})
	if err != nil {
		s.out.diagnostics(spec.Diagnostics{{
			Severity: spec.Warning, Summary: "The report could not be written",
			Detail: fmt.Sprintf("%s.\nWhat became of each action is only in what this run printed, and -retry has nothing to go by. The state has what was done: the next plan shows what is left.", spec.Capital(err.Error())),
		}})
		return
	}
	switch left := r.Len() - r.Count(apply.Done); {
	case left > 0 && left == held:
		s.out.say("\nWhat became of each action is in %s.\n", path)
	case left > 0:
		s.out.say("\nWhat became of each action is in %s. To plan anew what isn't done:\n  %s\n", path, s.command(slices.Concat([]string{"plan"}, s.variableWords(in), []string{"-retry=" + path})...))
	}
}

// redacting keeps secrets out of what goes to w. Each write is a whole line.
type redacting struct {
	out *output
	w   io.Writer
}

// Write writes p without secrets.
func (r redacting) Write(p []byte) (int, error) {
	if _, err := io.WriteString(r.w, r.out.redact(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// retry is the report that -retry names.
type retry struct {
	file    string
	header  apply.ReportHeader
	actions int
	cards   map[spec.ICCID]bool // those with an action that wasn't done
	left    []spec.CardID       // these cards, as the report names them
}

// openRetry reads the report, if there is one to be read.
func (o *runOptions) openRetry(dir string) error {
	if o.retry.file == "" {
		return nil
	}
	f, err := file.Open(within(dir, o.retry.file))
	if err != nil {
		return fmt.Errorf("open the report: %w", err)
	}
	defer f.Close() // it was only read
	header, actions, err := apply.ReadReport(f)
	if err != nil {
		return refuse("The report can't be used", "%s, %v. Nothing was planned from it: run plan without -retry, or name the report that apply -report wrote.", o.retry.file, err)
	}
	o.retry.header, o.retry.actions, o.retry.cards = header, len(actions), map[spec.ICCID]bool{}
	for _, a := range actions {
		if a.Outcome != apply.Done && !o.retry.cards[a.Card.ICCID] {
			o.retry.cards[a.Card.ICCID] = true
			o.retry.left = append(o.retry.left, a.Card)
		}
	}
	return nil
}

// checkRetry refuses a report of another fleet, and says where there is
// nothing to retry.
func (c *configuration) checkRetry(r retry, prior *state.Snapshot) error {
	switch {
	case r.file == "":
	case r.header.Lineage != "" && r.header.Lineage != prior.Lineage:
		return refuse("Report of another state", "%s is of a run on a state of lineage %s, but this state's lineage is %s: it belongs to another fleet, or the state was made anew.",
			r.file, r.header.Lineage, orNone(prior.Lineage))
	case len(r.cards) == 0:
		c.out.result("Nothing to retry: %s says that all of its %d actions are done.\n\n", r.file, r.actions)
	default:
		c.warnGone(r, prior)
	}
	return nil
}

// warnGone tells of cards to be retried that nobody knows any more: nothing is
// planned for them, and that must not look as if all were well.
func (c *configuration) warnGone(r retry, prior *state.Snapshot) {
	var gone []spec.CardID
	for _, id := range r.left {
		_, declared := slices.BinarySearchFunc(c.fleet.Cards, id.ICCID, func(card spec.Card, iccid spec.ICCID) int { return cmp.Compare(card.ICCID, iccid) })
		if !declared && prior.Card(id.ICCID) == nil {
			gone = append(gone, id)
		}
	}
	if len(gone) == 0 {
		return
	}
	first := slices.MinFunc(gone, spec.CardID.Compare)
	c.out.diagnostics(spec.Diagnostics{{
		Severity: spec.Warning, Summary: "Cards of the report are gone",
		Detail: fmt.Sprintf("%s of %s, first %s: neither declared nor managed any more. Nothing is planned for them.", countCards(len(gone)), r.file, first),
	}})
}
