package apply_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

// paced is a carrier that answers after 100 ms, behind a provider that keeps
// to its limits.
type paced struct {
	steady
	limits providers.Limits
	flying chan struct{}
}

func newPaced(limits providers.Limits) *paced {
	return &paced{
		steady: steady{rate.NewLimiter(rate.Limit(limits.RequestsPerSecond), 1)},
		limits: limits, flying: make(chan struct{}, limits.MaxInFlight),
	}
}

func (p *paced) Limits() providers.Limits { return p.limits }

func (p *paced) Do(ctx context.Context, _ providers.Change) (providers.Receipt, error) {
	if err := p.limiter.Wait(ctx); err != nil {
		return providers.Receipt{}, &providers.Error{Proof: providers.NeverSeen, Cause: providers.Stopped, Err: err}
	}
	p.flying <- struct{}{}
	defer func() { <-p.flying }()
	time.Sleep(100 * time.Millisecond) // the bubble's clock: nobody waits for it
	return providers.Receipt{RequestID: "8906"}, nil
}

func TestTheProvidersRateIsUsed(t *testing.T) {
	for _, limits := range []providers.Limits{
		{RequestsPerSecond: 20, MaxInFlight: 16},
		{RequestsPerSecond: 1000, MaxInFlight: 128},
	} {
		synctest.Test(t, func(t *testing.T) {
			const actions = 3000
			o := rebindings(actions)
			o.Parallel, o.Journal = 0, &memory{}
			o.Providers = map[spec.ProviderName]providers.Provider{aliyun: newPaced(limits)}
			began := time.Now()
			report := apply.Run(t.Context(), o)
			require.Equal(t, actions, report.Count(apply.Done))
			ideal := float64(actions) / limits.RequestsPerSecond
			assert.InDelta(t, 1, ideal/time.Since(began).Seconds(), 0.05, "share of the ideal time at %g a second", limits.RequestsPerSecond)
		})
	}
}

func TestAnInterruptIsNotKeptWaitingByTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		o := rebindings(1000)
		o.Parallel, o.Journal = 0, &memory{}
		o.Providers = map[spec.ProviderName]providers.Provider{aliyun: newPaced(providers.Limits{RequestsPerSecond: 400, MaxInFlight: 256})}
		began := time.Now()
		time.AfterFunc(time.Second, cancel)
		report := apply.Run(ctx, o)
		assert.LessOrEqual(t, time.Since(began), 1100*time.Millisecond, "what waits for its turn is not sent, and the last answer takes 100 ms")
		assert.Equal(t, 1000, report.Count(apply.Done)+report.Count(apply.NotStarted))
	})
}
