package carrierhttp

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var errPassing = errors.New("passing")

// policy repeats errPassing with verdict v, and has no jitter but the largest.
func policy(v Verdict) Policy {
	return Policy{
		Retries: 3, Sleep: sleep, Throttled: func(error) {},
		Judge: func(err error) Verdict {
			if errors.Is(err, errPassing) {
				return v
			}
			return Verdict{}
		},
		Random: func(p []byte) {
			for i := range p {
				p[i] = 0xff
			}
		},
	}
}

// attempts counts the attempts until they end, each failing with err.
func attempts(t *testing.T, p Policy, err error) (n int, took time.Duration) {
	start := time.Now()
	got := p.Do(t.Context(), func() error { n++; return err })
	require.Equal(t, err, got)
	return n, time.Since(start)
}

func TestRetriesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, took := attempts(t, policy(Verdict{Again: true}), errPassing)
		assert.Equal(t, 4, n)
		assert.InDelta(t, (200+400+800)*time.Millisecond, took, float64(time.Millisecond), "200 ms, doubling")
	})
}

func TestOthersAreNotRepeated(t *testing.T) {
	n, _ := attempts(t, policy(Verdict{Again: true}), errors.New("refused"))
	assert.Equal(t, 1, n)
	n, _ = attempts(t, policy(Verdict{Throttled: true}), errPassing)
	assert.Equal(t, 1, n, "a throttle that may have had an effect")
}

func TestThrottledCallsHaveABudgetOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		p := policy(Verdict{Again: true, Throttled: true})
		p.Throttled = func(error) { told++ }
		n, _ := attempts(t, p, errPassing)
		assert.Equal(t, 13, n)
		assert.Equal(t, 13, told)
	})
}

func TestRetryAfterIsObeyedUpToAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := policy(Verdict{Again: true, After: 20 * time.Second})
		p.Retries = 1
		_, took := attempts(t, p, errPassing)
		assert.InDelta(t, 22*time.Second, took, float64(time.Millisecond))
		p = policy(Verdict{Again: true, After: time.Hour})
		p.Retries = 1
		_, took = attempts(t, p, errPassing)
		assert.InDelta(t, 66*time.Second, took, float64(time.Millisecond))
	})
}

func TestPausesAreNeverLongOrNegative(t *testing.T) {
	for attempt := 1; attempt < 200; attempt++ {
		pause := policy(Verdict{}).pause(attempt, 0)
		assert.Positive(t, pause)
		assert.LessOrEqual(t, pause, longestPause)
	}
}

func TestCancelBetweenAttemptsReturnsTheFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		err := policy(Verdict{Again: true}).Do(ctx, func() error { return errPassing })
		assert.Equal(t, errPassing, err)
		assert.Equal(t, 100*time.Millisecond, time.Since(start))
	})
}

func TestRetryAfterHeader(t *testing.T) {
	now := time.Date(2026, 11, 21, 20, 55, 58, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-7": 0, "soon": 0, "99999999": 24 * time.Hour,
		"Sat, 21 Nov 2026 20:56:08 GMT": 10 * time.Second,
		"Sat, 21 Nov 2026 20:50:00 GMT": 0,
	} {
		got := RetryAfter(http.Header{"Retry-After": {value}}, now)
		assert.Equal(t, want, got, "%q", value)
	}
}
