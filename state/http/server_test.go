package http_test

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/json"
	"io"
	nethttp "net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// server keeps one state in Terraform's http protocol, as Terraform's own
// client expects it (internal/backend/remote-state/http/client.go), or with
// gitlab as GitLab does (lib/api/terraform/state.rb and
// app/services/terraform/remote_state_handler.rb; read 2026-11-21).
type server struct {
	gitlab   bool
	careless bool // it looks at no lock's id

	mu       sync.Mutex
	body     []byte
	lock     map[string]any // nil where nobody has it
	serials  map[float64]bool
	writes   int
	requests []string
	// before is asked about each request. A status other than 0 is the answer:
	// negative, it is given after the request was carried out.
	before func(r *nethttp.Request) int
}

const user, password = "wei", "glpat-s3cr3t"

func newServer(t testing.TB, s *server) (*server, string) {
	t.Helper()
	s.serials = map[float64]bool{}
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	return s, web.URL
}

func (s *server) ServeHTTP(w nethttp.ResponseWriter, r *nethttp.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	status := 0
	if s.before != nil {
		status = s.before(r)
	}
	switch {
	case status > 0:
		w.WriteHeader(status)
	case status < 0:
		s.serve(httptest.NewRecorder(), r, body)
		w.WriteHeader(-status)
	default:
		s.serve(w, r, body)
	}
}

func (s *server) serve(w nethttp.ResponseWriter, r *nethttp.Request, body []byte) {
	name, secret, _ := r.BasicAuth()
	sum := md5.Sum(body)
	switch {
	case name != user || secret != password:
		w.WriteHeader(401)
		return
	case len(body) > 0 && r.Header.Get("Content-MD5") != base64.StdEncoding.EncodeToString(sum[:]):
		w.WriteHeader(400)
		return
	}
	lock, unlock := "LOCK", "UNLOCK"
	if s.gitlab {
		lock, unlock = "POST", "DELETE"
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /state":
		s.get(w)
	case "POST /state":
		s.post(w, r, body)
	case lock + " /state/lock":
		s.take(w, body)
	case unlock + " /state/lock":
		s.giveBack(w, body)
	default:
		w.WriteHeader(404)
	}
}

func (s *server) get(w nethttp.ResponseWriter) {
	switch {
	case s.body != nil:
		_, _ = w.Write(s.body)
	case s.gitlab:
		w.WriteHeader(204)
	default:
		w.WriteHeader(404)
	}
}

func (s *server) post(w nethttp.ResponseWriter, r *nethttp.Request, body []byte) {
	held, _ := s.lock["ID"].(string)
	if !s.careless && r.URL.Query().Get("ID") != held {
		w.WriteHeader(409)
		return
	}
	var doc map[string]any
	if json.Unmarshal(body, &doc) != nil || doc["serial"] == nil {
		w.WriteHeader(422)
		return
	}
	serial, _ := doc["serial"].(float64)
	if s.gitlab && s.serials[serial] {
		w.WriteHeader(422)
		_, _ = io.WriteString(w, `{"message":"PG::UniqueViolation: duplicate key value"}`)
		return
	}
	s.serials[serial] = true
	s.body = body
	s.writes++
}

func (s *server) take(w nethttp.ResponseWriter, body []byte) {
	var asked map[string]any
	if json.Unmarshal(body, &asked) != nil {
		w.WriteHeader(400)
		return
	}
	for _, field := range []string{"ID", "Operation", "Info", "Who", "Version", "Created", "Path"} {
		if _, ok := asked[field].(string); !ok {
			w.WriteHeader(400)
			return
		}
	}
	if s.lock == nil {
		s.lock = asked
		if s.gitlab {
			s.lock["Who"], s.lock["Created"] = user, "2026-11-21T12:34:56.789Z"
		}
		return
	}
	held := s.lock
	w.WriteHeader(map[bool]int{true: 409, false: 423}[s.gitlab])
	if s.gitlab { // the rest is what was asked with
		asked["ID"], asked["Who"], asked["Created"] = held["ID"], held["Who"], held["Created"]
		held = asked
	}
	_ = json.NewEncoder(w).Encode(held)
}

func (s *server) giveBack(w nethttp.ResponseWriter, body []byte) {
	var asked map[string]any
	_ = json.Unmarshal(body, &asked)
	if s.lock == nil || s.lock["ID"] != asked["ID"] {
		w.WriteHeader(409)
		return
	}
	s.lock = nil
}

// has are the requests of a method and path so far.
func (s *server) has(request string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.requests {
		if r == request {
			n++
		}
	}
	return n
}

func (s *server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// failing answers the nth request of a method (from 1) with status, once.
func failing(method string, nth, status int) func(*nethttp.Request) int {
	seen := 0
	return func(r *nethttp.Request) int {
		if r.Method != method {
			return 0
		}
		if seen++; seen == nth {
			return status
		}
		return 0
	}
}

func TestTheServerRefusesWhatGitLabRefuses(t *testing.T) {
	s, url := newServer(t, &server{gitlab: true})
	post := func(body string) int {
		req, err := nethttp.NewRequest("POST", url+"/state", nil)
		require.NoError(t, err)
		req.SetBasicAuth(user, password)
		sum := md5.Sum([]byte(body))
		req.Header.Set("Content-MD5", base64.StdEncoding.EncodeToString(sum[:]))
		req.Body = io.NopCloser(&slow{text: body})
		reply, err := nethttp.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, reply.Body.Close())
		return reply.StatusCode
	}
	require.Equal(t, 422, post("no JSON"))
	require.Equal(t, 422, post(`{"lineage":"x"}`))
	require.Equal(t, 200, post(`{"serial":1}`))
	require.Equal(t, 422, post(`{"serial":1}`), "a version is kept once")
	s.set(func() { s.lock = map[string]any{"ID": "other"} })
	require.Equal(t, 409, post(`{"serial":2}`))
}

type slow struct{ text string }

func (s *slow) Read(p []byte) (int, error) {
	if s.text == "" {
		return 0, io.EOF
	}
	n := copy(p, s.text)
	s.text = s.text[n:]
	return n, nil
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
