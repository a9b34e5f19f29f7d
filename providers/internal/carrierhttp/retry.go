package carrierhttp

import (
	"context"
	"encoding/binary"
	"errors"
	"net/http"
	"strconv"
	"time"
)

const (
	firstPause   = 200 * time.Millisecond
	longestPause = 10 * time.Second
	// longestAsked is the most that a carrier's Retry-After is obeyed: a
	// carrier that asks for an hour must not hang a run for an hour.
	longestAsked = time.Minute
	// throttleFactor is how many more times a throttled call is repeated than
	// one that failed: it cost the carrier nothing, and the pace comes down meanwhile.
	throttleFactor = 4
)

// Verdict is what a failed attempt means for the next one.
type Verdict struct {
	Again     bool          // repeating it is safe, and may help
	Throttled bool          // there were too many calls
	After     time.Duration // how long the carrier asks to wait; 0 where it doesn't
}

// Policy repeats a decoded call. Carriers report failures inside HTTP 200 and
// refusals as HTTP 404, so it is the caller who judges, not the transport.
type Policy struct {
	// Retries is how often a failed call is repeated; throttled ones four times as often.
	Retries int
	Judge   func(error) Verdict
	Sleep   func(ctx context.Context, d time.Duration) error
	Random  func(p []byte) // for jitter
	// Throttled is told of each throttle, and of the attempt's error; see
	// [Transport.Throttled].
	Throttled func(error)
}

// Do calls attempt until it succeeds, may not be repeated, or was repeated
// often enough. It returns the last attempt's error, also where ctx ends
// between two attempts.
func (p Policy) Do(ctx context.Context, attempt func() error) error {
	var failed, throttled int
	for {
		err := attempt()
		if err == nil {
			return nil
		}
		if quota := (*QuotaError)(nil); errors.As(err, &quota) {
			return err // it was not sent, nor would be
		}
		verdict := p.Judge(err)
		if verdict.Throttled {
			p.Throttled(err)
			throttled++
		} else {
			failed++
		}
		if !verdict.Again || failed > p.Retries || throttled > p.Retries*throttleFactor {
			return err
		}
		if p.Sleep(ctx, p.pause(failed+throttled, verdict.After)) != nil {
			return err
		}
	}
}

// pause is exponential with jitter, and never shorter than the carrier asked for.
func (p Policy) pause(attempt int, asked time.Duration) time.Duration {
	pause := longestPause
	if shift := attempt - 1; shift < 6 {
		pause = min(firstPause<<shift, longestPause)
	}
	if asked = min(asked, longestAsked); asked > pause {
		return asked + p.jitter(asked/10)
	}
	return max(asked, Uneven(pause, p.Random))
}

// jitter is a random duration of less than d.
func (p Policy) jitter(d time.Duration) time.Duration { return jitter(d, p.Random) }

// Uneven is a pause of half of d at least and less than d, so that those who wait
// for the same thing don't all come back at once.
func Uneven(d time.Duration, random func(p []byte)) time.Duration { return d/2 + jitter(d/2, random) }

func jitter(d time.Duration, random func(p []byte)) time.Duration {
	var b [8]byte
	random(b[:])
	return time.Duration(float64(d) * (float64(binary.LittleEndian.Uint64(b[:])>>11) / (1 << 53)))
}

// RetryAfter reads the header of that name: seconds or a date (RFC 9110
// §10.2.3). 0 where it is missing or makes no sense.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(min(max(seconds, 0), 86400)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
