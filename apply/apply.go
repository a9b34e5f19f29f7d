// Package apply carries out a plan: in parallel, each action after those that
// it needs, every intent durable in the journal before its call and every
// outcome after it. One failure stops only what depends on it.
//
// It decides nothing about what is wanted. What it does decide is what became
// of a call whose answer was lost, in perform.go. Start reading at [Run].
package apply

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Outcome is what became of an action.
type Outcome string

// The outcomes.
const (
	Done       Outcome = "done"
	Failed     Outcome = "failed"      // the card is certainly as it was
	Dropped    Outcome = "dropped"     // its card had changed, or an action that it needs wasn't done
	NotStarted Outcome = "not started" // the run was interrupted before its call left, or it lacks an approval
	InDoubt    Outcome = "in doubt"    // it was sent, and nobody knows what it did
)

// Outcomes lists them in the order of a summary.
func Outcomes() []Outcome { return []Outcome{Done, Failed, Dropped, NotStarted, InDoubt} }

// Result is what became of one action.
type Result struct {
	Card    *plan.Card
	Action  *plan.Action
	Outcome Outcome
	Reason  string // why, in a sentence without a stop; "" for a plain Done
	// AsWanted says that nothing had to be done: the card was as the action makes
	// it, whoever did that.
	AsWanted  bool
	RequestID string // the carrier's name for the call
	Elapsed   time.Duration
	// AsFarAsTold reports of a Done that a refused repetition is all that shows it.
	AsFarAsTold bool

	refused bool // of an InDoubt: the carrier refused a repetition
	waits   bool // of an InDoubt: for somebody to pay, say
	// carrierAt is when it ended, by the carrier's clock; zero where nobody knows that.
	carrierAt time.Time
	ticket    string // of an InDoubt: that the carrier gave for it; "" for none
	ended     bool   // of a Failed: the carrier says so of what was in doubt
	unsent    bool   // of an InDoubt: the call was not sent again, so the doubt is as it was
}

// Report is what became of a plan.
type Report struct {
	Results []Result    // one for each action, in the plan's order
	Edits   state.Edits // what became of the prior state, to be committed
	// Broken is set where bookkeeping failed, so that the run started nothing more.
	Broken error
	// Unrecorded is of how many calls the journal has that they left, and not what
	// came of them, since it broke meanwhile. The edits have it.
	Unrecorded int
}

// Count is how many actions have the outcome.
func (r *Report) Count(o Outcome) int {
	n := 0
	for i := range r.Results {
		if r.Results[i].Outcome == o {
			n++
		}
	}
	return n
}

// Options are what a run needs. Every field without a word about its zero
// value has to be set.
type Options struct {
	Plan  *plan.Plan
	Prior *state.Snapshot // read under the lock; nil is none
	// Refreshed are the edits to Prior that the plan's readings make; none for
	// a plan that was saved.
	Refreshed state.Edits
	Providers map[spec.ProviderName]providers.Provider
	Journal   state.Journal
	// Parallel is how many actions are under way at once at each provider,
	// which keeps to its own limits besides; 0 means as many as its rate can
	// use, see [parallelAt].
	Parallel int
	Now      func() time.Time
	Sleep    func(ctx context.Context, d time.Duration) error
	// OnStart and OnFinish are told of each action; they may be called by many
	// goroutines at once. nil is nobody.
	OnStart  func(*plan.Card, *plan.Action)
	OnFinish func(Result)
}

// defaultParallel is for providers that allow a carrier's usual rate.
const defaultParallel = 16

// parallelAt is how many actions keep a provider at its rate: what it lets fly
// at once, and as many that write to the journal meanwhile. What waits for its
// turn at the provider is in the journal by then, and in doubt where the program
// is killed, so there is no more of it than the provider takes in a quarter of a
// second, but always 16.
func parallelAt(p providers.Provider) int {
	paced, ok := p.(providers.Paced)
	if !ok {
		return defaultParallel
	}
	l := paced.Limits()
	return max(defaultParallel, min(2*l.MaxInFlight, int(l.RequestsPerSecond/4)))
}

// Run carries out the plan. It returns when every action has its outcome: a
// cancelled context starts nothing more, ends the waiting of calls that haven't
// left, and lets those end that have. An
// action that is guarded and not approved is never started, whatever the
// caller checked before.
func Run(ctx context.Context, o Options) *Report {
	r := newRun(o)
	r.endLacking()
	r.bookkeeping(ctx)
	r.carriers(ctx)
	return &Report{Results: r.results, Edits: r.edits(), Broken: r.broken, Unrecorded: r.unrecorded}
}

