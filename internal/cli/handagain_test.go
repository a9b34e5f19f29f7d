package cli_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// meanwhile answers each question with yes, after something was done for the first one.
type meanwhile struct {
	do    func()
	asked int
	left  io.Reader
}

func (m *meanwhile) Read(p []byte) (int, error) {
	if m.left != nil {
		if n, err := m.left.Read(p); err == nil {
			return n, nil
		}
	}
	if m.asked++; m.asked == 1 {
		m.do()
	}
	m.left = strings.NewReader("yes\n")
	return m.left.Read(p)
}

// asksWhile has the rig answer questions with yes, after workers did what they can.
func (r *rig) asksWhile() *meanwhile {
	worker := *r
	worker.wall = true
	m := &meanwhile{do: func() { worker.works() }}
	r.tty, r.typed = true, m
	return m
}

func (r *rig) wants(card, active string) {
	main := r.read("main.fleet.hcl")
	at := strings.Index(main, "card \""+card+"\"")
	r.write("main.fleet.hcl", main[:at]+strings.Replace(main[at:], "active = "+map[string]string{"true": "false", "false": "true"}[active], "active = "+active, 1))
}

func TestWhatAnEarlierRunChangesWhileAPlanIsMadeIsPlannedToo(t *testing.T) {
	r := handing(t, 3)
	r.hand("-target=card.c00", "-target=card.c01")
	r.wants("c00", "true")
	m := r.asksWhile() // which is after the cards were read
	got := r.want(0, r.run("apply", "-detach"))
	assert.Equal(t, 2, m.asked)
	assert.Contains(t, got.errors, "1 card changed by earlier runs while this was planned. Planned again, by what workers recorded:")
	assert.Contains(t, got.out, "card.c00")
	runs := r.shown("list", "-going")
	require.Len(t, runs, 2)
	ids := []string{runs[0].ID, runs[1].ID}
	assert.Contains(t, ids, lastLine(got.out), "the one that has the rest")
	r.works()
	for _, id := range ids {
		r.want(0, r.run("runs", "watch", id))
	}
	assert.Equal(t, 2, strings.Count(r.run("runs", "watch", lastLine(got.out)).out, "Apply complete!"), "the last line's run is followed with what was handed over before it")
	r.tty, r.typed = false, nil
	r.want(0, r.run("plan", "-detailed-exitcode"))
	for i, status := range []spec.Lifecycle{spec.Active, spec.SuspendedByOwner, spec.SuspendedByOwner} {
		c, _ := r.world.Read(cardNo(i))
		assert.Equal(t, status, c.Status, "card %d", i)
	}
}

func TestASavedPlanSaysWhatAnEarlierRunHadBegunToChange(t *testing.T) {
	const cards = 60
	r := handing(t, cards)
	r.write("main.fleet.hcl", strings.ReplaceAll(r.read("main.fleet.hcl"), "= 100000", "= 10"))
	r.wall = true
	first := r.hand()
	r.write("main.fleet.hcl", strings.ReplaceAll(r.read("main.fleet.hcl"), "active = false", "active = true"))
	r.want(0, r.run("plan", "-refresh=false", "-out=fleet.fleetplan"))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan ran)
	worker := *r
	go func() { ended <- worker.runIn(ctx, "worker", "-listen=") }()
	require.Eventually(t, func() bool { return len(r.stopped()) > 0 }, 2*time.Minute, 50*time.Millisecond)
	got := r.want(5, r.run("apply", "fleet.fleetplan"))
	assert.Contains(t, got.errors, "Cards changed by an earlier run")
	again := r.want(0, r.run("apply", "-auto-approve", "-lock-timeout=1m"))
	stop()
	end := <-ended
	assert.Equal(t, 0, end.code, "%s%s", end.out, end.errors)
	assert.Less(t, len(r.stopped()), cards, "%s", again.out)
	assert.Equal(t, "ended", r.shown("show", first)[0].Status)
	for i := range cards {
		c, _ := r.world.Read(cardNo(i))
		assert.NotEqual(t, spec.SuspendedByOwner, c.Status, "card %d", i)
	}
}

func TestAnApplyFollowsWhatAnEarlierRunHasOfItsPlan(t *testing.T) {
	r := handing(t, 2, refuses(1))
	id := r.hand()
	r.asksWhile()
	got := r.want(5, r.run("apply"))
	assert.Contains(t, got.errors, "Run "+id+", which was handed over before, has actions that this plan wants too; they stay with it.")
	assert.Contains(t, got.out, "1 done, 1 failed")
	assert.Len(t, r.shown("list"), 1)
}

func TestAnApplyEndsWhereAnEarlierRunThatHasItsPlanWaitsForAWindow(t *testing.T) {
	r := handing(t, 2)
	r.closed()
	id := r.hand()
	got := r.want(0, r.run("apply", "-auto-approve"))
	assert.Contains(t, got.out, "2 not started")
	assert.Contains(t, got.out, "2 actions not started: run "+id+" has it.")
	assert.Contains(t, got.errors, "Run "+id+" goes on.")
}

func TestAnApplyWhoseActionsAnEarlierRunCannotGoOnWithIsIncomplete(t *testing.T) {
	r := handing(t, 1, carriersim.Fault{Action: "DoIotUserStopResume", Kind: carriersim.CodeFault("InvalidAccessKeyId.NotFound")})
	r.hand()
	r.works()
	r.want(5, r.run("apply", "-auto-approve"))
}
