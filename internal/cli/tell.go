package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/cli/notify"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/internal/workers"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres"
)

const (
	// tellLimit is how long a run waits, at its end, for messages to go out,
	// also when it was interrupted.
	tellLimit = 5 * time.Second
	// toldLines is how many details a message has.
	toldLines = 10
)

// tell sends a message to those who want to hear of one of the events, all at
// once. Its failure is a warning: it never fails a run.
func (c *configuration) tell(ctx context.Context, m notify.Message, events ...spec.Event) {
	var to []*spec.Notify
	for i := range c.fleet.Notify {
		n := &c.fleet.Notify[i]
		if slices.ContainsFunc(events, func(e spec.Event) bool { return slices.Contains(n.On, e) }) {
			to = append(to, n)
		}
	}
	if len(to) == 0 {
		return
	}
	m.Fleet, m.Lang = filepath.Base(c.dir()), c.env.lang
	if m.Who == "" { // else somebody else's run
		m.Who, m.URL = whoRuns(c.env), runURL(c.env)
	}
	for i := range m.Lines {
		m.Lines[i] = c.out.redact(m.Lines[i])
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellLimit)
	defer cancel()
	env := notify.Env{Now: c.env.Now, Transport: c.env.Transport, Version: Version}
	failed := make([]error, len(to))
	var g errgroup.Group
	for i, n := range to {
		g.Go(func() error { failed[i] = notify.Send(ctx, env, *n, m); return nil })
	}
	_ = g.Wait() // they report through failed
	for i, n := range to {
		if failed[i] != nil {
			c.out.diagnostics(spec.Diagnostics{{
				Severity: spec.Warning, Summary: "A notification was not sent", Subject: n.Source,
				Detail: fmt.Sprintf("%s: %v. The run and its exit code are as they would have been without it.", n.Type, failed[i]),
			}})
		}
	}
}

// tellDrift tells what a plan found changed outside.
func (c *configuration) tellDrift(ctx context.Context, p plan.Source) error {
	n := p.Head().Summary().Drifted
	if n == 0 || len(c.fleet.Notify) == 0 {
		return nil
	}
	m := notify.Message{
		Event: spec.DriftEvent, Title: fmt.Sprintf("cardfleet plan: %s changed outside cardfleet", countCards(n)),
		Counts: []notify.Count{{Name: "drifted", N: n}}, Next: c.command() + " plan -refresh-only shows it, and apply -refresh-only takes it into the state",
	}
	of := tally{}
	err := p.Each(func(_ int, card *plan.Card) error {
		if len(card.Drift) > 0 {
			of.add(changedOutside, card.Labels)
		}
		for _, d := range card.Drift {
			add(&m, func() string {
				return fmt.Sprintf("%s: %s: %s -> %s; %s", cardOf(card), d.Attribute, d.From, d.To, d.Cause)
			})
		}
		return nil
	})
	if err == nil {
		m.Changes = of.lines()
		c.tell(ctx, m, spec.DriftEvent)
	}
	return err
}

// tellApprovals tells which approvals a plan wants, and how to give them. file is
// where the plan is saved; "" for nowhere.
func (c *configuration) tellApprovals(ctx context.Context, from plan.Source, file string) error {
	p := from.Head()
	n := p.Summary()
	lacking := n.Guarded - n.Approved
	if lacking == 0 || len(c.fleet.Notify) == 0 {
		return nil
	}
	how := "To approve: have the approval block that the plan shows reviewed, and add it to the configuration."
	if p.Policy.SignersOnly {
		how = fmt.Sprintf("To approve: cardfleet approve %s -key KEYFILE. Each action needs %s.", cmp.Or(file, "PLANFILE"), ofPeople(p.Policy.Required()))
	}
	m := notify.Message{
		Event: spec.ApprovalEvent, Title: fmt.Sprintf("cardfleet plan: %s for approval", waiting(lacking)),
		Counts: []notify.Count{{Name: "guarded", N: n.Guarded}, {Name: "approved", N: n.Approved}}, Next: how,
	}
	of := tally{}
	err := from.Each(func(_ int, card *plan.Card) error {
		for j := range card.Actions {
			if a := &card.Actions[j]; a.Guarded && !a.Approved {
				of.add(string(a.Kind), card.Labels)
				add(&m, func() string {
					return fmt.Sprintf("%s: %s: %s", cardOf(card), safe.Text(a.Change.String()), safe.Text(a.Denial))
				})
			}
		}
		return nil
	})
	if err == nil {
		m.Changes = of.lines()
		c.tell(ctx, m, spec.ApprovalEvent)
	}
	return err
}

