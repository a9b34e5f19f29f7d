package apply_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// counting counts the cards that are visited by their places.
type counting struct {
	plan.Source
	mu      sync.Mutex
	visited int
}

func (c *counting) Visit(places []int32, visit func(n int, card *plan.Card) error) error {
	c.mu.Lock()
	c.visited += len(places)
	c.mu.Unlock()
	return c.Source.Visit(places, visit)
}

// waiting is a carrier that answers a change once it may, and counts the changes.
type waiting struct {
	steady
	may   chan struct{}
	mu    sync.Mutex
	calls map[spec.ICCID]int
}

func (w *waiting) Do(_ context.Context, c providers.Change) (providers.Receipt, error) {
	<-w.may
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.calls == nil {
		w.calls = map[spec.ICCID]int{}
	}
	w.calls[c.ICCID]++
	return providers.Receipt{RequestID: fmt.Sprintf("01234567-89AB-cdef-0123-%012d", len(w.calls))}, nil
}

func open() chan struct{} {
	may := make(chan struct{})
	close(may)
	return may
}

func TestARunBeginsFewMoreCardsThanAreUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := rebindings(5000)
		source, carrier := &counting{Source: o.Plan}, &waiting{may: make(chan struct{})}
		o.Plan, o.Journal, o.Parallel = source, &memory{}, 10
		o.Providers = map[spec.ProviderName]providers.Provider{aliyun: carrier}
		ended := make(chan *apply.Report)
		go func() { ended <- apply.Run(t.Context(), o) }()
		synctest.Wait()
		source.mu.Lock()
		assert.LessOrEqual(t, source.visited, 10+64)
		source.mu.Unlock()
		close(carrier.may)
		report := <-ended
		assert.Equal(t, 5000, report.Count(apply.Done))
		assert.Equal(t, 5000, source.visited)
	})
}

func TestACarrierThatIsSlowKeepsNoOtherWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := rebindings(2000)
		p := o.Plan.(*plan.Plan)
		for i := range p.Cards {
			if i >= 1000 {
				p.Cards[i].Provider = "linksfield"
			}
		}
		slow, quick := &waiting{may: make(chan struct{})}, &waiting{may: open()}
		o.Journal, o.Parallel = &memory{}, 4
		o.Providers = map[spec.ProviderName]providers.Provider{aliyun: slow, "linksfield": quick}
		ended := make(chan *apply.Report)
		go func() { ended <- apply.Run(t.Context(), o) }()
		synctest.Wait()
		quick.mu.Lock()
		assert.Len(t, quick.calls, 1000)
		quick.mu.Unlock()
		close(slow.may)
		assert.Equal(t, 2000, (<-ended).Count(apply.Done))
	})
}

// Bookkeeping comes first, and a card's calls begin after that: once.
func TestACardThatIsAdoptedAndChangedIsCalledOnce(t *testing.T) {
	const n = 2500 // more than go to the journal together
	o := rebindings(n)
	p := o.Plan.(*plan.Plan)
	for i := range p.Cards {
		c := &p.Cards[i]
		c.Memory = state.Card{Provider: aliyun, ICCID: c.ICCID, Binding: state.BoundTo(device(i))}
		change := c.Actions[0]
		change.ID = fmt.Sprintf("a%d", 2*i+2)
		c.Actions = []plan.Action{{ID: fmt.Sprintf("a%d", 2*i+1), Change: spec.Change{Kind: spec.Adopt}}, change}
	}
	carrier := &waiting{may: open()}
	o.Journal, o.Providers = &memory{}, map[spec.ProviderName]providers.Provider{aliyun: carrier}
	o.Memory = func(int, *plan.Card) *state.Card { return nil }
	report := apply.Run(t.Context(), o)
	require.NoError(t, report.Broken)
	assert.Equal(t, 2*n, report.Count(apply.Done))
	assert.Equal(t, n, report.Grown())
	assert.Len(t, carrier.calls, n)
	for card, times := range carrier.calls {
		assert.Equal(t, 1, times, card)
	}
	put := report.Edits().Put
	require.Len(t, put, n)
	for i := range put {
		assert.Equal(t, device(n+i), put[i].Binding.IMEI)
	}
}

// What is left of a card once it is done is what the report and the commit need.
func TestWhatARunHoldsOfACardThatIsDoneIsSmall(t *testing.T) {
	const n, most = 50_000, 200
	o := rebindings(n)
	o.Journal, o.Providers = discarding{}, map[spec.ProviderName]providers.Provider{aliyun: &waiting{may: open()}}
	before := heap()
	report := apply.Run(t.Context(), o)
	held := heap() - before
	assert.Equal(t, n, report.Count(apply.Done))
	assert.Less(t, held/n, most, "bytes a card")
	runtime.KeepAlive(o.Plan)
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// discarding is a journal that keeps nothing.
type discarding struct{}

func (discarding) Append(context.Context, ...state.Record) error { return nil }
func (discarding) Close() error                                  { return nil }

var errUnreadable = fmt.Errorf("read the plan: %w", context.DeadlineExceeded)

// breaking is a plan that can't be read on after some cards.
type breaking struct{ plan.Source }

func (b breaking) Visit(places []int32, visit func(n int, card *plan.Card) error) error {
	if places[0] > 0 {
		return errUnreadable
	}
	return b.Source.Visit(places, visit)
}

func TestAPlanThatCantBeReadOnBreaksTheRunOff(t *testing.T) {
	o := rebindings(200)
	o.Plan, o.Journal = breaking{o.Plan}, &memory{}
	o.Providers = map[spec.ProviderName]providers.Provider{aliyun: &waiting{may: open()}}
	report := apply.Run(t.Context(), o)
	require.ErrorIs(t, report.Broken, errUnreadable)
	assert.Equal(t, 64, report.Count(apply.Done))
	assert.Equal(t, 136, report.Count(apply.NotStarted))
	assert.Equal(t, 200, report.Len())
	for i, r := range resultsOf(report) {
		if i >= 64 {
			assert.Equal(t, "the plan could not be read on", r.Reason)
		}
	}
}
