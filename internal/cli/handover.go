package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/internal/workers"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
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

	waited time.Duration // for calls of other runs, of what -lock-timeout allows

	crossed bool     // earlier runs hadn't ended when this one began
	before  *handing // what was handed over right before, of which this is the rest
	saved   bool     // the plan before was a saved one, so nothing can be added to it
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
	if p.Carried != nil { // it wants nothing any more, so it supersedes nothing either
		h.earlier, h.crossed = &workers.Earlier{}, false
		return nil
	}
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

// waitForCalls waits for the calls of other runs that are under way by now on cards which
// this plan changes, for as long as -lock-timeout says, and reports whether it had to.
// What begins meanwhile isn't waited for: beside a long run something always does, and
// what it changes is planned again; see [session.handAgain].
func (h *handing) waitForCalls(ctx context.Context, s *session, p *run.Planned, o applyOptions) (waited bool, err error) {
	if h == nil {
		return false, nil
	}
	const every = 500 * time.Millisecond
	calls, err := h.work.UnderWay(ctx, "")
	if err != nil {
		return false, err
	}
	busy, err := workers.Busy(calls, p.Plan)
	for ; err == nil && len(busy) > 0; h.waited += every {
		first := busy[0]
		switch {
		case h.waited >= o.lockTimeout:
			return false, busyCard(&first)
		case !waited:
			s.out.say("Waiting, up to %s, for run %s, which changes card %s.\n", o.lockTimeout-h.waited, first.Run, first.ICCID)
		}
		waited = true
		if err := s.env.Sleep(ctx, every); err != nil {
			return false, err
		}
		busy, err = h.stillBusy(ctx, busy)
	}
	return waited, err
}

// stillBusy are those of the calls that are still under way.
func (h *handing) stillBusy(ctx context.Context, busy []postgres.UnderWay) ([]postgres.UnderWay, error) {
	calls, err := h.work.UnderWay(ctx, "")
	return slices.DeleteFunc(busy, func(was postgres.UnderWay) bool {
		return !slices.ContainsFunc(calls, func(c postgres.UnderWay) bool {
			return c.Run == was.Run && c.Action == was.Action && c.Since.Equal(was.Since)
		})
	}), err
}

// busyCard says that a card is another run's now.
func busyCard(call *postgres.UnderWay) error {
	return &mistaken{exitLocked, spec.Diagnostics{{
		Summary: "A card is being changed by another run",
		Detail: fmt.Sprintf("Run %s changes card %s at worker %s since %s, and this plan changes it too. Nothing was handed over. Wait for that call: apply waits by itself with -lock-timeout=5m.",
			call.Run, call.ICCID, call.Worker, call.Since.UTC().Format(time.RFC3339)),
	}}}
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
	if h.before != nil {
		over.RestOf = h.before.id
	}
	h.follows = workers.Follows(h.work, over.ID(), s.env.Now)
	over.Follows = h.follows
	var isRun bool
	if h.actions, isRun, err = over.Do(ctx); err != nil {
		return done, err
	}
	if isRun {
		h.id = over.ID()
	}
	if h.followed() { // which tells the rest
		return done, nil
	}
	recorder, err := h.recorder(done)
	if err != nil {
		return done, err
	}
	if done.Report, done.Plan = recorder.Report(), h.plan; o.detach {
		s.out.say("Nothing was handed over: the plan has nothing for workers to do. So there is no run to follow, and no id.\n")
		s.out.event("info", "handed_over", "nothing was handed over", map[string]any{"actions": 0})
	}
	return done, nil
}

// sayAtWorkers says which of a plan's changes runs have that were handed over before. The
// plan is made by then: where the database can't tell, it is as good without.
func (s *session) sayAtWorkers(ctx context.Context, p plan.Source) error {
	if s.fleet.Executor == nil || !p.Head().Changes() {
		return nil
	}
	h, err := s.beginHanding(ctx)
	if err != nil || h == nil {
		return nil //nolint:nilerr // apply says so, which needs it
	}
	defer h.close()
	earlier, err := workers.LookEarlier(ctx, h.work, p, defaultPriority)
	if err != nil || len(earlier.Runs()) == 0 {
		return nil //nolint:nilerr // likewise
	}
	counts := map[string]int{}
	err = p.Each(func(_ int, c *plan.Card) error {
		for i := range c.Actions {
			counts[earlier.RunOf(c, &c.Actions[i])]++
		}
		return nil
	})
	for _, id := range earlier.Runs() {
		s.out.say("\nOf this plan, workers have %s already: run %s, which was handed over before. To look at it: %s\n", counted(counts[id], "action"), id, s.command("runs", "show", id))
	}
	return err
}

