package carrierhttp

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// carrier answers after its latency, and writes down what came when.
type carrier struct {
	latency time.Duration

	mu       sync.Mutex
	sent     []sending
	underWay int
	most     int
}

type sending struct {
	from string
	at   time.Time
}

func (c *carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.sent = append(c.sent, sending{r.Header.Get("From"), time.Now()})
	c.underWay++
	c.most = max(c.most, c.underWay)
	c.mu.Unlock()
	err := sleep(r.Context(), c.latency)
	c.mu.Lock()
	c.underWay--
	c.mu.Unlock()
	return answer(strings.NewReader("{}")), err
}

// last is when the last request from a sender came, after the first of all.
func (c *carrier) last(from string) time.Duration {
	var at time.Time
	for _, s := range c.sent {
		if s.from == from {
			at = s.at
		}
	}
	return at.Sub(c.sent[0].at)
}

// senders are requests under way.
type senders struct {
	t  *testing.T
	wg sync.WaitGroup
}

func (s *senders) send(n int, t *Transport, from string, c Call) {
	for range n {
		s.wg.Go(func() {
			_, err := t.Send(context.WithoutCancel(s.t.Context()), c, func(ctx context.Context) (*http.Request, error) {
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://carrier.localhost/", nil)
				if err == nil {
					req.Header.Set("From", from)
				}
				return req, err
			})
			assert.NoError(s.t, err)
		})
	}
}

func TestTransportsOfOneAccountShareItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		carrier, accounts, all := &carrier{}, &Accounts{}, &senders{t: t}
		a := newTransport(carrier, Options{Accounts: accounts, Account: "one", RequestsPerSecond: 20, InFlight: 8})
		b := newTransport(carrier, Options{Accounts: accounts, Account: "one", RequestsPerSecond: 10})
		start := time.Now()
		all.send(50, a, "a", Call{})
		all.send(50, b, "b", Call{})
		all.wg.Wait()
		assert.InDelta(t, 10, time.Since(start).Seconds(), 0.2, "the stricter rate holds for both")

		other := newTransport(carrier, Options{Accounts: accounts, Account: "two", RequestsPerSecond: 10})
		start = time.Now()
		all.send(1, other, "other", Call{})
		all.wg.Wait()
		assert.Zero(t, time.Since(start), "another account has a rate of its own")
	})
}

func TestTransportsOfOneAccountHaveTheirTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		carrier, accounts, all := &carrier{}, &Accounts{}, &senders{t: t}
		options := Options{Accounts: accounts, Account: "one", RequestsPerSecond: 10}
		a, b := newTransport(carrier, options), newTransport(carrier, options)
		all.send(100, a, "many", Call{})
		synctest.Wait()
		all.send(10, b, "few", Call{})
		all.wg.Wait()
		assert.InDelta(t, 2, carrier.last("few").Seconds(), 0.3, "every second token is theirs")
		assert.InDelta(t, 11, carrier.last("many").Seconds(), 0.2)
	})
}

func TestChangesGoBeforeReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		carrier, all := &carrier{}, &senders{t: t}
		transport := newTransport(carrier, Options{RequestsPerSecond: 10})
		all.send(100, transport, "read", Call{Function: "status"})
		synctest.Wait()
		all.send(5, transport, "change", Call{Function: "stop", Changing: true})
		all.wg.Wait()
		assert.InDelta(t, 0.6, carrier.last("change").Seconds(), 0.11, "behind the one that stands at the door")
	})
}

func TestEachFunctionHasItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		carrier, all := &carrier{}, &senders{t: t}
		transport := newTransport(carrier, Options{RequestsPerSecond: 40, PerFunction: 20})
		start := time.Now()
		all.send(200, transport, "detail", Call{Function: "detail"})
		all.send(200, transport, "flow", Call{Function: "flow"})
		all.wg.Wait()
		assert.InDelta(t, 10, time.Since(start).Seconds(), 0.2, "side by side")

		start = time.Now()
		all.send(200, transport, "detail", Call{Function: "detail"})
		all.wg.Wait()
		assert.InDelta(t, 10, time.Since(start).Seconds(), 0.2, "one by itself keeps to its own")
	})
}

