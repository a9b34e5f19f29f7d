package workers

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres"
)

// longest is for how long a slice begins actions. Between two slices a worker looks
// whether a run of a higher priority has come.
const longest = 5 * time.Second

// Why actions of a slice are left for later. They are never shown as outcomes.
const (
	otherFirst  = "an action of another account comes first"
	notShownYet = "what became of an earlier call isn't shown yet"
)

// piece is a slice that is carried out.
type piece struct {
	w          *holder
	slice      *postgres.WorkSlice
	superseded map[string]string // the run that no longer wants an action
	info       *Info
	cards      []*card
	own        map[string]bool // the ids of its actions
	memories   map[spec.ICCID]*state.Card

	results []Result
	dropped []apply.Result // of them those that the history doesn't have yet
	// what became of actions that aren't carried out now, by id: their outcome, or
	// why they come later.
	ended map[string]apply.Outcome
	later map[string]string
	// nextAt is when the first of those that come later may begin, and waits for what it
	// waits until then; zero is at once.
	nextAt time.Time
	waits  string
	stop   func() // ends the slice: nothing more of it is begun, and what waits for its turn doesn't leave
	stuck  string // why nothing can
}

// judge ends the actions that aren't to be carried out, and returns the plan of the
// others.
func (p *piece) judge(ctx context.Context) (*plan.Plan, error) {
	p.ended, p.later = map[string]apply.Outcome{}, map[string]string{}
	recorded, err := p.recorded(ctx)
	if err != nil {
		return nil, err
	}
	looks, err := p.lookAgain(ctx)
	if err != nil {
		return nil, err
	}
	outcomes, err := p.outside(ctx)
	if err != nil {
		return nil, err
	}
	now := p.w.o.Env.Now()
	todo := &plan.Plan{}
	for _, c := range p.cards {
		own := c.Card
		own.Actions = nil
		for i := range c.Actions {
			a := c.Actions[i]
			if r, why := p.verdict(c, &a, recorded, looks, outcomes, now); r != nil {
				p.endJudged(r, recorded[Named(c.ICCID, a.Change)] != nil)
				continue
			} else if why != "" {
				p.later[a.ID] = why
				continue
			}
			own.Actions = append(own.Actions, a)
		}
		if len(own.Actions) > 0 {
			todo.Cards = append(todo.Cards, own)
		}
	}
	todo = p.withoutNeedless(todo)
	return todo, p.tellDropped(ctx, now)
}

// tellDropped has the history say what was dropped before it began. What an earlier
// worker dropped of the slice is there.
func (p *piece) tellDropped(ctx context.Context, now time.Time) error {
	var records []state.Record
	for i := range p.dropped {
		r := &p.dropped[i]
		e := apply.EventOf(r.Card, r.Action, r, now)
		records = append(records, state.Record{Type: state.RunRecord, At: e.At, Run: &state.Run{ID: p.info.Run.ID}, Event: e})
	}
	if len(records) == 0 {
		return nil
	}
	return p.w.account.ForRun(&p.info.Run, p.slice.Run).Append(ctx, records...)
}

// endJudged ends an action that isn't begun. told says that the history has it.
func (p *piece) endJudged(r *apply.Result, told bool) {
	if told || r.Outcome != apply.Dropped {
		p.end(r)
		return
	}
	p.drop(r)
}

// drop ends an action that is dropped before it is begun.
func (p *piece) drop(r *apply.Result) {
	p.dropped = append(p.dropped, *r)
	p.end(r)
}

