package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/internal/workers"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state/postgres"
)

// handing is an apply whose changes are carried out by workers.
type handing struct {
	work    *postgres.Work
	part    workers.Part
	plan    plan.Source // all of it
	earlier *workers.Earlier
	id      string // of the run; "" where nothing was handed over
	follows *workers.Following
	actions int // that were
}

// beginHanding opens what an apply needs that hands its changes over; nil where the
// fleet's are all carried out here.
func (s *session) beginHanding(ctx context.Context) (*handing, error) {
	if s.fleet.Executor == nil {
		return nil, nil
	}
	part := workers.Split(s.fleet, s.carriers)
	if part.Empty() {
		return nil, nil
	}
	work, err := s.openWork(ctx)
	if err != nil {
		return nil, err
	}
	return &handing{work: work, part: part}, nil
}

// openWork opens the state's database for what workers share.
func (s *session) openWork(ctx context.Context) (*postgres.Work, error) {
	b, ok := s.run.Backend.(*postgres.Backend)
	if !ok {
		return nil, refuse("Workers need a database", `Runs are handed over in PostgreSQL, and this fleet's state isn't there: write backend "postgres" { conn_str = env("CARDFLEET_PG_CONN_STR") } in the fleet block.`)
	}
	return b.Work(ctx)
}

// close ends the handing over; a nil one too.
func (h *handing) close() {
	if h != nil {
		h.work.Close()
	}
}

// judge holds the plan against what earlier runs have not begun, and the limits
// against both.
func (h *handing) judge(ctx context.Context, s *session, p *run.Planned, o applyOptions) (err error) {
	if h == nil {
		return nil
	}
	h.plan = p.Plan
	if h.earlier, err = workers.LookEarlier(ctx, h.work, p.Plan, o.priority); err != nil {
		return err
	}
	if len(h.earlier.Pending) == 0 {
		return nil
	}
	limits, err := plan.LimitsWith(p.Plan, h.earlier.Pending, s.fleet.Policy, o.accepted)
	if err != nil || len(limits) <= len(p.Plan.Head().Limits) {
		return err
	}
	l := limits[0]
	return &mistaken{exitRefused, spec.Diagnostics{{
		Summary: "Too many changes, with those that are under way",
		Detail: fmt.Sprintf("With %s of runs that were handed over and not done yet, %s would be %s, and the limit allows %s. Wait for these runs (cardfleet runs list), or accept the number with -accept-count=%s:%d.",
			counted(len(h.earlier.Pending), "action"), l.Kind, render.Thousands(l.Planned), l.Allowed, l.Kind, l.Planned),
	}}}
}

// waitForCalls waits for calls of other runs that are under way on cards which this
// plan changes, for as long as -lock-timeout says, and reports whether it had to.
func (h *handing) waitForCalls(ctx context.Context, s *session, p *run.Planned, o applyOptions) (waited bool, err error) {
	if h == nil {
		return false, nil
	}
	const every = 500 * time.Millisecond
	for since := time.Duration(0); ; since += every {
		calls, err := h.work.UnderWay(ctx, "")
		if err != nil {
			return false, err
		}
		busy, err := workers.Busy(calls, p.Plan)
		if err != nil || len(busy) == 0 {
			return since > 0, err
		}
		first := busy[0]
		if since >= o.lockTimeout {
			return false, &mistaken{exitLocked, spec.Diagnostics{{
				Summary: "A card is being changed by another run",
				Detail: fmt.Sprintf("Run %s changes card %s at worker %s since %s, and this plan changes it too. Nothing was handed over. Wait for that call: apply waits by itself with -lock-timeout=5m.",
					first.Run, first.ICCID, first.Worker, first.Since.UTC().Format(time.RFC3339)),
			}}}
		}
		if since == 0 {
			s.out.say("Waiting, up to %s, for run %s, which changes card %s.\n", o.lockTimeout, first.Run, first.ICCID)
		}
		if err := s.env.Sleep(ctx, every); err != nil {
			return false, err
		}
	}
}