// followed reports whether workers have something of the plan: its run, or earlier ones.
func (h *handing) followed() bool {
	return h != nil && (h.id != "" || h.earlier != nil && len(h.earlier.Runs()) > 0)
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

// follow shows what becomes of a run that was handed over, and of what earlier runs have
// of its plan, as an apply shows its own.
func (s *session) follow(ctx context.Context, h *handing, done *run.Applied, o applyOptions) (*run.Applied, error) {
	s.sayHanded(h)
	if o.detach {
		err := s.reportHanded(h, done, o)
		s.sayIDs(h)
		return nil, err // whoever ends the run tells of it
	}
	recorder, err := h.recorder(done)
	if err != nil {
		return done, err
	}
	within, over := s.run.Within(ctx, s.lastStart(o.handingOptions))
	defer over()
	f := &following{left: map[string]int{}}
	if h.id != "" {
		err = s.followOwn(ctx, within, h, f, recorder)
	}
	if err == nil {
		err = s.followEarlier(ctx, within, h, f, recorder)
	}
	done.Report, done.Plan, done.Finished = recorder.Report(), h.plan, s.env.Now()
	if err != nil { // what was heard until then is told all the same
		err = errors.Join(err, s.summary(done))
		s.report(o.report, o.inputOptions, done, done.Report.Len()-done.Report.Count(apply.Done))
		return done, err
	}
	return done, s.ended(ctx, done, f, o.report, o.inputOptions)
}

// reportHanded writes the report of an apply that follows no run: what was done here, and
// which run has the rest.
func (s *session) reportHanded(h *handing, done *run.Applied, o applyOptions) error {
	if o.report == "" {
		return nil
	}
	recorder, err := h.recorder(done)
	if err != nil {
		return err
	}
	err = h.plan.Each(func(_ int, c *plan.Card) error {
		for i := range c.Actions {
			a := &c.Actions[i]
			if id := cmp.Or(h.earlier.RunOf(c, a), h.id); id != "" && !h.part.Here(c, a) && (!a.Guarded || a.Approved) {
				recorder.Put(&apply.Result{Card: c, Action: a, Outcome: apply.NotStarted, Reason: "run " + id + " has it"})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	done.Report, done.Plan, done.Finished = recorder.Report(), h.plan, s.env.Now()
	s.report(o.report, o.inputOptions, done, done.Report.Len()-done.Report.Count(apply.Done))
	return nil
}

// lasting is ctx, or what an interrupted command has to look what became of its run.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), tellLimit)
}

// follows says that an interrupt ends nothing but the following, until it is called off.
func (s *session) follows() (over func()) {
	if s.env.Follows == nil {
		return func() {}
	}
	s.env.Follows(true)
	return func() { s.env.Follows(false) }
}

// following is what an apply hears of the runs that it follows.
type following struct {
	runs []*postgres.WorkRun // as they were seen last
	left map[string]int      // how many actions have not begun, by the reason
}

// sayHanded says which run was handed over, and which earlier ones have some of its plan.
func (s *session) sayHanded(h *handing) {
	if h.id != "" {
		text := fmt.Sprintf("Handed over to workers: %s, run %s.", counted(h.actions, "action"), h.id)
		s.out.say("%s\n", text)
		s.out.event("info", "handed_over", text, map[string]any{"run": h.id, "actions": h.actions})
	}
	for _, id := range h.earlier.Runs() {
		text := fmt.Sprintf("Run %s, which was handed over before, has actions that this plan wants too; they stay with it.", id)
		s.out.say("%s\n", text)
		s.out.event("info", "handed_over", text, map[string]any{"run": id, "actions": 0})
	}
}

// sayIDs has the id of its run as the last line of an apply that follows none, and those
// of the earlier ones where no run of its own has an action.
func (s *session) sayIDs(h *handing) {
	ids := h.earlier.Runs()
	if h.id != "" && (h.actions > 0 || len(ids) == 0) { // one that only supersedes has nothing to be followed
		ids = []string{h.id}
	}
	for _, id := range ids {
		s.out.result("%s\n", id)
	}
}

// followOwn follows the run until it has ended, or nothing of it goes on by itself. Where
// the time is over, or somebody interrupts, the workers go on with what is left.
func (s *session) followOwn(ctx, within context.Context, h *handing, f *following, recorder *apply.Recorder) error {
	r, err := s.watchRun(within, h.work, h.id, h.follows, recorder.Put)
	after, over := lasting(ctx)
	defer over()
	if within.Err() != nil && r != nil {
		err = nil
	}
	s.leave(after, h, r)
	if err != nil {
		return s.goesOn(ctx, h.id, err)
	}
	f.runs = append(f.runs, r)
	f.left, err = s.tellRest(after, h.work, r, recorder.Put)
	return err
}

// followEarlier follows earlier runs until what became of the plan's changes is known that
// they have.
func (s *session) followEarlier(ctx, within context.Context, h *handing, f *following, recorder *apply.Recorder) error {
	ours, err := h.elsewhere()
	if err != nil {
		return err
	}
	for _, id := range h.earlier.Runs() {
		r, err := s.followPart(within, h, id, ours[id], recorder)
		if err != nil {
			return s.goesOn(ctx, id, err)
		}
		if len(ours[id]) > 0 {
			f.runs = append(f.runs, r)
			f.left["run "+id+" has it"] += len(ours[id])
		}
		for _, left := range ours[id] {
			result := apply.Result{Card: left.card, Action: left.action, Outcome: apply.NotStarted, Reason: "run " + id + ", which was handed over before, has it"}
			recorder.Put(&result)
			s.run.Watcher.Finished(result)
		}
	}
	return nil
}

// followPart follows a run until all of ours was heard, or nothing of the run goes on by
// itself. What was heard is taken out of ours. Where the time is over, or somebody
// interrupts, that is no error.
func (s *session) followPart(ctx context.Context, h *handing, id string, ours map[string]own, recorder *apply.Recorder) (*postgres.WorkRun, error) {
	within, heard := context.WithCancel(ctx)
	defer heard()
	defer s.follows()()
	s.run.Watcher.Begin(run.Changing, nil)
	defer s.run.Watcher.End(run.Changing)
	quiet := &quiet{s: s, work: h.work, id: id}
	r, err := workers.Follow(within, h.work, id, quiet.sleep, func(one *workers.Result) {
		result := one.Apply()
		name := workers.Named(result.Card.ICCID, result.Action.Change)
		mine, wanted := ours[name]
		if !wanted || result.Outcome == apply.NotStarted {
			return
		}
		quiet.since = 0
		result.Card, result.Action = mine.card, mine.action
		recorder.Put(&result)
		s.run.Watcher.Finished(result)
		if delete(ours, name); len(ours) == 0 {
			heard()
		}
	})
	if len(ours) == 0 || ctx.Err() != nil && r != nil {
		err = nil
	}
	return r, err
}

// own is a change of the plan.
type own struct {
	card   *plan.Card
	action *plan.Action
}

// elsewhere are the plan's changes that earlier runs have, by their runs and names.
func (h *handing) elsewhere() (map[string]map[string]own, error) {
	ours := map[string]map[string]own{}
	if len(h.earlier.Runs()) == 0 {
		return ours, nil
	}
	err := h.plan.Each(func(_ int, c *plan.Card) error {
		var kept *plan.Card
		for i := range c.Actions {
			id := h.earlier.RunOf(c, &c.Actions[i])
			if id == "" {
				continue
			}
			if kept == nil {
				clone := c.Clone()
				kept = &clone
			}
			if ours[id] == nil {
				ours[id] = map[string]own{}
			}
			ours[id][workers.Named(c.ICCID, c.Actions[i].Change)] = own{kept, &kept.Actions[i]}
		}
		return nil
	})
	return ours, err
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
	err = workers.Rest(ctx, work, s.history(), r, func(one *workers.Result) {
		if one.Outcome == apply.NotStarted {
			left[one.Reason]++
		}
		result := one.Apply()
		hear(&result)
		s.run.Watcher.Finished(result)
	})
	return left, err
}

// history is that of the state; nil where the state has none.
func (s *session) history() state.Chronicler {
	history, _ := s.run.Backend.(state.Chronicler)
	return history
}

// recorder is that of the whole plan, with what was done here, and with what isn't carried
// out of a saved plan.
func (h *handing) recorder(done *run.Applied) (*apply.Recorder, error) {
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
	return recorder, nil
}

// watchRun shows a run's results as they come.
// follows says so to workers; nil says nothing.
func (s *session) watchRun(ctx context.Context, work *postgres.Work, id string, follows *workers.Following, hear func(*apply.Result)) (*postgres.WorkRun, error) {
	var r *postgres.WorkRun
	after, over := lasting(ctx)
	defer over()
	err := work.Patiently(after, func() (err error) {
		r, err = work.Run(after, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	info, err := workers.InfoOf(r)
	if err != nil {
		return nil, err
	}
	defer s.follows()()
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
	if ctx.Err() != nil {
		s.sayGoesOn(id)
		return exit(exitInterrupted)
	}
	return fmt.Errorf("%w\n%s", err, s.goesOnText(id))
}

func (s *session) goesOnText(id string) string {
	return fmt.Sprintf("Run %s goes on without this program. To follow it again:\n  %s\n", id, s.command("runs", "watch", id))
}

// sayGoesOn says that an interrupt didn't end the run, to who reads lines too.
func (s *session) sayGoesOn(id string) {
	s.out.event("info", "waiting", fmt.Sprintf("run %s goes on without this program", id), map[string]any{"for": "run", "run": id})
	s.out.say("%s", s.goesOnText(id))
}

// ended tells how the runs ended that workers carried out, or for what the rest of them
// waits.
func (s *session) ended(ctx context.Context, done *run.Applied, f *following, report string, in inputOptions) error {
	err := s.summary(done)
	for _, reason := range slices.Sorted(maps.Keys(f.left)) {
		text := fmt.Sprintf("%s: %s.", spec.Capital(counted(f.left[reason], "action")+" not started"), reason)
		if reason == workers.UnderWay {
			text = spec.Capital(counted(f.left[reason], "action")) + " under way: a worker goes on."
		}
		s.out.event("info", "waiting", text, map[string]any{"for": "run", "run": f.runs[0].ID, "actions": f.left[reason], "reason": reason})
		s.out.result("%s\n", text)
	}
	for _, r := range f.runs {
		if stuck(r) {
			s.out.say("Once that is mended, run %s goes on where it is stuck after:\n  %s\n", r.ID, s.command("runs", "retry", r.ID))
		}
		switch {
		case !r.Ended.IsZero():
		case ctx.Err() != nil:
			s.sayGoesOn(r.ID)
		default:
			s.out.say("Run %s goes on. To look at it, or to follow it:\n  %s\n  %s\n", r.ID, s.command("runs", "show", r.ID), s.command("runs", "watch", r.ID))
		}
	}
	s.next = s.nextOf(f.runs)
	s.report(report, in, done, f.held())
	if err != nil {
		return &failure{exitPartial, err}
	}
	if ctx.Err() == nil && slices.ContainsFunc(f.runs, cutShort) {
		return exit(exitPartial)
	}
	return exit(codeOf(ctx, done.Report))
}

// cutShort reports whether something of the run is left that doesn't go on by itself.
func cutShort(r *postgres.WorkRun) bool {
	return stuck(r) || !r.Cancelled.IsZero() || r.Failed != ""
}

// stuck reports whether the run has something left in an account that can't go on, which
// runs retry takes up.
func stuck(r *postgres.WorkRun) bool {
	return r.Cancelled.IsZero() && slices.ContainsFunc(r.Accounts, func(a postgres.WorkAccount) bool { return a.Left > 0 && a.Stuck != "" })
}

// held is how many actions the runs still have: nobody needs to plan these anew.
func (f *following) held() (n int) {
	if slices.ContainsFunc(f.runs, func(r *postgres.WorkRun) bool { return !r.Cancelled.IsZero() }) {
		return 0
	}
	for _, left := range f.left {
		n += left
	}
	return n
}

// nextOf is what to do for the rest of runs that workers have; "" where they have none.
func (c *configuration) nextOf(runs []*postgres.WorkRun) string {
	var next []string
	for _, r := range runs {
		switch {
		case stuck(r):
			next = append(next, fmt.Sprintf("once that is mended, %s has the run go on", c.command("runs", "retry", r.ID)))
		case r.Ended.IsZero():
			next = append(next, c.command("runs", "watch", r.ID)+" follows the run, which goes on")
		}
	}
	return strings.Join(next, "; ")
}
