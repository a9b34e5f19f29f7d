package statetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
)

// RunHistory checks what [state.Historian] promises, of backends that have the
// ability. start is as for [Run].
func RunHistory(t *testing.T, start func(t *testing.T) (open func() state.Backend)) {
	t.Run("the last ten snapshots can be read", func(t *testing.T) { tenVersions(t, start(t)) })
	t.Run("a store without commits has no history", func(t *testing.T) {
		versions, err := historian(t, start(t)()).History(t.Context())
		require.NoError(t, err)
		require.Empty(t, versions)
	})
}

func historian(t *testing.T, b state.Backend) state.Historian {
	t.Helper()
	h, ok := b.(state.Historian)
	require.True(t, ok, "the backend has no history")
	return h
}

func tenVersions(t *testing.T, open func() state.Backend) {
	const commits = 14
	b := locked(t, open())
	var want []*state.Snapshot // by serial, from 1
	for n := range commits {
		s := read(t, b)
		s.Cards = nil
		for c := range 1 + n%4 { // cards come, change and go
			s.Cards = append(s.Cards, Card(c, fmt.Sprint(n/(c+1))))
		}
		require.NoError(t, commit(t.Context(), b, s))
		want = append(want, read(t, open()))
	}
	h := historian(t, open())
	versions, err := h.History(t.Context())
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(versions), 10)
	for i, v := range versions[:10] {
		serial := uint64(commits - 1 - i)
		snap := want[serial-1]
		require.Equal(t, serial, v.Serial, "the newest first, without the present one")
		require.Equal(t, snap.Lineage, v.Lineage)
		require.Len(t, snap.Cards, v.Cards)
		require.False(t, v.Written.IsZero())
		got, err := h.ReadVersion(t.Context(), v.Name)
		require.NoError(t, err)
		require.Equal(t, snap, got)
	}
	_, err = h.ReadVersion(t.Context(), "no such version")
	require.Error(t, err)
}
