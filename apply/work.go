package apply

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/state"
)

// work is a card of the plan on its way: most are made when their turn comes, and
// are gone when it is over.
type work struct {
	n    int32 // its place among the plan's cards with actions
	card plan.Card
	// memory is what the state has of the card by now; nil for nothing. It is
	// replaced, never written to, and run.mu guards the pointer.
	memory *state.Card
	steps  []step
	passes bool // it does the card's bookkeeping alone: its calls begin later, in another work
}

// step is one action on its way.
type step struct {
	work    *work
	card    *plan.Card
	action  *plan.Action
	number  int     // in the plan
	open    int32   // how many actions it still waits for
	waiting []*step // those that wait for it
	offered bool    // to the workers
}

// survey reads the plan once: it counts, and finds the cards whose actions wait
// for those of others. These are held from the beginning, since any of them may
// come first.
func (r *run) survey() error {
	waits, needed := map[int32]bool{}, map[string]bool{}
	actions := 0
	err := r.o.Plan.Each(func(place int, c *plan.Card) error {
		if len(c.Actions) == 0 {
			return nil
		}
		n := int32(len(r.places))
		r.places, r.first = append(r.places, int32(place)), append(r.first, int32(actions))
		actions += len(c.Actions)
		r.count(n, c)
		for _, need := range needsOfOthers(c) {
			waits[n], needed[need] = true, true
		}
		return nil
	})
	r.ledger, r.cards.at = newLedger(actions), make([]int32, len(r.places))
	if err != nil || len(needed) == 0 {
		return err
	}
	n := int32(-1)
	return r.o.Plan.Each(func(place int, c *plan.Card) error {
		if len(c.Actions) == 0 {
			return nil
		}
		n++
		if waits[n] || slices.ContainsFunc(c.Actions, func(a plan.Action) bool { return needed[a.ID] }) {
			r.held[n] = r.begin(n, place, c)
		}
		return nil
	})
}

// count notes who has to do with a card.
func (r *run) count(n int32, c *plan.Card) {
	q, keeps := r.queue(c.Provider), false
	calls := 0
	for i := range c.Actions {
		if c.Actions[i].Kind.CallsCarrier() {
			calls++
		} else {
			keeps = true
		}
	}
	if calls > 0 {
		q.left += calls
		q.cards = append(q.cards, n)
	}
	if keeps {
		r.keeping = append(r.keeping, n)
	}
}

// needsOfOthers are the actions that those of the card need, but for those that
// stand before them in the card itself.
func needsOfOthers(c *plan.Card) []string {
	var others []string
	for i := range c.Actions {
		for _, need := range c.Actions[i].Needs {
			if !slices.ContainsFunc(c.Actions[:i], func(a plan.Action) bool { return a.ID == need }) {
				others = append(others, need)
			}
		}
	}
	return others
}

// begin makes the work of a card. The caller has the plan, and c stands at place in it.
func (r *run) begin(n int32, place int, c *plan.Card) *work {
	w := &work{n: n, card: c.Clone()}
	w.steps = make([]step, len(c.Actions))
	r.mu.Lock()
	defer r.mu.Unlock()
	for j := range w.steps {
		w.steps[j] = step{work: w, card: &w.card, action: &w.card.Actions[j], number: int(r.first[n]) + j}
	}
	r.recall(w, place)
	return w
}

// recall takes what the state has of the card: as the run left it, or as the run
// found it, at the provider block that the plan has it at unless the plan moves it.
func (r *run) recall(w *work, place int) {
	switch at := r.cards.at[w.n]; {
	case at < 0:
		return
	case at > 0:
		own := *r.cards.memories.Card(number(at))
		w.memory = &own
		return
	}
	before := r.o.Memory(place, &w.card)
	if before == nil {
		return
	}
	own := *before
	w.memory = &own
	if own.Provider != w.card.Provider && !moves(&w.card) {
		own.Provider = w.card.Provider
		r.cards.set(w.n, &own, true)
	}
}

