package cli

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
)

// leased is a lock that can be lost.
type leased struct {
	state.Backend
	lost chan struct{}
}

func (l *leased) Lock(context.Context, state.LockInfo) (func() error, error) {
	return func() error { return nil }, nil
}

func (l *leased) Lost() <-chan struct{} { return l.lost }

func held(t *testing.T) (*leased, context.Context, func() error) {
	t.Helper()
	b := &leased{lost: make(chan struct{})}
	env := &Env{Random: func([]byte) {}, Now: func() time.Time { return time.Time{} }, LookupEnv: func(string) (string, bool) { return "", false }}
	s := &session{env: env, backend: b}
	ctx, unlock, err := s.hold(t.Context(), "apply", 0)
	require.NoError(t, err)
	return b, ctx, unlock
}

func TestALostLeaseEndsTheRunWithThatReason(t *testing.T) {
	b, ctx, unlock := held(t)
	require.NoError(t, ctx.Err())
	close(b.lost)
	<-ctx.Done()
	require.ErrorIs(t, context.Cause(ctx), errLeaseLost)

	var exit *exitError
	require.ErrorAs(t, orLeaseLost(ctx, &exitError{code: exitInterrupted}), &exit)
	require.Equal(t, exitPartial, exit.code, "nobody interrupted it")
	require.ErrorIs(t, exit.err, errLeaseLost)
	require.ErrorAs(t, orLeaseLost(ctx, context.Canceled), &exit)
	require.Equal(t, exitFailed, exit.code)
	require.NoError(t, orLeaseLost(ctx, nil), "all was done before")
	require.NoError(t, unlock())
}

func TestALeaseThatIsKeptEndsNothing(t *testing.T) {
	_, ctx, unlock := held(t)
	require.NoError(t, unlock())
	err := errors.New("a carrier's")
	require.Equal(t, err, orLeaseLost(ctx, err))
	require.Equal(t, &exitError{code: exitInterrupted}, orLeaseLost(ctx, &exitError{code: exitInterrupted}))
}