// run is one run. Steps are numbered as the plan lists them, and results are
// theirs.
type run struct {
	o       Options
	steps   []step
	results []Result
	lacks   map[int]string // why what a step needs never comes, of those of which it doesn't
	able    map[spec.ProviderName]spec.Capabilities

	mu     sync.Mutex   // guards what follows, the results, and how many each step waits for
	cards  []state.Card // as the state has those of the plan, by ICCID
	known  []bool       // which of them the state has; of the others only the identity is right
	left   map[spec.ProviderName]int
	ready  map[spec.ProviderName]chan int
	broken error
	// unrecorded counts the calls whose outcome the journal doesn't have.
	unrecorded int
}

// step is one action on its way.
type step struct {
	card    *plan.Card
	action  *plan.Action
	place   int32 // its card's in run.cards
	open    int32 // how many actions it still waits for
	waiting []int // the steps that wait for it
}

func newRun(o Options) *run {
	if o.OnStart == nil {
		o.OnStart = func(*plan.Card, *plan.Action) {}
	}
	if o.OnFinish == nil {
		o.OnFinish = func(Result) {}
	}
	r := &run{o: o, lacks: map[int]string{}, left: map[spec.ProviderName]int{}, ready: map[spec.ProviderName]chan int{}}
	r.able = make(map[spec.ProviderName]spec.Capabilities, len(o.Providers))
	for name, p := range o.Providers {
		r.able[name] = p.Capabilities()
	}
	places := r.remember()
	for i := range o.Plan.Cards {
		c := &o.Plan.Cards[i]
		for j := range c.Actions {
			r.steps = append(r.steps, step{card: c, action: &c.Actions[j], place: places[i]})
		}
	}
	r.results = make([]Result, len(r.steps))
	r.link()
	r.findCircles()
	return r
}

// link notes which steps wait for which.
func (r *run) link() {
	byID := map[string]int{}
	if slices.ContainsFunc(r.steps, func(s step) bool { return len(s.action.Needs) > 0 }) {
		for i := range r.steps {
			byID[r.steps[i].action.ID] = i
		}
	}
	for i := range r.steps {
		for _, need := range r.steps[i].action.Needs {
			k, ok := byID[need]
			if !ok {
				r.lacks[i] = fmt.Sprintf("it needs action %s, which is not in the plan", need)
				continue
			}
			r.steps[i].open++
			r.steps[k].waiting = append(r.steps[k].waiting, i)
		}
	}
}

// findCircles notes which steps wait for themselves, by whichever way: a run
// would wait for them for ever.
func (r *run) findCircles() {
	open := make([]int32, len(r.steps))
	for i := range r.steps {
		open[i] = r.steps[i].open
	}
	for _, i := range plan.Stuck(open, func(i int) []int { return r.steps[i].waiting }) {
		r.lacks[i] = "the actions that it needs wait for each other"
	}
}

// endLacking ends the steps that need what never comes: an action which isn't
// in the plan, such as the release of a device, or one that waits for them.
func (r *run) endLacking() {
	for i := range r.steps {
		if lacks, ok := r.lacks[i]; ok {
			r.end(i, Result{Outcome: NotStarted, Reason: lacks})
		}
	}
}

// bookkeeping does the actions that call no carrier: adopt, move and forget. Their
// records go to the journal together.
func (r *run) bookkeeping(ctx context.Context) {
	var records []state.Record
	var done []int
	for i := range r.steps {
		s := &r.steps[i]
		if s.action.Kind.CallsCarrier() || r.results[i].Outcome != "" {
			continue
		}
		if ctx.Err() != nil {
			r.end(i, Result{Outcome: NotStarted, Reason: "the run was interrupted"})
			continue
		}
		record, stale := r.record(s)
		if stale != "" {
			r.end(i, Result{Outcome: Dropped, Reason: stale})
			continue
		}
		records = append(records, record)
		done = append(done, i)
	}
	err := r.journal(context.WithoutCancel(ctx), records...)
	for k, i := range done {
		if err != nil {
			r.end(i, Result{Outcome: Failed, Reason: "it could not be recorded; the card itself is as it was"})
			continue
		}
		r.o.OnStart(r.steps[i].card, r.steps[i].action)
		r.setCard(&r.steps[i], records[k].Card)
		r.end(i, Result{Outcome: Done})
	}
}

