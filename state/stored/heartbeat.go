package stored

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Pulse is how a lease is kept: a lock that runs out unless its holder renews it.
type Pulse struct {
	// Every is the time between two renewals, and the most that one may take.
	Every time.Duration
	// GiveUp is how long the lease is counted on after the last renewal that
	// came through was begun. It is less than what the lease is good for.
	GiveUp time.Duration
	Now    func() time.Time
	// Ticker is [state.Env].Ticker.
	Ticker func(d time.Duration) (ticks <-chan time.Time, stop func())
	// Gone is what a renewal fails with where the lease is another's by now.
	Gone error
}

// Heartbeat keeps a lease. Make one with [Keep].
//
// It goes by the clock and not by the ticks that were missed: a machine that
// slept wakes before its heartbeat does.
type Heartbeat struct {
	pulse Pulse
	renew func(ctx context.Context) error
	lost  chan struct{}
	end   context.CancelFunc
	done  chan struct{}

	mu      sync.Mutex
	renewed time.Time // when the last renewal that came through was begun
}

// Keep renews a lease at each tick, until it is stopped or the lease is lost.
// since is when the lease was asked for. A renewal that fails is tried again
// at the next tick, for as long as the lease may be counted on.
func Keep(pulse Pulse, since time.Time, renew func(ctx context.Context) error) *Heartbeat {
	ctx, cancel := context.WithCancel(context.Background())
	h := &Heartbeat{pulse: pulse, renew: renew, renewed: since, lost: make(chan struct{}), end: cancel, done: make(chan struct{})}
	ticks, stop := pulse.Ticker(pulse.Every)
	go func() {
		defer close(h.done)
		defer stop()
		h.beat(ctx, ticks)
	}()
	return h
}

func (h *Heartbeat) beat(ctx context.Context, ticks <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
		err := h.once(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, h.pulse.Gone) || !h.Alive() {
			close(h.lost)
			return
		}
	}
}

// once renews the lease, and notes when.
func (h *Heartbeat) once(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, h.pulse.Every)
	defer cancel()
	begun := h.pulse.Now()
	if err := h.renew(ctx); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.renewed = begun
	return nil
}

// Alive reports whether the lease may be counted on.
func (h *Heartbeat) Alive() bool {
	select {
	case <-h.lost:
		return false
	default:
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return elapsed(h.renewed, h.pulse.Now()) < h.pulse.GiveUp
}

// elapsed is the time from one moment to another by the clock on the wall, or
// by the one that only goes forward where that says more. The latter stands
// still while a machine sleeps; the former may be set back.
func elapsed(from, to time.Time) time.Duration {
	return max(to.Sub(from), to.Round(0).Sub(from.Round(0)))
}

// Lost is closed when the lease can't be kept.
func (h *Heartbeat) Lost() <-chan struct{} { return h.lost }

// Stop ends the renewals, and waits for that.
func (h *Heartbeat) Stop() {
	h.end()
	<-h.done
}
