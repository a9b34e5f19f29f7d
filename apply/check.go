package apply

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/cardfleet/cardfleet/spec"
)

// Runs is the outcome that [Check] gives to an action that would still run.
const Runs Outcome = "would run"

// Check looks which of a plan's actions would still run: it reads each card as
// [Run] does before a change, and changes nothing. There is a result for each
// action, in the plan's order: Runs, or Dropped with why, or Failed where the
// card can't be read. The journal is not used.
func Check(ctx context.Context, o Options) []Result {
	r := newRun(o)
	parallel := r.o.Parallel
	if parallel <= 0 {
		parallel = defaultParallel
	}
	var g errgroup.Group
	g.SetLimit(parallel)
	for i := range r.steps {
		g.Go(func() error {
			r.results[i] = r.check(ctx, i)
			r.results[i].Card, r.results[i].Action = r.steps[i].card, r.steps[i].action
			return nil
		})
	}
	_ = g.Wait() // workers report through results
	r.dropWaiting()
	return r.results
}

func (r *run) check(ctx context.Context, i int) Result {
	s := &r.steps[i]
	if lacks, ok := r.lacks[i]; ok {
		return Result{Outcome: NotStarted, Reason: lacks}
	}
	if !s.action.Kind.CallsCarrier() {
		if _, stale := r.record(s); stale != "" {
			return Result{Outcome: Dropped, Reason: stale}
		}
		return Result{Outcome: Runs}
	}
	p := r.o.Providers[s.card.Provider]
	if p == nil {
		return Result{Outcome: Failed, Reason: fmt.Sprintf("the configuration has no provider %s", s.card.Provider)}
	}
	memory := r.card(s)
	if memory == nil && r.adopts(s) {
		adopted := s.card.Memory
		memory = &adopted
	}
	if r.follows(s) {
		return Result{Outcome: Runs} // another action of the card makes what it starts from
	}
	if _, result, ok := r.precondition(ctx, p, s, memory); !ok {
		return result
	}
	return Result{Outcome: Runs}
}

// adopts reports whether the plan itself takes the step's card into the state.
func (r *run) adopts(s *step) bool {
	return len(s.card.Actions) > 0 && s.card.Actions[0].Kind == spec.Adopt
}

// follows reports whether an action of the same card sets the same attribute before.
func (r *run) follows(s *step) bool {
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
func (r *run) dropWaiting() {
	for i := range r.steps {
		if r.results[i].Outcome != Runs {
			r.dropAfter(i)
		}
	}
}

func (r *run) dropAfter(i int) {
	for _, k := range r.steps[i].waiting {
		if r.results[k].Outcome == Runs {
			r.results[k] = needless(&r.steps[k], &r.steps[i], r.results[i])
			r.dropAfter(k)
		}
	}
}
