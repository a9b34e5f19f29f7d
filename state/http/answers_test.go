package http_test

import (
	"context"
	"io"
	nethttp "net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/http"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// answer is what a server says, whatever it is asked.
type answer struct {
	status             int
	body, kind, server string // kind is the type of the body's content
}

func (a answer) ServeHTTP(w nethttp.ResponseWriter, _ *nethttp.Request) {
	w.Header()["Content-Type"] = []string{a.kind}
	if a.server != "" {
		w.Header().Set("Server", a.server)
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

// answered is a transport that gives a request to a handler in this process.
type answered struct{ nethttp.Handler }

func (a answered) RoundTrip(r *nethttp.Request) (*nethttp.Response, error) {
	if r.Body == nil {
		r = r.Clone(r.Context())
		r.Body = nethttp.NoBody
	}
	w := &recorder{header: nethttp.Header{}, status: 200}
	a.ServeHTTP(w, r)
	return &nethttp.Response{StatusCode: w.status, Header: w.header, Body: io.NopCloser(strings.NewReader(w.body.String())), Request: r}, nil
}

type recorder struct {
	header nethttp.Header
	status int
	body   strings.Builder
}

func (r *recorder) Header() nethttp.Header               { return r.header }
func (r *recorder) WriteHeader(status int)               { r.status = status }
func (r *recorder) Write(p []byte) (int, error)          { return r.body.Write(p) }
func answers(f nethttp.HandlerFunc) nethttp.RoundTripper { return answered{f} }

// through is a backend whose requests go by a transport, with real pauses.
func through(t testing.TB, transport nethttp.RoundTripper, c http.Config, away func(error)) *http.Backend {
	t.Helper()
	b, err := http.New(c, state.Env{
		Random: random, Ticker: ticker, Transport: transport, Version: "0.1.0", Away: away,
		Sleep: func(ctx context.Context, d time.Duration) error {
			timer := time.NewTimer(d)
			defer timer.Stop()
			select {
			case <-timer.C:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	})
	require.NoError(t, err)
	return b
}

func TestOnlyAServerThatSaysThatItHasNoStateHasNone(t *testing.T) {
	const project = `{"message":"404 Project Not Found"}`
	for _, a := range []answer{
		{204, "", "", ""},
		{404, "", "", ""},
		{404, `{"message":"404 Not found"}`, "application/json", ""},                             // GitLab
		{404, `{"message":"404 Terraform State Not Found"}`, "application/json", ""},             // GitLab, of the state itself
		{404, "404 page not found\n", "text/plain; charset=utf-8", ""},                           // Go's http.NotFound
		{404, `{"detail":"Not Found"}`, "application/json", ""},                                  // FastAPI
		{404, `{"errors":[{"status":404,"message":"File not found."}]}`, "application/json", ""}, // Artifactory
		{404, `{"error":"Not Found","path":"/state/bikes","status":404}`, "application/json", ""},
		{404, "state bikes does not exist", "text/plain", ""},
	} {
		b := through(t, answered{a}, http.Config{Address: "https://states.example/state/bikes"}, nil)
		s, err := b.Read(t.Context())
		require.NoError(t, err, a)
		require.Equal(t, &state.Snapshot{}, s, a)
	}
	for a, says := range map[answer]string{
		{404, project, "application/json", ""}:                             "HTTP 404 Not Found: 404 Project Not Found (that isn't said of a state which doesn't exist yet",
		{404, `{"message":"404 Group Not Found"}`, "application/json", ""}: "may this user see what it names?",
		{404, "no such tenant", "text/plain", ""}:                          "HTTP 404 Not Found: no such tenant (that isn't",
		{404, "<html>nginx 404</html>", "text/html", ""}:                   "HTTP 404 Not Found (a page for people",
		{404, "<!DOCTYPE html><title>404</title>", "", ""}:                 "a website, a proxy or a sign-in",
		{200, "", "application/json", ""}:                                  "HTTP 200 OK (an empty answer, and no state is that empty",
		{200, " \n", "application/json", ""}:                               "an empty answer",
		{200, "<!DOCTYPE html><title>Sign in</title>", "text/html", ""}:    "no document of cardfleet",
		{200, "null", "application/json", ""}:                              "no document of cardfleet",
		{200, "{}", "application/json", ""}:                                "no document of cardfleet",
	} {
		b := through(t, answered{a}, http.Config{Address: "https://states.example/state/bikes"}, nil)
		_, err := b.Read(t.Context())
		assert.ErrorContains(t, err, says)
		assert.Error(t, b.Commit(t.Context(), &state.Snapshot{}, state.Edits{}), "nor is a state begun there")
	}
}

func TestAWriteThatIsRefusedSaysByWhomAndWhy(t *testing.T) {
	const page = "<html><h1>413 Request Entity Too Large</h1></html>"
	for a, says := range map[answer]string{
		{413, page, "text/html", "nginx/1.27"}:                                      "takes less: that is client_max_body_size in nginx",
		{413, page, "text/html", "nginx/1.27 "}:                                     "which calls itself nginx/1.27",
		{413, page, "text/html", ""}:                                                "the web server or proxy in front takes less",
		{413, `{"message":"413 Request Entity Too Large"}`, "application/json", ""}: "max_terraform_state_size_bytes in GitLab",
		{413, "", "", ""}:                                                           "the state's server, or a proxy in front, takes less",
		{400, "", "", ""}:                                                           "the configuration has no lock_address", // nimbolus/terraform-backend
		{423, "lock first", "text/plain", ""}:                                       "HTTP 423 Locked: lock first (nothing was written; some servers take no write without a lock",
	} {
		b := through(t, answers(func(w nethttp.ResponseWriter, r *nethttp.Request) {
			if r.Method == nethttp.MethodGet {
				w.WriteHeader(404)
				return
			}
			a.ServeHTTP(w, r)
		}), http.Config{Address: "https://states.example/s"}, nil)
		err := b.Commit(t.Context(), &state.Snapshot{}, put(statetest.Card(1, "")))
		assert.ErrorContains(t, err, says)
		if a.status == 413 {
			assert.Regexp(t, `the document has \d{3,} bytes`, err.Error())
		}
	}
	withLock := at("https://states.example", false)
	b := through(t, answers(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if status := map[string]int{"GET": 404, "POST": 400}[r.Method]; status > 0 {
			w.WriteHeader(status)
		}
	}), withLock, nil)
	err := b.Commit(t.Context(), &state.Snapshot{}, state.Edits{})
	require.ErrorContains(t, err, "HTTP 400")
	require.NotContains(t, err.Error(), "lock_address")
}

// TestAnUnlockThatFailsSaysWhatIsSavedAndHowTheLockIsRemoved: nobody else would
// come by the lock, and nothing ends it.
func TestAnUnlockThatFailsSaysWhatIsSavedAndHowTheLockIsRemoved(t *testing.T) {
	for name, fails := range map[string]bool{"all is saved": false, "the last write failed": true} {
		t.Run(name, func(t *testing.T) {
			s := &server{}
			b, _ := on(t, s)
			unlock, err := b.Lock(t.Context(), state.LockInfo{ID: "5f1c"})
			require.NoError(t, err)
			s.set(func() {
				s.before = func(r *nethttp.Request) int {
					if r.Method == "UNLOCK" || r.Method == "POST" && fails {
						return 500
					}
					return 0
				}
			})
			require.Equal(t, fails, b.Commit(t.Context(), read(t, b), state.Edits{}) != nil)
			err = unlock()
			require.ErrorContains(t, err, "HTTP 500")
			require.ErrorContains(t, err, "no run starts until it is removed: cardfleet force-unlock 5f1c")
			require.Equal(t, !fails, strings.Contains(err.Error(), "all that there was to save is saved"))
		})
	}
}

// TestForceUnlockSendsTheHoldersDocumentBackAsItIs: some servers compare all of it
// with what they have, and what other programs wrote there isn't ours to tidy up.
func TestForceUnlockSendsTheHoldersDocumentBackAsItIs(t *testing.T) {
	for _, document := range []string{
		`{"ID":"a1","Operation":"OperationTypeApply","Info":"","Who":"wei@ci","Version":"1.9.0","Created":"2026-11-21T12:34:56.789012345Z","Path":""}`,
		"{ \"Path\":\"p\",\"ID\":\"a1\",\n \"Created\":\"\" , \"Extra\":[1, 2.50]}\n",
		`{"ID":"a1","Created":"0001-01-01T00:00:00Z"}`,
		`{"ID":"a1","Created":"yesterday","Who":null}`,
		`{"id":"a1","created":null}`,
	} {
		var sent string
		b := through(t, answers(func(w nethttp.ResponseWriter, r *nethttp.Request) {
			text, err := io.ReadAll(r.Body)
			assert.NoError(t, err)
			if r.Method == "LOCK" {
				w.WriteHeader(423)
				_, _ = io.WriteString(w, document)
				return
			}
			sent = string(text)
		}), at("https://states.example", false), nil)
		var held *state.LockedError
		require.ErrorAs(t, b.ForceUnlock(t.Context(), "another"), &held, document)
		require.Equal(t, "a1", held.Holder.ID)
		require.Empty(t, sent)
		require.NoError(t, b.ForceUnlock(t.Context(), "a1"), document)
		require.Equal(t, document, sent)
	}
}
