package cli_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// queueing is a carrier that accepts stops and resumes with 202, gives no ticket, and
// makes them after a while, in order.
type queueing struct {
	mu      sync.Mutex
	now     func() time.Time // the carrier's clock, which is the rig's
	late    time.Duration    // after which a change is made; 0 for never
	status  string
	queue   []queued
	changes []string      // that it accepted
	lost    []queued      // of these, what it never makes
	bound   time.Duration // for which the same isn't to come again; 0 for ever
	twice   []string      // that came while the same was under way
	cut     func()        // is called at the next change, once
}

type queued struct {
	status     string
	since, due time.Time
}

func (q *queueing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	for len(q.queue) > 0 && !now.Before(q.queue[0].due) {
		q.status, q.queue = q.queue[0].status, q.queue[1:]
	}
	if r.Method == http.MethodPut {
		what, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		q.accept(what, now)
		w.WriteHeader(http.StatusAccepted)
	}
	fmt.Fprintf(w, `{"status": %q}`, q.status)
}

func (q *queueing) accept(what string, now time.Time) {
	status := map[string]string{"stop": "off", "resume": "on"}[what]
	if slices.ContainsFunc(slices.Concat(q.queue, q.lost), func(o queued) bool {
		return o.status == status && (q.bound == 0 || now.Sub(o.since) < q.bound)
	}) {
		q.twice = append(q.twice, what)
	}
	q.changes = append(q.changes, what)
	if q.late > 0 {
		q.queue = append(q.queue, queued{status, now, now.Add(q.late)})
	} else {
		q.lost = append(q.lost, queued{status: status, since: now})
	}
	if q.cut != nil {
		q.cut()
		q.cut = nil
	}
}

// with looks at the carrier, or sets it, while it does nothing else.
func (q *queueing) with(do func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	do()
}

func (q *queueing) sent() (changes []string) {
	q.with(func() { changes = append([]string{}, q.changes...) })
	return changes
}

func (q *queueing) is() (status string) {
	q.with(func() { status = q.status })
	return status
}

// takes sets how late the next changes are made.
func (q *queueing) takes(late time.Duration) { q.with(func() { q.late = late }) }

// queueingRig is a rig with one card at such a carrier, which is in service. Its
// definition waits for what the carrier accepted.
func queueingRig(t testing.TB, late time.Duration) (*rig, *queueing, func(active bool)) {
	t.Helper()
	return queueingAs(t, late, `    wait {
      request = { path = "/cards/${card.iccid}" }
      until   = reply.json.status == %q
      every   = "5s"
      for     = "20s"
    }
`)
}

// carelessRig is one whose definition takes whatever is HTTP 2xx for done.
func carelessRig(t testing.TB, late time.Duration) (*rig, *queueing, func(active bool)) {
	t.Helper()
	return queueingAs(t, late, "    # until %q\n")
}

func queueingAs(t testing.TB, late time.Duration, wait string) (*rig, *queueing, func(active bool)) {
	t.Helper()
	r := newRig(t, &carriersim.World{})
	q := &queueing{now: r.clock.Now, late: late, status: "on"}
	server := httptest.NewServer(q)
	t.Cleanup(server.Close)
	change := func(kind, status string) string {
		return fmt.Sprintf(`  change %q {
    request = { method = "PUT", path = "/%s/${card.iccid}" }
`, kind, kind) + fmt.Sprintf(wait, status) + "  }\n"
	}
	r.write("slow.carrier.hcl", fmt.Sprintf(`carrier "slow" {
  endpoint = %q
  read {
    request = { path = "/cards/${card.iccid}" }
    status  = reply.json.status
  }
  lifecycle = { on = "active", off = "suspended-by-owner" }
%s%s}
`, server.URL, change("stop", "off"), change("resume", "on")))
	want := func(active bool) {
		r.write("main.fleet.hcl", fmt.Sprintf("provider \"slow\" { requests_per_second = 1000 }\ncard \"kiosk\" {\n  iccid  = %q\n  active = %t\n}\n", qianyunCard, active))
	}
	return r, q, want
}

