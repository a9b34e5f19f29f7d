package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// changefeed is a carrier that tells which of its cards have changed.
type changefeed struct {
	status  map[string]int
	changed []string // what it tells, a card a page
	lost    bool     // the list can't be had
	mu      sync.Mutex
	calls   []string
	since   time.Time // that it was last asked for
}

func (c *changefeed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, strings.TrimPrefix(r.URL.Path, "/"))
	card, one := strings.CutPrefix(r.URL.Path, "/cards/")
	switch {
	case one:
		fmt.Fprintf(w, `{"status": %d}`, c.status[card])
	case c.lost:
		w.WriteHeader(http.StatusNotFound)
	default:
		c.since, _ = time.Parse(time.RFC3339Nano, r.URL.Query().Get("since"))
		c.tell(w, r.URL.Query().Get("page"))
	}
}

func (c *changefeed) tell(w http.ResponseWriter, page string) {
	n := 0
	_, _ = fmt.Sscan(page, &n) // no number is page 0, which has nothing
	rows := []string{}
	if n >= 1 && n <= len(c.changed) {
		rows = c.changed[n-1 : n]
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"rows": rows, "total": len(c.changed)})
}

// feeding is a fleet of active cards that the state knows, at a carrier with a
// list of changes.
func feeding(t *testing.T, cards int) (*rig, *changefeed) {
	t.Helper()
	c := &changefeed{status: map[string]int{}}
	r := newRig(t, &carriersim.World{})
	require.NoError(t, os.RemoveAll(r.dir+"/provider.fleet.hcl"))
	r.write("feeding.carrier.hcl", `carrier "feeding" {
  read {
    request = { path = "/cards/${card.iccid}" }
    status  = reply.json.status
  }
  list {
    request   = { path = "/changes", query = { since = since, page = page.number } }
    page_size = 1
    total     = reply.json.total
    rows      = reply.json.rows
    iccid     = row
    status    = null
  }
  lifecycle = { "1" = "active", "2" = "suspended-by-owner" }
  change "stop" { request = { method = "POST", path = "/stop/${card.iccid}" } }
  change "resume" { request = { method = "POST", path = "/resume/${card.iccid}" } }
}
`)
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	var b strings.Builder
	fmt.Fprintf(&b, "provider \"feeding\" {\n  endpoint            = %q\n  requests_per_second = 1000\n}\n", server.URL)
	for i := range cards {
		iccid := feedCard(i)
		c.status[iccid] = 1
		fmt.Fprintf(&b, "\ncard \"c%d\" {\n  iccid  = %q\n  active = true\n}\n", i, iccid)
	}
	r.write("main.fleet.hcl", b.String())
	r.want(0, r.run("apply", "-auto-approve"))
	c.calls = nil
	return r, c
}

func feedCard(i int) string { return fmt.Sprintf("894231000000000%04d", i) }

func TestACardThatTheCarrierSaysHasChangedIsReadWithRefreshChanged(t *testing.T) {
	r, c := feeding(t, 5)
	c.status[feedCard(3)] = 2
	c.changed = []string{"8942390000000000001", feedCard(3)}
	before := time.Now()
	got := r.want(2, r.run("plan", "-refresh=changed", "-detailed-exitcode"))
	assert.Equal(t, []string{"changes", "changes", "cards/" + feedCard(3)}, c.calls)
	assert.Contains(t, got.out, "1 to resume")
	assert.Contains(t, got.out, "feeding: read 1 card in 2 list calls and 1 other; 4 cards by readings")
	assert.False(t, c.since.IsZero())
	assert.True(t, c.since.Before(before.Add(-9*time.Minute)), "with room for clocks that differ: %s", c.since)

	c.calls = nil
	r.want(0, r.run("plan", "-refresh=false"))
	assert.Empty(t, c.calls)
	r.want(0, r.run("plan"))
	assert.NotContains(t, c.calls, "changes", "all is read anyway")
}

func TestAListOfChangesThatIsLongerThanTheFleetIsLeftAndTheFleetRead(t *testing.T) {
	r, c := feeding(t, 3)
	for i := range 50 {
		c.changed = append(c.changed, fmt.Sprintf("894239000000000%04d", i))
	}
	c.status[feedCard(2)] = 2
	got := r.want(0, r.run("plan", "-refresh=changed"))
	assert.Contains(t, got.out, "1 to resume")
	assert.Len(t, c.calls, 6, "as many calls again, at worst: %v", c.calls)
}

func TestAListOfChangesThatCantBeHadIsSaidAndTheStateCounts(t *testing.T) {
	r, c := feeding(t, 3)
	c.lost = true
	got := r.want(0, r.run("plan", "-refresh=changed"))
	assert.Contains(t, got.out+got.errors, "Changes not told")
	assert.Contains(t, got.out, "3 cards by readings")
	assert.Equal(t, []string{"changes"}, c.calls)
}
