package statetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
)

// LeaseRig is a store whose lock is a lease, and its time.
type LeaseRig struct {
	// Open opens the store once more. beat has that backend renew its lease,
	// and returns when it has tried.
	Open func() (b state.Backend, beat func())
	// Expire lets as much time pass that the lease, whoever has it, has expired.
	Expire func()
}

// RunLease checks what [state.Leased] promises, of backends that have the ability.
func RunLease(t *testing.T, start func(t *testing.T) LeaseRig) {
	for _, c := range []struct {
		name  string
		check func(t *testing.T, rig LeaseRig)
	}{
		{"an expired lease is taken over, and the first run changes nothing more", takeover},
		{"a lease that is renewed isn't taken over", renewal},
		{"a lease that nobody took over is renewed late", lateRenewal},
		{"nothing is lost that isn't held", notHeld},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, start(t)) })
	}
}

func lostOf(t *testing.T, b state.Backend) <-chan struct{} {
	t.Helper()
	leased, ok := b.(state.Leased)
	require.True(t, ok, "the backend has no lease")
	return leased.Lost()
}

func isLost(t *testing.T, b state.Backend) bool {
	t.Helper()
	select {
	case <-lostOf(t, b):
		return true
	default:
		return false
	}
}

func takeover(t *testing.T, rig LeaseRig) {
	first, beat := rig.Open()
	second, _ := rig.Open()
	unlock, err := first.Lock(t.Context(), state.LockInfo{ID: "0c1f", Who: "wei@hangzhou"})
	require.NoError(t, err)
	stale := read(t, first)
	j := journal(t, first)
	require.NoError(t, j.Append(t.Context(), Put(Card(1, "first"))))

	_, err = second.Lock(t.Context(), state.LockInfo{})
	var held *state.LockedError
	require.ErrorAs(t, err, &held)
	require.Equal(t, "wei@hangzhou", held.Holder.Who)
	rig.Expire()
	locked(t, second)
	wakes(t, first, j, stale, second)

	beat()
	select {
	case <-lostOf(t, first):
	case <-time.After(time.Minute): // only a failure waits for it
		require.Fail(t, "the first run isn't told that its lease is lost")
	}
	_ = unlock() // it may say that the lease was lost
	third, _ := rig.Open()
	_, err = third.Lock(t.Context(), state.LockInfo{})
	require.ErrorAs(t, err, &held, "the first run's unlock isn't the second one's")
}

func renewal(t *testing.T, rig LeaseRig) {
	first, beat := rig.Open()
	second, _ := rig.Open()
	locked(t, first)
	for range 3 {
		beat()
		require.False(t, isLost(t, first))
		_, err := second.Lock(t.Context(), state.LockInfo{})
		var held *state.LockedError
		require.ErrorAs(t, err, &held)
		lease := held.Lease
		require.False(t, lease.Seen.Before(lease.Renewed), "renewed at %s, seen at %s", lease.Renewed, lease.Seen)
		require.True(t, lease.Seen.Before(lease.Expires), "seen at %s, runs out at %s", lease.Seen, lease.Expires)
	}
}

func lateRenewal(t *testing.T, rig LeaseRig) {
	first, beat := rig.Open()
	second, _ := rig.Open()
	locked(t, first)
	rig.Expire()
	beat()
	_, err := second.Lock(t.Context(), state.LockInfo{})
	var held *state.LockedError
	require.ErrorAs(t, err, &held)
	require.False(t, isLost(t, first))
	s := read(t, first)
	require.NoError(t, commit(t.Context(), first, s))
}

func notHeld(t *testing.T, rig LeaseRig) {
	b, _ := rig.Open()
	require.Nil(t, lostOf(t, b))
	unlock, err := b.Lock(t.Context(), state.LockInfo{})
	require.NoError(t, err)
	require.NotNil(t, lostOf(t, b))
	require.NoError(t, unlock())
	require.Nil(t, lostOf(t, b))
}
