package local

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/statetest"
)

var _ state.Historian = (*Backend)(nil)

func commitTimes(t *testing.T, b *Backend, n int) *state.Snapshot {
	t.Helper()
	s := read(t, b)
	for range n {
		s.Cards = []state.Card{statetest.Card(1, fmt.Sprint(s.Serial+1))}
		require.NoError(t, commit(t.Context(), b, s))
	}
	return s
}

func TestTheHistoryHasTheLastTenSnapshots(t *testing.T) {
	b, _ := snapshotsAt(t)
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
	b, path := snapshotsAt(t)
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
	b, path := snapshotsAt(t)
	commitTimes(t, b, 3)
	require.NoError(t, os.Rename(path+".backup", path))
	s := read(t, b)
	require.Equal(t, "2", s.Cards[0].Last.Status)

	// What is committed from there takes its serial's place in the history.
	s.Cards[0].Last.Status = "another 3"
	require.NoError(t, commit(t.Context(), b, s))
	commitTimes(t, b, 1)
	old, err := b.ReadVersion(t.Context(), "3")
	require.NoError(t, err)
	require.Equal(t, "another 3", old.Cards[0].Last.Status)
	require.NoFileExists(t, path+".history/tmp")
}

// TestEveryVersionIsReadWhicheverWayItWasWritten commits at random as lines and
// as snapshots, with a new process for each commit.
func TestEveryVersionIsReadWhicheverWayItWasWritten(t *testing.T) {
	key := newKey(t)
	rapid.Check(t, func(rt *rapid.T) {
		path := filepath.Join(t.TempDir(), "fleet.state")
		sealed := rapid.Bool().Draw(rt, "sealed")
		var want []*state.Snapshot // by serial, from 1
		for range rapid.IntRange(0, 14).Draw(rt, "commits") {
			b := New(path, testEnv())
			if sealed {
				b = sealedWith(t, path, key)
			}
			if rapid.IntRange(0, 3).Draw(rt, "snapshot") == 0 {
				writingSnapshots(b)
			}
			if rapid.Bool().Draw(rt, "journal") {
				appendTo(t, b, statetest.Put(statetest.Card(rapid.IntRange(0, 5).Draw(rt, "card"), "journal")))
			}
			s := read(t, b)
			s.Cards = s.Cards[:rapid.IntRange(0, len(s.Cards)).Draw(rt, "left")]
			if len(s.Cards) == 0 {
				s.Cards = []state.Card{statetest.Card(9, fmt.Sprint(len(want)))}
			}
			require.NoError(t, commit(t.Context(), b, s))
			want = append(want, s)
			again := New(path, b.env)
			require.Equal(t, s, read(t, again))
			requireVersions(t, again, want)
		}
	})
}

// requireVersions looks for the last ten versions, at least; the last of want
// is the present state.
func requireVersions(t *testing.T, b *Backend, want []*state.Snapshot) {
	t.Helper()
	list, err := b.History(t.Context())
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(list), min(10, len(want)-1))
	for i, v := range list {
		require.EqualValues(t, len(want)-1-i, v.Serial, "the newest first")
		s := want[v.Serial-1]
		require.Equal(t, state.Version{Serial: s.Serial, Lineage: s.Lineage, Written: v.Written, Cards: len(s.Cards), Name: fmt.Sprint(s.Serial)}, v)
		require.False(t, v.Written.IsZero())
		old, err := b.ReadVersion(t.Context(), v.Name)
		require.NoError(t, err)
		require.Equal(t, s, old)
	}
}

func TestALongJournalBecomesASnapshot(t *testing.T) {
	b, path := newAt(t)
	s := read(t, b)
	for n := range 400 {
		s.Cards = append(s.Cards, statetest.Card(n, "正常"))
	}
	require.NoError(t, commit(t.Context(), b, s))
	before, err := os.Stat(path)
	require.NoError(t, err)
	lines := 0
	for {
		for i := range s.Cards {
			s.Cards[i].Last.Status = fmt.Sprint("round ", lines)
		}
		require.NoError(t, commit(t.Context(), b, s))
		now, err := os.Stat(path)
		require.NoError(t, err)
		if !os.SameFile(before, now) {
			break
		}
		lines++
	}
	require.Greater(t, lines, 3)
	require.Less(t, lines, 100)
	require.NoFileExists(t, path+".journal")
	list, err := b.History(t.Context())
	require.NoError(t, err)
	require.Len(t, list, lines+1)
	require.Equal(t, s, read(t, b))
}

func TestADamagedJournalDoesNotHideTheHistory(t *testing.T) {
	b, path := newAt(t)
	commitTimes(t, b, 3)
	text, err := os.ReadFile(path + ".journal")
	require.NoError(t, err)
	text[20] ^= 1
	require.NoError(t, os.WriteFile(path+".journal", text, 0o600))
	_, err = b.Read(t.Context())
	require.ErrorContains(t, err, "it was damaged after it was written")
	old, err := b.ReadVersion(t.Context(), "1")
	require.NoError(t, err)
	require.Equal(t, "1", old.Cards[0].Last.Status)
}
