package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// toldLine is a line of a run as JSON.
type toldLine struct {
	Level   string `json:"@level"`
	Message string `json:"@message"`
	Type    string
	Run     string
	For     string
	Reason  string
	Actions *int
	Hook    struct{ ICCID, Action, Outcome, Reason string }
	Changes struct {
		Operation  string
		NotStarted int `json:"not_started"`
	}
}

// toldLines are the lines of a type.
func toldLines(t testing.TB, got ran, kind string) []toldLine {
	t.Helper()
	var lines []toldLine
	for line := range strings.Lines(got.out) {
		var l toldLine
		require.NoError(t, json.Unmarshal([]byte(line), &l), line)
		if l.Type == kind {
			lines = append(lines, l)
		}
	}
	return lines
}

// closed adds a window to the rig's configuration that holds stops, and opens in some
// hours by the machine's clock.
func (r *rig) closed() {
	opens := time.Now().UTC().Add(6 * time.Hour)
	r.write("window.fleet.hcl", "fleet {\n  window \"night\" {\n    kinds  = [\"stop\"]\n    cron   = \""+opens.Format("4 15")+" * * *\"\n    length = \"1h\"\n  }\n}\n")
}

func TestAnActionThatIsHeldIsToldAsNotStartedAndNotAsAnError(t *testing.T) {
	r := stopping(t, 2)
	r.nightly()
	r.clock.Advance(30 * time.Minute)
	r.heldAsJSON(2)
}

// heldAsJSON applies, and holds what is told of the stops, all of which a window holds,
// here and at workers.
func (r *rig) heldAsJSON(stops int) ran {
	r.t.Helper()
	got := r.want(0, r.run("apply", "-auto-approve", "-json"))
	assert.Empty(r.t, toldLines(r.t, got, "apply_errored"))
	held := toldLines(r.t, got, "apply_not_started")
	require.Len(r.t, held, stops)
	for _, l := range held {
		assert.Equal(r.t, "info", l.Level)
		assert.Equal(r.t, "stop not-started", l.Hook.Action+" "+l.Hook.Outcome)
		assert.Contains(r.t, l.Hook.Reason, "the window night opens ")
	}
	summary := toldLines(r.t, got, "change_summary")
	require.Len(r.t, summary, 2)
	assert.Equal(r.t, stops, summary[1].Changes.NotStarted)
	return got
}

func TestWhatWaitsAtWorkersIsToldAsWhatWaitsHere(t *testing.T) {
	r := handing(t, 2)
	r.closed()
	got := r.heldAsJSON(2)
	handed := toldLines(t, got, "handed_over")
	require.Len(t, handed, 1)
	assert.Equal(t, 2, *handed[0].Actions)
	require.NotEmpty(t, handed[0].Run)
	assert.Equal(t, handed[0].Run, r.shown("list", "-going")[0].ID)
	left := toldLines(t, got, "waiting")
	require.NotEmpty(t, left)
	last := left[len(left)-1]
	assert.Equal(t, "run", last.For)
	assert.Equal(t, handed[0].Run, last.Run)
	assert.Equal(t, 2, *last.Actions)
	assert.Contains(t, last.Reason, "the window night opens ")

	got = r.want(0, r.run("runs", "watch", handed[0].Run))
	assert.Equal(t, 2, strings.Count(got.out, ": stop: not started: the window night opens "))
	assert.Contains(t, got.out, "2 actions not started: the window night opens ")
}

func TestAnApplyThatLeavesNothingToWorkersSaysThatThereIsNoID(t *testing.T) {
	r := handing(t, 1)
	id := r.hand()
	got := r.want(0, r.run("apply", "-auto-approve", "-detach"))
	assert.Contains(t, got.errors, "Run "+id+", which was handed over before, has actions that this plan wants too")
	assert.Equal(t, id, lastLine(got.out))
	assert.Len(t, r.shown("list"), 1)
	r.works()
	r.want(0, r.run("runs", "watch", id))

	got = r.want(0, r.run("apply", "-auto-approve", "-detach"))
	assert.Contains(t, got.errors, "Nothing was handed over: the plan has nothing for workers to do. So there is no run to follow, and no id.")
	assert.NotRegexp(t, "[0-9a-f]{8}-[0-9a-f]{4}", got.out)
	assert.Len(t, r.shown("list"), 1)
}
