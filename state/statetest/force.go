package statetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
)

// RunForceUnlock checks what [state.ForceUnlocker] promises, of backends that
// have the ability. start is as for [Run].
func RunForceUnlock(t *testing.T, start func(t *testing.T) (open func() state.Backend)) {
	for _, c := range []struct {
		name  string
		check func(t *testing.T, open func() state.Backend)
	}{
		{"only the lock with this id is removed", forceUnlockByID},
		{"a run whose lock was removed writes nothing", removedLock},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, start(t)) })
	}
}

func forceUnlock(t *testing.T, b state.Backend, id string) error {
	t.Helper()
	f, ok := b.(state.ForceUnlocker)
	require.True(t, ok, "the backend has no ForceUnlock")
	return f.ForceUnlock(t.Context(), id)
}

func forceUnlockByID(t *testing.T, open func() state.Backend) {
	require.ErrorIs(t, forceUnlock(t, open(), "0c1f"), state.ErrNotLocked)
	info := state.LockInfo{ID: "0c1f", Operation: "apply", Who: "wei@hangzhou", Created: noon, Path: "fleet.state"}
	unlock, err := open().Lock(t.Context(), info)
	require.NoError(t, err)
	defer func() { _ = unlock() }() // by then it isn't its lock any more, and it may say so

	var held *state.LockedError
	require.ErrorAs(t, forceUnlock(t, open(), "0c1e"), &held)
	require.Equal(t, info, held.Holder)
	_, err = open().Lock(t.Context(), state.LockInfo{})
	require.ErrorAs(t, err, &held, "the wrong id removes nothing")

	require.NoError(t, forceUnlock(t, open(), "0c1f"))
	require.ErrorIs(t, forceUnlock(t, open(), "0c1f"), state.ErrNotLocked)
	again, err := open().Lock(t.Context(), state.LockInfo{})
	require.NoError(t, err)
	require.NoError(t, again())
}

func removedLock(t *testing.T, open func() state.Backend) {
	first, second := open(), open()
	unlock, err := first.Lock(t.Context(), state.LockInfo{ID: "0c1f"})
	require.NoError(t, err)
	stale := read(t, first)
	j := journal(t, first)
	require.NoError(t, j.Append(t.Context(), Put(Card(1, "first"))))

	require.NoError(t, forceUnlock(t, second, "0c1f"))
	locked(t, second)
	wakes(t, first, j, stale, second)
	_ = unlock() // it may say that the lock was gone
	_, err = open().Lock(t.Context(), state.LockInfo{})
	var held *state.LockedError
	require.ErrorAs(t, err, &held, "the first run's unlock isn't the second one's")
}

// wakes checks that first, whose lock second has now, changes nothing more:
// neither before second writes nor after.
func wakes(t *testing.T, first state.Backend, j state.Journal, stale *state.Snapshot, second state.Backend) {
	t.Helper()
	require.Error(t, j.Append(t.Context(), Put(Card(1, "late"))))
	require.Error(t, commit(t.Context(), first, stale))
	now := read(t, second)
	require.Equal(t, []state.Card{Card(1, "first")}, now.Cards, "what the first run recorded in time is there, and no more")

	now.Cards = []state.Card{Card(2, "second")}
	require.NoError(t, commit(t.Context(), second, now))
	require.Error(t, j.Append(t.Context(), Put(Card(1, "later"))))
	require.Error(t, commit(t.Context(), first, stale))
	require.Equal(t, now, read(t, second))
}
