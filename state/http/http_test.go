package http_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/http"
	"github.com/cardfleet/cardfleet/state/statetest"
)

func TestMain(m *testing.M) {
	// Connections that are kept for the next test are no leak of ours.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"),
		goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"))
}

// at is the configuration for a server at url.
func at(url string, gitlab bool) http.Config {
	c := http.Config{
		Address: url + "/state", LockAddress: url + "/state/lock", Username: user, Password: password,
		RetryMax: 2, RetryWaitMin: time.Second, RetryWaitMax: 30 * time.Second,
	}
	if gitlab {
		c.LockMethod, c.UnlockMethod = "POST", "DELETE"
	}
	return c
}

// sleeps are the pauses that a backend made; none takes time.
type sleeps struct {
	mu    sync.Mutex
	taken []time.Duration
}

func (s *sleeps) sleep(ctx context.Context, d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = append(s.taken, d)
	return ctx.Err()
}

func open(t testing.TB, c http.Config) (*http.Backend, *sleeps) {
	t.Helper()
	return openWith(t, c, nil)
}

func openWith(t testing.TB, c http.Config, sealer state.Sealer) (*http.Backend, *sleeps) {
	t.Helper()
	var s sleeps
	b, err := http.New(c, state.Env{
		Random: random, Sleep: s.sleep, Ticker: ticker, Transport: nethttp.DefaultTransport, Version: "0.1.0", Sealer: sealer,
	})
	require.NoError(t, err)
	return b, &s
}

func random(p []byte) { _, _ = rand.Read(p) }

func ticker(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTicker(d)
	return t.C, t.Stop
}

// on is a backend on a server.
func on(t testing.TB, s *server) (*http.Backend, *sleeps) {
	t.Helper()
	_, url := newServer(t, s)
	return open(t, at(url, s.gitlab))
}

func TestBackendSuite(t *testing.T) {
	start := func(t *testing.T) func() state.Backend {
		_, url := newServer(t, &server{})
		return func() state.Backend { b, _ := open(t, at(url, false)); return b }
	}
	statetest.Run(t, start)
	statetest.RunForceUnlock(t, start)
	statetest.RunEvents(t, start)
}

func TestNothingAcknowledgedIsLostWhenTheProcessIsKilled(t *testing.T) {
	s, url := newServer(t, &server{})
	statetest.Crash(t, url, func(place string) state.Backend {
		s.set(func() { s.lock = nil }) // as a person does with force-unlock
		b, _ := open(t, at(place, false))
		return b
	})
}

// put are edits that leave these cards.
func put(cards ...state.Card) state.Edits { return state.Edits{Put: cards} }

// appendTo records in a journal of its own.
func appendTo(t testing.TB, b state.Backend, records ...state.Record) {
	t.Helper()
	j, err := b.Journal(t.Context())
	require.NoError(t, err)
	require.NoError(t, j.Append(t.Context(), records...))
	require.NoError(t, j.Close())
}

func read(t testing.TB, b state.Backend) *state.Snapshot {
	t.Helper()
	s, err := b.Read(t.Context())
	require.NoError(t, err)
	return s
}

func TestGitLabKeepsAState(t *testing.T) {
	server := &server{gitlab: true}
	b, _ := on(t, server)
	unlock, err := b.Lock(t.Context(), state.LockInfo{ID: "1", Operation: "apply", Created: noon})
	require.NoError(t, err)
	j, err := b.Journal(t.Context())
	require.NoError(t, err)
	for i := range 3 {
		require.NoError(t, j.Append(t.Context(), statetest.Put(statetest.Card(i, "正常"))))
	}
	snap := read(t, b)
	require.Len(t, snap.Cards, 3)
	require.NoError(t, b.Commit(t.Context(), snap, state.Edits{}))
	require.Equal(t, snap, read(t, b))
	require.NoError(t, unlock())
	require.Equal(t, 4, server.writes, "three appends and a commit, each under a serial of its own")

	var doc map[string]any
	require.NoError(t, json.Unmarshal(server.body, &doc))
	require.EqualValues(t, 4, doc["serial"])
	require.Equal(t, snap.Lineage, doc["lineage"])
	require.EqualValues(t, 1, doc["cardfleet"].(map[string]any)["serial"])
}