// handOver does what is done here, and hands the rest over to workers. The state's
// lock is held.
func (s *session) handOver(ctx context.Context, h *handing, p *run.Planned, o applyOptions) (*run.Applied, error) {
	if _, err := h.waitForCalls(ctx, s, p, o); err != nil { // one may have begun while somebody was asked
		return nil, err
	}
	handed, err := h.part.Guarded(p.Plan)
	if err != nil {
		return nil, err
	}
	p.Handed, p.Plan = handed, plan.Some{Source: h.plan, Sees: h.part.Here}
	done, err := s.run.Apply(ctx, p, o.parallelism)
	if err != nil || done.Report.Broken != nil || ctx.Err() != nil {
		return done, err
	}
	over := workers.HandOver{
		Work: h.work, Part: h.part, Earlier: h.earlier, Fleet: s.fleet, Paces: s.carriers.Paces, Config: s.configDigest(),
		Priority: o.priority, Applied: done, Plan: h.plan, Origin: s.run.Env.Origin, Detached: o.detach, Now: s.env.Now().UTC(),
	}
	if h.follows = workers.Follows(h.work, over.ID(), s.env.Now); !o.detach { // before a worker may end it
		_ = h.follows.Renew(ctx)
	}
	var isRun bool
	if h.actions, isRun, err = over.Do(ctx); err != nil {
		return done, err
	}
	if isRun {
		h.id = over.ID()
		return done, nil
	}
	recorder, err := h.recorder(s, done)
	if err != nil {
		return done, err
	}
	s.sayNotHanded(recorder.Report().Len()-done.Report.Len(), o.detach)
	done.Report, done.Plan = recorder.Report(), h.plan
	return done, nil
}

// sayNotHanded says that there is no run at workers, and so no id. elsewhere is how many
// actions of the plan earlier runs have.
func (s *session) sayNotHanded(elsewhere int, detach bool) {
	switch {
	case elsewhere > 0:
		s.out.say("Nothing new to hand over: earlier runs have %s that this plan wants too. To look at them:\n  %s\n", counted(elsewhere, "action"), s.command("runs", "list"))
	case detach:
		s.out.say("Nothing was handed over: the plan has nothing for workers to do. So there is no run to follow, and no id.\n")
	default:
		return
	}
	s.out.event("info", "handed_over", "nothing was handed over", map[string]any{"actions": 0})
}

// configDigest is what a worker's configuration must have.
func (c *configuration) configDigest() string {
	return workers.ConfigDigest(c.fleet, func(name string) spec.Schema {
		for _, t := range c.types() {
			if t.Schema.Type == name {
				return t.Schema
			}
		}
		return spec.Schema{}
	})
}

// follow shows what becomes of a run that was handed over, as an apply shows its own.
func (s *session) follow(ctx context.Context, h *handing, done *run.Applied, o applyOptions) (*run.Applied, error) {
	s.out.say("Handed over to workers: %s, run %s.\n", counted(h.actions, "action"), h.id)
	s.out.event("info", "handed_over", "handed over", map[string]any{"run": h.id, "actions": h.actions})
	if o.detach {
		s.out.result("%s\n", h.id)
		return nil, nil //nolint:nilnil // whoever ends the run tells of it
	}
	recorder, err := h.recorder(s, done)
	if err != nil {
		return done, err
	}
	within, over := s.run.Within(ctx, s.lastStart(o.handingOptions))
	defer over()
	r, err := s.watchRun(within, h.work, h.id, h.follows, recorder.Put)
	if err != nil && errors.Is(context.Cause(within), apply.ErrOutOfTime) { // what is left, the workers go on with
		r, err = h.work.Run(ctx, h.id)
	}
	s.leave(ctx, h, r)
	if err != nil {
		return done, s.goesOn(ctx, h.id, err)
	}
	left, err := s.tellRest(ctx, h.work, r, recorder.Put)
	if err != nil {
		return done, err
	}
	done.Report, done.Plan, done.Finished = recorder.Report(), h.plan, s.env.Now()
	return done, s.ended(ctx, done, r, left, o.report, o.inputOptions)
}

// leave leaves the telling of the run's end to workers, unless it has ended and they
// haven't told of it.
func (s *session) leave(ctx context.Context, h *handing, r *postgres.WorkRun) {
	durable, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellLimit)
	defer cancel()
	tell, err := h.follows.Leave(durable, r)
	s.told = err == nil && !tell && r != nil && !r.Ended.IsZero()
}

// tellRest tells what is left of a run that is followed no longer, as an apply tells
// what it leaves, and counts it by its reason.
func (s *session) tellRest(ctx context.Context, work *postgres.Work, r *postgres.WorkRun, hear func(*apply.Result)) (left map[string]int, err error) {
	left = map[string]int{}
	err = workers.Rest(ctx, work, r, func(one *workers.Result) {
		left[one.Reason]++
		result := one.Apply()
		hear(&result)
		s.run.Watcher.Finished(result)
	})
	return left, err
}

// recorder is that of the whole plan, with what was done here, and with what isn't carried
// out of a saved plan.
func (h *handing) recorder(s *session, done *run.Applied) (*apply.Recorder, error) {
	recorder, err := apply.NewRecorder(h.plan)
	if err != nil {
		return nil, err
	}
	err = done.Report.Each(func(result *apply.Result) error {
		recorder.Put(result)
		return nil
	})
	if err != nil {
		return nil, err
	}
	recorder.Report().SettleAs(done.Report)
	return recorder, h.putElsewhere(s, recorder)
}