// endInTime ends the slice once it has lasted its time: what waits for its turn at the
// carrier by then is left for the next. over is called when the slice has ended.
func (p *piece) endInTime(sleep func(ctx context.Context, d time.Duration) error) (over func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if sleep(ctx, longest) == nil {
			p.stop()
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// end notes what became of an action.
func (p *piece) end(r *apply.Result) {
	p.results = append(p.results, resultOf(r))
	p.ended[r.Action.ID] = r.Outcome
}

// verdict is what became of an action that isn't carried out, or why it comes later;
// neither where it is to be carried out now.
func (p *piece) verdict(c *card, a *plan.Action, recorded map[string]*state.Event, looks map[spec.ICCID]run.Look,
	outcomes map[string]string, now time.Time,
) (*apply.Result, string) {
	dropped := func(reason string) (*apply.Result, string) {
		return &apply.Result{Card: &c.Card, Action: a, Outcome: apply.Dropped, Reason: reason}, ""
	}
	if e := recorded[Named(c.ICCID, a.Change)]; e != nil {
		return resultFrom(c, a, e), ""
	}
	for _, d := range looks[c.ICCID].Settled {
		if d.Done && d.Change == a.Change {
			return &apply.Result{Card: &c.Card, Action: a, Outcome: apply.Done, Reason: "its worker was lost; the carrier shows that it was done", RequestID: d.RequestID}, ""
		}
	}
	if p.slice.Cancelled {
		return p.cancelled(c, a, looks[c.ICCID].Shown), ""
	}
	if by := p.superseded[a.ID]; by != "" {
		return dropped("superseded by run " + by)
	}
	if p.asWanted(c, a) {
		return &apply.Result{Card: &c.Card, Action: a, Outcome: apply.Done, Reason: "as wanted by now", AsWanted: true}, ""
	}
	if until, ended := approvalEnded(a, now); ended {
		return dropped("its approval ended at " + until.UTC().Format("2006-01-02 15:04 UTC"))
	}
	if r, why := p.inDoubt(c, a, looks[c.ICCID].Shown, now); r != nil || why != "" {
		return r, why
	}
	return p.needsOutside(c, a, outcomes)
}

// resultFrom is what was recorded of an action.
func resultFrom(c *card, a *plan.Action, e *state.Event) *apply.Result {
	r := &apply.Result{Card: &c.Card, Action: a, Reason: e.Reason, RequestID: e.RequestID, AsFarAsTold: e.AsFarAsTold}
	_ = r.Outcome.UnmarshalText([]byte(e.Outcome)) // it takes any text
	return r
}

// asWanted reports whether the card is as the action is to make it since the run was
// planned, by what the state has: of another run, mostly. So it is of a saved plan's
// actions, see [plan.Keep]; on the way by a parking IMEI that is so of the way there too.
func (p *piece) asWanted(c *card, a *plan.Action) bool {
	memory := p.memories[c.ICCID]
	if memory == nil || memory.Provider != c.Provider || len(memory.Doubts) > 0 {
		return false
	}
	change := a.Change
	for i := range c.Actions {
		if next := &c.Actions[i]; change.Kind == spec.ChangeBind && next.Kind == spec.ChangeBind && next.From == change.To {
			change = next.Change
		}
	}
	since, attr := p.info.Run.Started, change.Kind.Attr()
	switch {
	case attr == spec.AttrBinding && !p.w.carriers.Capabilities[c.Provider].Reads.Has(attr): // which only calls of ours change
		return memory.Binding.Known && memory.Binding.IMEI.Same(spec.IMEI(change.To))
	case !memory.Last.At.Before(since):
		tells, done := change.SeenIn(memory.Reading())
		return tells && done
	case attr == spec.AttrBinding && !memory.Binding.IMEI.Same(spec.IMEI(change.To)):
		return false
	}
	return slices.ContainsFunc(memory.Recent, func(made state.Change) bool {
		return !made.At.Before(since) && made.Kind == change.Kind && made.To == change.To && (made.From == change.From || attr != spec.AttrPackages)
	})
}

// approvalEnded reports whether a guarded action has too few approvals by now, and
// when the last of those ended that count no more.
func approvalEnded(a *plan.Action, now time.Time) (until time.Time, ended bool) {
	if !a.Guarded {
		return until, false
	}
	good := 0
	for _, given := range a.Approvals {
		switch {
		case given.Until.IsZero() || now.Before(given.Until):
			good++
		case given.Until.After(until):
			until = given.Until
		}
	}
	return until, !until.IsZero() && good < max(1, a.Required)
}

// inDoubt judges an action whose call an earlier worker began, and that a reading,
// if there is one, doesn't show. Only one that names the value which it replaces may
// be sent again without a reading, and none that the carrier has accepted.
func (p *piece) inDoubt(c *card, a *plan.Action, shown spec.Reading, now time.Time) (*apply.Result, string) {
	memory := p.memories[c.ICCID]
	if memory == nil {
		return nil, ""
	}
	at := slices.IndexFunc(memory.Doubts, func(d state.Doubt) bool { return d.Change == a.Change })
	if at < 0 {
		return nil, ""
	}
	able := p.w.carriers.Capabilities[c.Provider]
	d := &memory.Doubts[at]
	switch {
	case !d.UnderWay() && able.ReplacesByName(a.Kind) && !a.Irreversible() && !a.Guarded:
		return nil, ""
	case d.MayRepeat(&shown):
		return nil, ""
	case able.Reads.Has(a.Kind.Attr()) && !d.Waits && d.Ticket == "" && c.Looked < looks(able.SettleOf(a.Kind)):
		c.Looked++
		p.wait(now.Add(longest), notShownYet)
		return nil, notShownYet
	}
	return &apply.Result{Card: &c.Card, Action: a, Outcome: apply.InDoubt, Reason: lostReason(d), RequestID: d.RequestID}, ""
}

// lostReason is why a call of a lost worker is in doubt.
func lostReason(d *state.Doubt) string {
	if d.Reason == "" || d.Reason == state.Unanswered {
		return "its worker was lost, and nothing shows what became of the call"
	}
	return d.Reason
}

// looks is how often a worker looks what became of a call before the run leaves that to
// the next plan: for as long as the carrier may take to show it, and a minute more. It
// is counted in looks, since the account may change hands meanwhile.
func looks(settle time.Duration) int {
	return int((settle + time.Minute) / longest)
}

// needsOutside judges an action by those of other slices that it needs, and takes
// them off it where they are done.
func (p *piece) needsOutside(c *card, a *plan.Action, outcomes map[string]string) (*apply.Result, string) {
	var left []string
	for _, need := range a.Needs {
		outcome, known := outcomes[need]
		switch {
		case p.own[need]:
			left = append(left, need)
		case !known:
			return nil, otherFirst
		case outcome != apply.Done.Hyphened():
			return &apply.Result{Card: &c.Card, Action: a, Outcome: apply.Dropped, Reason: fmt.Sprintf("it needs action %s, which is %s", need, outcome)}, ""
		}
	}
	a.Needs = left
	return nil, ""
}

// withoutNeedless takes out the actions that need what isn't carried out now, and the
// needs that are done.
func (p *piece) withoutNeedless(todo *plan.Plan) *plan.Plan {
	for changed := true; changed; {
		changed = false
		for i := range todo.Cards {
			c := &todo.Cards[i]
			c.Actions = slices.DeleteFunc(c.Actions, func(a plan.Action) bool {
				gone := p.needless(c, &a)
				changed = changed || gone
				return gone
			})
		}
	}
	for i := range todo.Cards {
		for j := range todo.Cards[i].Actions {
			a := &todo.Cards[i].Actions[j]
			a.Needs = slices.DeleteFunc(slices.Clone(a.Needs), func(need string) bool { return p.ended[need] == apply.Done })
		}
	}
	todo.Cards = slices.DeleteFunc(todo.Cards, func(c plan.Card) bool { return len(c.Actions) == 0 })
	return todo
}

func (p *piece) needless(c *plan.Card, a *plan.Action) bool {
	for _, need := range a.Needs {
		if _, later := p.later[need]; later {
			p.later[a.ID] = otherFirst
			return true
		}
		if outcome, ended := p.ended[need]; ended && outcome != apply.Done {
			p.drop(&apply.Result{Card: c, Action: a, Outcome: apply.Dropped, Reason: fmt.Sprintf("it needs action %s, which is %s", need, outcome)})
			return true
		}
	}
	return false
}

// recorded are the outcomes that an earlier worker recorded of this slice, by card and
// change: it was lost before it could say that the slice is done.
func (p *piece) recorded(ctx context.Context) (map[string]*state.Event, error) {
	var iccids []spec.ICCID
	for _, c := range p.cards {
		memory := p.memories[c.ICCID]
		if memory != nil && (len(memory.Doubts) > 0 || !memory.Changed.Before(p.info.Run.Started)) {
			iccids = append(iccids, c.ICCID)
		}
	}
	if len(iccids) == 0 || p.w.o.History == nil {
		return nil, nil
	}
	return recordedOf(ctx, p.w.o.History, p.info.Run.ID, iccids)
}

// recordedOf are the outcomes that were recorded of the cards in a run, by card and change.
func recordedOf(ctx context.Context, history state.Chronicler, run string, iccids []spec.ICCID) (map[string]*state.Event, error) {
	found := map[string]*state.Event{}
	err := history.Events(ctx, state.EventQuery{ICCIDs: iccids, Run: run}, func(e *state.Entry) error {
		if e.Event == nil || e.Event.Reason == state.Unanswered || e.Event.Outcome == apply.NotStarted.Hyphened() {
			return nil
		}
		if e.Event.Settles && e.Event.Outcome == apply.Failed.Hyphened() { // of a call that had no effect, and may be made again
			return nil
		}
		own := *e.Event
		found[Named(own.ICCID, own.Change)] = &own
		return nil
	})
	return found, err
}

// lookAgain reads the cards with calls that an earlier worker began.
func (p *piece) lookAgain(ctx context.Context) (map[spec.ICCID]run.Look, error) {
	doubtful := &plan.Plan{}
	for _, c := range p.cards {
		if memory := p.memories[c.ICCID]; memory != nil && len(memory.Doubts) > 0 {
			doubtful.Cards = append(doubtful.Cards, c.Card)
		}
	}
	if len(doubtful.Cards) == 0 {
		return nil, nil
	}
	return p.w.carriers.LookAgain(ctx, p.w.o.Env, p.asRun(doubtful), p.w.since)
}

// outside are the outcomes of actions of other slices that the slice's need.
func (p *piece) outside(ctx context.Context) (map[string]string, error) {
	var needs []string
	for _, c := range p.cards {
		for i := range c.Actions {
			for _, need := range c.Actions[i].Needs {
				if !p.own[need] {
					needs = append(needs, need)
				}
			}
		}
	}
	if len(needs) == 0 {
		return nil, nil
	}
	return p.w.o.Work.Outcomes(ctx, p.slice.Run, needs)
}

func (p *piece) asRun(todo *plan.Plan) run.Piece {
	return run.Piece{
		Plan: todo, Memories: p.memories, Journal: p.w.account.ForRun(&p.info.Run, p.slice.Run), Lease: p.w.account, Run: &p.info.Run, Held: p.held,
		Parallel: p.parallel(),
		Trace:    p.w.o.Trace,
	}
}

// parallel is how many actions of the slice are under way at once; 0 is as many as a
// run that nobody hands over has. What waits for its turn at a slow carrier counts as
// under way, and keeps other runs from its card, so there is little of it.
func (p *piece) parallel() int {
	slowest := 0.0
	for _, c := range p.cards {
		if rate := p.w.carriers.Paces[c.Provider].PerSecond; rate > 0 && (slowest == 0 || rate < slowest) {
			slowest = rate
		}
	}
	if slowest == 0 || slowest >= 16 {
		return 0
	}
	return max(2, int(slowest))
}

// held is why an action isn't begun any more in this slice; "" where it is.
func (p *piece) held(kind spec.Kind, now time.Time) string {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	if p.stuck != "" {
		return p.stuck
	}
	reason, until := p.w.o.Fleet.Held(kind, now)
	if reason == "" {
		return ""
	}
	if !until.IsZero() {
		p.wait(until, reason)
	}
	return reason
}

// wait notes until when an action waits, and for what. The first of them counts.
func (p *piece) wait(until time.Time, why string) {
	if p.nextAt.IsZero() || until.Before(p.nextAt) {
		p.nextAt, p.waits = until, why
	}
}

// finished is how the slice ended, from the report of what was carried out. stopped
// says that it was ended: more of it could begin at once.
func (p *piece) finished(r *apply.Report, stopped bool) (f postgres.Finished, err error) {
	unfinished := map[string]bool{}
	for id := range p.later {
		unfinished[id] = true
	}
	err = r.Each(func(result *apply.Result) error {
		if result.Outcome == apply.NotStarted || result.Outcome == apply.Failed && result.Denied {
			unfinished[result.Action.ID] = true
			return nil
		}
		p.end(result)
		return nil
	})
	if err != nil {
		return f, err
	}
	if f, err = p.counted(); err != nil {
		return f, err
	}
	f.Left, err = p.rest(unfinished, stopped)
	return f, err
}

// counted is what became of the actions that ended.
func (p *piece) counted() (f postgres.Finished, err error) {
	f.Outcomes = p.neededOutcomes()
	if f.Results, err = encodeResults(p.results); err != nil {
		return f, err
	}
	for i := range p.results {
		count(&f.Counts, p.results[i].Outcome)
	}
	return f, nil
}

func count(n *postgres.WorkCounts, o apply.Outcome) {
	switch o {
	case apply.Done:
		n.Done++
	case apply.Failed:
		n.Failed++
	case apply.Dropped:
		n.Dropped++
	case apply.NotStarted:
		n.NotStarted++
	case apply.InDoubt:
		n.InDoubt++
	}
}

func (p *piece) neededOutcomes() map[string]string {
	outcomes := map[string]string{}
	for _, c := range p.cards {
		for _, id := range c.Needed {
			if o, ended := p.ended[id]; ended {
				outcomes[id] = o.Hyphened()
			}
		}
	}
	return outcomes
}

// lookAtLeast is how often it is looked whether a window still holds what waits for it:
// the configuration may have another one by now.
const lookAtLeast = 15 * time.Minute

// soonest is when what waits until a time is looked at again; zero stays zero.
func soonest(until, now time.Time) time.Time {
	if latest := now.Add(lookAtLeast); until.After(latest) {
		return latest
	}
	return until
}

// rest is what is left of the slice; nil for nothing. See [piece.finished] for stopped.
func (p *piece) rest(unfinished map[string]bool, stopped bool) (*postgres.WorkSlice, error) {
	left := *p.slice
	left.Actions, left.Keys, left.NotBefore, left.Waits = 0, nil, time.Time{}, ""
	var cards []*card
	for _, c := range p.cards {
		own := *c
		own.Actions = slices.DeleteFunc(slices.Clone(c.Actions), func(a plan.Action) bool { return !unfinished[a.ID] })
		for i := range own.Actions {
			a := &own.Actions[i]
			a.Needs = slices.DeleteFunc(slices.Clone(a.Needs), func(need string) bool { return p.ended[need] == apply.Done })
		}
		if len(own.Actions) > 0 {
			cards = append(cards, &own)
			left.Actions += len(own.Actions)
			left.Keys = keysOf(&own.Card, left.Keys)
		}
	}
	if left.Actions == 0 {
		return nil, nil
	}
	if !stopped && p.stuck == "" {
		left.NotBefore, left.Waits = soonest(p.nextAt, p.w.o.Env.Now()), p.waits
		if left.NotBefore.IsZero() {
			left.NotBefore, left.Waits = p.w.o.Env.Now().Add(time.Second), otherFirst
		}
	}
	var err error
	left.Cards, err = encodeCards(cards)
	return &left, err
}
