package cli_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/local"
)

// holdLock locks the state in dir as another run would.
func holdLock(t *testing.T, dir string) (unlock func() error) {
	t.Helper()
	b := local.New(filepath.Join(dir, "fleet.state"), state.Env{Now: time.Now, Random: fill, Version: "0.1.0"})
	unlock, err := b.Lock(context.Background(), state.LockInfo{
		ID: "1", Operation: "apply", Who: "someone@ci-runner-7", Created: time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC),
	})
	require.NoError(t, err)
	return unlock
}

func TestWhoeverIsKeptOutIsToldHowLongAndWhatToDo(t *testing.T) {
	leased := []string{`\n  Renewed:   20\S+Z, \d+ s ago\n`, `\n  Runs out:  20\S+Z, in \d+ s, unless that run renews it before\n`, `can't wait until the lock runs out:\n  cardfleet force-unlock [0-9a-f]{16}\n`}
	told := map[string][]string{
		"local":    {`\n  Runs out:  never while that run lives; the system drops it with the process that holds it\n`, `nothing to unlock by hand`},
		"http":     {`\n  Renewed:   never: this lock isn't renewed\n`, `\n  Runs out:  never by itself\n`, `remove its lock:\n  cardfleet force-unlock [0-9a-f]{16}\n`},
		"s3":       leased,
		"postgres": leased,

		"postgres behind a pooler": leased,
	}
	for name, block := range backends(t) {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, describe())
			r.write("main.fleet.hcl", block(r)+rebind)
			other := *r
			r.tty, r.env = true, maps.Clone(r.env)
			r.typed = &answer{text: "no\n", before: func() { // the first one has the lock while it asks
				got := other.want(4, other.run("apply", "-auto-approve"))
				for _, text := range told[name] {
					assert.Regexp(t, text, got.errors)
				}
			}}
			r.want(1, r.run("apply"))
		})
	}
}

func TestARunWithoutALockSaysSoOrIsRefused(t *testing.T) {
	for name, block := range backends(t) {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, describe())
			r.write("main.fleet.hcl", block(r)+rebind)
			other := *r
			r.tty, r.env = true, maps.Clone(r.env)
			r.typed = &answer{text: "no\n", before: func() { // the first one has the lock while it asks
				if name == "s3" || strings.HasPrefix(name, "postgres") {
					got := other.want(1, other.run("apply", "-auto-approve", "-lock=false"))
					assert.Contains(t, got.errors, "This state can't go without its lock")
					assert.Zero(t, binds(r.world))
					return
				}
				got := other.want(0, other.run("apply", "-auto-approve", "-lock=false"))
				assert.Contains(t, got.errors, "Warning: The state is not locked")
				assert.Equal(t, 1, binds(r.world))
			}}
			r.want(1, r.run("apply"))
		})
	}
}

func TestAWaitForALockIsToldAtFirstAndEachHalfMinute(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	unlock := holdLock(t, r.dir)
	got := r.want(4, r.run("apply", "-auto-approve", "-lock-timeout=70s", "-json-into=run.jsonl"))
	const who = "someone@ci-runner-7 has it since 2026-11-21T20:00:00Z (apply).\n"
	assert.Contains(t, got.errors, "Waiting for the state's lock, up to 1m10s: "+who+
		"Still waiting for the state's lock, 30s by now and up to 40s more: "+who+
		"Still waiting for the state's lock, 1m0s by now and up to 10s more: "+who)
	assert.Equal(t, 3, strings.Count(got.errors, who))
	got = r.want(4, r.run("apply", "-auto-approve", "-lock-timeout=2247212279ns"))
	assert.Contains(t, got.errors, "Waiting for the state's lock, up to 2s: "+who)
	var waits []string
	for _, line := range r.lines("run.jsonl") {
		if strings.Contains(line, `"type":"waiting"`) {
			waits = append(waits, line)
		}
	}
	require.Len(t, waits, 3)
	for i, line := range waits {
		assert.Contains(t, line, fmt.Sprintf(`"waited_seconds":%d`, 30*i))
		assert.Contains(t, line, `"who":"someone@ci-runner-7"`)
	}

	require.NoError(t, unlock())
	got = r.want(0, r.run("apply", "-auto-approve", "-lock-timeout=70s"))
	assert.NotContains(t, got.errors, "aiting for the state's lock")
}