func TestWhatTheCarrierAcceptedWithoutATicketIsNotSentAgainAndIsSettledOnceItShows(t *testing.T) {
	r, q, want := queueingRig(t, 40*time.Minute)
	want(false)
	got := r.run("apply", "-auto-approve")
	assert.Contains(t, got.out, "stop: in doubt: stop: accepted by the carrier, and not known to be done")

	for _, args := range [][]string{{}, {"-refresh=false"}} {
		planned := r.want(0, r.run(append([]string{"plan", "-detailed-exitcode"}, args...)...))
		assert.Contains(t, planned.out, "stop was accepted by the carrier at 2026-11-21 20:46:47 UTC, which doesn't show it yet", args)
		assert.NotContains(t, planned.out, "Outcome in doubt", args)
	}
	r.want(0, r.run("apply", "-auto-approve"))
	assert.Equal(t, []string{"stop"}, q.sent(), "it is under way")
	assert.Contains(t, r.run("plan", "-lang=zh").out, "已于 2026-11-21 20:46:47 UTC 被运营商受理，读数尚未体现；不会重发")

	r.clock.Advance(40 * time.Minute)
	assert.Contains(t, r.want(0, r.run("plan", "-detailed-exitcode")).out, "the carrier shows that it was done")
	r.want(0, r.run("apply", "-auto-approve"))
	assert.NotContains(t, r.want(0, r.run("state", "show", "card.kiosk", "-json")).out, `"doubts"`)
	assert.Equal(t, []string{"stop"}, q.sent())
}

func TestWhoChangesTheirMindAboutAnAcceptedChangeIsToldThatItMayStillTakeEffect(t *testing.T) {
	r, q, want := queueingRig(t, 40*time.Minute)
	want(false)
	r.run("apply", "-auto-approve")
	want(true)
	planned := r.run("plan")
	assert.Contains(t, planned.out, "Change under way")
	assert.Contains(t, planned.out, "this stop may still take effect")
	r.run("apply", "-auto-approve")
	r.clock.Advance(30 * time.Minute)
	r.run("apply", "-auto-approve")
	assert.Equal(t, []string{"stop"}, q.sent(), "whatever the card shows meanwhile")

	r.clock.Advance(10 * time.Minute)
	r.run("apply", "-auto-approve") // the stop shows, so a resume is due
	assert.Equal(t, []string{"stop", "resume"}, q.sent())
	r.clock.Advance(40 * time.Minute)
	r.want(0, r.run("apply", "-auto-approve"))
	r.want(0, r.run("plan", "-detailed-exitcode"))
	assert.Equal(t, "on", q.is())
}

func TestAnAcceptedChangeThatNeverShowsIsSaidAndSentAgainByAPersonsWordAlone(t *testing.T) {
	r, q, want := queueingRig(t, 0)
	want(false)
	r.run("apply", "-auto-approve")
	r.clock.Advance(2 * time.Hour)
	planned := r.run("plan", "-detailed-exitcode")
	assert.Contains(t, planned.out, "Accepted change doesn't show")
	assert.Contains(t, planned.out, "cardfleet resolve "+qianyunCard)
	assert.Contains(t, r.run("plan", "-lang=zh").out, "已受理的变更一直未体现")
	r.run("apply", "-auto-approve")
	require.Equal(t, []string{"stop"}, q.sent())

	r.want(0, r.run("resolve", qianyunCard))
	q.takes(time.Second)
	r.want(0, r.run("apply", "-auto-approve"))
	assert.Equal(t, []string{"stop", "stop"}, q.sent())
	r.want(0, r.run("plan", "-detailed-exitcode"))
}

func TestWhatWasAnsweredWith202IsNoDriftAndIsNotSentAgainForAnHour(t *testing.T) {
	r, q, want := carelessRig(t, 40*time.Minute)
	want(false)
	r.want(0, r.run("apply", "-auto-approve"))
	for range 3 {
		r.clock.Advance(10 * time.Minute)
		planned := r.want(0, r.run("plan", "-detailed-exitcode"))
		assert.Contains(t, planned.out, "a change made at 20:46:47 UTC is not shown by the carrier yet")
		assert.NotContains(t, planned.out, "another tool or a person")
		r.want(0, r.run("apply", "-auto-approve"))
	}
	assert.Equal(t, []string{"stop"}, q.sent())
	r.clock.Advance(10 * time.Minute)
	r.want(0, r.run("apply", "-auto-approve"))
	assert.NotContains(t, r.want(0, r.run("plan", "-detailed-exitcode")).out, "not shown")
	assert.NotContains(t, r.run("state", "show", "card.kiosk", "-json").out, `"recent"`)

	want(true)
	q.takes(0) // and what it accepts from now on comes to nothing
	r.want(0, r.run("apply", "-auto-approve"))
	r.clock.Advance(59 * time.Minute)
	r.want(0, r.run("apply", "-auto-approve"))
	assert.Equal(t, []string{"stop", "resume"}, q.sent())
	r.clock.Advance(time.Minute)
	q.takes(time.Second)
	r.want(0, r.run("apply", "-auto-approve"))
	assert.Equal(t, []string{"stop", "resume", "resume"}, q.sent(), "an hour is more than a carrier takes")
}