func TestAThrottleSlowsEveryoneOfTheAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		carrier, accounts, all := &carrier{}, &Accounts{}, &senders{t: t}
		options := Options{Accounts: accounts, Account: "one", RequestsPerSecond: 100}
		a, b := newTransport(carrier, options), newTransport(carrier, options)
		a.Throttled(Call{})
		start := time.Now()
		all.send(55, b, "b", Call{})
		all.wg.Wait()
		assert.InDelta(t, 1, time.Since(start).Seconds(), 0.1)
		time.Sleep(time.Minute) // the bubble's clock, here and below: nobody waits for it
		start = time.Now()
		all.send(105, b, "b", Call{})
		all.wg.Wait()
		assert.InDelta(t, 1, time.Since(start).Seconds(), 0.1, "and recovers")
	})
}

func TestQuotaEndsWithTheDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // midnight UTC is 08:00 there
		transport := newTransport(&carrier{}, Options{PerDay: 2, PerMonth: 3})
		try := func() error {
			_, err := roundTrip(t.Context(), transport, "http://carrier.localhost")
			return err
		}
		require.NoError(t, try())
		require.NoError(t, try())
		err := try()
		var quota *QuotaError
		require.ErrorAs(t, err, &quota)
		assert.False(t, sent(t, err))
		assert.Contains(t, err.Error(), "the quota of 2 calls a day is used up (calls_per_day")

		time.Sleep(16 * time.Hour)
		require.NoError(t, try(), "a new day")
		assert.ErrorContains(t, try(), "3 calls a month")
		time.Sleep(31 * 24 * time.Hour)
		require.NoError(t, try(), "a new month")
	})
}

func TestAQuotaIsNotTriedAgain(t *testing.T) {
	transport := newTransport(&carrier{}, Options{PerDay: 1})
	tries := 0
	policy := Policy{Retries: 4, Judge: func(error) Verdict { return Verdict{Again: true} }, Sleep: sleep, Random: func([]byte) {}, Throttled: func(error) {}}
	for range 2 {
		_ = policy.Do(t.Context(), func() error {
			tries++
			_, err := roundTrip(t.Context(), transport, "http://carrier.localhost")
			return err
		})
	}
	assert.Equal(t, 2, tries)
}

// Whatever comes and gives up, in whatever order: never more calls in a second
// than the rate and a burst, never more at once than allowed, and who waits
// long enough gets a turn.
func TestLimitsHold(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		synctest.Test(t, func(t *testing.T) {
			perSecond := rapid.SampledFrom([]float64{1, 7, 40, 200}).Draw(rt, "rate")
			inFlight := rapid.IntRange(1, 10).Draw(rt, "in flight")
			carrier := &carrier{latency: time.Duration(rapid.IntRange(0, 300).Draw(rt, "latency")) * time.Millisecond}
			accounts := &Accounts{}
			options := Options{Accounts: accounts, Account: "one", RequestsPerSecond: perSecond, InFlight: inFlight, PerFunction: rapid.SampledFrom([]float64{0, 5}).Draw(rt, "function")}
			transports := []*Transport{newTransport(carrier, options), newTransport(carrier, options)}
			var wg sync.WaitGroup
			for range rapid.IntRange(1, 60).Draw(rt, "calls") {
				from := transports[rapid.IntRange(0, 1).Draw(rt, "from")]
				call := Call{Function: rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "of"), Changing: rapid.Bool().Draw(rt, "changing")}
				patience := rapid.SampledFrom([]time.Duration{50 * time.Millisecond, time.Second, time.Hour}).Draw(rt, "patience")
				time.Sleep(time.Duration(rapid.IntRange(0, 30).Draw(rt, "gap")) * time.Millisecond)
				wg.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					_, err := from.Send(ctx, call, func(ctx context.Context) (*http.Request, error) {
						return http.NewRequestWithContext(ctx, http.MethodPost, "http://carrier.localhost/", nil)
					})
					assert.True(t, err == nil || patience < time.Hour, "%v", err)
				})
			}
			wg.Wait()
			assert.LessOrEqual(t, carrier.most, inFlight)
			for i, s := range carrier.sent {
				within := 0
				for _, other := range carrier.sent[i:] {
					if other.at.Sub(s.at) < time.Second {
						within++
					}
				}
				assert.LessOrEqual(t, within, max(1, int(perSecond)), "no more in a second than the rate, bursts and late ones included")
			}
			assert.Zero(t, transports[0].account.underWay)
			assert.Nil(t, transports[0].account.atDoor)
		})
	})
}

