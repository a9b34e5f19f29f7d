//go:build unix

package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// pipe makes a named pipe in the rig's folder. Whoever opens what it returns
// waits until the program reads it.
func (r *rig) pipe(name string) (open func() *os.File) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	require.NoError(r.t, syscall.Mkfifo(path, 0o600))
	return func() *os.File {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		require.NoError(r.t, err)
		return f
	}
}

// signalled runs the real program, and interrupts it once ready returns.
func (r *rig) signalled(ready func(), args ...string) ran {
	r.t.Helper()
	return r.signalledBy(os.Interrupt, ready, func() {}, nil, args...)
}

// signalledBy runs the real program, under another such as nohup where that is named,
// sends it a signal once ready returns, and then goes on with after.
func (r *rig) signalledBy(signal os.Signal, ready, after func(), under []string, args ...string) ran {
	r.t.Helper()
	bin, err := program()
	require.NoError(r.t, err)
	words := append(slices.Clone(under), append([]string{bin}, args...)...)
	cmd := exec.Command(words[0], words[1:]...)
	var out, errors bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.Env = r.dir, &out, &errors, []string{"PATH=" + os.Getenv("PATH")}
	for k, v := range r.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	require.NoError(r.t, cmd.Start())
	ready()
	require.NoError(r.t, cmd.Process.Signal(signal))
	after()
	_ = cmd.Wait() // its exit code is looked at
	return ran{cmd.ProcessState.ExitCode(), out.String(), errors.String()}
}

// The variables come from a pipe that nobody writes to, so that whatever the
// machine does besides, the program is still reading when it is interrupted.
func TestAnInterruptEndsTheReadingOfAConfiguration(t *testing.T) {
	r := newRig(t, &carriersim.World{Record: true})
	r.write("main.fleet.hcl", rebind)
	for _, command := range []string{"validate", "plan", "apply"} {
		// Each has a pipe of its own: the reading that was given up may look at its
		// file once more.
		args := func(pipe string) []string {
			if command == "apply" {
				return []string{command, "-auto-approve", "-var-file=" + pipe}
			}
			return []string{command, "-var-file=" + pipe}
		}
		open := r.pipe(command + ".here")
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan ran)
		go func() { ended <- r.runIn(ctx, args(command+".here")...) }()
		writer := open()
		cancel()
		got := r.want(130, <-ended)
		assert.Contains(t, got.errors, "Error: Interrupted")
		require.NoError(t, writer.Close())

		open = r.pipe(command + ".real")
		got = r.want(130, r.signalled(func() { writer = open() }, args(command+".real")...))
		assert.Contains(t, got.errors, "Interrupted: nothing more is sent")
		assert.Contains(t, got.errors, "Error: Interrupted")
		require.NoError(t, writer.Close())
	}
	assert.Empty(t, r.world.Requests())
	assert.NoFileExists(t, filepath.Join(r.dir, "fleet.state"))
}

// A terminal that closes, or a lost ssh, is an interrupt: what is under way isn't cut.
func TestAClosedTerminalIsAnInterrupt(t *testing.T) {
	r := newRig(t, &carriersim.World{Record: true})
	r.write("main.fleet.hcl", rebind)
	var writer *os.File
	for name, signal := range map[string]os.Signal{"SIGHUP": syscall.SIGHUP, "SIGTERM": syscall.SIGTERM} {
		open := r.pipe(name)
		got := r.want(130, r.signalledBy(signal, func() { writer = open() }, func() {}, nil, "validate", "-var-file="+name))
		assert.Contains(t, got.errors, "Interrupted: nothing more is sent", name)
		assert.Contains(t, got.errors, "Error: Interrupted", name)
		require.NoError(t, writer.Close())
	}
}

// nohup runs what is to outlive its terminal.
func TestARunUnderNohupOutlivesItsTerminal(t *testing.T) {
	needs(t, "nohup")
	r := newRig(t, &carriersim.World{Record: true})
	r.write("main.fleet.hcl", rebind)
	open := r.pipe("here")
	var writer *os.File
	got := r.want(0, r.signalledBy(syscall.SIGHUP, func() { writer = open() }, func() { require.NoError(t, writer.Close()) }, []string{"nohup"}, "validate", "-var-file=here"))
	assert.NotContains(t, got.errors, "Interrupted")
}

// A million rows are handed over through a pipe, and the signal comes as their
// last one is read: making cards of them takes seconds, which nobody waits for.
func TestAnInterruptEndsTheReadingOfAMillionRows(t *testing.T) {
	r := newRig(t, &carriersim.World{Record: true})
	r.write("main.fleet.hcl", provider+`
card "c" {
  for_each = { for row in csvdecode(file("cards.csv")) : row.iccid => row if row.city != "ningbo" }
  iccid    = each.value.iccid
}
`)
	open := r.pipe("cards.csv")
	got := r.want(130, r.signalled(func() {
		f := open()
		rows := bufio.NewWriter(f)
		_, _ = io.WriteString(rows, "iccid,city\n") // an error stays with the writer, and Flush says it
		for i := range 1_000_000 {
			fmt.Fprintf(rows, "898600%013d,hangzhou\n", i)
		}
		require.NoError(t, rows.Flush())
		require.NoError(t, f.Close())
	}, "validate"))
	assert.Contains(t, got.errors, "Error: Interrupted")
	assert.Empty(t, got.out)
}
