package cli

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/state"
)

// lost is a context whose lock was lost.
func lost(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(run.ErrLeaseLost)
	return ctx
}

func TestALostLeaseIsNoInterruptAndSaysSo(t *testing.T) {
	ctx := lost(t)
	e := endingOf(run.OrLeaseLost(ctx, exit(exitInterrupted)), true)
	require.Equal(t, exitPartial, e.code, "nobody interrupted it")
	require.Equal(t, problem(run.ErrLeaseLost), e.diags)

	e = endingOf(run.OrLeaseLost(ctx, &failure{exitPartial, context.Canceled}), true)
	require.Equal(t, exitPartial, e.code)
	require.Len(t, e.diags, 1)
	require.Contains(t, e.diags[0].Summary, "The state's lock could not be kept")
	require.Contains(t, e.diags[0].Summary, "\ncontext canceled")

	e = endingOf(run.OrLeaseLost(ctx, context.Canceled), true)
	require.Equal(t, exitFailed, e.code)
	require.Equal(t, ending{}, endingOf(run.OrLeaseLost(ctx, nil), true), "all was done before")
}

func TestALeaseThatIsKeptChangesNoEnding(t *testing.T) {
	require.Equal(t, ending{code: exitInterrupted}, endingOf(run.OrLeaseLost(t.Context(), exit(exitInterrupted)), true))
}

func TestAnInterruptedWaitForALockIsAnInterrupt(t *testing.T) {
	locked := &state.LockedError{Holder: state.LockInfo{ID: "0c1f", Who: "wei@hangzhou", Operation: "apply"}}
	waited := fmt.Errorf("wait for the lock: %w (%w)", context.Canceled, locked)
	e := endingOf(waited, true)
	require.Equal(t, exitInterrupted, e.code)
	require.Equal(t, "Nothing was changed: the run still waited for the state's lock, and wei@hangzhou has it (apply).", e.diags[0].Detail)
	require.Equal(t, exitLocked, endingOf(locked, true).code, "it was over before")
}

func TestEveryRefusalOfARunHasWords(t *testing.T) {
	for _, reason := range run.Reasons() {
		r := &run.Refusal{Reason: reason, Plan: &plan.Plan{}, Unapproved: true, Absent: &run.Absence{}}
		e := endingOf(r, false)
		code := exitFailed
		if reason == run.NotAllowed {
			code = exitRefused
		}
		assert.Equal(t, code, e.code)
		if assert.Len(t, e.diags, 1, "%v", r) {
			assert.NotEmpty(t, e.diags[0].Summary, "%v", r)
			assert.NotEmpty(t, e.diags[0].Detail, "%v", r)
		}
		assert.NotContains(t, r.Error(), "for reason", "it has an Error of its own")
	}
}
