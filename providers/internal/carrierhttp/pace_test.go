package carrierhttp

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// took is how long n tokens take.
func took(t *testing.T, p *pace, n int) time.Duration {
	start := time.Now()
	for range n {
		require.NoError(t, sleep(t.Context(), p.reserve(time.Now()).DelayFrom(time.Now())))
	}
	return time.Since(start)
}

func TestPaceKeepsTheConfiguredRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, perSecond := range []float64{0.5, 20, 1000} {
			n := int(perSecond * 20)
			assert.InEpsilon(t, 20*time.Second, took(t, newPace(perSecond), n), 0.11, "%v/s", perSecond)
		}
	})
}

func TestThrottleHalvesTheRateOnceForAVolley(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(100)
		for range 16 {
			p.slowDown(time.Now())
		}
		assert.InDelta(t, 50, float64(p.limiter.Limit()), 0.01)
	})
}

func TestRateRecoversButNeverAboveTheConfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(100)
		p.slowDown(time.Now())
		took(t, p, 1)
		time.Sleep(2 * time.Second)
		took(t, p, 1)
		assert.InDelta(t, 60, float64(p.limiter.Limit()), 0.2, "5% a second")
		time.Sleep(time.Hour)
		took(t, p, 1)
		assert.InDelta(t, 100, float64(p.limiter.Limit()), 0.01)
	})
}

func TestThrottlesNeverStopTheAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(64)
		for range 100 {
			p.slowDown(time.Now())
			time.Sleep(2 * time.Second)
		}
		assert.InDelta(t, 1, float64(p.limiter.Limit()), 0.01)
	})
}

func TestARateThatIsNoneInTruthTakesNoMemory(t *testing.T) {
	for _, perSecond := range []float64{1e5, 1e9, 1e300} {
		p := newPace(perSecond)
		assert.LessOrEqual(t, cap(p.sent), mostCounted)
		assert.Zero(t, p.wait(time.Now()))
	}
}
