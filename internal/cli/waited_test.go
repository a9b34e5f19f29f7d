package cli_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// shop is a carrier that takes orders of packages, answers the first so many of them with
// HTTP 500, and delivers each after a while.
type shop struct {
	mu     sync.Mutex
	now    func() time.Time // the carrier's clock, which is the rig's
	late   time.Duration
	broken int
	orders []time.Time // when each came
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	if r.Method == http.MethodPost {
		if s.orders = append(s.orders, now); len(s.orders) <= s.broken {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
	}
	plans := `"P1"`
	for _, at := range s.orders {
		if !now.Before(at.Add(s.late)) {
			plans += `, "P7"`
		}
	}
	fmt.Fprintf(w, `{"status": "on", "plans": [%s], "job": "j1", "state": "running"}`, plans)
}

// shopRig is a rig with a card at the carrier, which is to have a package more.
func shopRig(t *testing.T, s *shop) (*rig, *shop) {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	r := newRig(t, &carriersim.World{})
	s.now = r.clock.Now
	r.write("main.fleet.hcl", fmt.Sprintf(`carrier "slow" {
  endpoint = %q
  read {
    request  = { path = "/cards/${card.iccid}" }
    status   = reply.json.status
    packages = reply.json.plans
  }
  lifecycle = { on = "active" }
  change "subscribe" {
    bills   = "a month"
    request = { method = "POST", path = "/orders/${card.iccid}", json = { package = change.to } }
    wait {
      request = { path = "/jobs/${ticket}" }
      ticket  = accepted.json.job
      until   = reply.json.state == "done"
      for     = "10m"
    }
  }
}
provider "slow" { requests_per_second = 1000 }
card "kiosk" {
  iccid    = %q
  packages = ["P1", "P7"]
}
`, server.URL, qianyunCard))
	return r, s
}

// A definition that waits up to ten minutes for an order says that one may be made that
// late, whatever the order was answered with.
func TestAnOrderWhoseAnswerWasLostIsNotSentTwiceWhileTheCarrierMayStillMakeIt(t *testing.T) {
	r, s := shopRig(t, &shop{broken: 1, late: 9 * time.Minute})
	r.want(5, r.run("apply", "-auto-approve"))
	for range 4 {
		r.clock.Advance(time.Minute)
		planned := r.run("plan").out
		assert.Contains(t, planned, "Outcome in doubt")
		assert.Contains(t, planned, "from 20:56:", "ten minutes after the order, which was at 20:46:47")
		r.run("apply", "-auto-approve")
		require.Len(t, s.orders, 1, "it may be made yet, and costs a month each time")
	}
	r.clock.Advance(5 * time.Minute)
	assert.Contains(t, r.run("plan").out, "the carrier shows that it was done")
	r.want(0, r.run("apply", "-auto-approve"))
	assert.Len(t, s.orders, 1)
	assert.NotContains(t, strings.ToLower(r.run("history").out), "no effect")
}

// The carrier has forgotten the job, or never ends it.
func TestAPlanSaysWhyWhatTheCarrierAcceptedIsInDoubtAndHowThatEnds(t *testing.T) {
	r, s := shopRig(t, &shop{late: 24 * time.Hour})
	first := r.clock.Now().UTC().Format("2006-01-02 15:04:05 UTC")
	for range 3 {
		r.want(5, r.run("apply", "-auto-approve"))
		planned := r.run("plan").out
		assert.Contains(t, planned, "Outcome in doubt")
		assert.Contains(t, planned, "was accepted by the carrier at "+first, "it was accepted once")
		assert.Contains(t, planned, "the carrier hasn't said")
		assert.Contains(t, planned, "nothing is sent again")
		assert.Contains(t, planned, "cardfleet resolve "+qianyunCard)
	}
	assert.Contains(t, r.run("plan", "-lang=zh").out, "结果仍不明")
	require.Len(t, s.orders, 1)
	r.want(0, r.run("resolve", qianyunCard))
	planned := r.run("plan").out
	assert.Contains(t, planned, "P7")
	assert.NotContains(t, planned, "was accepted by the carrier")
}
