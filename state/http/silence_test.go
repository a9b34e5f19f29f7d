package http_test

import (
	"context"
	"io"
	nethttp "net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/http"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// mute gives requests to a server, but for those that it takes and never
// answers. Before that it takes a while to send their bodies.
type mute struct {
	server *server
	takes  time.Duration // to send a body of any size

	mu   sync.Mutex
	deaf func(r *nethttp.Request) bool // nil for none
}

func (m *mute) RoundTrip(r *nethttp.Request) (*nethttp.Response, error) {
	m.mu.Lock()
	deaf := m.deaf != nil && m.deaf(r)
	m.mu.Unlock()
	if !deaf {
		return answered{m.server}.RoundTrip(r)
	}
	for range m.takes / time.Second {
		if !posts(r) {
			break
		}
		if _, err := r.Body.Read(make([]byte, 1)); err != nil {
			return nil, err
		}
		time.Sleep(time.Second) // of the bubble's clock
	}
	if r.Body != nil {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
	}
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func (m *mute) never(answers func(r *nethttp.Request) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.deaf = answers
}

// heard are what a run was told about its server, with the time.
type heard struct {
	mu    sync.Mutex
	since time.Time
	lines []string
}

func (h *heard) away(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := "it answers"
	if err != nil {
		text = err.Error()
	}
	h.lines = append(h.lines, time.Since(h.since).String()+": "+text)
}

// silently runs test in a bubble, with a run that has the lock, and the journal.
func silently(t *testing.T, takes time.Duration, test func(t *testing.T, m *mute, run context.Context, stop func(), h *heard, b *http.Backend, j state.Journal, unlock func() error)) {
	synctest.Test(t, func(t *testing.T) {
		m := &mute{server: &server{serials: map[float64]bool{}}, takes: takes}
		h := &heard{since: time.Now()}
		b := through(t, m, at("https://states.example", false), h.away)
		run, stop := context.WithCancel(t.Context())
		defer stop()
		unlock, err := b.Lock(run, state.LockInfo{ID: "5f1c"})
		require.NoError(t, err)
		j, err := b.Journal(run)
		require.NoError(t, err)
		test(t, m, run, stop, h, b, j, unlock)
	})
}

func posts(r *nethttp.Request) bool { return r.Method == nethttp.MethodPost }
func all(*nethttp.Request) bool     { return true }

// fromTheFirstWriteOn is of a write and all that follows.
func fromTheFirstWriteOn() func(*nethttp.Request) bool {
	written := false
	return func(r *nethttp.Request) bool {
		written = written || posts(r)
		return written
	}
}

func TestAServerThatTakesAWriteAndNeverAnswersIsNamedAndGivenUpAtTheFirstSignal(t *testing.T) {
	for name, c := range map[string]struct {
		signal, sending, ends time.Duration // since the write began
	}{
		"a signal after the line":  {25 * time.Second, 0, 25 * time.Second},
		"a signal before the line": {3 * time.Second, 0, 10 * time.Second},
		"a body that takes long":   {15 * time.Second, 20 * time.Second, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			silently(t, c.sending, func(t *testing.T, m *mute, _ context.Context, stop func(), h *heard, b *http.Backend, j state.Journal, unlock func() error) {
				s := read(t, b)
				m.never(fromTheFirstWriteOn())
				signal := time.AfterFunc(c.signal, stop)
				defer signal.Stop()
				err := j.Append(context.WithoutCancel(t.Context()), statetest.Put(statetest.Card(1, "")))
				require.ErrorContains(t, err, "it may have been done all the same")
				// The write, and the look whether the server has it: two seconds at most.
				ended := time.Since(h.since)
				require.GreaterOrEqual(t, ended, c.ends-time.Second) // a body may end at the very tick that looks at it
				require.LessOrEqual(t, ended, c.ends+2*time.Second)
				require.Error(t, b.Commit(context.Background(), s, state.Edits{}))
				err = unlock()
				require.ErrorContains(t, err, "the lock stays")
				require.ErrorContains(t, err, "cardfleet force-unlock 5f1c")
				require.LessOrEqual(t, time.Since(h.since), ended+4*time.Second, "two seconds for each that is left to be tried")
				told := c.sending + 10*time.Second
				require.Len(t, h.lines, 1)
				require.Contains(t, []string{told.String(), (told - time.Second).String()}, strings.TrimSuffix(h.lines[0], ": write the state https://states.example/state: no answer for 10 s"))
			})
		})
	}
}

func TestAServerThatAnswersAfterAllEndsNothing(t *testing.T) {
	silently(t, 0, func(t *testing.T, m *mute, _ context.Context, _ func(), h *heard, b *http.Backend, j state.Journal, unlock func() error) {
		m.never(once(posts))
		require.NoError(t, j.Append(t.Context(), statetest.Put(statetest.Card(1, ""))))
		require.Equal(t, []string{"10s: write the state https://states.example/state: no answer for 10 s", "5m1s: it answers"}, h.lines)
		require.NoError(t, b.Commit(t.Context(), read(t, b), state.Edits{}))
		require.NoError(t, unlock())
	})
}

// once is of the first request of that kind.
func once(kind func(*nethttp.Request) bool) func(*nethttp.Request) bool {
	seen := false
	return func(r *nethttp.Request) bool {
		if seen || !kind(r) {
			return false
		}
		seen = true
		return true
	}
}

// A signal ends no write that is answered: what has left is recorded, and all is
// saved.
func TestASignalEndsNoWriteThatIsAnswered(t *testing.T) {
	silently(t, 0, func(t *testing.T, m *mute, _ context.Context, stop func(), h *heard, b *http.Backend, j state.Journal, unlock func() error) {
		stop()
		require.NoError(t, j.Append(context.WithoutCancel(t.Context()), statetest.Put(statetest.Card(1, ""))))
		s := read(t, b)
		require.NoError(t, b.Commit(context.WithoutCancel(t.Context()), s, state.Edits{}))
		require.NoError(t, unlock())
		require.Empty(t, h.lines)
		require.Len(t, read(t, b).Cards, 1)
	})
}

// The write was made, and only its answer is missing: the look at what the server
// has finds it.
func TestAWriteThatWasMadeThoughItsAnswerNeverCameIsFound(t *testing.T) {
	silently(t, 0, func(t *testing.T, m *mute, _ context.Context, stop func(), h *heard, b *http.Backend, j state.Journal, unlock func() error) {
		m.never(func(r *nethttp.Request) bool {
			if !posts(r) {
				return false
			}
			body, err := r.GetBody()
			require.NoError(t, err)
			_, err = answered{m.server}.RoundTrip(&nethttp.Request{Method: r.Method, URL: r.URL, Header: r.Header, Body: body})
			require.NoError(t, err)
			return true
		})
		defer time.AfterFunc(12*time.Second, stop).Stop()
		require.NoError(t, j.Append(context.WithoutCancel(t.Context()), statetest.Put(statetest.Card(1, ""))))
		require.Equal(t, 12*time.Second, time.Since(h.since))
		require.NoError(t, unlock())
	})
}

func TestALockWhoseAnswerNeverComesIsNamedSoThatItCanBeRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &heard{since: time.Now()}
		m := &mute{server: &server{serials: map[float64]bool{}}, deaf: all}
		b := through(t, m, at("https://states.example", false), h.away)
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		_, err := b.Lock(ctx, state.LockInfo{ID: "5f1c"})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "may have locked it all the same")
		require.ErrorContains(t, err, "cardfleet force-unlock 5f1c")
		require.Len(t, h.lines, 1)
		require.True(t, strings.HasPrefix(h.lines[0], "10s: lock the state"))
	})
}