// waiting is "1 action waits", "3 actions wait".
func waiting(n int) string {
	if n == 1 {
		return "1 action waits"
	}
	return fmt.Sprintf("%d actions wait", n)
}

// ofPeople is "a signature", "the signatures of 2 people".
func ofPeople(n int) string {
	if n == 1 {
		return "a signature"
	}
	return fmt.Sprintf("the signatures of %d people", n)
}

// tellApply tells how an apply ended. Two endings are no news: a person at a
// terminal saw it end before its first action, or there was nothing to do.
func (c *configuration) tellApply(ctx context.Context, done *run.Applied, err error) {
	switch {
	case len(c.fleet.Notify) == 0 || c.told:
	case done == nil && (err == nil || c.env.InTTY):
	case done == nil:
		m := notify.Message{Event: spec.FailureEvent, Title: "cardfleet apply: " + endedBy(err) + ", and no card was changed", Lines: reasons(err)}
		c.tell(ctx, m, spec.FailureEvent)
	case done.Report.Len() == 0 && err == nil:
	default:
		c.tellRun(ctx, done, err)
	}
}

// tellRun tells of an apply that carried out its plan, or as much as it could.
func (c *configuration) tellRun(ctx context.Context, done *run.Applied, err error) {
	t := &toldRun{}
	_ = done.Report.Each(func(result *apply.Result) error { // the summary has said by now where it can't be read
		t.put(result)
		return nil
	})
	m, events := t.message(err)
	m.Next = c.nextAfter(t.doubt, c.next, done.Report.AsWanted())
	c.tell(ctx, m, events...)
}

// tellEnded tells of a run that was left to workers. Its results are read as they are
// told, however many they are.
func (s *session) tellEnded(ctx context.Context, work *postgres.Work, r *postgres.WorkRun, info *workers.Info) {
	t := &toldRun{}
	err := workers.Each(ctx, work, s.history(), r, func(one *workers.Result) {
		result := one.Apply()
		t.put(&result)
	})
	if err != nil {
		s.out.say("What became of run %s can't be read, so nobody is told: %v\n", r.ID, err)
		return
	}
	if cutShort(r) || !t.asWanted() {
		err = exit(exitPartial)
	}
	m, events := t.message(err)
	m.Next = s.nextAfter(t.doubt, s.nextOf([]*postgres.WorkRun{r}), t.counts[apply.Done] == t.all)
	m.Who, m.URL = cmp.Or(info.Run.Who, "somebody"), info.Run.Info
	s.tell(ctx, m, events...)
}

// toldRun counts results, and keeps the first of those that a person wants to hear of.
type toldRun struct {
	counts  map[apply.Outcome]int
	all     int
	unbound int
	lines   map[apply.Outcome][]string
	shown   map[apply.Outcome]int // how many of an outcome are worth a line
	of      tally                 // what was done, by kind and place
	doubt   *apply.Result         // the first in doubt; nil for none
}

