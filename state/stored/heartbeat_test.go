package stored

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

var errGone = errors.New("it is another's")

// pulse beats every ten seconds of the bubble's time.
func pulse() Pulse {
	return Pulse{Every: 10 * time.Second, GiveUp: 25 * time.Second, Now: time.Now, Gone: errGone, Ticker: func(d time.Duration) (<-chan time.Time, func()) {
		t := time.NewTicker(d)
		return t.C, t.Stop
	}}
}

func lost(h *Heartbeat) bool {
	select {
	case <-h.Lost():
		return true
	default:
		return false
	}
}

func TestALeaseIsRenewedUntilItIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var renewals atomic.Int64
		h := Keep(pulse(), time.Now(), func(context.Context) error { renewals.Add(1); return nil })
		time.Sleep(time.Hour + time.Second)
		require.True(t, h.Alive())
		h.Stop()
		require.EqualValues(t, 360, renewals.Load())
		time.Sleep(time.Hour)
		require.EqualValues(t, 360, renewals.Load())
		require.False(t, lost(h), "it was given back")
	})
}

func TestALeaseThatIsAnothersIsLostAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := Keep(pulse(), time.Now(), func(context.Context) error { return errGone })
		time.Sleep(11 * time.Second)
		require.True(t, lost(h))
		require.False(t, h.Alive())
		h.Stop()
	})
}

func TestARenewalMayFailForAsLongAsTheLeaseMayBeCountedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		h := Keep(pulse(), time.Now(), func(context.Context) error {
			if down.Load() {
				return errors.New("the network is down")
			}
			return nil
		})
		down.Store(true)
		time.Sleep(21 * time.Second) // two fail
		require.False(t, lost(h))
		down.Store(false)
		time.Sleep(10 * time.Second)
		down.Store(true)
		time.Sleep(20 * time.Second)
		require.False(t, lost(h), "it counts from the one that came through")
		time.Sleep(10 * time.Second)
		require.True(t, lost(h))
		h.Stop()
	})
}

func TestARenewalThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := Keep(pulse(), time.Now(), func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		time.Sleep(31 * time.Second)
		require.True(t, lost(h))
		h.Stop()
	})
}

// A machine that slept wakes before its heartbeat does: the clock on the wall
// has gone on, and the one that drives tickers and differences has not.
func TestAMachineThatSleptDoesNotCountOnItsLease(t *testing.T) {
	before := time.Now()
	after := before.Add(time.Hour)
	asleep := after
	monotonic := (*[2]int64)(unsafe.Pointer(&asleep)) //nolint:gosec // nobody can send a machine to sleep here
	monotonic[1] -= int64(time.Hour)
	require.Zero(t, asleep.Sub(before), "Go's difference goes by the clock that stood still")
	require.Equal(t, time.Hour, elapsed(before, asleep))
	require.Equal(t, time.Hour, elapsed(before, after))

	setBack := after.Round(0).Add(-2 * time.Hour)
	require.Equal(t, -time.Hour, elapsed(before, setBack), "times without the other clock go by the wall alone")

	now := before
	p := pulse()
	p.Now = func() time.Time { return now }
	p.Ticker = func(time.Duration) (<-chan time.Time, func()) { return nil, func() {} }
	h := Keep(p, before, func(context.Context) error { return nil })
	require.True(t, h.Alive())
	now = asleep
	require.False(t, h.Alive())
	h.Stop()
}
