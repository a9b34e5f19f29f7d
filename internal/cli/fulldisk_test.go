package cli_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// stops is a fleet of n cards that the state has, and that are to be stopped.
func stops(t *testing.T, n int) *rig {
	t.Helper()
	world := &carriersim.World{Record: true}
	r := newRig(t, world)
	r.clock.now = time.Now()
	world.Now = nil // two clocks are at work: the real program's and the rig's
	var b strings.Builder
	b.WriteString("iccid\n")
	random := rand.New(rand.NewPCG(1, 2)) // so that the snapshot, which is compressed, has a length
	for i := range n {
		iccid := spec.ICCID(fmt.Sprintf("898600%09d%05d", random.IntN(1e9), i))
		world.Cards = append(world.Cards, carriersim.Card{ICCID: iccid})
		b.WriteString(string(iccid) + "\n")
	}
	r.write("cards.csv", b.String())
	fleet := provider + "fleet {\n  policy {\n    limit \"stop\" { count = 10000 }\n  }\n}\n" +
		"card \"c\" {\n  for_each = { for row in csvdecode(file(\"cards.csv\")) : row.iccid => row }\n  iccid = each.value.iccid\n  active = "
	r.write("main.fleet.hcl", fleet+"true\n}\n")
	r.want(0, r.run("apply", "-auto-approve"))
	r.write("main.fleet.hcl", fleet+"false\n}\n")
	return r
}

// limited runs the real program where no file may be longer than so many blocks
// of 512 bytes, as if the disk were full then.
func (r *rig) limited(bin string, blocks int, args ...string) ran {
	r.t.Helper()
	shell := exec.Command("/bin/sh", append([]string{"-c", fmt.Sprintf(`ulimit -f %d && exec "$0" "$@"`, blocks), bin}, args...)...)
	var out, errors bytes.Buffer
	shell.Dir, shell.Stdout, shell.Stderr, shell.Env = r.dir, &out, &errors, []string{"PATH=" + os.Getenv("PATH")}
	for k, v := range r.env {
		shell.Env = append(shell.Env, k+"="+v)
	}
	_ = shell.Run() // its exit code is looked at
	return ran{shell.ProcessState.ExitCode(), out.String(), errors.String()}
}

// TestAFullDiskIsToldAsItIs fills the disk at several moments of an apply of the
// real program. What it says of its records is true, each error is one line, and
// the next run takes the rest up without doing anything twice.
func TestAFullDiskIsToldAsItIs(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Log("this system has no limit on files to stand for a full disk")
		return
	}
	bin, err := program()
	require.NoError(t, err)
	const cards = 2000
	r := stops(t, cards)
	snapshot, err := os.Stat(r.dir + "/fleet.state")
	require.NoError(t, err)
	const most = 32 // blocks
	require.Greater(t, snapshot.Size(), int64(most*512), "the state can't be saved either")
	unrecorded := 0
	for blocks := most - 16; blocks <= most; blocks += 4 {
		got := r.want(5, r.limited(bin, blocks, "apply", "-auto-approve", "-parallelism=8"))
		n := strings.Count(got.out, ": the journal has no record of this outcome")
		unrecorded += n
		if n > 0 { // else the disk was full of what was yet to be done
			assert.NotContains(t, got.errors, "holds what was done", "of %d outcomes it doesn't", n)
		}
		said := regexp.MustCompile(`in doubt\. (\d+) outcomes? could not be recorded\.\n`).FindStringSubmatch(got.out)
		if n > 0 && assert.Len(t, said, 2, got.out[max(0, len(got.out)-300):]) {
			assert.Equal(t, fmt.Sprint(n), said[1])
		}
		_, last, _ := strings.Cut(got.errors, "Error: ")
		told := strings.Split(strings.TrimSuffix(last, "\n"), "\n")
		assert.Len(t, told, 2, "an error that is told once, a line each:\n%s", got.errors)
		for line := range strings.Lines(got.out) {
			assert.Less(t, len(line), 250, "an error that each action repeats: %s", line)
		}
	}
	require.Positive(t, unrecorded)

	r.clock.Advance(time.Since(r.clock.Now()) + time.Hour)
	r.want(0, r.run("apply", "-auto-approve"))
	r.want(0, r.run("plan", "-detailed-exitcode"))
	effects := map[spec.ICCID]int{}
	for _, request := range r.world.Requests() {
		if request.Effect {
			effects[request.ICCID]++
		}
	}
	assert.Len(t, effects, cards)
	for iccid, n := range effects {
		assert.Equal(t, 1, n, "%s", iccid)
	}
}

func TestAPlaceThatCannotBeWrittenIsFoundBeforeAnyCall(t *testing.T) {
	const list = "89860617030017300390\n"
	for _, args := range [][]string{
		{"plan", "-out=absent/p.fleetplan"},
		{"plan", "-out=folder"},
		{"plan", "-out=main.fleet.hcl/p.fleetplan"},
		{"import", "-provider=aliyun", "-iccids=list.txt", "-out=absent/new.fleet.hcl"},
		{"apply", "-auto-approve", "-report=absent/run.jsonl"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			r := newRig(t, describe())
			r.world.Record = true
			r.write("main.fleet.hcl", provider)
			r.write("list.txt", list)
			require.NoError(t, os.Mkdir(filepath.Join(r.dir, "folder"), 0o700))
			before := r.files()
			got := r.want(1, r.run(args...))
			assert.Regexp(t, `Error: (Save the plan|Write the configuration|Write the report): .*(absent|folder|main\.fleet\.hcl)`, got.errors)
			assert.Empty(t, r.world.Requests())
			assert.Equal(t, before, r.files(), "nothing is left behind")
		})
	}
}

func TestAFullDiskUnderAPlanIsFoundBeforeAnyCall(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Log("this system has no limit on files to stand for a full disk")
		return
	}
	bin, err := program()
	require.NoError(t, err)
	r := newRig(t, describe())
	r.world.Record = true
	r.write("main.fleet.hcl", rebind)
	before := r.files()
	got := r.want(1, r.limited(bin, 1, "plan", "-out=p.fleetplan"))
	assert.Contains(t, got.errors, "Error: Save the plan: write ")
	assert.Contains(t, got.errors, "nothing was read or called")
	assert.Empty(t, r.world.Requests())
	assert.Equal(t, before, r.files(), "nothing is left behind")
}

// files are the names in the rig's folder.
func (r *rig) files() []string {
	r.t.Helper()
	entries, err := os.ReadDir(r.dir)
	require.NoError(r.t, err)
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
