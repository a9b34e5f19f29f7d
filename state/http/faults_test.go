package http_test

import (
	"fmt"
	nethttp "net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/http"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// TestAFaultAtAnyRequestLosesNothing stops a run at each of its requests, once
// before the server carried it out and once after. What was acknowledged is
// there, and the next run works.
func TestAFaultAtAnyRequestLosesNothing(t *testing.T) {
	for nth := 1; ; nth++ {
		for _, status := range []int{500, -500} {
			t.Run(fmt.Sprintf("request %d, status %d", nth, status), func(t *testing.T) {
				s, url := newServer(t, &server{gitlab: true})
				seen := 0
				s.before = func(*nethttp.Request) int {
					if seen++; seen >= nth {
						return map[bool]int{true: status, false: 503}[seen == nth] // and nothing works after it
					}
					return 0
				}
				b, _ := open(t, withoutRetry(at(url, true)))
				acked, committed := faultyRun(t, b)
				s.set(func() { s.before, s.lock = nil, nil })

				next, _ := open(t, at(url, true))
				snap := read(t, next)
				require.GreaterOrEqual(t, len(snap.Cards), acked, "an acknowledged record is lost")
				if committed {
					require.EqualValues(t, 1, snap.Serial, "an acknowledged commit is lost")
				}
				require.NoError(t, next.Commit(t.Context(), snap, state.Edits{}))
			})
		}
		if s := requestsOfARun(t); nth > s {
			return
		}
	}
}

func withoutRetry(c http.Config) http.Config {
	c.RetryMax = 0
	return c
}

// requestsOfARun is how many requests a run makes that nothing stops.
func requestsOfARun(t *testing.T) int {
	t.Helper()
	s, url := newServer(t, &server{gitlab: true})
	b, _ := open(t, at(url, true))
	acked, committed := faultyRun(t, b)
	require.Equal(t, 3, acked)
	require.True(t, committed)
	return len(s.requests)
}

// faultyRun records three cards and commits, and goes as far as it comes.
func faultyRun(t *testing.T, b state.Backend) (acked int, committed bool) {
	unlock, err := b.Lock(t.Context(), state.LockInfo{})
	if err != nil {
		return 0, false
	}
	defer func() { _ = unlock() }() // a fault may be there too
	j, err := b.Journal(t.Context())
	if err != nil {
		return 0, false
	}
	for n := range 3 {
		if j.Append(t.Context(), statetest.Put(statetest.Card(n, ""))) != nil {
			return acked, false
		}
		acked++
	}
	snap, err := b.Read(t.Context())
	if err != nil {
		return acked, false
	}
	return acked, b.Commit(t.Context(), snap, state.Edits{}) == nil
}
