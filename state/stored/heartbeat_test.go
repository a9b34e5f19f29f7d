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

// waits is a heartbeat whose renewals fail while its store is down, with what it
// said of that.
func waits(down *atomic.Bool) (h *Heartbeat, said *[]string) {
	said = &[]string{}
	p := pulse()
	p.Sleep = func(ctx context.Context, d time.Duration) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p.Away = func(err error) {
		if err == nil {
			*said = append(*said, "back")
			return
		}
		*said = append(*said, err.Error())
	}
	return Keep(p, time.Now(), func(context.Context) error { return downAs(down) }), said
}

var errDown = errors.New("the store restarts")

func downAs(down *atomic.Bool) error {
	if down.Load() {
		return errDown
	}
	return nil
}

func isDown(err error) bool { return errors.Is(err, errDown) }

func TestAStoreThatIsAwayForLessThanTheLeaseEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		h, said := waits(&down)
		time.Sleep(time.Minute + time.Second)
		down.Store(true)
		began := time.Now()
		time.AfterFunc(15*time.Second, func() { down.Store(false) })
		require.NoError(t, h.Persist(isDown, func() error { return downAs(&down) }))
		require.InDelta(t, 15, time.Since(began).Seconds(), 2)
		require.Equal(t, []string{"the store restarts", "back"}, *said, "once each")
		require.False(t, lost(h))

		down.Store(true)
		began = time.Now()
		require.ErrorIs(t, h.Persist(isDown, func() error { return downAs(&down) }), errDown)
		require.LessOrEqual(t, time.Since(began), 27*time.Second, "no longer than the lease may be counted on")
		require.Equal(t, []string{"the store restarts", "back", "the store restarts"}, *said, "it isn't back")

		refused := errors.New("refused")
		require.ErrorIs(t, h.Persist(isDown, func() error { return refused }), refused)
		require.Len(t, *said, 3, "what the store refuses isn't waited for")
		h.Stop()
	})
}

func TestWhoAsksForTheLeaseWaitsUntilItIsSure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		h, _ := waits(&down)
		require.NoError(t, h.Assure(t.Context()))

		// The machine sleeps past the lease: its clock goes on, its heartbeat doesn't.
		h.mu.Lock()
		h.renewed = h.renewed.Add(-time.Hour)
		h.mu.Unlock()
		began := time.Now()
		require.NoError(t, h.Assure(t.Context()), "nobody took it over")
		require.Equal(t, 10*time.Second, time.Since(began), "with the next renewal, and not before")

		over, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		down.Store(true)
		h.mu.Lock()
		h.renewed = h.renewed.Add(-time.Hour)
		h.mu.Unlock()
		require.ErrorIs(t, h.Assure(over), context.DeadlineExceeded)
		require.ErrorIs(t, h.Assure(t.Context()), ErrLeaseLost)
		require.True(t, lost(h))
		h.Stop()
	})
}

func TestALeaseThatWasGivenBackIsNotSure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		h, _ := waits(&down)
		h.Stop()
		time.Sleep(time.Hour)
		require.ErrorIs(t, h.Assure(t.Context()), ErrLeaseLost)
	})
}
