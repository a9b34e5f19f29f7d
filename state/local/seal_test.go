package local

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/seal"
	"github.com/cardfleet/cardfleet/state/statetest"
)

func newKey(t *testing.T) seal.Key {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	return seal.Key{Recipients: []string{id.Recipient().String()}, Identities: []seal.Identity{{Name: "key.txt", Text: id.String()}}}
}

func sealedWith(t *testing.T, path string, key seal.Key, previous ...seal.Key) *Backend {
	t.Helper()
	env := testEnv()
	k, err := seal.New(seal.Options{Key: key, Previous: previous, Random: env.Random, WorkFactor: 4})
	require.NoError(t, err)
	env.Sealer = k
	return New(path, env)
}

func TestASealedBackendPassesTheSuite(t *testing.T) {
	key := newKey(t)
	statetest.Run(t, func(t *testing.T) func() state.Backend {
		path := filepath.Join(t.TempDir(), "fleet.state")
		return func() state.Backend { return sealedWith(t, path, key) }
	})
}

func TestNothingOfASealedStateIsReadable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.state")
	b := sealedWith(t, path, newKey(t))
	commitTimes(t, b, 2)
	appendTo(t, b, statetest.Put(statetest.Card(2, "in the journal")))
	require.NoError(t, filepath.WalkDir(filepath.Dir(path), func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		for _, word := range []string{"8986", "card.n", "lineage", "\x28\xb5\x2f\xfd"} {
			require.False(t, bytes.Contains(text, []byte(word)), "%s shows %q", name, word)
		}
		return err
	}))
	require.Len(t, read(t, b).Cards, 2)
}

func TestAPlainStateIsReadAndSealedByTheNextCommit(t *testing.T) {
	b, path := newAt(t)
	s := commitTimes(t, b, 1)
	appendTo(t, b, statetest.Put(statetest.Card(2, "plain journal")))

	sealed := sealedWith(t, path, newKey(t))
	appendTo(t, sealed, statetest.Put(statetest.Card(3, "sealed journal, behind the plain one")))
	now := read(t, sealed)
	require.Len(t, now.Cards, 3)
	require.Equal(t, s.Lineage, now.Lineage)
	require.NoError(t, commit(t.Context(), sealed, now))
	_, err := b.Read(t.Context())
	require.EqualError(t, err, "read the state "+path+": it is encrypted, and the configuration has no key for it: "+
		"give the fleet block an encryption block with the identities or the passphrase that open it")
	require.ErrorIs(t, err, state.ErrSealed)
	require.ErrorIs(t, commit(t.Context(), b, now), state.ErrSealed, "what can't be read isn't overwritten")
}

func TestASealedJournalWithoutAKeyIsRefused(t *testing.T) {
	b, path := newAt(t)
	commitTimes(t, b, 1)
	appendTo(t, sealedWith(t, path, newKey(t)), statetest.Put(statetest.Card(2, "")))
	_, err := b.Read(t.Context())
	require.ErrorIs(t, err, state.ErrSealed)
	require.ErrorContains(t, err, "the journal "+path+".journal, line 1: ")
}

func TestKeysRollOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.state")
	first, second := newKey(t), seal.Key{Passphrase: "the new one"}
	b := sealedWith(t, path, first)
	commitTimes(t, b, 1)
	appendTo(t, b, statetest.Put(statetest.Card(2, "old key")))

	both := sealedWith(t, path, second, first)
	appendTo(t, both, statetest.Put(statetest.Card(3, "new key, in the same journal")))
	now := read(t, both)
	require.Len(t, now.Cards, 3)
	require.NoError(t, commit(t.Context(), both, now))
	require.Equal(t, now, read(t, sealedWith(t, path, second)), "the old key isn't needed any more")
	_, err := b.Read(t.Context())
	require.ErrorContains(t, err, "read the state "+path+": it can't be decrypted: none of the identities and passphrases")
}

func TestAnOldSealedStateInTheNewOnesPlaceIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.state")
	b := writingSnapshots(sealedWith(t, path, newKey(t)))
	commitTimes(t, b, 3)
	for _, serial := range []string{"1", "2"} {
		old, err := os.ReadFile(path + ".history/" + serial)
		require.NoError(t, err)
		require.NoError(t, os.Remove(path))
		require.NoError(t, os.WriteFile(path, old, 0o600))
		_, err = b.Read(t.Context())
		require.ErrorContains(t, err, "it has serial "+serial+", but its history has serial 3: an older state or journal was put in its place")
	}
	now, err := os.ReadFile(path + ".history/3") // as the message says
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, now, 0o600))
	require.Equal(t, "3", read(t, b).Cards[0].Last.Status)
}

func TestASealedJournalThatLacksACommitIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.state")
	b := sealedWith(t, path, newKey(t))
	commitTimes(t, b, 3)
	whole, err := os.ReadFile(path + ".journal")
	require.NoError(t, err)
	first := bytes.IndexByte(whole, '\n') + 1
	for _, cut := range []int{0, first} {
		require.NoError(t, os.WriteFile(path+".journal", whole[:cut], 0o600))
		_, err = b.Read(t.Context())
		require.ErrorContains(t, err, "but its history has serial 3: an older state or journal was put in its place", "cut at byte %d", cut)
	}
	require.NoError(t, os.WriteFile(path+".journal", whole, 0o600))
	commitTimes(t, writingSnapshots(b), 1)
	marks, err := filepath.Glob(path + ".history/*.commit")
	require.NoError(t, err)
	require.Empty(t, marks, "a snapshot needs no marks of what is in it")
}

func TestAJournalOfAnotherFleetIsRefused(t *testing.T) {
	dir, key := t.TempDir(), newKey(t)
	mine, theirs := filepath.Join(dir, "mine"), filepath.Join(dir, "theirs")
	for _, path := range []string{mine, theirs} {
		b := sealedWith(t, path, key)
		s := &state.Snapshot{Lineage: "lineage of " + filepath.Base(path)}
		require.NoError(t, commit(t.Context(), b, s))
		appendTo(t, b, statetest.Put(statetest.Card(1, path)))
	}
	require.NoError(t, os.Rename(theirs+".journal", mine+".journal"))
	_, err := sealedWith(t, mine, key).Read(t.Context())
	require.ErrorContains(t, err, `line 1: it is of the state of lineage lineage of theirs, and this is lineage "lineage of mine"`)
}

func TestASealedJournalCutAtAnyByteKeepsTheRecordsBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.state")
	b := sealedWith(t, path, newKey(t))
	var ends []int
	for n := range 2 {
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
		if ends[0] <= cut {
			want = 1
		}
		require.Len(t, read(t, b).Cards, want, "cut at byte %d", cut)
	}
	for i := range ends[0] - 1 { // not its end of line: without it the line goes on
		changed := bytes.Clone(whole)
		changed[i] ^= 1
		require.NoError(t, os.WriteFile(path+".journal", changed, 0o600))
		_, err := b.Read(t.Context())
		require.Error(t, err, "changed at byte %d", i)
	}
}