func TestARunWithoutALockIsToldOfSilenceAndStopsToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &heard{since: time.Now()}
		m := &mute{server: &server{serials: map[float64]bool{}}}
		b := through(t, m, at("https://states.example", false), h.away)
		b.WithoutLock()
		run, stop := context.WithCancel(t.Context())
		defer time.AfterFunc(12*time.Second, stop).Stop()
		_, err := b.Read(run)
		require.NoError(t, err)
		j, err := b.Journal(context.WithoutCancel(run))
		require.NoError(t, err)
		m.never(fromTheFirstWriteOn())
		require.ErrorContains(t, j.Append(context.WithoutCancel(run), statetest.Put(statetest.Card(1, ""))), "it may have been done all the same")
		require.Equal(t, 14*time.Second, time.Since(h.since))
		require.Len(t, h.lines, 1)
		require.NoError(t, j.Close())
	})
}

func TestAServerThatRefusesARunWithoutALockIsToldFromOneWithoutLocks(t *testing.T) {
	s := &server{before: func(r *nethttp.Request) int { return map[string]int{"POST": 400}[r.Method] }}
	b, _ := on(t, s)
	b.WithoutLock()
	require.ErrorContains(t, b.Commit(t.Context(), read(t, b), state.Edits{}), "leave -lock=false out")
}
