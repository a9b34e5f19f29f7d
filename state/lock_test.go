package state_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
)

// heldBackend is locked by somebody for the next attempts.
type heldBackend struct {
	state.Backend
	attempts int
	err      error
}

func (b *heldBackend) Lock(context.Context, state.LockInfo) (func() error, error) {
	if b.attempts--; b.attempts >= 0 {
		return nil, b.err
	}
	return func() error { return nil }, nil
}

func held() error {
	return &state.LockedError{Holder: state.LockInfo{ID: "1", Who: "wei@hangzhou", Operation: "apply", Created: noon}}
}

func TestLockWithin(t *testing.T) {
	const s = time.Second
	var pauses []time.Duration
	sleep := func(_ context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return nil
	}
	rows := []struct {
		name     string
		attempts int
		patience time.Duration
		pauses   []time.Duration
		locked   bool
	}{
		{"free", 0, 0, nil, true},
		{"held, no patience", 1, 0, nil, false},
		{"held for a while", 3, 10 * s, []time.Duration{s, 2 * s, 4 * s}, true},
		{"held for too long", 99, 10 * s, []time.Duration{s, 2 * s, 4 * s, 3 * s}, false},
		{"pauses grow to 16 s", 99, time.Minute, []time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 16 * s, 13 * s}, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			pauses = nil
			unlock, err := state.LockWithin(t.Context(), &heldBackend{attempts: row.attempts, err: held()}, state.LockInfo{}, state.Patience{For: row.patience}, sleep)
			require.Equal(t, row.pauses, pauses)
			if row.locked {
				require.NoError(t, err)
				require.NoError(t, unlock())
				return
			}
			require.EqualError(t, err, "the state is locked by wei@hangzhou since 2026-11-21T12:00:00Z (apply)")
		})
	}
}

func TestAFailingLockIsNotTriedAgain(t *testing.T) {
	broken := errors.New("read-only file system")
	_, err := state.LockWithin(t.Context(), &heldBackend{attempts: 1, err: broken}, state.LockInfo{}, state.Patience{For: time.Hour}, nil)
	require.ErrorIs(t, err, broken)
}

func TestWaitingForALockEndsWithItsContext(t *testing.T) {
	interrupted := func(context.Context, time.Duration) error { return context.Canceled }
	_, err := state.LockWithin(t.Context(), &heldBackend{attempts: 9, err: held()}, state.LockInfo{}, state.Patience{For: time.Hour}, interrupted)
	require.ErrorIs(t, err, context.Canceled)
	var locked *state.LockedError
	require.ErrorAs(t, err, &locked, "and still says who holds it")
}

func TestWhoeverWaitsForALockIsToldOfItAtFirstAndEachHalfMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		sleep := func(_ context.Context, d time.Duration) error { time.Sleep(d); return nil }
		var told []time.Duration
		patience := state.Patience{For: 100 * time.Second, Waits: func(held *state.LockedError, waited, left time.Duration) {
			require.Equal(t, "wei@hangzhou", held.Holder.Who)
			require.Equal(t, time.Since(began), waited)
			require.Equal(t, 100*time.Second, waited+left)
			told = append(told, waited)
		}}
		_, err := state.LockWithin(t.Context(), &heldBackend{attempts: 99, err: held()}, state.LockInfo{}, patience, sleep)
		var locked *state.LockedError
		require.ErrorAs(t, err, &locked)
		require.Equal(t, []time.Duration{0, 30 * time.Second, time.Minute, 90 * time.Second}, told)
		require.Equal(t, 100*time.Second, time.Since(began), "and no longer than it was to wait")
	})
}
