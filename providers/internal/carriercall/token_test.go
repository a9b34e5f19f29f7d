package carriercall

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
)

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestShortTokensAreRenewedATenthEarly(t *testing.T) {
	at := time.Unix(1000, 0)
	assert.Equal(t, at.Add(9*time.Second), Due(at, 10*time.Second))
	assert.Equal(t, at.Add(9*time.Minute), Due(at, 10*time.Minute))
	assert.Equal(t, at.Add(59*time.Minute), Due(at, time.Hour))
	assert.Zero(t, Due(at, 0), "one whose life isn't told lasts until it is refused")
}

// counted is tokens whose fetch takes a second and counts.
func counted(calls *atomic.Int64, life time.Duration) *Tokens {
	return &Tokens{Call: "get/token", Now: time.Now, Fetch: func(ctx context.Context, _ string) (Token, error) {
		n := calls.Add(1)
		if err := sleep(ctx, time.Second); err != nil {
			return Token{}, &providers.Error{Call: "get/token", Proof: providers.NeverSeen, Cause: providers.Unavailable, Err: err}
		}
		return Token{Value: string(rune('a' - 1 + n)), Due: Due(time.Now(), life)}, nil
	}}
}

func TestFiftyWorkersShareOneRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		tokens := counted(&calls, time.Hour)
		all := func(refused, want string) {
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					got, err := tokens.Get(t.Context(), refused)
					assert.NoError(t, err)
					assert.Equal(t, want, got)
				})
			}
			wg.Wait()
		}
		all("", "a")
		assert.EqualValues(t, 1, calls.Load(), "at the start")
		time.Sleep(58 * time.Minute)
		all("", "a")
		assert.EqualValues(t, 1, calls.Load(), "while it lasts")
		time.Sleep(2 * time.Minute)
		all("", "b")
		assert.EqualValues(t, 2, calls.Load(), "before it runs out")
		all("b", "c")
		assert.EqualValues(t, 3, calls.Load(), "after it was refused")
		all("b", "c")
		assert.EqualValues(t, 3, calls.Load(), "those who noticed late take the new one")
	})
}

func TestFailedRenewalIsEverybodysAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := errors.New("denied")
		var calls atomic.Int64
		tokens := &Tokens{Call: "get/token", Now: time.Now, Fetch: func(ctx context.Context, _ string) (Token, error) {
			calls.Add(1)
			return Token{}, errors.Join(sleep(ctx, time.Second), failed)
		}}
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				_, err := tokens.Get(t.Context(), "")
				assert.ErrorIs(t, err, failed)
			})
		}
		wg.Wait()
		assert.EqualValues(t, 1, calls.Load())
	})
}

func TestWhoIsInterruptedLeavesTheRenewalToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		tokens := counted(&calls, time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := tokens.Get(ctx, "")
			assert.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		wg.Go(func() {
			got, err := tokens.Get(t.Context(), "")
			assert.NoError(t, err)
			assert.Equal(t, "b", got)
		})
		synctest.Wait()
		cancel()
		wg.Wait()
		assert.EqualValues(t, 2, calls.Load())
	})
}

func TestWaiterLeavesWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		tokens := counted(&calls, time.Hour)
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = tokens.Get(t.Context(), "") }) // only takes its time
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := tokens.Get(ctx, "")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, providers.EffectNone, providers.EffectOf(err))
		assert.Equal(t, 100*time.Millisecond, time.Since(start))
		wg.Wait()
	})
}

// rotating is a carrier that gives a new token to whoever asks, and so ends the one
// before; each call takes it a tenth of a second.
type rotating struct {
	mu             sync.Mutex
	token, refused int
	fetched        []time.Time
}

func (c *rotating) fetch() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token++
	c.fetched = append(c.fetched, time.Now())
	return strconv.Itoa(c.token)
}

func (c *rotating) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := sleep(r.Context(), 100*time.Millisecond); err != nil {
		return nil, err
	}
	if r.URL.Path == "/token" {
		return answers(200, `{"Code":"OK","Says":"`+c.fetch()+`"}`)(r)
	}
	c.mu.Lock()
	good := r.Header.Get("Token") == strconv.Itoa(c.token)
	if !good {
		c.refused++
	}
	c.mu.Unlock()
	if !good {
		return answers(200, `{"Code":"stale"}`)(r)
	}
	return answers(200, `{"Code":"OK"}`)(r)
}

var errStale = &providers.Error{Code: "stale", Proof: providers.NeverSeen, Cause: providers.Denied}

// machine is a client of its own, and its tokens.
func machine(n http.RoundTripper, limits providers.Limits, life time.Duration) (*Client, *Tokens) {
	limits.Timeout = 25 * time.Second
	c := New(limits, providers.Env{Now: time.Now, Sleep: sleep, Random: random, Transport: n}, nil, "")
	t := &Tokens{Call: "token", Now: time.Now, Sleep: sleep, Random: random}
	t.Refused = func(err error) bool { return providers.IsCode(err, "stale") }
	t.Fetch = func(ctx context.Context, _ string) (got Token, err error) {
		at := time.Now()
		err = c.Send(ctx, Call{Name: "token", Awaited: true}, func(ctx context.Context) (*http.Request, error) {
			return http.NewRequestWithContext(ctx, http.MethodPost, "http://carrier.localhost/token", nil)
		}, func(a Answer) error {
			var reply struct{ Says string }
			err := json.Unmarshal(a.Body, &reply)
			got = Token{Value: reply.Says, Due: Due(at, life)}
			return err
		})
		return got, err
	}
	return c, t
}

