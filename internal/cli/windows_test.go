package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // as the program has it

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// nightly adds a window to the rig's configuration that holds stops from 01:00 on,
// in Shanghai. By the rig's clock it is 04:46 there, so that it is open for 13 minutes.
func (r *rig) nightly() {
	r.write("window.fleet.hcl", "fleet {\n  zone = \"Asia/Shanghai\"\n\n  window \"night\" {\n    kinds  = [\"stop\"]\n    cron   = \"0 1 * * *\"\n    length = \"4h\"\n  }\n}\n")
}

func TestAnApplyLeavesWhatWaitsForAWindowAndIsNoFailure(t *testing.T) {
	r := stopping(t, 3)
	r.nightly()
	l := r.listens()
	r.clock.Advance(30 * time.Minute) // 05:16
	got := r.want(0, r.run("apply", "-auto-approve", "-report=report.jsonl"))
	assert.Contains(t, got.out, "3 to stop wait until 2026-11-22 17:00 UTC (2026-11-23 01:00 Asia/Shanghai), when the window night opens.")
	assert.Equal(t, 3, strings.Count(got.out, ": stop: not started: the window night opens 01:00\n"))
	assert.Contains(t, got.out, "Apply incomplete: 3 done, 0 failed, 0 dropped, 3 not started, 0 in doubt.")
	for _, q := range r.world.Requests() {
		require.False(t, q.Effect)
	}
	news := l.news()
	require.Len(t, news, 1)
	assert.True(t, news[0].OK)
	assert.Equal(t, "apply", news[0].Event)
	assert.Equal(t, "cardfleet apply: 3 of 6 actions are done, and the others are not started", news[0].Title)
	assert.Equal(t, 3, news[0].Counts["not_started"])
	assert.Contains(t, news[0].Text, "the window night opens 01:00")
	report, err := os.ReadFile(filepath.Join(r.dir, "report.jsonl"))
	require.NoError(t, err)
	assert.Equal(t, 3, strings.Count(string(report), `"outcome":"not-started","reason":"the window night opens 01:00"`))

	got = r.want(0, r.run("apply", "-auto-approve", "-json", "-retry=report.jsonl"))
	assert.Contains(t, got.out, `"outcome":"not-started"`)
	assert.Contains(t, got.out, `"not_started":3`)
	var summary struct {
		Windows []struct {
			Window, Opens, Closes string
			Open                  bool
			Kinds                 map[string]int
		}
	}
	for line := range strings.Lines(got.out) {
		if strings.Contains(line, `"operation":"plan"`) {
			require.NoError(t, json.Unmarshal([]byte(line), &summary))
		}
	}
	require.Len(t, summary.Windows, 1)
	assert.Equal(t, "night 2026-11-22T17:00:00Z 2026-11-22T21:00:00Z", summary.Windows[0].Window+" "+summary.Windows[0].Opens+" "+summary.Windows[0].Closes)
	assert.False(t, summary.Windows[0].Open)
	assert.Equal(t, map[string]int{"stop": 3}, summary.Windows[0].Kinds)

	r.clock.Advance(20 * time.Hour) // 01:16
	got = r.want(0, r.run("apply", "-auto-approve"))
	assert.Contains(t, got.out, "3 to stop may start until 2026-11-22 21:00 UTC (2026-11-23 05:00 Asia/Shanghai), when the window night closes")
	assert.Contains(t, got.out, "Apply complete! 3 done")
	r.want(0, r.run("plan", "-detailed-exitcode"))
}

func TestASavedPlanKeepsToTheWindowsOfTheMomentAndCarriesOutTheRestLater(t *testing.T) {
	r := stopping(t, 2)
	r.want(0, r.run("plan", "-out=p"))
	r.clock.Advance(30 * time.Minute)
	r.nightly()
	got := r.want(0, r.run("apply", "p"))
	assert.Contains(t, got.out, "Apply incomplete: 2 done, 0 failed, 0 dropped, 2 not started, 0 in doubt.")
	r.clock.Advance(20 * time.Hour)
	got = r.want(0, r.run("apply", "p"))
	assert.Contains(t, got.out, "4 done, 0 failed, 0 dropped, 0 not started, 0 in doubt.")
	got = r.want(0, r.run("apply", "p"))
	assert.Contains(t, got.out, "Nothing was to be done: the plan was applied at", "once it is carried out as a whole")
}

func TestAFailureBesideAClosedWindowIsAFailure(t *testing.T) {
	r := newRig(t, &carriersim.World{Cards: []carriersim.Card{{ICCID: kiosk}, {ICCID: scale}}})
	r.nightly()
	r.write("main.fleet.hcl", provider+"card \"a\" {\n  iccid  = \""+kiosk+"\"\n  active = false\n}\n\ncard \"b\" {\n  iccid    = \""+scale+"\"\n  packages = [\"nope\"]\n}\n")
	r.world.Faults = []carriersim.Fault{{Action: "DoIotRecharge", Kind: carriersim.CodeFault("isv.RAM_PERMISSION_DENY")}}
	r.clock.Advance(30 * time.Minute)
	got := r.want(5, r.run("apply", "-auto-approve"))
	assert.Contains(t, got.out, "1 failed, 0 dropped, 1 not started")
}

func TestOptionsOfTimeAndPriorityAreRefusedByTheirWords(t *testing.T) {
	r := stopping(t, 1)
	for args, want := range map[string]string{
		"-for=0":        "a length of time of more than 0",
		"-for=-5m":      "a length of time of more than 0",
		"-for=soon":     "a length of time of more than 0",
		"-for=":         "a length of time of more than 0",
		"-priority=10":  "a whole number from 0 to 9",
		"-priority=-1":  "a whole number from 0 to 9",
		"-priority=5.5": "a whole number from 0 to 9",
		"-detach":       `executor "workers" {}`,
	} {
		got := r.want(1, r.run("apply", "-auto-approve", args))
		assert.Contains(t, got.errors, want, args)
	}
	assert.Empty(t, r.world.Requests(), "nobody was asked")
	got := r.want(0, r.run("apply", "-auto-approve", "-priority=0"))
	assert.Contains(t, got.errors, "-priority has no effect here")
}