func TestGitLabsEchoIsNotTakenForTheHolder(t *testing.T) {
	server := &server{gitlab: true}
	_, url := newServer(t, server)
	first, _ := open(t, at(url, true))
	second, _ := open(t, at(url, true))
	unlock, err := first.Lock(t.Context(), state.LockInfo{ID: "1", Operation: "apply", Info: "https://ci/1"})
	require.NoError(t, err)
	defer func() { require.NoError(t, unlock()) }()
	_, err = second.Lock(t.Context(), state.LockInfo{ID: "2", Operation: "state rm", Info: "https://ci/2", Version: "9"})
	var held *state.LockedError
	require.ErrorAs(t, err, &held)
	require.Equal(t, "1", held.Holder.ID)
	require.Equal(t, user, held.Holder.Who)
	require.Empty(t, held.Holder.Info)
	require.Empty(t, held.Holder.Operation)
	require.Empty(t, held.Holder.Version)
}

// TestALostAnswerIsLookedUp: the request was carried out, and its answer lost.
// GitLab would refuse the same serial a second time.
func TestALostAnswerIsLookedUp(t *testing.T) {
	for _, method := range []string{"LOCK", "POST", "UNLOCK"} {
		t.Run(method, func(t *testing.T) {
			s := &server{before: failing(method, 1, -502)}
			b, sleeps := on(t, s)
			unlock, err := b.Lock(t.Context(), state.LockInfo{})
			require.NoError(t, err)
			snap := read(t, b)
			require.NoError(t, b.Commit(t.Context(), snap, state.Edits{}))
			require.NoError(t, unlock())
			require.EqualValues(t, 1, read(t, b).Serial)
			require.Equal(t, 1, s.writes)
			require.Nil(t, s.lock)
			require.Equal(t, []time.Duration{time.Second}, sleeps.taken)
		})
	}
}

func TestRequestsAreRepeatedAsConfigured(t *testing.T) {
	s := &server{}
	s.before = func(r *nethttp.Request) int { return 503 }
	b, sleeps := on(t, s)
	_, err := b.Read(t.Context())
	require.ErrorContains(t, err, "HTTP 503")
	require.Equal(t, 3, s.has("GET /state"))
	require.Equal(t, []time.Duration{time.Second, 2 * time.Second}, sleeps.taken)

	s.set(func() { s.before = failing("POST", 1, 500) })
	require.NoError(t, b.Commit(t.Context(), &state.Snapshot{}, state.Edits{}))
	require.EqualValues(t, 1, read(t, b).Serial)
}

func TestARefusalIsNotRepeated(t *testing.T) {
	for status, says := range map[int]string{
		401: "CARDFLEET_HTTP_PASSWORD", 403: "may not do this", 400: "HTTP 400", 501: "HTTP 501",
	} {
		s := &server{before: func(*nethttp.Request) int { return status }}
		b, sleeps := on(t, s)
		_, err := b.Read(t.Context())
		assert.ErrorContains(t, err, says)
		assert.Empty(t, sleeps.taken, "HTTP %d", status)
	}
}

func TestNoErrorHoldsASecret(t *testing.T) {
	down := httptest.NewServer(nil)
	down.Close()
	c := at(strings.Replace(down.URL, "http://", "http://u:sEcReT1@", 1), false)
	c.Address += "?private_token=sEcReT2"
	c.Password = "sEcReT3"
	b, _ := open(t, c)
	_, readErr := b.Read(t.Context())
	_, lockErr := b.Lock(t.Context(), state.LockInfo{})
	_, newErr := http.New(http.Config{Address: "ftp://u:sEcReT4@x"}, state.Env{})
	for _, err := range []error{readErr, lockErr, newErr} {
		require.Error(t, err)
		require.NotContains(t, err.Error(), "sEcReT")
	}
}

