package apply

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/cardfleet/cardfleet/spec"
)

// queue is what there is to do at a provider. run.mu guards it.
type queue struct {
	cards   []int32 // with calls, in the plan's order
	next    int     // the first of them that hasn't begun
	filling bool    // somebody makes the next works
	ready   []*step // those that a worker may take
	left    int     // calls that haven't ended
	wake    *sync.Cond
}

// queue is a provider's, which is made where there is none.
func (r *run) queue(name spec.ProviderName) *queue {
	q := r.queues[name]
	if q == nil {
		q = &queue{wake: sync.NewCond(&r.mu)}
		r.queues[name] = q
	}
	return q
}

// ended counts a call that has ended.
func (q *queue) ended() {
	if q.left--; q.left == 0 {
		q.wake.Broadcast()
	}
}

// carriers does the actions that call carriers: a group of workers for each
// provider takes its actions in turn as they become ready.
func (r *run) carriers(ctx context.Context) {
	workers := map[spec.ProviderName]int{} // counted before any of them changes what is left
	for name, q := range r.queues {
		parallel := r.o.Parallel
		if parallel <= 0 {
			parallel = parallelAt(r.o.Providers[name])
		}
		workers[name] = min(parallel, q.left)
	}
	var g errgroup.Group
	for name, q := range r.queues {
		for range workers[name] {
			g.Go(func() error {
				for s := r.take(q); s != nil; s = r.take(q) {
					r.end(s, r.perform(ctx, s))
				}
				return nil
			})
		}
	}
	_ = g.Wait() // workers report through the ledger
}

// take waits for a step that may be done; nil where none comes any more.
func (r *run) take(q *queue) *step {
	r.mu.Lock()
	defer r.mu.Unlock()
	for q.left > 0 {
		switch {
		case len(q.ready) > 0:
			s := q.ready[0]
			q.ready[0], q.ready = nil, q.ready[1:]
			return s
		case q.next < len(q.cards) && !q.filling:
			r.fill(q)
		default:
			q.wake.Wait()
		}
	}
	return nil
}

// begunAtOnce is how many cards of a provider begin together.
const begunAtOnce = 64

// fill begins the next cards. The caller holds mu, which is free meanwhile.
func (r *run) fill(q *queue) {
	cards := q.cards[q.next:min(q.next+begunAtOnce, len(q.cards))]
	q.next, q.filling = q.next+len(cards), true
	r.mu.Unlock()
	works := make([]*work, 0, len(cards))
	err := r.visit(cards, false, func(w *work) { works = append(works, w) })
	if err != nil {
		r.fail(errors.Join(errPlan, err))
	}
	r.mu.Lock()
	q.filling = false
	if err != nil {
		q.left = 0 // nobody knows what is left
	}
	for _, w := range works {
		for j := range w.steps {
			if w.steps[j].open == 0 {
				r.offer(&w.steps[j])
			}
		}
	}
	q.wake.Broadcast()
}

// offer hands a step to its provider's workers, once. The caller holds mu.
func (r *run) offer(s *step) {
	if s.offered || s.work.passes || !s.action.Kind.CallsCarrier() || r.ledger.has(s.number) {
		return
	}
	s.offered = true
	q := r.queues[s.card.Provider]
	q.ready = append(q.ready, s)
	q.wake.Signal()
}