func random(p []byte) {
	for i := range p {
		p[i] = byte(rand.Uint32())
	}
}

// ask is a call with the token.
func ask(ctx context.Context, c *Client, t *Tokens) error {
	return t.Attempt(ctx, func(take Take) error {
		return c.Send(ctx, Call{Name: "look"}, func(ctx context.Context) (*http.Request, error) {
			token, err := take()
			if err != nil {
				return nil, err
			}
			req, err := build(ctx)
			req.Header.Set("Token", token)
			return req, err
		}, func(a Answer) error {
			if strings.Contains(string(a.Body), "stale") {
				e := *errStale
				return &e
			}
			return nil
		})
	})
}

// asks makes so many calls at once, and returns how many failed.
func asks(ctx context.Context, calls int, c *Client, t *Tokens) (failed int64) {
	var wg sync.WaitGroup
	var failures atomic.Int64
	for range calls {
		wg.Go(func() {
			if ask(ctx, c, t) != nil {
				failures.Add(1)
			}
		})
	}
	wg.Wait()
	return failures.Load()
}

// A call that waits long for its turn doesn't come with a token of before.
func TestTokenIsTakenWhenTheRequestLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		carrier := &rotating{}
		c, tokens := machine(carrier, providers.Limits{RequestsPerSecond: 1}, 10*time.Second)
		assert.Zero(t, asks(t.Context(), 60, c, tokens))
		assert.Zero(t, carrier.refused, "not one left with a token that was due")
		assert.GreaterOrEqual(t, carrier.token, 6)
		assert.LessOrEqual(t, carrier.token, 12)
	})
}

func TestTokenThatAnotherMachineEndedIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		carrier := &rotating{}
		ctx, cancel := context.WithCancel(t.Context())
		var rival sync.WaitGroup
		rival.Go(func() {
			for sleep(ctx, 3*time.Second) == nil {
				carrier.fetch()
			}
		})
		c, tokens := machine(carrier, providers.Limits{RequestsPerSecond: 20, MaxInFlight: 16}, time.Hour)
		assert.Zero(t, asks(t.Context(), 600, c, tokens))
		cancel()
		rival.Wait()
	})
}

// Each machine's renewal ends the other's token.
func TestTwoMachinesOfOneAccountBothComeToTheirEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		carrier := &rotating{}
		var both sync.WaitGroup
		began := time.Now()
		for range 2 {
			both.Go(func() {
				c, tokens := machine(carrier, providers.Limits{RequestsPerSecond: 20, MaxInFlight: 16}, time.Hour)
				assert.Zero(t, asks(t.Context(), 400, c, tokens))
			})
		}
		both.Wait()
		assert.Less(t, time.Since(began), 2*time.Minute, "alone each takes 20 s")
	})
}

// A carrier that takes no token at all is taken at its word, after pauses that grow.
func TestTokenAfterTokenRefusedEndsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		carrier := &rotating{}
		c, tokens := machine(network(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/token" {
				return carrier.RoundTrip(r)
			}
			return answers(200, `{"Code":"stale"}`)(r)
		}), providers.Limits{}, time.Hour)
		err := ask(t.Context(), c, tokens)
		require.True(t, providers.IsCode(err, "stale"), "%v", err)
		require.Len(t, carrier.fetched, mostVain)
		assert.Equal(t, 100*time.Millisecond, carrier.fetched[1].Sub(carrier.fetched[0]), "one that is refused may just have run out")
		for i := 2; i < mostVain; i++ {
			pause := carrier.fetched[i].Sub(carrier.fetched[i-1]) - 100*time.Millisecond
			most := min(firstPause<<(i-2), longestPause)
			assert.GreaterOrEqual(t, pause, most/2, "pause %d", i)
			assert.LessOrEqual(t, pause, most, "pause %d", i)
		}
	})
}

// A token that the carrier gives once more after it was refused counts again.
func TestTokenThatIsGivenAgainIsNotTriedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		given := 0
		c, tokens := machine(answers(200, `{"Code":"stale"}`), providers.Limits{}, time.Hour)
		tokens.Fetch = func(context.Context, string) (Token, error) { given++; return Token{Value: "same"}, nil }
		assert.True(t, providers.IsCode(ask(t.Context(), c, tokens), "stale"))
		assert.Equal(t, mostVain, given)
	})
}

// An account that lets one request go at a time must not wait for itself.
func TestRenewalNeedsNoSecondTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		carrier := &rotating{}
		c, tokens := machine(carrier, providers.Limits{RequestsPerSecond: 5, MaxInFlight: 1}, 2*time.Second)
		assert.Zero(t, asks(t.Context(), 50, c, tokens))
	})
}
