package local

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/statetest"
)

var _ state.Historian = (*Backend)(nil)

func commitTimes(t *testing.T, b *Backend, n int) *state.Snapshot {
	t.Helper()
	s := read(t, b)
	for range n {
		s.Cards = []state.Card{statetest.Card(1, fmt.Sprint(s.Serial+1))}
		require.NoError(t, b.Commit(t.Context(), s))
	}
	return s
}

func TestTheHistoryHasTheLastTenSnapshots(t *testing.T) {
	b, _ := newAt(t)
	list, err := b.History(t.Context())
	require.NoError(t, err)
	require.Empty(t, list, "of a state that was never written")
	s := commitTimes(t, b, 13)
	list, err = b.History(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 10)
	for i, v := range list {
		serial := uint64(12 - i)
		require.Equal(t, state.Version{Serial: serial, Lineage: s.Lineage, Written: v.Written, Cards: 1, Name: fmt.Sprint(serial)}, v)
		old, err := b.ReadVersion(t.Context(), v.Name)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(serial), old.Cards[0].Last.Status)
	}
	_, err = b.ReadVersion(t.Context(), "2")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, `the history of the state has no version "2"`)
	_, err = b.ReadVersion(t.Context(), "../fleet.state")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestAVersionThatIsAnotherIsRefused(t *testing.T) {
	b, path := newAt(t)
	commitTimes(t, b, 3)
	require.NoError(t, os.Rename(path+".history/1", path+".history/2"))
	_, err := b.ReadVersion(t.Context(), "2")
	require.ErrorContains(t, err, path+".history/2: it has serial 1: another state was put in its place")
}

func TestACommitGoesOnWithoutItsHistory(t *testing.T) {
	b, path := newAt(t)
	require.NoError(t, os.WriteFile(path+".history", nil, 0o600)) // no folder can be there
	require.EqualValues(t, 3, commitTimes(t, b, 3).Serial)
	require.Equal(t, "3", read(t, b).Cards[0].Last.Status)
}

func TestAPlainStateCanBePutBackByHand(t *testing.T) {
	b, path := newAt(t)
	commitTimes(t, b, 3)
	require.NoError(t, os.Rename(path+".backup", path))
	s := read(t, b)
	require.Equal(t, "2", s.Cards[0].Last.Status)

	// What is committed from there takes its serial's place in the history.
	s.Cards[0].Last.Status = "another 3"
	require.NoError(t, b.Commit(t.Context(), s))
	commitTimes(t, b, 1)
	old, err := b.ReadVersion(t.Context(), "3")
	require.NoError(t, err)
	require.Equal(t, "another 3", old.Cards[0].Last.Status)
	require.NoFileExists(t, path+".history/tmp")
}