func TestWhoChangesTheirMindAboutWhatWasAnsweredWith202WaitsUntilItShows(t *testing.T) {
	for _, option := range []string{"-refresh=true", "-refresh=false"} {
		r, q, want := carelessRig(t, 40*time.Minute)
		want(false)
		r.want(0, r.run("apply", "-auto-approve"))
		want(true)
		assert.Contains(t, r.run("plan", option).out, "Change under way", option)
		r.run("apply", "-auto-approve", option)
		assert.Equal(t, []string{"stop"}, q.sent(), option)
		r.clock.Advance(40 * time.Minute)
		r.run("apply", "-auto-approve") // the stop shows
		assert.Equal(t, []string{"stop", "resume"}, q.sent(), option)
		r.clock.Advance(40 * time.Minute)
		r.want(0, r.run("apply", "-auto-approve", option))
		r.want(0, r.run("plan", "-detailed-exitcode"))
		assert.Equal(t, "on", q.is())
		q.with(func() { assert.Empty(t, q.twice) })
	}
}

func TestWhenTheCarrierAcceptedAChangeIsSaidHoweverOftenItIsAskedAbout(t *testing.T) {
	r := newRig(t, &carriersim.World{Record: true, Open: true, ShowDelay: carriersim.Duration(time.Hour)})
	want := func(active bool) {
		r.write("main.fleet.hcl", fmt.Sprintf("provider \"jasper\" {\n  endpoint = %q\n  username = %q\n  api_key  = %q\n}\ncard \"kiosk\" {\n  iccid  = %q\n  active = %t\n}\n",
			r.url+"/jasper/rws/api/v1", testKeyID, testSecret, qianyunCard, active))
	}
	want(false)
	for range 2 {
		r.run("apply", "-auto-approve")
		planned := r.run("plan").out
		assert.Contains(t, planned, "stop was accepted by the carrier at 2026-11-21 20:46:4")
		assert.NotContains(t, planned, "doesn't ask for this stop")
	}
	want(true)
	assert.Contains(t, r.run("plan").out, "by now the configuration doesn't ask for this stop, which may have taken effect")
	edits := 0
	for _, q := range r.world.Requests() {
		if q.Action == "edit" {
			edits++
		}
	}
	assert.Equal(t, 1, edits)
}

// TestACarrierThatMakesChangesLateOrNeverIsSentNothingTwice draws how late each change is
// made, what the configuration wants next, interruptions, and how long nobody looks.
// Whatever comes: nothing is sent while the same is under way, or for an hour where the
// definition waits for nothing; a plan that says nothing is right; and once the carrier
// is done, the card is as declared.
func TestACarrierThatMakesChangesLateOrNeverIsSentNothingTwice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rig, careless := queueingRig, rapid.Bool().Draw(rt, "careless")
		if careless {
			rig = carelessRig
		}
		r, q, want := rig(t, 0)
		if careless {
			q.with(func() { q.bound = time.Hour })
		}
		active := true
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			active = rapid.Bool().Draw(rt, "active")
			want(active)
			q.takes(time.Duration(rapid.SampledFrom([]int{0, 1, 25, 90, 2000}).Draw(rt, "late")) * 2 * time.Second)
			ctx, cancel := context.WithCancel(t.Context())
			if rapid.IntRange(0, 3).Draw(rt, "cut") == 0 {
				q.with(func() { q.cut = cancel })
			}
			r.runIn(ctx, append([]string{"apply", "-auto-approve"}, rapid.SampledFrom([][]string{nil, {"-refresh=false"}}).Draw(rt, "options")...)...)
			cancel()
			r.clock.Advance(time.Duration(rapid.SampledFrom([]int{0, 1, 60, 4000}).Draw(rt, "pause")) * time.Second)
		}
		q.with(func() { q.late, q.cut = time.Second, nil })
		for range 3 {
			r.clock.Advance(2 * time.Hour) // whatever is made at all is made by then
			r.run("apply", "-auto-approve")
		}
		q.with(func() {
			if len(q.twice) > 0 {
				rt.Fatalf("%v came while the same was under way, of %v", q.twice, q.changes)
			}
		})
		planned := r.run("plan", "-detailed-exitcode")
		is, never := q.is() == "on", false
		q.with(func() { never = len(q.lost) > 0 })
		switch lost := !careless && never && strings.Contains(planned.out, "was accepted by the carrier at"); {
		case lost && is != active && !strings.Contains(planned.out, "Accepted change doesn't show"):
			rt.Fatalf("the card isn't as declared, and nobody says so:\n%s", planned.out)
		case !lost && (is != active || planned.code != 0):
			rt.Fatalf("the card never came to its declared state:\n%s%s", planned.out, planned.errors)
		}
		if r.run("resolve", qianyunCard).code == 0 { // a person has looked, and says that it comes to nothing
			r.want(0, r.run("apply", "-auto-approve"))
		}
		r.want(0, r.run("plan", "-detailed-exitcode"))
		if (q.is() == "on") != active {
			rt.Fatalf("the card is not as declared")
		}
	})
}
