package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// stopping is a rig of n cards to be stopped, with labels that go by turns.
func stopping(t *testing.T, n int, faults ...carriersim.Fault) *rig {
	t.Helper()
	world := &carriersim.World{Record: true, Faults: faults}
	var b strings.Builder
	b.WriteString(provider + "fleet {\n  policy {\n    limit \"stop\" { count = 100 }\n  }\n}\n")
	for i := range n {
		world.Cards = append(world.Cards, carriersim.Card{ICCID: cardNo(i)})
		fmt.Fprintf(&b, "card \"c%02d\" {\n  iccid  = %q\n  active = false\n  labels = { half = \"%d\" }\n}\n", i, cardNo(i), i%2)
	}
	r := newRig(t, world)
	r.write("main.fleet.hcl", b.String())
	return r
}

func cardNo(i int) spec.ICCID { return spec.ICCID(fmt.Sprintf("8986000000000000%04d", i)) }

// refuses makes the carrier refuse to stop the card.
func refuses(i int) carriersim.Fault {
	return carriersim.Fault{Action: "DoIotUserStopResume", ICCID: cardNo(i), Kind: carriersim.CodeFault("isv.QUERY_ASSETS_ERROR")}
}

// touched are the cards that requests after the first n name.
func (r *rig) touched(n int) []spec.ICCID {
	var out []spec.ICCID
	for _, request := range r.world.Requests()[n:] {
		if iccid := spec.ICCID(request.Params["Iccid"]); iccid != "" && !slices.Contains(out, iccid) {
			out = append(out, iccid)
		}
	}
	slices.Sort(out)
	return out
}

// parsed are the lines of a report.
func (r *rig) parsed(name string) []map[string]any {
	r.t.Helper()
	var out []map[string]any
	for _, l := range r.lines(name) {
		var v map[string]any
		require.NoError(r.t, json.Unmarshal([]byte(l), &v))
		out = append(out, v)
	}
	return out
}

func TestAReportSaysWhichRunItWasAndWhatBecameOfEachAction(t *testing.T) {
	r := stopping(t, 4, refuses(2))
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	var shown struct {
		Digest, Configuration string
	}
	require.NoError(t, json.Unmarshal([]byte(r.run("show", "-json", "p.fleetplan").out), &shown))
	got := r.want(5, r.run("apply", "-report=run.jsonl", "p.fleetplan"))
	assert.Contains(t, got.errors, "What became of each action is in run.jsonl. To plan anew what isn't done:\n  cardfleet plan -retry=run.jsonl\n")

	lines := r.parsed("run.jsonl")
	require.Len(t, lines, 1+8+1)
	head := lines[0]
	assert.Equal(t, shown.Digest, head["plan"])
	assert.Equal(t, shown.Configuration, head["configuration"])
	assert.Equal(t, map[string]any{"lineage": r.lineage(), "serial": 0.0}, head["state"])
	assert.Equal(t, "2026-11-21T20:46:47Z", head["started"])
	outcomes := map[string]any{}
	for _, l := range lines[1 : len(lines)-1] {
		if l["kind"] == "stop" {
			outcomes[l["address"].(string)] = l["outcome"]
		}
	}
	assert.Equal(t, map[string]any{"card.c00": "done", "card.c01": "done", "card.c02": "failed", "card.c03": "done"}, outcomes)
	assert.Equal(t, map[string]any{"done": 7.0, "failed": 1.0, "dropped": 0.0, "not_started": 0.0, "in_doubt": 0.0}, lines[9]["outcomes"])
}

// lineage is that of the rig's state.
func (r *rig) lineage() string {
	r.t.Helper()
	var s struct{ Lineage string }
	require.NoError(r.t, json.Unmarshal([]byte(r.want(0, r.run("state", "pull")).out), &s))
	return s.Lineage
}

func TestARetryPlansOnlyWhatWasNotDoneAndAnew(t *testing.T) {
	r := stopping(t, 6, refuses(1), refuses(2), refuses(3))
	r.want(5, r.run("apply", "-auto-approve", "-report=run.jsonl"))
	r.world.Break()
	// Meanwhile a card that was done changes back, one that failed is stopped by
	// somebody else, and another is wanted in service after all.
	for i, status := range map[int]spec.Lifecycle{0: spec.Active, 1: spec.SuspendedByOwner} {
		r.elsewhere(cardNo(i), func(c *carriersim.Card) { c.Status = status })
	}
	r.write("main.fleet.hcl", strings.Replace(r.read("main.fleet.hcl"), "iccid  = \"89860000000000000002\"\n  active = false", "iccid  = \"89860000000000000002\"\n  active = true", 1))

	before := len(r.world.Requests())
	got := r.want(0, r.run("plan", "-retry=run.jsonl", "-out=p.fleetplan"))
	assert.Contains(t, got.out, "This plan is partial (-retry=run.jsonl): 3 of 6 cards selected. 3 cards were left out")
	assert.Contains(t, got.out, "1 to stop, 0 to resume")
	assert.Equal(t, []spec.ICCID{cardNo(1), cardNo(2), cardNo(3)}, r.touched(before), "no other card is even read")
	var shown struct{ Partial string }
	require.NoError(t, json.Unmarshal([]byte(r.run("show", "-json", "p.fleetplan").out), &shown))
	assert.Equal(t, "-retry=run.jsonl", shown.Partial)

	effects := changing(r.world)
	got = r.want(0, r.run("apply", "-auto-approve", "-retry=run.jsonl", "-report=run.jsonl"))
	assert.Contains(t, got.out, "card.c03 (89860000000000000003): stop: done")
	assert.Equal(t, effects+1, changing(r.world))
	assert.Equal(t, "-retry=run.jsonl", r.parsed("run.jsonl")[0]["partial"])
}

