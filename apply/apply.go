// Package apply carries out a plan: in parallel, each action after those that
// it needs, every intent durable in the journal before its call and every
// outcome after it. One failure stops only what depends on it.
//
// It decides nothing about what is wanted. What it does decide is what became
// of a call whose answer was lost, in perform.go. Start reading at [Run].
package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

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
	NotStarted Outcome = "not started" // the run ended before its call left, its window is closed, or it lacks an approval
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
	// Denied says of a Failed that the carrier refuses the account itself: an expired
	// key, say.
	Denied bool
	// AsWanted says that nothing had to be done: the card was as the action makes
	// it, whoever did that.
	AsWanted  bool
	RequestID string // the carrier's name for the call
	Elapsed   time.Duration
	// AsFarAsTold reports of a Done that a refused repetition is all that shows it.
	AsFarAsTold bool

	refused bool // of an InDoubt: the carrier refused a repetition
	waits   bool // of an InDoubt: for somebody to pay, say
	told    bool // its event is in the journal
	// carrierAt is when it ended, by the carrier's clock; zero where nobody knows that.
	carrierAt time.Time
	later     bool        // of a Done: the carrier makes it in its own time
	taken     *acceptance // of an InDoubt: by the carrier; nil where nobody knows that
	ended     bool        // of a Failed: the carrier says so of what was in doubt
	unsent    bool        // of an InDoubt: the call was not sent again, so the doubt is as it was
}

// acceptance is a carrier's word that it makes a change in its own time.
type acceptance struct {
	ticket    string    // what the carrier gave to ask by; "" for none
	at        time.Time // when it came
	carrierAt time.Time // then, by the carrier's clock; zero where nobody knows that
}

// Options are what a run needs. Every field without a word about its zero
// value has to be set.
type Options struct {
	// Plan is read card by card: once to begin with, and once for the calls. It is
	// read by one goroutine at a time.
	Plan plan.Source
	// Memory is what the state has of the plan's card at a place when the run begins;
	// nil for nothing. It is asked while that card is read, and what it returns is
	// good until it is asked again.
	Memory    func(place int, c *plan.Card) *state.Card
	Providers map[spec.ProviderName]providers.Provider
	Journal   state.Journal
	// Run is what the events of the history are of, whose record the journal has
	// already; nil writes none.
	Run *state.Run
	// Parallel is how many actions are under way at once at each provider,
	// which keeps to its own limits besides; 0 means as many as its rate can
	// use, see [parallelAt].
	Parallel int
	Now      func() time.Time
	Sleep    func(ctx context.Context, d time.Duration) error
	// Held says why an action of a kind may not start at a moment; "" where it may. It
	// is asked by many goroutines at once, right before an action would start: what is
	// held is not started, and nor is what needs it. nil holds nothing.
	Held func(kind spec.Kind, now time.Time) (reason string)
	// DeniedWaits says that what fails since the carrier refuses the account itself is
	// tried again once that is mended, so that it is no part of the history.
	DeniedWaits bool
	// OnStart and OnFinish are told of each action; they may be called by many
	// goroutines at once. nil is nobody.
	OnStart  func(*plan.Card, *plan.Action)
	OnFinish func(Result)
	// Trace follows the actions that are carried out at carriers; nil follows none.
	Trace Trace
}

// Trace is told that an action is about to be carried out at its carrier. What it
// returns is the context that the action is carried out in, which is made of ctx,
// and what is told what became of it. It is called by many goroutines at once.
type Trace func(ctx context.Context, c *plan.Card, a *plan.Action) (_ context.Context, ended func(Result))

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

// ErrOutOfTime is the cause of a context that is cancelled since the run's time is
// over, and not by a person.
var ErrOutOfTime = errors.New("the run had no time left")

// interruption is why nothing is started any more once a run's context is cancelled.
func interruption(ctx context.Context) string {
	if errors.Is(context.Cause(ctx), ErrOutOfTime) {
		return ErrOutOfTime.Error()
	}
	return "the run was interrupted"
}

// Run carries out the plan. It returns when every action has its outcome: a
// cancelled context starts nothing more, ends the waiting of calls that haven't
// left, and lets those end that have. An
// action that is guarded and not approved is never started, whatever the
// caller checked before.
func Run(ctx context.Context, o Options) *Report {
	r := newRun(o)
	r.begun()
	r.bookkeeping(ctx)
	r.carriers(ctx)
	r.tellRest()
	return &Report{plan: o.Plan, ledger: r.ledger, cards: r.cards, Broken: r.broken, Unrecorded: r.unrecorded}
}

