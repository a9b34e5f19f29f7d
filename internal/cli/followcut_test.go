package cli_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cutShort interrupts a command once it follows a run.
func (r *rig) cutShort(args ...string) ran {
	r.t.Helper()
	ctx, interrupt := context.WithCancel(r.t.Context())
	r.follows = func(following bool) {
		if following {
			interrupt()
		}
	}
	defer func() { r.follows = nil }()
	return r.want(130, r.runIn(ctx, args...))
}

// outcomes are what the lines of a report say of their actions, by their numbers.
func (r *rig) outcomes(report string) map[string]int {
	r.t.Helper()
	counts := map[string]int{}
	for line := range strings.Lines(r.read(report)) {
		var l struct{ Outcome string }
		require.NoError(r.t, json.Unmarshal([]byte(line), &l), line)
		if l.Outcome != "" {
			counts[l.Outcome]++
		}
	}
	return counts
}

func TestAnInterruptOfWhoFollowsARunTellsWhatBecameOfEachAction(t *testing.T) {
	r := handing(t, 3)
	got := r.cutShort("apply", "-auto-approve", "-report=run.jsonl")
	assert.Contains(t, got.out, "Apply incomplete: 3 done, 0 failed, 0 dropped, 3 not started, 0 in doubt.")
	assert.Contains(t, got.errors, "goes on without this program")
	assert.Equal(t, map[string]int{"done": 3, "not-started": 3}, r.outcomes("run.jsonl"))

	id := r.shown("list")[0].ID
	r.write("run.jsonl", "of an earlier run")
	got = r.cutShort("apply", "-auto-approve", "-report=run.jsonl") // it follows the earlier run
	assert.Contains(t, got.out, "3 not started")
	assert.Contains(t, got.errors, "Run "+id+" goes on without this program")
	assert.Equal(t, map[string]int{"not-started": 3}, r.outcomes("run.jsonl"))

	for _, args := range [][]string{{"runs", "watch", "-json", id}, {"apply", "-auto-approve", "-json"}} {
		got = r.cutShort(args...)
		require.Len(t, toldLines(t, got, "change_summary"), map[string]int{"runs": 1, "apply": 2}[args[0]], got.out)
		assert.Contains(t, got.out, `"not_started":3`, args)
		assert.Contains(t, got.out, `"run":"`+id+`"`, args)
	}

	r.works()
	got = r.cutShort("runs", "watch", id)
	assert.Contains(t, got.out, "Apply complete! 3 done, 0 failed, 0 dropped, 0 not started, 0 in doubt.", "what came meanwhile is heard")
}

func TestAReportOfARunThatIsNotFollowedSaysWhichRunHasTheRest(t *testing.T) {
	r := handing(t, 3)
	r.write("run.jsonl", "of an earlier run")
	id := r.hand("-report=run.jsonl")
	assert.Equal(t, map[string]int{"done": 3, "not-started": 3}, r.outcomes("run.jsonl"))
	assert.Contains(t, r.read("run.jsonl"), "run "+id+" has it")
	assert.Contains(t, r.want(0, r.run("plan", "-retry=run.jsonl")).out, "3 to stop")
}

func TestARunThatOnlySupersedesIsNotTheOneToBeWatched(t *testing.T) {
	r := handing(t, 3)
	first := r.hand()
	r.wants("c00", "true") // as it is live
	assert.Equal(t, first, r.hand(), "which has the other two")
	r.works()
	assert.Contains(t, r.want(5, r.run("runs", "watch", first)).out, "2 done, 0 failed, 1 dropped")
}
