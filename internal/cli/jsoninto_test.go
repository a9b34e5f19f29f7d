package cli_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lines are those of a file in the rig's folder.
func (r *rig) lines(name string) []string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, name))
	require.NoError(r.t, err)
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// types are the types of JSON lines.
func types(lines []string) []string {
	var out []string
	for _, l := range lines {
		out = append(out, regexp.MustCompile(`"type":"(\w+)"`).FindStringSubmatch(l)[1])
	}
	return out
}

func TestJSONLinesGoToAFileBesidesTheText(t *testing.T) {
	alone, beside := newRig(t, describe()), newRig(t, describe())
	for _, r := range []*rig{alone, beside} {
		r.write("main.fleet.hcl", rebind)
	}
	text := alone.want(0, alone.run("plan"))
	got := beside.want(0, beside.run("plan", "-json-into=run.jsonl"))
	assert.Equal(t, text, got, "the text is as ever")
	assert.Equal(t, types(strings.Split(strings.TrimSpace(alone.run("plan", "-json").out), "\n")), types(beside.lines("run.jsonl")))

	text = alone.want(0, alone.run("apply", "-auto-approve"))
	got = beside.want(0, beside.run("apply", "-auto-approve", "-json-into=run.jsonl"))
	assert.Equal(t, len(text.out), len(got.out))
	seen := types(beside.lines("run.jsonl"))
	assert.Equal(t, "version", seen[0])
	assert.Subset(t, seen, []string{"planned_change", "apply_start", "apply_complete", "change_summary"})
	assert.NotContains(t, strings.Join(seen[1:], " "), "version", "the file is of this run alone")
}

func TestJSONLinesTellMistakesToo(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind+"\ncard \"wrong\" {\n  iccid = \"12\"\n  imei  = \"1\"\n}\n")
	got := r.want(1, r.run("plan", "-json-into=run.jsonl"))
	assert.Contains(t, got.errors, "Invalid ICCID")
	seen := types(r.lines("run.jsonl"))
	assert.Equal(t, "version", seen[0])
	assert.Contains(t, seen, "diagnostic")
}

func TestAFileOfJSONLinesThatCannotBeWrittenEndsTheRunBeforeAnyCall(t *testing.T) {
	for _, args := range [][]string{{"plan"}, {"apply", "-auto-approve"}} {
		r := newRig(t, describe())
		r.world.Record = true
		r.write("main.fleet.hcl", rebind)
		got := r.want(1, r.run(append(args, "-json-into=absent/run.jsonl")...))
		assert.Contains(t, got.errors, "Write the JSON lines: open ")
		assert.Empty(t, r.world.Requests())
	}
}

func TestAFullDiskUnderTheJSONLinesDoesNotStopTheRun(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Log("this system has no /dev/full to write to")
		return
	}
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	got := r.want(0, r.run("apply", "-auto-approve", "-json-into=/dev/full"))
	assert.Contains(t, got.out, "Apply complete!")
	assert.Contains(t, got.errors, "Warning: JSON lines are missing")
}

func TestAnInterruptedRunLeavesWholeLines(t *testing.T) {
	r, got := interrupted(t, "DoIotUserStopResume", "apply", "-auto-approve", "-parallelism=4", "-json-into=run.jsonl")
	r.want(130, got)
	lines := r.lines("run.jsonl")
	assert.Equal(t, "change_summary", types(lines)[len(lines)-1])
	r.want(1, r.runIn(context.Background(), "apply", "-json-into=run.jsonl", "nosuch.fleetplan"))
	assert.Contains(t, types(r.lines("run.jsonl")), "diagnostic")
}

// The last line of a plan has the money that show -json has, and none where there is none.
func TestALineSaysThePlansMoney(t *testing.T) {
	r := newRig(t, describe())
	subscribe := provider + "card \"kiosk\" {\n  iccid    = \"" + kiosk + "\"\n  packages = [\"10002\"]\n  labels   = { city = \"hangzhou\" }\n}\n"
	last := func() map[string]any {
		r.want(2, r.run("plan", "-detailed-exitcode", "-json-into=plan.jsonl", "-out=p.fleetplan"))
		lines := r.parsed("plan.jsonl")
		require.Equal(t, "change_summary", lines[len(lines)-1]["type"])
		return lines[len(lines)-1]
	}
	r.write("main.fleet.hcl", subscribe)
	assert.NotContains(t, last(), "money")
	r.write("main.fleet.hcl", subscribe+"package \"10002\" {\n  price    = 3.5\n  currency = \"CNY\"\n  per      = \"month\"\n}\n")
	money := last()["money"]
	var shown map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.want(0, r.run("show", "-json", "p.fleetplan")).out), &shown))
	require.NotNil(t, money)
	assert.Equal(t, shown["money"], money)
}