// TestARunWhoseLockWasRemovedWritesNothing: another run has the lock and has
// written, and the first one goes on.
func TestARunWhoseLockWasRemovedWritesNothing(t *testing.T) {
	for _, checks := range []bool{true, false} { // whether the server checks the lock's id
		t.Run(fmt.Sprint("the server checks the id: ", checks), func(t *testing.T) {
			s := &server{}
			_, url := newServer(t, s)
			first, _ := open(t, at(url, false))
			_, err := first.Lock(t.Context(), state.LockInfo{ID: "1"})
			require.NoError(t, err)
			stale := read(t, first)
			j, err := first.Journal(t.Context())
			require.NoError(t, err)

			second, _ := open(t, at(url, false))
			require.NoError(t, second.ForceUnlock(t.Context(), "1"))
			_, err = second.Lock(t.Context(), state.LockInfo{ID: "2"})
			require.NoError(t, err)
			now := read(t, second)
			require.NoError(t, second.Commit(t.Context(), now, put(statetest.Card(1, "second"))))
			if !checks {
				s.set(func() { s.lock["ID"] = "1" })
			}

			require.Error(t, j.Append(t.Context(), statetest.Put(statetest.Card(1, "first"))))
			require.Error(t, first.Commit(t.Context(), stale, state.Edits{}))
			require.Equal(t, now, read(t, second))
		})
	}
}

// TestADamagedDocumentIsNeverReadWrong cuts the document at every byte and
// flips a bit of every byte.
func TestADamagedDocumentIsNeverReadWrong(t *testing.T) {
	for name, sealer := range map[string]state.Sealer{"plain": nil, "sealed": keyring(t, newKey(t))} {
		t.Run(name, func(t *testing.T) {
			s, url := newServer(t, &server{})
			b, _ := openWith(t, at(url, false), sealer)
			require.NoError(t, b.Commit(t.Context(), read(t, b), put(statetest.Card(1, "正常"))))
			appendTo(t, b, statetest.Put(statetest.Card(2, "停机")))
			want := read(t, b)
			whole := s.body
			check := func(body []byte, what string) {
				s.set(func() { s.body = body })
				got, err := b.Read(t.Context())
				if err != nil {
					require.ErrorContains(t, err, "/state", what)
					return
				}
				require.Equal(t, want, got, what)
			}
			for i := 1; i < len(whole)-1; i++ {
				check(whole[:i], fmt.Sprint("cut at ", i))
			}
			for i := range whole {
				flipped := append([]byte(nil), whole...)
				flipped[i] ^= 1 << (i % 8)
				check(flipped, fmt.Sprint("flipped at ", i))
			}
		})
	}
}

func TestWhatIsNotOursIsRefused(t *testing.T) {
	for body, says := range map[string]string{
		`{"version":4,"terraform_version":"1.9.0","serial":1,"lineage":"x"}`: "a state of Terraform 1.9.0",
		`{"serial":1}`:         "no document of cardfleet",
		`<html>sign in</html>`: "no document of cardfleet",
		`{"version":100,"serial":1,"lineage":"","cardfleet":{"version":3,"written_by":"9.0","new":1}}`: "written by cardfleet 9.0",
	} {
		b, _ := on(t, &server{body: []byte(body)})
		_, err := b.Read(t.Context())
		assert.ErrorContains(t, err, says)
		assert.Error(t, b.Commit(t.Context(), &state.Snapshot{}, state.Edits{}), "it isn't overwritten either")
	}
}

// The server's time is the bubble's: it passes once all others wait, however late the
// machine lets them come.
func TestGroupsOfAppendsShareARequest(t *testing.T) {
	const appenders, each = 50, 4
	synctest.Test(t, func(t *testing.T) {
		s := &server{serials: map[float64]bool{}, before: func(r *nethttp.Request) int {
			if r.Method == "POST" {
				time.Sleep(2 * time.Millisecond) // so that others come meanwhile
			}
			return 0
		}}
		b := through(t, answered{s}, at("https://states.example", false), nil)
		j, err := b.Journal(t.Context())
		require.NoError(t, err)
		var wg sync.WaitGroup
		for a := range appenders {
			wg.Go(func() {
				for i := range each {
					assert.NoError(t, j.Append(t.Context(), statetest.Put(statetest.Card(a*each+i, ""))))
				}
			})
		}
		wg.Wait()
		require.NoError(t, j.Close())
		require.Len(t, read(t, b).Cards, appenders*each)
		t.Logf("%d appends took %d writes", appenders*each, s.writes)
		require.Less(t, s.writes, appenders*each/4)
	})
}

func TestWithoutALockAddressNothingIsLocked(t *testing.T) {
	s, url := newServer(t, &server{})
	b, _ := open(t, http.Config{Address: url + "/state", Username: user, Password: password})
	unlock, err := b.Lock(t.Context(), state.LockInfo{})
	require.NoError(t, err)
	require.NoError(t, b.Commit(t.Context(), read(t, b), state.Edits{}))
	require.NoError(t, unlock())
	require.ErrorIs(t, b.ForceUnlock(t.Context(), "1"), state.ErrNotLocked)
	require.Zero(t, s.has("LOCK /state/lock"))
}

