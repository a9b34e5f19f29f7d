package cli_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// sealable keeps one state, until it takes no more of it: then each POST of a
// state is answered with 403, as where a token may only read.
type sealable struct {
	mu     sync.Mutex
	body   []byte
	sealed bool
}

func (s *sealable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		w.WriteHeader(http.StatusBadRequest)
	case r.URL.Path == "/lock" && r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusForbidden)
	case r.URL.Path == "/lock": // whoever wants the lock gets it
	case r.Method == http.MethodGet && s.body == nil:
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodGet:
		_, _ = w.Write(s.body)
	case s.sealed:
		w.WriteHeader(http.StatusForbidden)
	default:
		s.body = text
	}
}

func (s *sealable) seal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealed = true
}

// onSealable is a rig whose state is behind HTTP.
func onSealable(t *testing.T) (*rig, *sealable) {
	s := &sealable{}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	r := newRig(t, describe())
	r.env["CARDFLEET_TEST_URL"] = server.URL
	r.write("main.fleet.hcl", fmt.Sprintf("fleet {\n  backend \"http\" { address = %q }\n}\n", server.URL+"/state")+strings.Replace(rebind, "  imei ", "  active       = true\n  imei ", 1))
	return r, s
}

// unanswered is a state with a card whose last change of binding may be lost.
func unanswered(pulled string) string {
	return strings.Replace(pulled, `"address": "card.kiosk",`,
		`"address": "card.kiosk", "doubts": [{"kind": "change-bind", "from": "`+deviceA+`", "to": "`+deviceB+`", "since": "2026-11-21T20:00:00Z", "reason": "no answer"}],`, 1)
}

// stop stops the card outside.
func stop(r *rig) {
	r.t.Helper()
	_, err := r.world.Change(kiosk, func(c *carriersim.Card) bool { c.Status = spec.SuspendedByOwner; return true })
	require.NoError(r.t, err)
}

func TestNothingIsCalledDoneThatWasNotCommitted(t *testing.T) {
	successes := []string{"Forgotten", "Pushed", "settled", "Migrated", "Apply complete", "Unlocked"}
	for name, row := range map[string]struct {
		prepare func(r *rig) // while the state still takes changes
		args    []string
		code    int
	}{
		"state rm":         {args: []string{"state", "rm", kiosk}, code: 1},
		"state push":       {prepare: func(r *rig) { r.write("state.json", unanswered(r.pulled("state.json"))) }, args: []string{"state", "push", "state.json"}, code: 1},
		"state push force": {prepare: func(r *rig) { r.pulled("state.json") }, args: []string{"state", "push", "-force", "state.json"}, code: 1},
		"resolve": {
			prepare: func(r *rig) {
				r.write("state.json", unanswered(r.pulled("state.json")))
				r.want(0, r.run("state", "push", "state.json"))
			},
			args: []string{"resolve", kiosk, "-unbound"}, code: 1,
		},
		"state migrate": {
			prepare: func(r *rig) {
				require.NoError(r.t, os.Mkdir(filepath.Join(r.dir, "old"), 0o700))
				r.write("old/old.fleet.hcl", "fleet {\n  backend \"local\" { path = \"other.state\" }\n}\n")
				r.write("old/state.json", r.pulled("state.json"))
				r.want(0, r.run("-chdir=old", "state", "push", "state.json"))
			},
			args: []string{"state", "migrate", "-force", "old"}, code: 1,
		},
		"apply":              {prepare: func(r *rig) { stop(r) }, args: []string{"apply", "-auto-approve"}, code: 5},
		"apply with no work": {args: []string{"apply", "-auto-approve"}, code: 5},
		"apply refresh-only": {prepare: func(r *rig) { stop(r) }, args: []string{"apply", "-auto-approve", "-refresh-only"}, code: 5},
	} {
		t.Run(name, func(t *testing.T) {
			r, s := onSealable(t)
			r.want(0, r.run("apply", "-auto-approve"))
			if row.prepare != nil {
				row.prepare(r)
			}
			before := r.want(0, r.run("state", "pull")).out
			s.seal()
			got := r.want(row.code, r.run(row.args...))
			assert.Contains(t, got.errors, "HTTP 403")
			for _, word := range successes {
				assert.NotContains(t, got.out+got.errors, word)
			}
			require.Equal(t, before, r.want(0, r.run("state", "pull")).out)
		})
	}
}

func TestALockThatStaysIsTold(t *testing.T) {
	for _, command := range []string{"apply -auto-approve", "state rm " + kiosk} {
		t.Run(command, func(t *testing.T) {
			r, _ := onSealable(t)
			r.want(0, r.run("apply", "-auto-approve"))
			url := r.env["CARDFLEET_TEST_URL"]
			r.env["CARDFLEET_HTTP_LOCK_ADDRESS"], r.env["CARDFLEET_HTTP_UNLOCK_ADDRESS"] = url+"/lock", url+"/lock"
			r.env["CARDFLEET_HTTP_LOCK_METHOD"], r.env["CARDFLEET_HTTP_UNLOCK_METHOD"] = "POST", "DELETE"
			got := r.want(1, r.run(strings.Fields(command)...))
			assert.Contains(t, got.errors, "HTTP 403")
			assert.Regexp(t, "Apply complete|Forgotten: 1", got.out, "the state has it")
		})
	}
}
