package run

import (
	"context"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

// Held is [apply.Options].Held for a fleet's windows. It keeps what it finds until
// that changes, so that a million actions may ask.
func Held(fleet *spec.Fleet) func(kind spec.Kind, now time.Time) string {
	if len(fleet.Windows) == 0 {
		return nil
	}
	type answer struct {
		reason      string
		from, until time.Time // until is zero for ever
	}
	var mu sync.Mutex
	known := map[spec.Kind]answer{}
	return func(kind spec.Kind, now time.Time) string {
		mu.Lock()
		defer mu.Unlock()
		a, ok := known[kind]
		if !ok || now.Before(a.from) || !a.until.IsZero() && !now.Before(a.until) {
			a.from = now
			a.reason, a.until = fleet.Held(kind, now)
			known[kind] = a
		}
		return a.reason
	}
}

// LastStart is when a run that is to be over a while after it began starts nothing
// more, so that calls under way end in time: the slowest carrier's answer may get
// lost, and is looked into by one more call, and then the state is committed. It is a
// quarter of a short while.
func (c Carriers) LastStart(began time.Time, while time.Duration) time.Time {
	const commit = 10 * time.Second
	var slowest time.Duration
	for _, p := range c.Providers {
		if paced, ok := p.(providers.Paced); ok {
			slowest = max(slowest, paced.Limits().Timeout)
		}
	}
	return began.Add(while - min(2*slowest+commit, while/4))
}

// Within is a context that is cancelled at a moment with [apply.ErrOutOfTime] as its
// cause; one of the zero time never is by itself. over ends the watch.
func (s Store) Within(ctx context.Context, until time.Time) (within context.Context, over func()) {
	if until.IsZero() {
		return ctx, func() {}
	}
	within, cancel := context.WithCancelCause(ctx)
	left := until.Sub(s.Env.Now())
	if left <= 0 {
		cancel(apply.ErrOutOfTime)
		return within, func() {}
	}
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if s.Env.Sleep(within, left) == nil {
			cancel(apply.ErrOutOfTime)
		}
	}()
	return within, func() {
		cancel(nil)
		<-watched
	}
}

// held is why nothing of a plan, or no action of a kind, may start at a moment. The
// time on the wall counts: a machine that slept has no time left either.
func (s *Session) held(p *Planned) func(kind spec.Kind, now time.Time) string {
	windows, until := Held(s.Fleet), p.Until.Round(0)
	if until.IsZero() {
		return windows
	}
	return func(kind spec.Kind, now time.Time) string {
		switch {
		case !now.Round(0).Before(until):
			return apply.ErrOutOfTime.Error()
		case windows == nil:
			return ""
		}
		return windows(kind, now)
	}
}