func TestARetryIsNarrowedFurther(t *testing.T) {
	r := stopping(t, 6, refuses(1), refuses(2), refuses(3))
	r.want(5, r.run("apply", "-auto-approve", "-report=run.jsonl"))
	r.world.Break()
	got := r.want(0, r.run("plan", "-retry=run.jsonl", "-select=half=1", "-exclude=card.c03"))
	assert.Contains(t, got.out, "This plan is partial (-exclude=card.c03 -select=half=1 -retry=run.jsonl): 1 of 6 cards selected. 5 cards were left out")
	assert.Contains(t, got.out, "1 to stop")
	got = r.want(0, r.run("plan", "-retry=run.jsonl", "-target=card.c00"))
	assert.Contains(t, got.out, "No changes.")
}

func TestNothingToRetrySaysSo(t *testing.T) {
	r := stopping(t, 3)
	r.want(0, r.run("apply", "-auto-approve", "-report=run.jsonl"))
	before := len(r.world.Requests())
	got := r.want(0, r.run("apply", "-auto-approve", "-retry=run.jsonl"))
	assert.Contains(t, got.out, "Nothing to retry: run.jsonl says that all of its 6 actions are done.\n")
	r.want(0, r.run("plan", "-detailed-exitcode", "-retry=run.jsonl"))
	assert.Len(t, r.world.Requests(), before, "nobody was asked")
}

func TestARetryOfAnUnbindNeedsItsApprovalAsEver(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", provider+"card \"kiosk\" {\n  iccid        = \""+kiosk+"\"\n  bound        = false\n  current_imei = \""+deviceA+"\"\n}\n")
	got := r.want(0, r.run("apply", "-auto-approve", "-skip-unapproved", "-report=run.jsonl"))
	assert.Contains(t, got.out, "1 not started")
	got = r.want(3, r.run("apply", "-auto-approve", "-retry=run.jsonl"))
	assert.Contains(t, got.errors, "Approvals are missing")
	assert.Zero(t, changing(r.world))
	r.want(0, r.run("apply", "-auto-approve", "-retry=run.jsonl", "-approve-unbind="+kiosk+"="+deviceA))
	assert.Equal(t, 1, changing(r.world))
}

func TestACardInDoubtIsRetriedOnceThePlanSettlesIt(t *testing.T) {
	r := doubtful(t, "-report=run.jsonl")
	assert.Equal(t, "in-doubt", r.outcomeOf("change-bind"))
	got := r.want(0, r.run("plan", "-retry=run.jsonl"))
	assert.Contains(t, got.out, "! ", "the plan says that it is in doubt")
	r.want(0, r.run("resolve", kiosk, "-bound-to="+deviceA))
	got = r.want(0, r.run("apply", "-auto-approve", "-retry=run.jsonl"))
	assert.Contains(t, got.out, "change-bind 861536030196001 -> 861536030196019: done")
}

// outcomeOf is the outcome of the report's action of that kind.
func (r *rig) outcomeOf(kind string) any {
	for _, l := range r.parsed("run.jsonl") {
		if l["kind"] == kind {
			return l["outcome"]
		}
	}
	return nil
}

func TestAnInterruptedRunHasItsReport(t *testing.T) {
	r, got := interrupted(t, "DoIotUserStopResume", "apply", "-auto-approve", "-parallelism=4", "-report=run.jsonl")
	r.want(130, got)
	done := strings.Count(got.out, ": stop: done")
	lines := r.parsed("run.jsonl")
	assert.Equal(t, true, lines[0]["interrupted"])
	assert.Equal(t, float64(20-done), lines[len(lines)-1]["outcomes"].(map[string]any)["not_started"])
	got = r.want(0, r.runIn(context.Background(), "apply", "-auto-approve", "-retry=run.jsonl"))
	assert.Contains(t, got.out, fmt.Sprintf("%d to stop", 20-done))
	assert.Equal(t, 20, changing(r.world), "the rest, and nothing twice")
}

