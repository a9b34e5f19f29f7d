package apply

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
)

// Runs is the outcome that [Check] gives to an action that would still run.
const Runs Outcome = "would run"

// Check looks which of a plan's actions would still run: it reads each card as
// [Run] does before a change, and changes nothing. There is a result for each
// action, in the plan's order: Runs, or Dropped with why, NotStarted where it isn't
// approved, or Failed where the card can't be read. The journal is not used. All of the plan's cards with actions
// are held.
func Check(ctx context.Context, o Options) ([]Result, error) {
	c, err := newChecking(o)
	if err != nil {
		return nil, errors.Join(errPlan, err)
	}
	parallel := c.o.Parallel
	if parallel <= 0 {
		parallel = defaultParallel
	}
	var g errgroup.Group
	g.SetLimit(parallel)
	for i, s := range c.steps {
		g.Go(func() error {
			c.results[i] = c.check(ctx, s)
			c.results[i].Card, c.results[i].Action = s.card, s.action
			return nil
		})
	}
	_ = g.Wait() // workers report through results
	c.dropWaiting()
	return c.results, nil
}

// checking is a run that does nothing.
type checking struct {
	*run
	steps   []*step
	lacks   map[*step]string
	results []Result
}

func newChecking(o Options) (*checking, error) {
	c := &checking{run: newRun(o)}
	if err := c.survey(); err != nil {
		return nil, err
	}
	n := int32(-1)
	err := c.o.Plan.Each(func(place int, card *plan.Card) error {
		if len(card.Actions) > 0 {
			n++
			if c.held[n] == nil {
				c.held[n] = c.begin(n, place, card)
			}
		}
		return nil
	})
	c.steps = c.heldSteps()
	c.lacks, c.results = link(c.steps), make([]Result, len(c.steps))
	return c, err
}

func (c *checking) check(ctx context.Context, s *step) Result {
	if lacks, ok := c.lacks[s]; ok {
		return Result{Outcome: NotStarted, Reason: lacks}
	}
	if result, lacks := unapproved(s.action); lacks {
		return result
	}
	if !s.action.Kind.CallsCarrier() {
		if _, stale := c.record(s); stale != "" {
			return Result{Outcome: Dropped, Reason: stale}
		}
		return Result{Outcome: Runs}
	}
	p := c.o.Providers[s.card.Provider]
	if p == nil {
		return Result{Outcome: Failed, Reason: fmt.Sprintf("the configuration has no provider %s", s.card.Provider)}
	}
	memory := c.card(s)
	if memory == nil && adopts(s) {
		adopted := s.card.Memory
		memory = &adopted
	}
	if follows(s) {
		return Result{Outcome: Runs} // another action of the card makes what it starts from
	}
	if _, result, ok := c.precondition(ctx, p, s, memory); !ok {
		return result
	}
	return Result{Outcome: Runs}
}

// adopts reports whether the plan itself takes the step's card into the state.
func adopts(s *step) bool {
	return len(s.card.Actions) > 0 && s.card.Actions[0].Kind == spec.Adopt
}

// follows reports whether an action of the same card sets the same attribute before.
func follows(s *step) bool {
	for i := range s.card.Actions {
		a := &s.card.Actions[i]
		if a == s.action {
			return false
		}
		if a.Kind.Attr() == s.action.Kind.Attr() && s.action.Kind.Attr() == spec.AttrBinding {
			return true
		}
	}
	return false
}

// dropWaiting drops what needs an action that would not run.
func (c *checking) dropWaiting() {
	place := make(map[*step]int, len(c.steps))
	for i, s := range c.steps {
		place[s] = i
	}
	for i := range c.steps {
		if c.results[i].Outcome != Runs {
			c.dropAfter(i, place)
		}
	}
}

func (c *checking) dropAfter(i int, place map[*step]int) {
	for _, waiting := range c.steps[i].waiting {
		if k := place[waiting]; c.results[k].Outcome == Runs {
			c.results[k] = needless(waiting, c.steps[i], c.results[i])
			c.dropAfter(k, place)
		}
	}
}
