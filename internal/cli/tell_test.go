package cli_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// heard is what a plain webhook was told.
type heard struct {
	Event, Title, Text, Fleet, Who, URL string
	OK                                  bool
	Counts                              map[string]int
}

// listener is a plain webhook that answers with a status.
type listener struct {
	status int
	mu     sync.Mutex
	heard  []heard
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var h heard
	if err := json.NewDecoder(r.Body).Decode(&h); err == nil {
		l.mu.Lock()
		l.heard = append(l.heard, h)
		l.mu.Unlock()
	}
	w.WriteHeader(l.status)
}

// news is what was told since the last call.
func (l *listener) news() []heard {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.heard
	l.heard = nil
	return out
}

const hookKey = "0123456789abcdef0123456789abcdef"

// listens adds a webhook to the rig's configuration, which hears of the events.
func (r *rig) listens(on ...string) *listener {
	r.t.Helper()
	l := &listener{status: http.StatusNoContent}
	server := httptest.NewServer(l)
	r.t.Cleanup(server.Close)
	r.env["HOOK"] = server.URL + "/hooks/" + hookKey
	list := ""
	if len(on) > 0 {
		list = "    on  = [\"" + strings.Join(on, `", "`) + "\"]\n"
	}
	r.write("notify.fleet.hcl", "fleet {\n  notify \"webhook\" {\n    url = try(env(\"HOOK\"), null)\n"+list+"  }\n}\n")
	return l
}

func TestTheEndOfAnApplyIsTold(t *testing.T) {
	r := stopping(t, 4, refuses(2))
	l := r.listens()
	r.env["CI_JOB_URL"] = "https://ci.example/runs/7"
	r.want(5, r.run("apply", "-auto-approve"))
	news := l.news()
	require.Len(t, news, 1, "a failed apply is told once, though it is two events")
	h := news[0]
	assert.Equal(t, "failure", h.Event)
	assert.False(t, h.OK)
	assert.Equal(t, "cardfleet apply: 1 of 8 actions are not done", h.Title)
	assert.Equal(t, map[string]int{"done": 7, "failed": 1, "dropped": 0, "not_started": 0, "in_doubt": 0, "unbound_for_good": 0}, h.Counts)
	assert.Contains(t, h.Text, "card.c02 (89860000000000000002): stop: failed: ")
	assert.Contains(t, h.Text, "\nRun: https://ci.example/runs/7")
	assert.Equal(t, "dev@laptop", h.Who)

	r.world.Break()
	r.want(0, r.run("apply", "-auto-approve"))
	news = l.news()
	require.Len(t, news, 1)
	assert.Equal(t, "apply", news[0].Event)
	assert.True(t, news[0].OK)
	assert.Equal(t, "cardfleet apply: 1 of 1 actions are done", news[0].Title)

	r.want(0, r.run("apply", "-auto-approve"))
	r.want(0, r.run("plan"))
	assert.Empty(t, l.news(), "an apply that had nothing to do is no news")
}

func TestAnUnbindIsToldFirst(t *testing.T) {
	r := newRig(t, describe())
	l := r.listens("apply")
	r.write("main.fleet.hcl", provider+"card \"kiosk\" {\n  iccid        = \""+kiosk+"\"\n  bound        = false\n  current_imei = \""+deviceA+"\"\n}\n")
	r.want(3, r.run("apply", "-auto-approve"))
	assert.Empty(t, l.news(), "a refusal is a failure, and this one hears of ends alone")
	r.want(0, r.run("apply", "-auto-approve", "-approve-unbind="+kiosk+"="+deviceA))
	news := l.news()
	require.Len(t, news, 1)
	assert.Equal(t, 1, news[0].Counts["unbound_for_good"])
	assert.Contains(t, news[0].Text, "- card.kiosk ("+kiosk+"): unbind from "+deviceA+": done")
}

