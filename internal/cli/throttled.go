package cli

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

// throttling is how often the carriers throttled calls of a phase, and what of
// it was said.
type throttling struct {
	mu sync.Mutex
	of map[spec.ProviderName]*throttled
}

// throttled is one provider's part of it.
type throttled struct {
	calls int // by now
	said  int // of them, when it was last said
	at    time.Time
	last  providers.Throttle
}

// Throttled says that a carrier throttles: at the first call, then every ten
// seconds while it goes on, and at the phase's end.
func (w *watcher) Throttled(provider spec.ProviderName, throttle providers.Throttle) {
	now := w.out.env.Now()
	w.throttling.mu.Lock()
	defer w.throttling.mu.Unlock()
	t := w.throttling.of[provider]
	if t == nil {
		t = &throttled{}
		w.throttling.of[provider] = t
	}
	t.calls++
	t.last = throttle
	if t.said == 0 || now.Sub(t.at) >= between {
		t.at = now
		w.sayThrottled(provider, t)
	}
}

// restOfThrottling says what was not said yet.
func (w *watcher) restOfThrottling() {
	w.throttling.mu.Lock()
	defer w.throttling.mu.Unlock()
	for _, provider := range slices.Sorted(maps.Keys(w.throttling.of)) {
		if t := w.throttling.of[provider]; t.calls > t.said {
			w.sayThrottled(provider, t)
		}
	}
}

func (w *watcher) sayThrottled(provider spec.ProviderName, t *throttled) {
	t.said = t.calls
	text := throttledText(provider, t)
	w.out.event("warn", "throttled", text, map[string]any{
		"provider": provider, "calls": t.calls, "requests_per_second": t.last.PerSecond, "full_requests_per_second": t.last.Full, "error": t.last.Err.Error(),
	})
	w.say(text)
}

// throttledText is "aliyun: the carrier throttled 12 calls by now, and the pace
// is 5/s of 20/s; the last: QueryCardStatus: isv.FLOW_LIMIT: …".
func throttledText(provider spec.ProviderName, t *throttled) string {
	calls := "a call"
	if t.calls > 1 {
		calls = render.Thousands(t.calls) + " calls by now"
	}
	pace := "no requests_per_second holds it back"
	if t.last.Full > 0 {
		pace = fmt.Sprintf("the pace is %s/s of %s/s", perSecond(t.last.PerSecond), perSecond(t.last.Full))
	}
	return fmt.Sprintf("%s: the carrier throttled %s, and %s; the last: %v", provider, calls, pace, t.last.Err)
}

// perSecond is a rate to the hundredth.
func perSecond(rate float64) string {
	return strconv.FormatFloat(math.Round(100*rate)/100, 'f', -1, 64)
}
