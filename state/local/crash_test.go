package local

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/statetest"
)

func testEnv() state.Env {
	now := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	return state.Env{Now: func() time.Time { return now }, Random: func(p []byte) { copy(p, "0123456789abcdef") }, Version: "0.1.0"}
}

func newAt(t *testing.T) (b *Backend, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "fleet.state")
	return New(path, testEnv()), path
}

// snapshotsAt is a state each of whose commits writes a snapshot file.
func snapshotsAt(t *testing.T) (b *Backend, path string) {
	t.Helper()
	b, path = newAt(t)
	return writingSnapshots(b), path
}

func writingSnapshots(b *Backend) *Backend {
	b.longest = func(int64) int64 { return -1 }
	return b
}

func appendTo(t *testing.T, b *Backend, records ...state.Record) {
	t.Helper()
	j, err := b.Journal(t.Context())
	require.NoError(t, err)
	require.NoError(t, j.Append(t.Context(), records...))
	require.NoError(t, j.Close())
}

// commit replaces what is stored by s, if that has the lineage and the serial of s.
func commit(ctx context.Context, b *Backend, s *state.Snapshot) error {
	present, err := b.Read(ctx)
	if err != nil {
		return err
	}
	prior := &state.Snapshot{Lineage: s.Lineage, Serial: s.Serial, Cards: present.Cards}
	if err := b.Commit(ctx, prior, state.Difference(present, s)); err != nil {
		return err
	}
	*s = *prior
	return nil
}

func read(t *testing.T, b *Backend) *state.Snapshot {
	t.Helper()
	s, err := b.Read(t.Context())
	require.NoError(t, err)
	return s
}

// crash is what the program throws where a test stops it.
type crash struct{}

// stopAt makes the nth step of a write the program's last; it reports whether
// there was an nth one.
func stopAt(b *Backend, n int, write func()) (stopped bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(crash); !ok {
				panic(r)
			}
			stopped = true
			if b.file != nil {
				_ = b.file.Unlock() // as the system does when a process is gone
			}
		}
	}()
	step := 0
	b.step = func(string) {
		if step++; step > n {
			panic(crash{})
		}
	}
	write()
	return false
}

func TestACrashAtAnyStepOfACommitLeavesTheOldStateOrTheNew(t *testing.T) {
	for name, mode := range map[string]struct {
		of    func(b *Backend) *Backend
		steps int
		files []string // that are left
	}{
		"as a snapshot": {writingSnapshots, 9, []string{"", ".backup", ".history", ".lock"}},
		"as a line":     {func(b *Backend) *Backend { return b }, 3, []string{"", ".history", ".journal", ".lock"}},
	} {
		t.Run(name, func(t *testing.T) {
			stops := 0
			for n := 0; ; n++ {
				stopped := stopACommit(t, mode.of, mode.files, n)
				if !stopped {
					break
				}
				stops++
			}
			require.GreaterOrEqual(t, stops, mode.steps, "a commit has more steps than that")
		})
	}
}

// stopACommit stops the third commit at its nth step, and looks.
func stopACommit(t *testing.T, of func(b *Backend) *Backend, files []string, n int) (stopped bool) {
	b, path := newAt(t)
	b = of(b)
	s := read(t, b)
	for _, status := range []string{"first", "second"} {
		s.Cards = []state.Card{statetest.Card(1, status)}
		require.NoError(t, commit(t.Context(), b, s))
	}
	appendTo(t, b, statetest.Put(statetest.Card(1, "journal")))

	third := read(t, b)
	stopped = stopAt(b, n, func() { require.NoError(t, b.Commit(context.Background(), third, state.Edits{})) })

	// Committed or not, the state is the same to a reader.
	again := of(New(path, testEnv()))
	after := read(t, again)
	require.Equal(t, []state.Card{statetest.Card(1, "journal")}, after.Cards, "stopped at step %d", n)
	require.Contains(t, []uint64{2, 3}, after.Serial)

	// And the next run goes on from there, whatever lies around.
	appendTo(t, again, statetest.Put(statetest.Card(2, "next")))
	after = read(t, again)
	require.NoError(t, again.Commit(t.Context(), after, state.Edits{}), "stopped at step %d", n)
	require.Len(t, read(t, again).Cards, 2)
	requireOnly(t, path, files...)
	versions, err := again.History(t.Context())
	require.NoError(t, err)
	require.Len(t, versions, int(after.Serial)-1, "stopped at step %d", n)
	for _, v := range versions {
		old, err := again.ReadVersion(t.Context(), v.Name)
		require.NoError(t, err, "stopped at step %d", n)
		require.Equal(t, []string{"first", "second", "journal"}[v.Serial-1], old.Cards[0].Last.Status)
	}
	return stopped
}

func requireOnly(t *testing.T, path string, endings ...string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	var want, got []string
	for _, e := range endings {
		want = append(want, filepath.Base(path)+e)
	}
	for _, e := range entries {
		got = append(got, e.Name())
	}
	require.Equal(t, want, got)
}

