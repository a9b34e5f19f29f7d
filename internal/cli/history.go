package cli

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/lang"
	"github.com/cardfleet/cardfleet/spec/safe"
	"github.com/cardfleet/cardfleet/state"
)

// historyOptions say which part of the history is wanted, and in which form.
type historyOptions struct {
	inputOptions
	since, run string
	json       bool
}

func (prog *program) historyCommand() *cli.Command {
	o := &historyOptions{}
	return &cli.Command{
		Name: "history", Usage: "what was done to a card: when, by whom, from which commit, who approved it and why", ArgsUsage: "[ICCID|PROVIDER/ICCID|ADDR|GLOB]",
		Description: `Lists each action that ended, done or not, under the run that it is of, the oldest first; without a
card, those of all cards. A card that was unbound, forgotten or renamed keeps its history.
Of a run that was killed, -run=ID is the report that it couldn't write: what it did, and the
calls that it left without an answer. Actions that it hadn't begun are not in the history.
What people do to the state is in it too: resolve, state rm, state push, state migrate, force-unlock.`,
		UsageText: `cardfleet history 89860617030017300390
cardfleet history 'card.bike["89860617030017300390"]'
cardfleet history -since=7d
cardfleet history -run=6fa3c0de-1f2e-4d7a-9c55-0b7d53a3f1c2 -json`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "since", Usage: "only what happened since `TIME`: 2026-11-01, 2026-11-01T08:00:00Z, or so long ago: 7d, 36h", Destination: &o.since},
			&cli.StringFlag{Name: "run", Usage: "only the run with this `ID`", Destination: &o.run},
			&cli.BoolFlag{Name: "json", Usage: "as JSON", Destination: &o.json},
		}, o.inputOptions.flags()...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if cmd.Args().Len() > 1 {
				return refuse("Too many arguments", "history takes one card at most: its ICCID or address, or a glob over these.")
			}
			return prog.showHistory(ctx, *o, cmd.Args().First())
		},
	}
}

func (prog *program) showHistory(ctx context.Context, o historyOptions, card string) error {
	prog.open(viewOptions{})
	since, err := sinceWhen(o.since, prog.env.Now())
	if err != nil {
		return err
	}
	store, err := prog.store(ctx, o.inputOptions)
	if err != nil {
		return err
	}
	if err := inHistory(ctx, store, o.run); err != nil {
		return err
	}
	wanted := run.Wanted{Card: card, Since: since, Run: o.run}
	if o.json {
		return prog.env.writeJSON(func(w io.Writer) error { return writeHistory(ctx, w, store, wanted) })
	}
	t := &historyText{out: prog.out, actions: map[string]int{}}
	if err := store.Events(ctx, wanted, t.entry); err != nil {
		return err
	}
	t.end(wanted)
	return nil
}

// inHistory refuses a run of which the history has nothing; "" is none.
func inHistory(ctx context.Context, store run.Store, id string) error {
	if id == "" {
		return nil
	}
	found := false
	err := store.Events(ctx, run.Wanted{Run: id}, func(*state.Entry) error { found = true; return nil })
	if err == nil && !found {
		return refuse("No such run", "The history has no run with the id %s. To list them: cardfleet history", safe.Text(id))
	}
	return err
}

// sinceWhen is the time that -since names; the zero time for "".
func sinceWhen(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	if d, err := spec.ParseDuration(text); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, refuse("Invalid time", "-since=%q is no time. Write a day such as 2026-11-01, a time such as 2026-11-01T08:00:00Z, or how long ago: 7d, 36h. What has no zone is in UTC.", text)
}

// historyText writes entries for people.
type historyText struct {
	out     *output
	run     *state.Run // whose heading was written last
	runs    int
	actions map[string]int // by outcome
}

func (t *historyText) entry(e *state.Entry) error {
	if t.runs == 0 || e.Run != t.run && (e.Run == nil || t.run == nil || e.Run.ID != t.run.ID) {
		t.runs++
		t.run = e.Run
		t.out.result("%s", runText(e.Run, t.out.style.Lang))
	}
	if e.Event != nil {
		t.actions[e.Event.Outcome]++
		t.out.result("%s", eventText(e.Event))
	}
	return nil
}

// runText is the heading of a run.
func runText(r *state.Run, l lang.Language) string {
	if r == nil {
		return "# a run of an older version\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s  %s", timeText(r.Started), safe.Text(r.Operation))
	for _, part := range []struct{ word, value string }{{"by", r.Who}, {"from commit", r.Commit}} {
		if part.value != "" {
			fmt.Fprintf(&b, " %s %s", part.word, safe.Text(part.value))
		}
	}
	fmt.Fprintf(&b, "\n  %s %s\n", l.Word("run"), safe.Text(r.ID))
	for _, part := range []struct{ word, value string }{{"at", r.Info}, {"plan", r.Plan}, {"did", r.Detail}} {
		if part.value != "" {
			fmt.Fprintf(&b, "  %s %s\n", l.Word(part.word), safe.Text(part.value))
		}
	}
	return b.String()
}

