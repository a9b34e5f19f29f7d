package run_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/internal/run"
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

func (l *leased) Assure(context.Context) error { return nil }

func (l *leased) Lost() <-chan struct{} { return l.lost }

func held(t *testing.T) (*leased, context.Context, func() error) {
	t.Helper()
	b := &leased{lost: make(chan struct{})}
	s := run.Store{Backend: b, Env: run.Env{Random: func([]byte) {}, Now: func() time.Time { return time.Time{} }}}
	ctx, unlock, err := s.Hold(t.Context(), "apply", state.Patience{})
	require.NoError(t, err)
	return b, ctx, unlock
}

func TestALostLeaseEndsTheRunWithThatReason(t *testing.T) {
	b, ctx, unlock := held(t)
	require.NoError(t, ctx.Err())
	close(b.lost)
	<-ctx.Done()
	require.ErrorIs(t, context.Cause(ctx), run.ErrLeaseLost)

	err := run.OrLeaseLost(ctx, context.Canceled)
	require.ErrorIs(t, err, run.ErrLeaseLost)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, run.OrLeaseLost(ctx, nil), "all was done before")
	require.NoError(t, unlock())
}

func TestALeaseThatIsKeptEndsNothing(t *testing.T) {
	_, ctx, unlock := held(t)
	require.NoError(t, unlock())
	err := errors.New("a carrier's")
	require.Equal(t, err, run.OrLeaseLost(ctx, err))
}