func TestAnApplyThatDoesNotComeToItsFirstActionIsTold(t *testing.T) {
	r := stopping(t, 12)
	l := r.listens("failure")
	r.write("main.fleet.hcl", strings.Replace(r.read("main.fleet.hcl"), "count = 100", "count = 3", 1))
	r.want(3, r.run("apply", "-auto-approve"))
	news := l.news()
	require.Len(t, news, 1)
	assert.Equal(t, "cardfleet apply: refused, and no card was changed", news[0].Title)
	assert.Contains(t, news[0].Text, "- A policy limit is passed: ")

	unlock := holdLock(t, r.dir)
	r.want(4, r.run("apply", "-auto-approve"))
	require.NoError(t, unlock())
	news = l.news()
	require.Len(t, news, 1)
	assert.Contains(t, news[0].Text, "The state is locked by ")

	r.tty, r.in = true, "no\n"
	r.write("main.fleet.hcl", strings.Replace(r.read("main.fleet.hcl"), "count = 3", "count = 100", 1))
	r.want(1, r.run("apply"))
	assert.Empty(t, l.news(), "who says no at the terminal knows it")
}

func TestAnInterruptIsTold(t *testing.T) {
	r, ctx := interruptible(t, "DoIotUserStopResume")
	l := r.listens()
	r.want(130, r.runIn(ctx, "apply", "-auto-approve", "-parallelism=4"))
	news := l.news()
	require.Len(t, news, 1)
	assert.Contains(t, news[0].Title, "cardfleet apply: interrupted, ")
	assert.Contains(t, news[0].Text, "… and ")
}

func TestDriftThatAPlanFindsIsTold(t *testing.T) {
	r := settled(t)
	l := r.listens("drift")
	r.want(0, r.run("plan"))
	assert.Empty(t, l.news())
	r.elsewhere(scale, func(c *carriersim.Card) { c.Status = spec.SuspendedByOwner })
	r.want(2, r.run("plan", "-refresh-only", "-detailed-exitcode"))
	news := l.news()
	require.Len(t, news, 1)
	assert.Equal(t, "drift", news[0].Event)
	assert.Equal(t, "cardfleet plan: 1 card changed outside cardfleet", news[0].Title)
	assert.Contains(t, news[0].Text, "- card.scale (898600D6991330004146): active: true -> false (suspended-by-owner); another tool or a person")
}

func TestAPlanThatWantsApprovalsIsTold(t *testing.T) {
	r, _, _ := signing(t, "2")
	l := r.listens("approval")
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	news := l.news()
	require.Len(t, news, 1)
	assert.Equal(t, "approval", news[0].Event)
	assert.False(t, news[0].OK)
	assert.Equal(t, "cardfleet plan: 1 action waits for approval", news[0].Title)
	assert.Equal(t, map[string]int{"guarded": 1, "approved": 0}, news[0].Counts)
	assert.Contains(t, news[0].Text, "To approve: cardfleet approve p.fleetplan -key KEYFILE. Each action needs the signatures of 2 people.")
	assert.Contains(t, news[0].Text, "card.kiosk ("+kiosk+"): unbind from "+deviceA+": the policy names allowed_signers")

	r.want(0, r.run("approve", "p.fleetplan", "-key=alice"))
	r.want(0, r.run("approve", "p.fleetplan", "-key=bob"))
	r.want(0, r.run("plan", "-approvals=p.fleetplan.approvals"))
	assert.Empty(t, l.news(), "it is approved")
}

func TestAFailureToNotifyNeverFailsTheRunAndShowsNoKey(t *testing.T) {
	for name, change := range map[string]func(*rig, *listener){
		"refused": func(_ *rig, l *listener) { l.status = http.StatusForbidden },
		"nowhere": func(r *rig, _ *listener) { r.env["HOOK"] = "http://127.0.0.1:1/hooks/" + hookKey + "?key=" + hookKey },
	} {
		for _, option := range []string{"-no-color", "-json"} {
			t.Run(name+option, func(t *testing.T) {
				r := stopping(t, 2)
				change(r, r.listens())
				got := r.want(0, r.run("apply", "-auto-approve", option))
				assert.Contains(t, got.errors+got.out, "A notification was not sent")
				assert.Contains(t, got.errors+got.out, "Apply complete!")
				assert.NotContains(t, got.errors+got.out, hookKey)
			})
		}
	}
}

func TestABlockWithoutAURLIsOff(t *testing.T) {
	r := stopping(t, 2)
	l := r.listens()
	delete(r.env, "HOOK")
	got := r.want(0, r.run("apply", "-auto-approve"))
	assert.NotContains(t, got.errors, "notification")
	assert.Empty(t, l.news())
}