// eventText is an action with what there is to say of it.
func eventText(e *state.Event) string {
	var b strings.Builder
	outcome := strings.ReplaceAll(e.Outcome, "-", " ")
	if e.AsFarAsTold {
		outcome += ", as far as the carrier tells"
	}
	fmt.Fprintf(&b, "  %s  %s: %s\n", timeText(e.At), safe.Text(changeText(e.Change)), safe.Text(outcome))
	address := ""
	if e.Address != "" {
		address = safe.Text(e.Address) + "  "
	}
	fmt.Fprintf(&b, "    %s%s  %s\n", address, safe.Text(string(e.ICCID)), safe.Text(string(e.Provider)))
	for _, a := range e.Approvals {
		key := ""
		if a.Fingerprint != "" {
			key = " (" + safe.Text(a.Fingerprint) + ")"
		}
		fmt.Fprintf(&b, "    approved by %s%s: %s\n", safe.Text(a.By), key, safe.Text(cmp.Or(a.Reason, "no reason given")))
	}
	if e.Reason != "" {
		fmt.Fprintf(&b, "    %s\n", safe.Text(e.Reason))
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, "    request %s\n", safe.Text(e.RequestID))
	}
	return b.String()
}

// changeText is a change in words, also one that no plan has.
func changeText(c spec.Change) string {
	if slices.Contains(spec.Kinds(), c.Kind) {
		return c.String()
	}
	text := string(c.Kind)
	if c.From != "" || c.To != "" {
		text += " " + cmp.Or(c.From, "unknown") + " -> " + cmp.Or(c.To, "none")
	}
	return text
}

// end counts what was listed.
func (t *historyText) end(wanted run.Wanted) {
	if t.runs == 0 {
		of := ""
		if wanted.Card != "" {
			of = " of " + safe.Text(wanted.Card)
		}
		t.out.result("The history%s has nothing%s.\n", of, narrowed(wanted))
		return
	}
	sum, parts := 0, []string{}
	for _, o := range apply.Outcomes() {
		if n := t.actions[o.Hyphened()]; n > 0 {
			sum += n
			parts = append(parts, fmt.Sprintf("%d %s", n, o))
		}
	}
	counts := ""
	if len(parts) > 0 {
		counts = ": " + strings.Join(parts, ", ")
	}
	t.out.result("\n%s in %s%s.\n", counted(sum, "action"), counted(t.runs, "run"), counts)
}

func narrowed(w run.Wanted) string {
	text := ""
	if !w.Since.IsZero() {
		text += " since " + timeText(w.Since)
	}
	if w.Run != "" {
		text += " of run " + safe.Text(w.Run)
	}
	return text
}

// historyVersion is the version of the JSON form.
const historyVersion = "1.0"

// runJSON is a run in JSON. docs/schema/history.schema.json has the form.
type runJSON struct {
	ID        string    `json:"id"`
	Operation string    `json:"operation"`
	Started   time.Time `json:"started"`
	Who       string    `json:"who,omitempty"`
	Commit    string    `json:"commit,omitempty"`
	URL       string    `json:"url,omitempty"`
	Version   string    `json:"cardfleet_version,omitempty"`
	Plan      string    `json:"plan,omitempty"`
	Detail    string    `json:"detail,omitempty"`
}

// eventJSON is an action in JSON, with what an auditor asks of its run.
type eventJSON struct {
	At          time.Time             `json:"at"`
	ICCID       spec.ICCID            `json:"iccid"`
	Provider    spec.ProviderName     `json:"provider"`
	Address     string                `json:"address,omitempty"`
	Kind        spec.Kind             `json:"kind"`
	From        string                `json:"from,omitempty"`
	To          string                `json:"to,omitempty"`
	Outcome     string                `json:"outcome"`
	AsFarAsTold bool                  `json:"as_far_as_told,omitempty"`
	Reason      string                `json:"reason,omitempty"`
	RequestID   string                `json:"request_id,omitempty"`
	Approvals   []state.EventApproval `json:"approvals,omitempty"`
	Run         string                `json:"run,omitempty"`
	Operation   string                `json:"operation,omitempty"`
	Who         string                `json:"who,omitempty"`
	Commit      string                `json:"commit,omitempty"`
	URL         string                `json:"url,omitempty"`
}

// writeHistory writes the wanted entries as one JSON object, as they come. Runs are
// its last field, since each is known by then.
func writeHistory(ctx context.Context, w io.Writer, store run.Store, wanted run.Wanted) error {
	buf := bufio.NewWriter(w)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	fmt.Fprintf(buf, "{\"format_version\":%q,\"cardfleet_version\":%q,\"events\":[", historyVersion, Version)
	separator := "\n"
	runs, known := []runJSON{}, map[string]bool{}
	err := store.Events(ctx, wanted, func(e *state.Entry) error {
		if r := e.Run; r != nil && !known[r.ID] {
			known[r.ID] = true
			runs = append(runs, runJSON{r.ID, r.Operation, r.Started, r.Who, r.Commit, r.Info, r.Version, r.Plan, r.Detail})
		}
		if e.Event == nil {
			return nil
		}
		_, _ = buf.WriteString(separator) // Flush says what is wrong
		separator = ","
		return enc.Encode(eventOf(e))
	})
	if err != nil {
		return err
	}
	_, _ = buf.WriteString("],\"runs\":")
	if err := enc.Encode(runs); err != nil {
		return err
	}
	_, _ = buf.WriteString("}\n")
	return buf.Flush()
}

func eventOf(e *state.Entry) eventJSON {
	v := e.Event
	out := eventJSON{
		At: v.At, ICCID: v.ICCID, Provider: v.Provider, Address: v.Address, Kind: v.Kind, From: v.From, To: v.To, Outcome: v.Outcome,
		AsFarAsTold: v.AsFarAsTold, Reason: v.Reason, RequestID: v.RequestID, Approvals: v.Approvals,
	}
	if r := e.Run; r != nil {
		out.Run, out.Operation, out.Who, out.Commit, out.URL = r.ID, r.Operation, r.Who, r.Commit, r.Info
	}
	return out
}
