package stored

import (
	"context"
	"errors"
	"fmt"
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
	// Sleep is [state.Env].Sleep; without it nothing waits for a store that is away.
	Sleep func(ctx context.Context, d time.Duration) error
	// Away is [state.Env].Away; nil is nobody.
	Away func(err error)
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
	renewed time.Time     // when the last renewal that came through was begun
	beaten  chan struct{} // closed, and replaced, by each renewal that comes through
	waiting int           // operations that wait for a store that is away
}

// Keep renews a lease at each tick, until it is stopped or the lease is lost.
// since is when the lease was asked for. A renewal that fails is tried again
// at the next tick, for as long as the lease may be counted on.
func Keep(pulse Pulse, since time.Time, renew func(ctx context.Context) error) *Heartbeat {
	ctx, cancel := context.WithCancel(context.Background())
	h := &Heartbeat{pulse: pulse, renew: renew, renewed: since, lost: make(chan struct{}), end: cancel, done: make(chan struct{}), beaten: make(chan struct{})}
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
	close(h.beaten)
	h.beaten = make(chan struct{})
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

// ErrLeaseLost says that a lease can't be counted on any more.
var ErrLeaseLost = errors.New("the lock could not be kept, and another run may have it by now")

// Assure returns once the lease may be counted on: at once where it may, and
// with the next renewal that comes through where the machine slept, or the store
// was away. It fails where the lease is lost or given back, or ctx ends.
func (h *Heartbeat) Assure(ctx context.Context) error {
	for {
		h.mu.Lock()
		beaten := h.beaten
		h.mu.Unlock()
		if h.Alive() {
			return nil
		}
		select {
		case <-beaten:
		case <-h.lost:
			return ErrLeaseLost
		case <-h.done:
			return ErrLeaseLost
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// The pauses between two attempts to reach a store that is away.
const (
	firstAway   = 250 * time.Millisecond
	longestAway = 2 * time.Second
)

// Persist makes an attempt at what a run needs of its store. Where it fails in
// passing, since the store is away, Persist says so and tries again, for as long
// as the lease may be counted on. An attempt may come after one whose answer was
// lost.
func (h *Heartbeat) Persist(passing func(error) bool, attempt func() error) error {
	err := attempt()
	if err == nil || !passing(err) || h.pulse.Sleep == nil || !h.Alive() {
		return err
	}
	h.away(err)
	defer func() { h.back(err) }()
	var waited time.Duration // by a clock that a test may stop, too
	for pause := firstAway; waited < h.pulse.GiveUp && h.Alive(); pause = min(2*pause, longestAway) {
		if h.pulse.Sleep(context.Background(), pause) != nil {
			return err
		}
		waited += pause
		if err = attempt(); err == nil || !passing(err) {
			return err
		}
	}
	return err
}

// away says that the store is away, once for all who wait for it.
func (h *Heartbeat) away(err error) {
	h.mu.Lock()
	h.waiting++
	first := h.waiting == 1
	h.mu.Unlock()
	if first && h.pulse.Away != nil {
		h.pulse.Away(err)
	}
}

// back says that the store is there again, with the last who waited for it.
func (h *Heartbeat) back(err error) {
	h.mu.Lock()
	h.waiting--
	last := h.waiting == 0
	h.mu.Unlock()
	if last && err == nil && h.pulse.Away != nil {
		h.pulse.Away(nil)
	}
}

// Lost is closed when the lease can't be kept.
func (h *Heartbeat) Lost() <-chan struct{} { return h.lost }

// Stop ends the renewals, and waits for that.
func (h *Heartbeat) Stop() {
	h.end()
	<-h.done
}

// Stays is the error of a lease that could not be given back: its id, how long it
// is good for at most, and how it is removed before.
func Stays(err error, id string, good time.Duration) error {
	return fmt.Errorf("%w; what was saved is saved, and the lock runs out by itself within %s: cardfleet force-unlock %s removes it before", err, good, id)
}
