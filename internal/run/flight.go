package run

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
)

// flight is which calls are under way. It tells the watcher of each.
type flight struct {
	watcher Watcher

	mu    sync.Mutex
	calls map[*plan.Action]*plan.Card
}

func (f *flight) started(c *plan.Card, a *plan.Action) {
	f.mu.Lock()
	f.calls[a] = c
	f.mu.Unlock()
	f.watcher.Started(c, a)
}

func (f *flight) finished(r apply.Result) {
	f.mu.Lock()
	delete(f.calls, r.Action)
	f.mu.Unlock()
	f.watcher.Finished(r)
}

// underWay are the calls, by card and action.
func (f *flight) underWay() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]Call, 0, len(f.calls))
	for a, c := range f.calls {
		list = append(list, Call{c, a})
	}
	slices.SortFunc(list, func(a, b Call) int {
		return cmp.Or(cmp.Compare(a.Card.ICCID, b.Card.ICCID), cmp.Compare(a.Action.ID, b.Action.ID))
	})
	return list
}

// patience is how long calls that have left may take to end before it is said
// that a run which was told to stop waits for them. What hasn't left ends at once.
const patience = time.Second

// tellOfRest tells the watcher what a run still waits for once it was told to
// stop, until over is called.
func (f *flight) tellOfRest(ctx context.Context, sleep func(ctx context.Context, d time.Duration) error) (over func()) {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	told := make(chan struct{})
	go func() {
		defer close(told)
		select {
		case <-ctx.Done():
		case <-running.Done():
			return
		}
		if sleep(running, patience) != nil {
			return
		}
		if calls := f.underWay(); len(calls) > 0 {
			f.watcher.Waits(calls)
		}
	}()
	return func() {
		cancel()
		<-told
	}
}
