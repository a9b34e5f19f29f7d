// Package cli is the command line's glue: a file for each command, its options
// in a struct, and a run that ends with an exit code. What a command does is
// elsewhere; here the layers are put together and their results shown.
//
// Start reading at [Run], then plan.go and apply.go.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Version of the program; it is in plan files, the state and -h.
const Version = "0.1.0"

// Env is what the program takes from the world around it. main fills it in
// from the process; tests from what they like.
type Env struct {
	Dir           string // the working folder, absolute
	In            io.Reader
	Out, Err      io.Writer
	InTTY, OutTTY bool // whether they are terminals
	ErrTTY        bool
	OutWidth      int // of the terminal that Out is, in columns; 0: not known
	LookupEnv     func(name string) (string, bool)
	Now           func() time.Time
	Sleep         func(ctx context.Context, d time.Duration) error
	Random        func(p []byte)
	Transport     http.RoundTripper
	User, Host    string
	// Step is called before each step of a write to the state's files that a
	// crash can part from the next. Tests stop the program there; nil is nobody.
	Step func(name string)
}

func (e *Env) getenv(name string) string {
	v, _ := e.LookupEnv(name)
	return v
}

// Exit codes, as docs/cli.md has them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitChanges     = 2
	exitRefused     = 3
	exitLocked      = 4
	exitPartial     = 5
	exitInterrupted = 130
)

// exitError ends a command with a code. Its text, if any, is still to be shown.
type exitError struct {
	code  int
	diags spec.Diagnostics // shown as errors with their places
	err   error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// exit ends a command with a code and nothing more to say.
func exit(code int) error {
	if code == exitOK {
		return nil
	}
	return &exitError{code: code}
}

// refuse ends a command with an error that has no place in the source.
func refuse(summary, detail string, args ...any) error {
	return &exitError{code: exitFailed, diags: spec.Diagnostics{{Summary: summary, Detail: fmt.Sprintf(detail, args...)}}}
}

// Run runs the program with the arguments after its name, and returns its exit
// code. A cancelled context is an interrupt: nothing new is started, and what
// is under way comes to its end.
func Run(ctx context.Context, args []string, env *Env) int {
	root, opts := rootCommand(env)
	if c, path := helpWanted(root, args); c != nil {
		return report(ctx, printHelp(env.Out, c, path), env, opts)
	}
	err := root.Run(ctx, append([]string{"cardfleet"}, args...))
	code := report(ctx, err, env, opts)
	if opts.output != nil {
		opts.output.closeLines()
	}
	return code
}

// report shows why a command ended, and turns that into its exit code.
func report(ctx context.Context, err error, env *Env, opts *rootOptions) int {
	if err == nil {
		return exitOK
	}
	out := opts.output
	if out == nil {
		out = newOutput(env, viewOptions{})
	}
	var exit *exitError
	var locked *state.LockedError
	switch {
	case errors.As(err, &exit):
		out.diagnostics(exit.diags)
		if exit.err != nil {
			out.problem(exit.err)
		}
		return exit.code
	case errors.As(err, &locked):
		out.diagnostics(spec.Diagnostics{lockedDiagnostic(locked.Holder)})
		return exitLocked
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		out.problem(errors.New("interrupted"))
		return exitInterrupted
	}
	out.problem(err)
	return exitFailed
}

func lockedDiagnostic(h state.LockInfo) spec.Diagnostic {
	detail := "Another run holds the state's lock. Wait for it (-lock-timeout=5m waits by itself)."
	if h.ID != "" {
		detail = fmt.Sprintf("Another run holds the state's lock:\n  ID:        %s\n  Who:       %s\n  Operation: %s\n  Since:     %s\n  Path:      %s",
			h.ID, h.Who, h.Operation, h.Created.UTC().Format(time.RFC3339), h.Path)
		if h.Info != "" {
			detail += "\n  Info:      " + h.Info
		}
		detail += "\nWait for it to end (-lock-timeout=5m waits by itself)."
	}
	return spec.Diagnostic{Summary: "The state is locked by another run", Detail: detail}
}

// rootOptions are the options before the command.
type rootOptions struct {
	chdir  string
	output *output // of the command that ran, for what is still to be said
}

// dir is the folder that the command works in.
func (o *rootOptions) dir(env *Env) string {
	if o.chdir == "" {
		return env.Dir
	}
	return within(env.Dir, o.chdir)
}

// within resolves a path as it was typed, from the folder dir.
func within(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func rootCommand(env *Env) (*cli.Command, *rootOptions) {
	opts := &rootOptions{}
	root := &cli.Command{
		Name:  "cardfleet",
		Usage: "declare a fleet of IoT SIM cards, plan what differs, apply it",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "chdir", Usage: "work in folder `DIR`", Destination: &opts.chdir},
		},
		Commands: []*cli.Command{
			validateCommand(env, opts),
			fmtCommand(env, opts),
			planCommand(env, opts),
			applyCommand(env, opts),
			showCommand(env, opts),
			approveCommand(env, opts),
			importCommand(env, opts),
			tableCommand(env, opts),
			stateCommand(env, opts),
			resolveCommand(env, opts),
			forceUnlockCommand(env, opts),
			providersCommand(env, opts),
			simulatorCommand(env, opts),
			versionCommand(env, opts),
		},
		EnableShellCompletion:           true,
		ConfigureShellCompletionCommand: func(c *cli.Command) { c.Hidden = false; c.Usage = "print a completion script for bash, zsh or fish" },
	}
	dress(root, env, nil)
	return root, opts
}