// putElsewhere tells of changes that an earlier run has that they aren't this one's.
func (h *handing) putElsewhere(s *session, recorder *apply.Recorder) error {
	return h.plan.Each(func(_ int, c *plan.Card) error {
		for i := range c.Actions {
			if a := &c.Actions[i]; h.earlier.Has(c, a) {
				result := apply.Result{Card: c, Action: a, Outcome: apply.NotStarted, Reason: "an earlier run that was handed over has it"}
				recorder.Put(&result)
				s.run.Watcher.Finished(result)
			}
		}
		return nil
	})
}

// watchRun shows a run's results as they come.
// follows says so to workers; nil says nothing.
func (s *session) watchRun(ctx context.Context, work *postgres.Work, id string, follows *workers.Following, hear func(*apply.Result)) (*postgres.WorkRun, error) {
	var r *postgres.WorkRun
	err := work.Patiently(ctx, func() (err error) {
		r, err = work.Run(ctx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	info, err := workers.InfoOf(r)
	if err != nil {
		return nil, err
	}
	if s.env.Follows != nil {
		s.env.Follows(true)
		defer s.env.Follows(false)
	}
	s.run.Watcher.Begin(run.Changing, info.Shares(r))
	defer s.run.Watcher.End(run.Changing)
	quiet := &quiet{s: s, work: work, id: r.ID, follows: follows}
	return workers.Follow(ctx, work, r.ID, quiet.sleep, func(one *workers.Result) {
		quiet.since = 0
		result := one.Apply()
		hear(&result)
		s.run.Watcher.Finished(result)
	})
}

// quiet tells why nothing is heard of a run that is followed: no worker is there, say.
type quiet struct {
	s     *session
	work  *postgres.Work
	id    string
	since time.Duration // without a result

	follows *workers.Following // who is followed; nil where nobody needs to know
}

// How long nothing is heard of a run until it is said why, and then again.
const (
	firstQuiet = 5 * time.Second
	quietAgain = 30 * time.Second
)

// sleep sleeps, and tells now and then.
func (q *quiet) sleep(ctx context.Context, d time.Duration) error {
	before := q.since
	q.since += d
	if before < firstQuiet && q.since >= firstQuiet || before/quietAgain != q.since/quietAgain {
		q.tell(ctx)
	}
	if q.follows != nil {
		_ = q.follows.Renew(ctx) // else it is said again soon, or a worker tells of the end
	}
	return q.s.env.Sleep(ctx, d)
}

// tell says for what each account of the run waits. What can't be asked now is asked
// again later.
func (q *quiet) tell(ctx context.Context) {
	one, err := q.work.Run(ctx, q.id)
	if err != nil {
		return
	}
	runs := &workSession{q.s, q.work}
	views, err := runs.views(ctx, []postgres.WorkRun{*one})
	if err != nil {
		return
	}
	for _, a := range views[0].Accounts {
		if a.Waits != "" {
			text := fmt.Sprintf("%s waits: %s", a.Account, a.Waits)
			q.s.out.event("info", "waiting", text, map[string]any{"for": "account", "account": a.Account})
			q.s.out.say("%s\n", text)
		}
	}
}

// goesOn says that a run goes on though nobody follows it any more.
func (s *session) goesOn(ctx context.Context, id string, err error) error {
	text := fmt.Sprintf("Run %s goes on without this program. To follow it again:\n  %s\n", id, s.command("runs", "watch", id))
	if ctx.Err() != nil {
		s.out.say("%s", text)
		return exit(exitInterrupted)
	}
	return fmt.Errorf("%w\n%s", err, text)
}

// ended tells how a run ended that workers carried out, or for what the rest of it
// waits.
func (s *session) ended(ctx context.Context, done *run.Applied, r *postgres.WorkRun, left map[string]int, report string, in inputOptions) error {
	err := s.summary(done)
	for _, reason := range slices.Sorted(maps.Keys(left)) {
		text := fmt.Sprintf("%s: %s.", spec.Capital(counted(left[reason], "action")+" not started"), reason)
		s.out.event("info", "waiting", text, map[string]any{"for": "run", "run": r.ID, "actions": left[reason], "reason": reason})
		s.out.result("%s\n", text)
	}
	if r.Ended.IsZero() {
		s.out.say("The run goes on. To look at it, or to follow it:\n  %s\n  %s\n", s.command("runs", "show", r.ID), s.command("runs", "watch", r.ID))
	}
	s.report(report, in, done)
	if err != nil {
		return &failure{exitPartial, err}
	}
	if cutShort(r) {
		return exit(exitPartial)
	}
	return exit(codeOf(ctx, done.Report))
}

// cutShort reports whether something of the run is left that doesn't go on by itself.
func cutShort(r *postgres.WorkRun) bool {
	stuck := slices.ContainsFunc(r.Accounts, func(a postgres.WorkAccount) bool { return a.Left > 0 && a.Stuck != "" })
	return stuck || !r.Cancelled.IsZero() || r.Failed != ""
}