// record is the journal's line for an action that calls no carrier; stale says
// why the state no longer allows the action.
func (r *run) record(s *step) (record state.Record, stale string) {
	id := s.card.ID()
	record = state.Record{At: r.o.Now(), Action: s.action.ID, Provider: id.Provider, ICCID: id.ICCID}
	memory := r.card(s)
	switch s.action.Kind {
	case spec.Forget:
		if memory == nil {
			return record, "the state no longer has the card"
		}
		record.Type = state.DropRecord
	case spec.Adopt:
		if memory != nil && (memory.Binding.Known || !s.card.Memory.Binding.Known) {
			return record, "the state has the card already"
		}
		adopted := s.card.Memory
		adopted.Since = record.At
		record.Type, record.Card = state.PutRecord, &adopted
	case spec.Move:
		moved, why := r.moved(s, memory)
		if why != "" {
			return record, why
		}
		record.Type, record.Card = state.PutRecord, moved
	default:
		return record, fmt.Sprintf("this version can't carry out %s", s.action.Kind)
	}
	return record, ""
}

// carriers does the actions that call carriers: a group of workers for each
// provider takes its actions in turn as they become ready.
func (r *run) carriers(ctx context.Context) {
	for i := range r.steps {
		if s := &r.steps[i]; s.action.Kind.CallsCarrier() && r.results[i].Outcome == "" {
			r.left[s.card.Provider]++
		}
	}
	for name, n := range r.left {
		r.ready[name] = make(chan int, n)
	}
	r.mu.Lock()
	for i := range r.steps {
		if r.steps[i].open == 0 {
			r.offer(i)
		}
	}
	r.mu.Unlock()
	workers := map[spec.ProviderName]int{} // counted before any of them changes what is left
	for name, left := range r.left {
		parallel := r.o.Parallel
		if parallel <= 0 {
			parallel = parallelAt(r.o.Providers[name])
		}
		workers[name] = min(parallel, left)
	}
	var g errgroup.Group
	for name, ready := range r.ready {
		for range workers[name] {
			g.Go(func() error {
				for i := range ready {
					r.end(i, r.perform(ctx, &r.steps[i]))
				}
				return nil
			})
		}
	}
	_ = g.Wait() // workers report through results
}

// offer hands a step to its provider's workers. The channel has room for every
// step, so this never waits. The caller holds mu.
func (r *run) offer(i int) {
	if s := &r.steps[i]; s.action.Kind.CallsCarrier() && r.results[i].Outcome == "" {
		r.ready[s.card.Provider] <- i
	}
}

// end notes a step's outcome, and lets those go on that waited for it; where it
// isn't done, they are dropped with all that waits for them.
func (r *run) end(i int, result Result) {
	s := &r.steps[i]
	result.Card, result.Action = s.card, s.action
	r.mu.Lock()
	ended := r.finish(i, result, nil)
	r.mu.Unlock()
	for _, i := range ended {
		r.o.OnFinish(r.results[i])
	}
}

// finish does what end says, under mu, and returns the steps that ended.
func (r *run) finish(i int, result Result, ended []int) []int {
	s := &r.steps[i]
	if r.results[i].Outcome != "" {
		return ended
	}
	r.results[i] = result
	ended = append(ended, i)
	if ready, ok := r.ready[s.card.Provider]; ok && s.action.Kind.CallsCarrier() {
		if r.left[s.card.Provider]--; r.left[s.card.Provider] == 0 {
			defer close(ready)
		}
	}
	for _, k := range s.waiting {
		waiting := &r.steps[k]
		waiting.open--
		if result.Outcome != Done {
			ended = r.finish(k, needless(waiting, s, result), ended)
			continue
		}
		if waiting.open == 0 && r.ready[waiting.card.Provider] != nil {
			r.offer(k)
		}
	}
	return ended
}

// needless is the outcome of a step that needs one that wasn't done.
func needless(waiting, needed *step, result Result) Result {
	outcome := Dropped
	if result.Outcome == NotStarted {
		outcome = NotStarted
	}
	return Result{
		Card: waiting.card, Action: waiting.action, Outcome: outcome,
		Reason: fmt.Sprintf("it needs %s of %s, which is %s", needed.action.Kind, needed.card.Address, result.Outcome),
	}
}

// journal writes records to the journal. Once that failed, the run starts nothing more:
// a call that no journal knows of must not be made.
func (r *run) journal(ctx context.Context, records ...state.Record) error {
	if len(records) == 0 {
		return nil
	}
	err := r.o.Journal.Append(ctx, records...)
	if err != nil {
		err = fmt.Errorf("write the journal: %w", err)
		r.mu.Lock()
		if r.broken == nil {
			r.broken = err
		}
		r.mu.Unlock()
	}
	return err
}

// unstarted is why nothing is started any more once the journal broke. The
// error itself is the report's, which says it once.
const unstarted = "nothing can be recorded any more"

func (r *run) isBroken() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.broken != nil
}

// countUnrecorded counts a call whose outcome the journal doesn't have.
func (r *run) countUnrecorded() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unrecorded++
}
