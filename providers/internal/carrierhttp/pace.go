package carrierhttp

import (
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

// pace is a rate: never above the configured one, halved by a throttle,
// recovering additively (AIMD). A nil one is no limit. Whoever uses it keeps
// others out meanwhile.
type pace struct {
	configured rate.Limit
	limiter    *rate.Limiter
	sent       []time.Time // when the last requests left, as many as a second takes; in a ring
	oldest     int         // of those
	span       time.Duration
	late       time.Duration // by how much a request may leave after its tick and count as one that left at it
	halved     time.Time     // when it was last halved
	changed    time.Time     // when it last changed at all
}

// newPace allows bursts of 50 ms' worth: enough that ticks and short sleeps' coarseness
// cost nothing, too few for a carrier that counts by the second to notice: with 80 ms'
// worth, 54 of 50 requests came in a second where a burst was some milliseconds late.
// It is nil for a rate of 0.
func newPace(perSecond float64) *pace {
	if perSecond <= 0 {
		return nil
	}
	p := &pace{limiter: rate.NewLimiter(rate.Limit(perSecond), burstOf(perSecond))}
	p.configure(perSecond)
	return p
}

// spread is how much longer than its time a second's worth of requests takes to leave:
// on their way to the carrier, some come closer to each other.
const spread = 15 * time.Millisecond

// mostCounted is how many of the last requests are counted at most, whatever the rate:
// where a second takes more, they are held to their part of it.
const mostCounted = 10_000

// configure sets the rate that is never passed: no more requests leave in a second
// than it has in one, whatever made some of them late. Tokens alone don't see to that,
// since they are given before a request leaves.
func (p *pace) configure(perSecond float64) {
	p.configured = rate.Limit(perSecond)
	most := max(1, int(min(perSecond, mostCounted)))
	last := make([]time.Time, 0, most)
	for i := range p.sent { // the oldest first
		last = append(last, p.sent[(p.oldest+i)%len(p.sent)])
	}
	last = last[max(0, len(last)-most):]
	p.sent = append(make([]time.Time, most-len(last)), last...)
	p.oldest, p.span = 0, time.Duration(float64(most)/perSecond*float64(time.Second))
	if most > 1 {
		longer := min(spread, p.span/64)
		p.span, p.late = p.span+longer, longer/3
	}
}

// wait is how long a request may not leave yet. A nil pace lets all leave.
func (p *pace) wait(now time.Time) time.Duration {
	if p == nil || p.sent[p.oldest].IsZero() {
		return 0
	}
	return p.sent[p.oldest].Add(p.span).Sub(now)
}

// left notes that a request leaves. One that is a little late is noted as if it weren't,
// else each that is would make the one a second later miss its tick. The spread has room
// for that.
func (p *pace) left(now time.Time) {
	if p == nil {
		return
	}
	if p.gathers() {
		now = now.Add(-min(sinceTick(now), p.late))
	}
	p.sent[p.oldest] = now
	p.oldest = (p.oldest + 1) % len(p.sent)
}

// gathers reports whether tokens are kept that come while nobody takes them.
func (p *pace) gathers() bool { return p.limiter.Burst() > 1 }

func burstOf(perSecond float64) int { return max(1, int(perSecond/20)) }

// tick is how often requests leave at most, where their rates gather some meanwhile. All
// accounts of the process have the same ticks: it wakes up once for all requests that may
// leave by then, and about once for their answers, rather than for each of them.
const tick = 20 * time.Millisecond

// nap is how long to sleep for a request that has its tokens after delay: to the tick
// after that. Tokens that come meanwhile are kept, unless a rate keeps none.
func nap(now time.Time, delay time.Duration, paces ...*pace) time.Duration {
	for _, p := range paces {
		if p != nil && !p.gathers() {
			return delay
		}
	}
	return delay + untilTick(now.Add(delay))
}

// napIfNear is nap for a request that may be among those of the last second after delay,
// where what is lost by waiting stays lost: where it comes late, it leaves between two
// ticks. A second later, the spread of that second brings it nearer to one.
func napIfNear(now time.Time, delay time.Duration, paces ...*pace) time.Duration {
	if long := nap(now, delay, paces...); long < delay+tick/2 {
		return long
	}
	return delay
}

// untilTick is how long it is to the next tick, and sinceTick since the last; 0 at one.
func untilTick(at time.Time) time.Duration { return (tick - sinceTick(at)) % tick }
func sinceTick(at time.Time) time.Duration { return time.Duration(at.UnixNano() % int64(tick)) }

// lower brings the configured rate down to perSecond, where that is less.
func (p *pace) lower(now time.Time, perSecond float64) {
	if limit := rate.Limit(perSecond); limit < p.configured {
		p.configure(perSecond)
		p.limiter.SetLimitAt(now, min(p.limiter.Limit(), limit))
		p.limiter.SetBurstAt(now, burstOf(perSecond))
	}
}

// until is how long it is until there is a token. It takes none.
func (p *pace) until(now time.Time) time.Duration {
	if p == nil {
		return 0
	}
	p.recover(now)
	missing := 1 - p.limiter.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing / float64(p.limiter.Limit()) * float64(time.Second))
}

// reserve takes a token, which may be one of the future.
func (p *pace) reserve(now time.Time) *rate.Reservation {
	if p == nil {
		return nil
	}
	p.recover(now)
	return p.limiter.ReserveN(now, 1)
}

// recover gives back what of the rate has come back since a throttle.
func (p *pace) recover(now time.Time) {
	if current := p.limiter.Limit(); current < p.configured {
		back := rate.Limit(recovery*now.Sub(p.changed).Seconds()) * p.configured
		p.limiter.SetLimitAt(now, min(p.configured, current+max(back, 0)))
		p.changed = now
	}
}

func (p *pace) slowDown(now time.Time) {
	if p == nil || !p.halved.IsZero() && now.Sub(p.halved) < calm {
		return
	}
	p.limiter.SetLimitAt(now, max(p.limiter.Limit()/2, p.configured*slowest))
	p.halved, p.changed = now, now
}