func TestAReportOfAnotherFleetAndAFileThatIsNoneAreRefused(t *testing.T) {
	r := stopping(t, 3)
	r.want(0, r.run("apply", "-auto-approve", "-report=run.jsonl"))
	whole := r.read("run.jsonl")
	for name, row := range map[string]struct{ text, want string }{
		"another fleet": {strings.Replace(whole, r.lineage(), "another", 1), "Report of another state"},
		"cut":           {whole[:len(whole)/2], "run.jsonl, line "},
		"no report":     {"iccid,imei\n", "run.jsonl, line 1: not a report of apply"},
	} {
		t.Run(name, func(t *testing.T) {
			r.write("run.jsonl", row.text)
			before := len(r.world.Requests())
			for _, args := range [][]string{{"plan"}, {"apply", "-auto-approve"}} {
				got := r.want(1, r.run(append(args, "-retry=run.jsonl")...))
				assert.Contains(t, flat(got.errors), row.want)
			}
			assert.Len(t, r.world.Requests(), before)
			require.NoError(t, os.Remove(filepath.Join(r.dir, "run.jsonl")))
		})
	}
	assert.Contains(t, r.want(1, r.run("plan", "-retry=run.jsonl")).errors, "Open the report: ")
	r.write("run.jsonl", whole)
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	for _, args := range [][]string{{"apply", "-retry=run.jsonl", "p.fleetplan"}, {"plan", "-retry=run.jsonl", "-check=p.fleetplan"}} {
		assert.Contains(t, r.want(1, r.run(args...)).errors, "Options don't go together")
	}
}

func TestAReportThatCannotBeWrittenEndsTheRunBeforeAnyCall(t *testing.T) {
	r := stopping(t, 3)
	require.NoError(t, os.Mkdir(filepath.Join(r.dir, "folder"), 0o700))
	for _, file := range []string{"absent/run.jsonl", "folder"} {
		got := r.want(1, r.run("apply", "-auto-approve", "-report="+file))
		assert.Contains(t, got.errors, "Write the report: ")
		assert.Empty(t, r.world.Requests())
	}
}

func TestAReportThatIsLostAfterTheRunIsAWarning(t *testing.T) {
	r := stopping(t, 3, refuses(1))
	folder := filepath.Join(r.dir, "reports")
	require.NoError(t, os.Mkdir(folder, 0o700))
	r.world.Latency = carriersim.Duration(time.Millisecond)
	r.world.Sleep = func(_ context.Context, _ time.Duration) error {
		if r.world.Count("DoIotUserStopResume") > 0 {
			_ = os.Remove(folder)
		}
		return nil
	}
	got := r.want(5, r.run("apply", "-auto-approve", "-report=reports/run.jsonl"))
	assert.Contains(t, got.errors, "Warning: The report could not be written")
	assert.Contains(t, got.out, "Apply incomplete: 5 done, 1 failed")
}

func TestARetryOfCardsThatAreGoneSaysSo(t *testing.T) {
	r := stopping(t, 3, refuses(0), refuses(1))
	r.want(5, r.run("apply", "-auto-approve", "-report=run.jsonl"))
	r.want(0, r.run("state", "rm", string(cardNo(1))))
	text := r.read("main.fleet.hcl")
	at, end := strings.Index(text, "card \"c01\""), strings.Index(text, "card \"c02\"")
	r.write("main.fleet.hcl", text[:at]+text[end:])
	got := r.want(0, r.run("plan", "-retry=run.jsonl"))
	assert.Contains(t, got.errors, "Warning: Cards of the report are gone")
	assert.Contains(t, got.errors, "1 card of run.jsonl, first aliyun 89860000000000000001: neither declared nor managed any more.")
	assert.Contains(t, got.out, "1 to stop")
}

func TestOneFileIsNotWrittenForTwoThings(t *testing.T) {
	r := stopping(t, 2, refuses(0))
	r.want(5, r.run("apply", "-auto-approve", "-report=run.jsonl"))
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	report, saved := r.read("run.jsonl"), r.read("p.fleetplan")
	for _, args := range [][]string{ // in two words, which the rig doesn't take for files of lines
		{"plan", "-retry=run.jsonl", "-json-into", "./run.jsonl"},
		{"plan", "-out=q.fleetplan", "-json-into", "q.fleetplan"},
		{"plan", "-check=p.fleetplan", "-json-into", "p.fleetplan"},
		{"apply", "-json-into", "p.fleetplan", "p.fleetplan"},
		{"apply", "-report", "p.fleetplan", "p.fleetplan"},
		{"apply", "-auto-approve", "-report=x.jsonl", "-json-into", "x.jsonl"},
	} {
		assert.Contains(t, r.want(1, r.run(args...)).errors, "One file for two things", args)
	}
	assert.Equal(t, report, r.read("run.jsonl"), "it is still there")
	assert.Equal(t, saved, r.read("p.fleetplan"))
}

func TestAReportReplacesTheOneBefore(t *testing.T) {
	r := stopping(t, 3)
	r.write("run.jsonl", "an old one\n")
	r.want(0, r.run("apply", "-auto-approve", "-report=run.jsonl"))
	assert.NotContains(t, r.read("run.jsonl"), "an old one")
	left, err := filepath.Glob(filepath.Join(r.dir, ".cardfleet-*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}
