package carrierhttp

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// recovery is the part of the configured rate that comes back each second after a throttle.
	recovery = 0.05
	// slowest is the part of the configured rate below which throttles don't push it.
	slowest = 1.0 / 64
	// calm is how long further throttles are taken for echoes of the one that halved the rate.
	calm = time.Second
)

// pace is an account's rate: never above the configured one, halved by a
// throttle, recovering additively (AIMD).
type pace struct {
	configured rate.Limit

	mu      sync.Mutex
	limiter *rate.Limiter
	halved  time.Time // when it was last halved
	changed time.Time // when it last changed at all
}

// newPace allows bursts of 50 ms' worth: enough that short sleeps' coarseness
// costs nothing, too few for a carrier that counts by the second to notice.
func newPace(perSecond float64) *pace {
	burst := max(1, int(perSecond/20))
	return &pace{configured: rate.Limit(perSecond), limiter: rate.NewLimiter(rate.Limit(perSecond), burst)}
}

// wait takes a token, sleeping until its time has come.
func (p *pace) wait(ctx context.Context, now func() time.Time, sleep func(context.Context, time.Duration) error) error {
	at := now()
	reservation := p.reserve(at)
	delay := reservation.DelayFrom(at)
	if delay <= 0 {
		return nil
	}
	if err := sleep(ctx, delay); err != nil {
		reservation.CancelAt(now())
		return err
	}
	return nil
}

func (p *pace) reserve(now time.Time) *rate.Reservation {
	p.mu.Lock()
	defer p.mu.Unlock()
	if current := p.limiter.Limit(); current < p.configured {
		back := rate.Limit(recovery*now.Sub(p.changed).Seconds()) * p.configured
		p.limiter.SetLimitAt(now, min(p.configured, current+max(back, 0)))
		p.changed = now
	}
	return p.limiter.ReserveN(now, 1)
}

func (p *pace) slowDown(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.halved.IsZero() && now.Sub(p.halved) < calm {
		return
	}
	p.limiter.SetLimitAt(now, max(p.limiter.Limit()/2, p.configured*slowest))
	p.halved, p.changed = now, now
}
