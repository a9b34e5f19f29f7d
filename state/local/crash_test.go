package local

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/statetest"
)

func testEnv() Env {
	return Env{Random: func(p []byte) { copy(p, "0123456789abcdef") }, Version: "0.1.0"}
}

func newAt(t *testing.T) (b *Backend, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "fleet.state")
	return New(path, testEnv()), path
}

func appendTo(t *testing.T, b *Backend, records ...state.Record) {
	t.Helper()
	j, err := b.Journal(t.Context())
	require.NoError(t, err)
	require.NoError(t, j.Append(t.Context(), records...))
	require.NoError(t, j.Close())
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
			if b.hold.file != nil {
				_ = b.hold.file.Unlock() // as the system does when a process is gone
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
	stops := 0
	for n := 0; ; n++ {
		b, path := newAt(t)
		first := read(t, b)
		first.Cards = []state.Card{statetest.Card(1, "first")}
		require.NoError(t, b.Commit(t.Context(), first))
		appendTo(t, b, statetest.Put(statetest.Card(1, "journal")))

		second := read(t, b)
		stopped := stopAt(b, n, func() { require.NoError(t, b.Commit(context.Background(), second)) })

		// Committed or not, the state is the same to a reader.
		again := New(path, testEnv())
		after := read(t, again)
		require.Equal(t, []state.Card{statetest.Card(1, "journal")}, after.Cards, "stopped at step %d", n)
		require.Contains(t, []uint64{1, 2}, after.Serial)

		// And the next run goes on from there, whatever lies around.
		appendTo(t, again, statetest.Put(statetest.Card(2, "next")))
		after = read(t, again)
		require.NoError(t, again.Commit(t.Context(), after), "stopped at step %d", n)
		require.Len(t, read(t, again).Cards, 2)
		requireOnly(t, path, "", ".backup", ".history", ".lock")
		if !stopped {
			break
		}
		stops++
	}
	require.Greater(t, stops, 7, "a commit has more steps than that")
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
	b, path := newAt(t)
	s := read(t, b)
	for n := range 3 {
		s.Cards = []state.Card{statetest.Card(1, fmt.Sprint(n))}
		require.NoError(t, b.Commit(t.Context(), s))
	}
	backup := read(t, New(path+".backup", testEnv()))
	require.EqualValues(t, 2, backup.Serial)
	require.Equal(t, "1", backup.Cards[0].Last.Status)
}

func TestAJournalAheadOfItsStateIsRefused(t *testing.T) {
	b, path := newAt(t)
	s := read(t, b)
	require.NoError(t, b.Commit(t.Context(), s))
	require.NoError(t, b.Commit(t.Context(), s))
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
	b, path := newAt(t)
	s := read(t, b)
	require.NoError(t, b.Commit(t.Context(), s))
	require.NoError(t, b.Commit(t.Context(), s))
	require.NoError(t, os.Truncate(path, 10))
	_, err := b.Read(t.Context())
	require.ErrorContains(t, err, "read the state "+path+": line 1: the file is cut off")
	require.ErrorContains(t, err, "; the state before the last commit is in "+path+".backup")
	require.ErrorContains(t, b.Commit(t.Context(), s), "is cut off", "a state that can't be read isn't overwritten")
}

func TestOnlyTheOwnerCanReadTheFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // there are no such modes
	}
	b, path := newAt(t)
	unlock, err := b.Lock(t.Context(), state.LockInfo{})
	require.NoError(t, err)
	s := read(t, b)
	require.NoError(t, b.Commit(t.Context(), s))
	require.NoError(t, b.Commit(t.Context(), s))
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
	require.NoError(t, New(file, testEnv()).Commit(t.Context(), s))
	require.NoError(t, os.Symlink(file, link))
	require.NoError(t, New(link, testEnv()).Commit(t.Context(), s))
	require.Equal(t, s, read(t, New(file, testEnv())))
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeSymlink, "the link is still one")
}

func TestAStateCanLieInAFolderThatIsNotThereYet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "states", "hangzhou", "fleet.state")
	b := New(path, testEnv())
	s := read(t, b)
	require.NoError(t, b.Commit(t.Context(), s))
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