// run is one run. What it holds of a card that isn't under way is where the card
// stands in the plan, what became of its actions, and what became of itself. Of the
// cards that wait for each other it holds all.
type run struct {
	o       Options
	able    map[spec.ProviderName]spec.Capabilities
	places  []int32 // of the cards with actions, in the plan
	first   []int32 // how many actions the plan has before those of each
	keeping []int32 // of the cards with actions, those with one that calls no carrier
	held    map[int32]*work

	reading sync.Mutex // held while the plan is read; mu may be taken under it

	mu     sync.Mutex // guards what follows, the works' memories, and how many each step waits for
	ledger ledger
	cards  touched
	queues map[spec.ProviderName]*queue
	broken error
	// unrecorded counts the calls whose outcome the journal doesn't have.
	unrecorded int
	untold     []*state.Event // to be written
}

func newRun(o Options) *run {
	if o.OnStart == nil {
		o.OnStart = func(*plan.Card, *plan.Action) {}
	}
	if o.OnFinish == nil {
		o.OnFinish = func(Result) {}
	}
	if o.Held == nil {
		o.Held = func(spec.Kind, time.Time) string { return "" }
	}
	if o.Trace == nil {
		o.Trace = func(ctx context.Context, _ *plan.Card, _ *plan.Action) (context.Context, func(Result)) {
			return ctx, func(Result) {}
		}
	}
	r := &run{o: o, held: map[int32]*work{}, queues: map[spec.ProviderName]*queue{}}
	r.able = make(map[spec.ProviderName]spec.Capabilities, len(o.Providers))
	for name, p := range o.Providers {
		r.able[name] = p.Capabilities()
	}
	return r
}

// keptAtOnce is how many cards' records go to the journal together.
const keptAtOnce = 1024

// bookkeeping does the actions that call no carrier: adopt, move and forget. Their
// records go to the journal many at a time.
func (r *run) bookkeeping(ctx context.Context) {
	for cards := range slices.Chunk(r.keeping, keptAtOnce) {
		var steps []*step
		err := r.visit(cards, true, func(w *work) {
			for j := range w.steps {
				if s := &w.steps[j]; !s.action.Kind.CallsCarrier() && !r.hasEnded(s) {
					steps = append(steps, s)
				}
			}
		})
		r.fail(err)
		r.keep(ctx, steps)
	}
}

// keep does some of these actions.
func (r *run) keep(ctx context.Context, steps []*step) {
	var records []state.Record
	var done []*step
	for _, s := range steps {
		if why := r.withheld(ctx, s); why != "" {
			r.end(s, Result{Outcome: NotStarted, Reason: why})
			continue
		}
		record, stale := r.record(s)
		if stale != "" {
			r.end(s, Result{Outcome: Dropped, Reason: stale})
			continue
		}
		record.Event = r.event(s, &Result{Outcome: Done}, record.At)
		records = append(records, record)
		done = append(done, s)
	}
	err := r.journal(context.WithoutCancel(ctx), records...)
	for k, s := range done {
		if err != nil {
			r.end(s, Result{Outcome: Failed, Reason: "it could not be recorded; the card itself is as it was"})
			continue
		}
		r.o.OnStart(s.card, s.action)
		r.setCard(s, records[k].Card)
		r.end(s, Result{Outcome: Done})
	}
}

// withheld is why a step may not start now; "" where it may.
func (r *run) withheld(ctx context.Context, s *step) string {
	if ctx.Err() != nil {
		return interruption(ctx)
	}
	return r.o.Held(s.action.Kind, r.o.Now())
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

// end notes a step's outcome, and lets those go on that waited for it; where it
// isn't done, they are dropped with all that waits for them.
func (r *run) end(s *step, result Result) {
	result.Card, result.Action = s.card, s.action
	r.mu.Lock()
	ended := r.finish(s, result, nil)
	r.mu.Unlock()
	r.tell(ended)
	for i := range ended {
		r.o.OnFinish(ended[i])
	}
}

func (r *run) hasEnded(s *step) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ledger.has(s.number)
}

// finish does what end says, under mu, and returns what ended.
func (r *run) finish(s *step, result Result, ended []Result) []Result {
	if r.ledger.has(s.number) {
		return ended
	}
	r.ledger.put(s.number, &result)
	ended = append(ended, result)
	if s.action.Kind.CallsCarrier() {
		r.queues[s.card.Provider].ended()
	}
	for _, waiting := range s.waiting {
		waiting.open--
		if result.Outcome != Done {
			ended = r.finish(waiting, needless(waiting, s, result), ended)
			continue
		}
		if waiting.open == 0 {
			r.offer(waiting)
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
		r.fail(err)
	}
	return err
}

// fail breaks the run off, where there is an error.
func (r *run) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken == nil {
		r.broken = err
	}
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