func TestACrashWhileAJournalIsOpenedLosesNoRecord(t *testing.T) {
	for n := 0; ; n++ {
		b, path := newAt(t)
		appendTo(t, b, statetest.Put(statetest.Card(1, "kept")))
		tear(t, path+".journal")
		stopped := stopAt(b, n, func() { appendTo(t, b, statetest.Put(statetest.Card(2, "more"))) })
		again := New(path, testEnv())
		appendTo(t, again, statetest.Put(statetest.Card(2, "more")))
		require.Equal(t, []state.Card{statetest.Card(1, "kept"), statetest.Card(2, "more")}, read(t, again).Cards)
		if !stopped {
			return
		}
	}
}

// tear leaves half a line at the file's end.
func tear(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(text, text[:len(text)/2]...), 0o600))
}

func TestAJournalCutAtAnyByteKeepsTheRecordsBefore(t *testing.T) {
	b, path := newAt(t)
	var ends []int // of the journal, after each record
	for n := range 4 {
		appendTo(t, b, statetest.Put(statetest.Card(n, "正常")))
		info, err := os.Stat(path + ".journal")
		require.NoError(t, err)
		ends = append(ends, int(info.Size()))
	}
	whole, err := os.ReadFile(path + ".journal")
	require.NoError(t, err)
	for cut := range whole {
		require.NoError(t, os.WriteFile(path+".journal", whole[:cut], 0o600))
		want := 0
		for _, end := range ends {
			if end <= cut {
				want++
			}
		}
		require.Len(t, read(t, b).Cards, want, "cut at byte %d", cut)

		appendTo(t, b, statetest.Put(statetest.Card(9, "next")))
		require.Len(t, read(t, b).Cards, want+1, "appended behind a cut at byte %d", cut)
	}
}

func TestABackupIsTheStateBefore(t *testing.T) {
	b, path := snapshotsAt(t)
	s := read(t, b)
	for n := range 3 {
		s.Cards = []state.Card{statetest.Card(1, fmt.Sprint(n))}
		require.NoError(t, commit(t.Context(), b, s))
	}
	backup := read(t, New(path+".backup", testEnv()))
	require.EqualValues(t, 2, backup.Serial)
	require.Equal(t, "1", backup.Cards[0].Last.Status)
}

func TestAJournalAheadOfItsStateIsRefused(t *testing.T) {
	b, path := snapshotsAt(t)
	s := read(t, b)
	require.NoError(t, commit(t.Context(), b, s))
	require.NoError(t, commit(t.Context(), b, s))
	appendTo(t, b, statetest.Put(statetest.Card(1, "")))
	require.NoError(t, os.Rename(path+".backup", path))

	want := fmt.Sprintf("the journal %s.journal follows serial 2 of the state, but %s has serial 1: "+
		"it was replaced by an older one; put the newer one back, or move the journal away and lose what it recorded", path, path)
	_, err := b.Read(t.Context())
	require.EqualError(t, err, want)
	_, err = b.Journal(t.Context())
	require.EqualError(t, err, want)
}

func TestADamagedStateNamesItsFileAndTheBackup(t *testing.T) {
	b, path := snapshotsAt(t)
	s := read(t, b)
	require.NoError(t, commit(t.Context(), b, s))
	require.NoError(t, commit(t.Context(), b, s))
	require.NoError(t, os.Truncate(path, 10))
	_, err := b.Read(t.Context())
	require.ErrorContains(t, err, "read the state "+path+": line 1: the file is cut off")
	require.ErrorContains(t, err, "; the state before the last commit is in "+path+".backup")
	require.ErrorContains(t, commit(t.Context(), b, s), "is cut off", "a state that can't be read isn't overwritten")
}

func TestOnlyTheOwnerCanReadTheFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // there are no such modes
	}
	b, path := snapshotsAt(t)
	unlock, err := b.Lock(t.Context(), state.LockInfo{})
	require.NoError(t, err)
	s := read(t, b)
	require.NoError(t, commit(t.Context(), b, s))
	require.NoError(t, commit(t.Context(), b, s))
	_, err = b.Journal(t.Context())
	require.NoError(t, err)
	for _, ending := range []string{"", ".journal", ".backup", ".lock", ".lockinfo"} {
		info, err := os.Stat(path + ending)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode(), ending)
	}
	require.NoError(t, unlock())
}

func TestACommitReplacesTheFileBehindALink(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // links need a privilege
	}
	dir := t.TempDir()
	file, link := filepath.Join(dir, "real.state"), filepath.Join(dir, "fleet.state")
	s := &state.Snapshot{}
	require.NoError(t, commit(t.Context(), New(file, testEnv()), s))
	require.NoError(t, os.Symlink(file, link))
	require.NoError(t, commit(t.Context(), New(link, testEnv()), s))
	require.Equal(t, s, read(t, New(file, testEnv())))
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeSymlink, "the link is still one")
}

func TestAStateCanLieInAFolderThatIsNotThereYet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "states", "hangzhou", "fleet.state")
	b := New(path, testEnv())
	s := read(t, b)
	require.NoError(t, commit(t.Context(), b, s))
	require.Equal(t, s, read(t, b))
}

func TestASecondOpenJournalIsRefused(t *testing.T) {
	b, _ := newAt(t)
	j, err := b.Journal(t.Context())
	require.NoError(t, err)
	_, err = b.Journal(t.Context())
	require.ErrorContains(t, err, "it is open already")
	require.NoError(t, j.Close())
}