// On a machine under load, goroutines go on late after they were given their turn, and
// then many at once.
func TestRequestsThatAreLateDoNotLeaveTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perSecond = 50
		carrier := &carrier{}
		one := newTransport(carrier, Options{RequestsPerSecond: perSecond})
		var built atomic.Int64
		var wg sync.WaitGroup
		for range 500 {
			wg.Go(func() {
				_, err := one.Send(t.Context(), Call{}, func(ctx context.Context) (*http.Request, error) {
					if n := built.Add(1); n%100 > 80 {
						time.Sleep(time.Duration(100-n%100) * 20 * time.Millisecond)
					}
					return http.NewRequestWithContext(ctx, http.MethodPost, "http://carrier.localhost/", nil)
				})
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		for i := range carrier.sent[:len(carrier.sent)-perSecond] {
			assert.GreaterOrEqual(t, carrier.sent[i+perSecond].at.Sub(carrier.sent[i].at), time.Second, "request %d and the one %d after it", i, perSecond)
		}
	})
}

// Accounts that began at odd moments leave together all the same, and lose next to
// nothing of their rates by that.
func TestAccountsLeaveTogether(t *testing.T) {
	for _, perSecond := range []float64{40, 45, 50, 99, 333} {
		synctest.Test(t, func(t *testing.T) {
			all := &senders{t: t}
			moments, carriers := map[time.Time]bool{}, []*carrier{}
			start := time.Now()
			for i := range 12 {
				time.Sleep(time.Duration(i) * 777 * time.Microsecond)
				c := &carrier{latency: 20 * time.Millisecond}
				carriers = append(carriers, c)
				all.send(int(10*perSecond), newTransport(c, Options{RequestsPerSecond: perSecond}), "", Call{})
			}
			all.wg.Wait()
			took := time.Since(start)
			assert.Less(t, took, 10*time.Second*103/100, "%v/s", perSecond)
			for _, c := range carriers {
				for _, s := range c.sent {
					moments[s.at] = true
				}
			}
			assert.Less(t, len(moments), int(took/tick)+len(carriers)*burstOf(perSecond), "%v/s: a moment a tick, but for those of the bursts at the start", perSecond)
		})
	}
}

func TestALowRateIsNotKeptWaitingForATick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := &senders{t: t}
		time.Sleep(time.Millisecond)
		start := time.Now()
		all.send(200, newTransport(&carrier{}, Options{RequestsPerSecond: 100, PerFunction: 13}), "", Call{Function: "flow"})
		all.send(200, newTransport(&carrier{}, Options{RequestsPerSecond: 13}), "", Call{})
		all.wg.Wait()
		assert.InDelta(t, 199/13.0, time.Since(start).Seconds(), 0.25)
	})
}

// Under load, whoever sleeps goes on some milliseconds late.
func TestLatenessCostsNoRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		drawn := rand.New(rand.NewPCG(1, 2))
		carrier, all := &carrier{}, &senders{t: t}
		one := New(Options{Base: carrier, Now: time.Now, RequestsPerSecond: 50, Sleep: func(ctx context.Context, d time.Duration) error {
			mu.Lock()
			late := time.Duration(drawn.ExpFloat64() * float64(6*time.Millisecond))
			mu.Unlock()
			return sleep(ctx, d+late)
		}})
		start := time.Now()
		all.send(2000, one, "", Call{})
		all.wg.Wait()
		assert.Greater(t, 2000/time.Since(start).Seconds(), 48.75)
		for i := range carrier.sent[:len(carrier.sent)-50] {
			assert.GreaterOrEqual(t, carrier.sent[i+50].at.Sub(carrier.sent[i].at), time.Second, "request %d and the one 50 after it", i)
		}
	})
}