func TestCertificates(t *testing.T) {
	web := httptest.NewTLSServer(&server{serials: map[float64]bool{}})
	defer web.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}))
	for name, row := range map[string]struct {
		tls http.TLS
		ok  bool
	}{
		"unknown":      {http.TLS{}, false},
		"vouched for":  {http.TLS{CA: ca}, true},
		"not verified": {http.TLS{SkipVerify: true}, true},
	} {
		transport, err := http.Transport(&nethttp.Transport{DisableKeepAlives: true}, row.tls)
		require.NoError(t, err, name)
		b, err := http.New(at(web.URL, false), state.Env{Sleep: new(sleeps).sleep, Ticker: ticker, Transport: transport})
		require.NoError(t, err)
		_, err = b.Read(t.Context())
		assert.Equal(t, row.ok, err == nil, "%s: %v", name, err)
	}
	for name, bad := range map[string]http.TLS{"CA": {CA: "x"}, "pair": {Certificate: "x"}} {
		_, err := http.Transport(&nethttp.Transport{}, bad)
		assert.Error(t, err, name)
	}
}

func TestStatesOfAMegabyteAndOf500(t *testing.T) {
	statetest.RunSizes(t, func(t *testing.T) func() state.Backend {
		s, url := newServer(t, &server{})
		t.Cleanup(func() { t.Logf("the document has %d bytes", len(s.body)) })
		return func() state.Backend { b, _ := open(t, at(url, false)); return b }
	})
}

// The server checks no lock's id, as Terraform's protocol allows, and another run
// has the lock by now. Whatever that one has written, a record of its journal or
// a commit, the first run writes over none of it: not by a commit that was made
// from the same serial, and not by a request that it sends once more.
func TestAWriteOverAnotherRunsIsRefusedWhereTheServerChecksNothing(t *testing.T) {
	for _, other := range []string{"a record", "a commit"} {
		for _, ours := range []string{"a record", "a commit", "a request sent again"} {
			t.Run(other+", then "+ours, func(t *testing.T) {
				s := &server{careless: true}
				_, url := newServer(t, s)
				pause := func() {}
				first, err := http.New(at(url, false), state.Env{
					Random: random, Version: "0.1.0", Ticker: ticker, Transport: nethttp.DefaultTransport,
					Sleep: func(ctx context.Context, _ time.Duration) error { pause(); return ctx.Err() },
				})
				require.NoError(t, err)
				second, _ := open(t, at(url, false))
				_, err = first.Lock(t.Context(), state.LockInfo{ID: "1"})
				require.NoError(t, err)
				stale := read(t, first)
				j, err := first.Journal(t.Context())
				require.NoError(t, err)
				s.set(func() { s.lock = nil })
				takesOver := func() {
					_, err := second.Lock(t.Context(), state.LockInfo{ID: "2"})
					require.NoError(t, err)
					now := read(t, second)
					if other == "a commit" {
						require.NoError(t, second.Commit(t.Context(), now, put(statetest.Card(1, "second"))))
						return
					}
					j, err := second.Journal(t.Context())
					require.NoError(t, err)
					require.NoError(t, j.Append(t.Context(), statetest.Put(statetest.Card(1, "second"))))
				}
				if ours != "a request sent again" {
					takesOver()
				}
				switch ours {
				case "a record":
					require.ErrorIs(t, j.Append(t.Context(), statetest.Put(statetest.Card(2, "first"))), state.ErrConflict)
				case "a commit":
					require.ErrorIs(t, first.Commit(t.Context(), stale, put(statetest.Card(2, "first"))), state.ErrConflict)
				default: // the first's write fails, and the second comes before it tries again
					s.set(func() { s.before = failing(nethttp.MethodPost, 1, 503) })
					pause = takesOver
					require.ErrorIs(t, j.Append(t.Context(), statetest.Put(statetest.Card(2, "first"))), state.ErrConflict)
				}
				after := read(t, second)
				require.Len(t, after.Cards, 1)
				require.Equal(t, "second", after.Cards[0].Last.Status)
			})
		}
	}
}
