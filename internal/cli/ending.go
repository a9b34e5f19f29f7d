package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

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

// exitCode ends a command that has said all.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// exit ends a command with a code and nothing more to say.
func exit(code int) error {
	if code == exitOK {
		return nil
	}
	return exitCode(code)
}

// mistaken ends a command with mistakes, which are shown with their places.
type mistaken struct {
	code  int
	diags spec.Diagnostics
}

func (m *mistaken) Error() string {
	if len(m.diags) == 0 {
		return fmt.Sprintf("exit code %d", m.code)
	}
	return m.diags[0].Summary
}

// mistakes ends a command with what is wrong in the configuration or its settings.
func mistakes(diags spec.Diagnostics) error { return &mistaken{exitFailed, diags} }

// refuse ends a command with a mistake that has no place in the source.
func refuse(summary, detail string, args ...any) error {
	return mistakes(spec.Diagnostics{{Summary: summary, Detail: fmt.Sprintf(detail, args...)}})
}

// failure ends a command with an error whose exit code isn't the usual one.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }

func (f *failure) Unwrap() error { return f.err }

// ending is how a command ended: its exit code, and what is still to be said.
type ending struct {
	code  int
	diags spec.Diagnostics
}

// endingOf is the one place where an error becomes an exit code and words.
// interrupted says that the command was told to stop.
func endingOf(err error, interrupted bool) ending {
	var lost *run.LeaseLostError
	var mistaken *mistaken
	var planless *run.MistakesError
	var refusal *run.Refusal
	var failed *failure
	var code exitCode
	var locked *state.LockedError
	switch {
	case err == nil:
		return ending{}
	case errors.As(err, &lost):
		return lostEnding(lost.Err)
	case errors.As(err, &mistaken):
		return ending{mistaken.code, mistaken.diags}
	case errors.As(err, &planless):
		return ending{exitFailed, planless.Diags}
	case errors.As(err, &refusal):
		return refused(refusal)
	case errors.As(err, &failed):
		return ending{failed.code, problem(failed.err)}
	case errors.As(err, &code):
		return ending{code: int(code)}
	case errors.As(err, &locked):
		return lockedEnding(locked, err, interrupted)
	case interrupted && errors.Is(err, context.Canceled):
		return ending{exitInterrupted, problem(errors.New("interrupted"))}
	}
	return ending{exitFailed, problem(err)}
}

// lostEnding is how a command ended that lost the state's lock: with what it
// has to say besides. One that had come to a verdict did a part of its work.
func lostEnding(err error) ending {
	var mistaken *mistaken
	var planless *run.MistakesError
	var refusal *run.Refusal
	var failed *failure
	var code exitCode
	switch {
	case errors.As(err, &mistaken), errors.As(err, &planless), errors.As(err, &refusal), errors.As(err, &code):
		return ending{exitPartial, slices.Concat(endingOf(err, false).diags, problem(run.ErrLeaseLost))}
	case errors.As(err, &failed):
		return ending{exitPartial, problem(errors.Join(run.ErrLeaseLost, failed.err))}
	}
	return ending{exitFailed, problem(errors.Join(run.ErrLeaseLost, err))}
}

// problem is an error that has no place in the source.
func problem(err error) spec.Diagnostics {
	return spec.Diagnostics{{Summary: spec.Capital(err.Error())}}
}

// report shows why a command ended, and returns its exit code.
func (prog *program) report(ctx context.Context, err error) int {
	e := endingOf(err, ctx.Err() != nil)
	out := prog.out
	if out == nil {
		out = prog.newOutput(viewOptions{})
	}
	for i := range e.diags { // its commands are for the folder that this one was for
		e.diags[i].Detail = strings.ReplaceAll(e.diags[i].Detail, "\n  cardfleet ", "\n  "+prog.command()+" ")
	}
	out.diagnostics(e.diags)
	return e.code
}