// put adds a result. What is done is worth a line where nothing can undo it.
func (t *toldRun) put(r *apply.Result) {
	if t.counts == nil {
		t.counts, t.lines, t.shown = map[apply.Outcome]int{}, map[apply.Outcome][]string{}, map[apply.Outcome]int{}
	}
	o := r.Outcome
	t.all++
	t.counts[o]++
	if o == apply.Done && r.Action.Kind == spec.Unbind {
		t.unbound++
	}
	if o == apply.Done {
		t.of.add(string(r.Action.Kind), r.Card.Labels)
	}
	if o == apply.InDoubt && t.doubt == nil {
		card, action := r.Card.Clone(), *r.Action
		t.doubt = &apply.Result{Card: &card, Action: &action}
	}
	if o == apply.Done && !r.Action.Kind.Irreversible() {
		return
	}
	if t.shown[o]++; t.shown[o] <= toldLines {
		t.lines[o] = append(t.lines[o], resultLine(*r))
	}
}

// asWanted reports whether nothing failed, was dropped or is in doubt.
func (t *toldRun) asWanted() bool {
	return t.counts[apply.Failed]+t.counts[apply.Dropped]+t.counts[apply.InDoubt] == 0
}

// message is what is told of a run, and the events that it is. err is how it ended.
func (t *toldRun) message(err error) (notify.Message, []spec.Event) {
	m := notify.Message{Event: spec.ApplyEvent, OK: err == nil, Title: "cardfleet apply: " + t.title(err)}
	for _, o := range apply.Outcomes() {
		m.Counts = append(m.Counts, notify.Count{Name: string(o), N: t.counts[o]})
	}
	m.Counts = append(m.Counts, notify.Count{Name: "unbound for good", N: t.unbound})
	m.Lines = reasons(err)
	m.Changes = t.of.lines()
	t.addLines(&m)
	events := []spec.Event{spec.ApplyEvent}
	if !m.OK {
		m.Event = spec.FailureEvent
		events = append(events, spec.FailureEvent)
	}
	return m, events
}

// title is how a run went, in a few words.
func (t *toldRun) title(err error) string {
	left, all := t.all-t.counts[apply.Done], t.all
	title := fmt.Sprintf("%d of %d actions are done", all, all)
	switch {
	case left > 0 && err == nil && left == t.counts[apply.NotStarted]:
		title = fmt.Sprintf("%d of %d actions are done, and the others are not started", all-left, all)
	case left > 0:
		title = fmt.Sprintf("%d of %d actions are not done", left, all)
	}
	if err != nil && exitCodeOf(err) == exitInterrupted {
		return "interrupted, " + title
	}
	return title
}

// addLines adds what a person wants to hear of: what nothing can undo, then what
// failed, is in doubt, was dropped or not started.
func (t *toldRun) addLines(m *notify.Message) {
	for _, o := range []apply.Outcome{apply.Done, apply.Failed, apply.InDoubt, apply.Dropped, apply.NotStarted} {
		for _, line := range t.lines[o] {
			add(m, func() string { return line })
		}
		m.More += t.shown[o] - len(t.lines[o])
	}
}

// add adds a detail, or counts it where there are enough.
func add(m *notify.Message, line func() string) {
	if len(m.Lines) >= toldLines {
		m.More++
		return
	}
	m.Lines = append(m.Lines, line())
}

// endedBy is what ended an apply before its first action.
func endedBy(err error) string {
	switch exitCodeOf(err) {
	case exitRefused:
		return "refused"
	case exitInterrupted:
		return "interrupted"
	case exitLocked:
		return "locked out"
	default:
		return "broke off"
	}
}

// exitCodeOf is the exit code that an error comes to.
func exitCodeOf(err error) int { return endingOf(err, true).code }

// reasons are an error's own words, a line each.
func reasons(err error) []string {
	var locked *state.LockedError
	if errors.As(err, &locked) {
		return []string{fmt.Sprintf("The state is locked by %s (%s)", locked.Holder.Who, locked.Holder.Operation)}
	}
	var lines []string
	for _, d := range endingOf(err, false).diags {
		line := d.Summary
		if d.Detail != "" {
			line += ": " + d.Detail
		}
		lines = append(lines, line)
	}
	return lines
}
