package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// oneRole is the argument with which this program runs another one and says
// what it used. It does so in a small process: on Linux, the peak memory of a
// process counts from the one that started it, and the measuring program is
// large.
const oneRole = "run-one"

// used is what a run of the program took.
type used struct {
	CPU  time.Duration // user and system, all threads, and programs that it ran
	Wall time.Duration
	Peak int64 // resident bytes at most; 0 where the system doesn't say
	Exit int
}

// one runs a program, and writes what it used. An interrupt is the program's too.
func one(args []string, out io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cmd := interruptible(ctx, args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	began := time.Now()
	err := cmd.Run()
	u := used{Wall: time.Since(began)}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	u.CPU, u.Peak, u.Exit = cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), peak(cmd.ProcessState), cmd.ProcessState.ExitCode()
	if err := json.NewEncoder(out).Encode(u); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// interruptible is a command that is interrupted when the context ends, and
// killed where that doesn't help.
func interruptible(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// runOne runs a program in a folder and returns what it used. Any exit code
// but 0 is an error.
func runOne(ctx context.Context, dir string, args ...string) (used, error) {
	return runOneWith(ctx, nil, dir, args...)
}

// runOneWith does so with an environment; nil is this program's own.
func runOneWith(ctx context.Context, env []string, dir string, args ...string) (used, error) {
	self, err := os.Executable()
	if err != nil {
		return used{}, err
	}
	var out, errs bytes.Buffer
	cmd := interruptible(ctx, self, append([]string{oneRole}, args...)...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, &out, &errs
	if err := cmd.Run(); err != nil {
		return used{}, fmt.Errorf("%v: %w: %s", args[1:], err, tail(errs.Bytes()))
	}
	var u used
	if err := json.Unmarshal(out.Bytes(), &u); err != nil {
		return used{}, err
	}
	if u.Exit != 0 {
		return used{}, fmt.Errorf("%v ended with exit code %d: %s", args[1:], u.Exit, tail(errs.Bytes()))
	}
	return u, nil
}

// tail is the end of what a program said, for an error.
func tail(said []byte) []byte { return said[max(0, len(said)-2000):] }