// visit makes the works of cards with actions, in their order; those that are held
// are there. passes is [work].passes.
func (r *run) visit(cards []int32, passes bool, each func(*work)) error {
	r.reading.Lock()
	defer r.reading.Unlock()
	places := make([]int32, 0, len(cards))
	for _, n := range cards {
		places = append(places, r.places[n])
	}
	return r.o.Plan.Visit(places, func(place int, c *plan.Card) error {
		n := cards[0]
		cards = cards[1:]
		w := r.held[n]
		if w == nil {
			w = r.begin(n, place, c)
			w.passes = passes
			r.linkWithin(w)
		}
		each(w)
		return nil
	})
}

// linkWithin notes which steps of a card wait for which that haven't ended.
func (r *run) linkWithin(w *work) {
	for j := range w.steps {
		for _, need := range w.steps[j].action.Needs {
			for i := range w.steps[:j] {
				if w.steps[i].action.ID == need && !r.hasEnded(&w.steps[i]) {
					w.steps[j].open++
					w.steps[i].waiting = append(w.steps[i].waiting, &w.steps[j])
				}
			}
		}
	}
}

// heldSteps are the steps of the cards that are held, in the plan's order.
func (r *run) heldSteps() []*step {
	var steps []*step
	for _, n := range slices.Sorted(maps.Keys(r.held)) {
		w := r.held[n]
		for j := range w.steps {
			steps = append(steps, &w.steps[j])
		}
	}
	return steps
}

// link notes which of the steps that are held wait for which, and returns why what
// some of them need never comes.
func link(steps []*step) (lacks map[*step]string) {
	lacks = map[*step]string{}
	byID := make(map[string]*step, len(steps))
	for _, s := range steps {
		byID[s.action.ID] = s
	}
	for _, s := range steps {
		for _, need := range s.action.Needs {
			needed, ok := byID[need]
			if !ok {
				lacks[s] = fmt.Sprintf("it needs action %s, which is not in the plan", need)
				continue
			}
			s.open++
			needed.waiting = append(needed.waiting, s)
		}
	}
	findCircles(steps, lacks)
	return lacks
}

// findCircles notes which steps wait for themselves, by whichever way: a run
// would wait for them for ever.
func findCircles(steps []*step, lacks map[*step]string) {
	open, place := make([]int32, len(steps)), make(map[*step]int, len(steps))
	for i, s := range steps {
		open[i], place[s] = s.open, i
	}
	waiting := func(i int) []int {
		list := make([]int, 0, len(steps[i].waiting))
		for _, s := range steps[i].waiting {
			list = append(list, place[s])
		}
		return list
	}
	for _, i := range plan.Stuck(open, waiting) {
		lacks[steps[i]] = "the actions that it needs wait for each other"
	}
}

// begun reads the plan, and ends the steps that need what never comes: an action
// which isn't in the plan, such as the release of a device, or one that waits for
// them.
func (r *run) begun() {
	if err := r.survey(); err != nil {
		r.fail(errors.Join(errPlan, err))
		return
	}
	steps := r.heldSteps()
	lacks := link(steps)
	for _, s := range steps {
		if why, ok := lacks[s]; ok {
			r.end(s, Result{Outcome: NotStarted, Reason: why})
		}
	}
}

// errPlan says that the plan itself can't be read.
var errPlan = errors.New(unread)

// card is what the state has of a step's card by now, not to be written to; nil for
// nothing.
func (r *run) card(s *step) *state.Card {
	r.mu.Lock()
	defer r.mu.Unlock()
	return s.work.memory
}

// setCard has the state remember a step's card so; nil forgets it. The card is the
// run's from then on.
func (r *run) setCard(s *step, c *state.Card) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := s.work
	before := w.memory
	w.memory = c
	switch {
	case c == nil && before != nil:
		r.cards.grown--
	case c != nil && before == nil:
		r.cards.grown++
	}
	if c == nil {
		c = &state.Card{Provider: w.card.Provider, ICCID: w.card.ICCID}
	}
	r.cards.set(w.n, c, w.memory != nil)
}
