package http_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/http"
	"github.com/cardfleet/cardfleet/state/seal"
	"github.com/cardfleet/cardfleet/state/statetest"
)

func newKey(t testing.TB) seal.Key {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	return seal.Key{Recipients: []string{id.Recipient().String()}, Identities: []seal.Identity{{Name: "key.txt", Text: id.String()}}}
}

func keyring(t testing.TB, key seal.Key, previous ...seal.Key) state.Sealer {
	t.Helper()
	k, err := seal.New(seal.Options{Key: key, Previous: previous, Random: random, WorkFactor: 4})
	require.NoError(t, err)
	return k
}

// sealedAt opens the state at url with a key.
func sealedAt(t testing.TB, url string, key seal.Key, previous ...seal.Key) *http.Backend {
	t.Helper()
	b, _ := openWith(t, at(url, false), keyring(t, key, previous...))
	return b
}

func TestASealedBackendPassesTheSuite(t *testing.T) {
	key := newKey(t)
	start := func(t *testing.T) func() state.Backend {
		_, url := newServer(t, &server{})
		return func() state.Backend { return sealedAt(t, url, key) }
	}
	statetest.Run(t, start)
	statetest.RunForceUnlock(t, start)
	statetest.RunEvents(t, start)
}

func TestTheServerSeesOnlyLineageAndSerialOfASealedState(t *testing.T) {
	s, url := newServer(t, &server{})
	b := sealedAt(t, url, newKey(t))
	snap := read(t, b)
	require.NoError(t, b.Commit(t.Context(), snap, put(statetest.Card(1, "in the snapshot"))))
	appendTo(t, b, statetest.Put(statetest.Card(2, "in the journal")))
	require.Contains(t, string(s.body), snap.Lineage)
	http.ForgeForTest(s.body, func(d *http.DocumentForTest) {
		require.True(t, bytes.HasPrefix(d.Snapshot, []byte("age-encryption.org/v1\n")))
		_, line, ok := bytes.Cut(d.Journal, []byte(` "`)) // a journal's line is a checksum, a length and a text in base64
		require.True(t, ok)
		opaque, err := base64.StdEncoding.DecodeString(string(bytes.TrimSuffix(line, []byte("\"\n"))))
		require.NoError(t, err)
		for _, text := range [][]byte{s.body, d.Snapshot, d.Journal, opaque} {
			for _, word := range []string{"8986", "card.n", "aliyun", "\x28\xb5\x2f\xfd"} {
				require.False(t, bytes.Contains(text, []byte(word)), "it shows %q", word)
			}
		}
	})
	require.Len(t, read(t, b).Cards, 2)
}

func TestAPlainStateIsReadAndSealedByTheNextCommit(t *testing.T) {
	s, url := newServer(t, &server{})
	plain, _ := open(t, at(url, false))
	snap := read(t, plain)
	require.NoError(t, plain.Commit(t.Context(), snap, put(statetest.Card(1, "plain"))))
	appendTo(t, plain, statetest.Put(statetest.Card(2, "plain journal")))

	sealed := sealedAt(t, url, newKey(t))
	appendTo(t, sealed, statetest.Put(statetest.Card(3, "sealed journal, behind the plain one")))
	now := read(t, sealed)
	require.Len(t, now.Cards, 3)
	require.Equal(t, snap.Lineage, now.Lineage)
	require.NoError(t, sealed.Commit(t.Context(), now, state.Edits{}))
	require.Equal(t, now, read(t, sealed))

	whole := s.body
	_, err := plain.Read(t.Context())
	require.EqualError(t, err, "read the state "+url+"/state: it is encrypted, and the configuration has no key for it: "+
		"give the fleet block an encryption block with the identities or the passphrase that open it")
	require.ErrorIs(t, err, state.ErrSealed)
	require.ErrorIs(t, plain.Commit(t.Context(), now, state.Edits{}), state.ErrSealed, "what can't be read isn't overwritten")
	_, err = plain.Journal(t.Context())
	require.ErrorIs(t, err, state.ErrSealed)
	require.Equal(t, whole, s.body)
}

func TestEnforcedRefusesWhatIsPlain(t *testing.T) {
	s, url := newServer(t, &server{})
	key := newKey(t)
	k, err := seal.New(seal.Options{Key: key, Random: random, Enforced: true})
	require.NoError(t, err)
	enforced, _ := openWith(t, at(url, false), k)
	plain, _ := open(t, at(url, false))

	refused := func() {
		t.Helper()
		_, err := enforced.Read(t.Context())
		require.ErrorIs(t, err, state.ErrPlain)
		_, err = enforced.Journal(t.Context())
		require.ErrorIs(t, err, state.ErrPlain)
	}
	appendTo(t, plain, statetest.Put(statetest.Card(1, "a plain journal and no snapshot")))
	refused()
	snap := read(t, plain)
	require.NoError(t, plain.Commit(t.Context(), snap, state.Edits{}))
	refused()
	require.ErrorIs(t, enforced.Commit(t.Context(), snap, state.Edits{}), state.ErrPlain)

	b := sealedAt(t, url, key)
	require.NoError(t, b.Commit(t.Context(), snap, state.Edits{}))
	require.Equal(t, snap, read(t, enforced))
	var line []byte // plain
	other, otherURL := newServer(t, &server{})
	elsewhere, _ := open(t, at(otherURL, false))
	appendTo(t, elsewhere, statetest.Put(statetest.Card(2, "plain")))
	http.ForgeForTest(other.body, func(d *http.DocumentForTest) { line = d.Journal })
	s.set(func() { s.body = http.ForgeForTest(s.body, func(d *http.DocumentForTest) { d.Journal = line }) })
	refused()
}

func TestASealedJournalWithoutAKeyIsRefused(t *testing.T) {
	_, url := newServer(t, &server{})
	plain, _ := open(t, at(url, false))
	require.NoError(t, plain.Commit(t.Context(), read(t, plain), state.Edits{}))
	appendTo(t, sealedAt(t, url, newKey(t)), statetest.Put(statetest.Card(2, "")))
	_, err := plain.Read(t.Context())
	require.ErrorIs(t, err, state.ErrSealed)
	require.ErrorContains(t, err, "the journal "+url+"/state, line 1: ")
	_, err = plain.Journal(t.Context())
	require.ErrorIs(t, err, state.ErrSealed)
}

func TestKeysRollOver(t *testing.T) {
	_, url := newServer(t, &server{})
	first, second := newKey(t), seal.Key{Passphrase: "the new one"}
	b := sealedAt(t, url, first)
	require.NoError(t, b.Commit(t.Context(), read(t, b), put(statetest.Card(1, "old key"))))
	appendTo(t, b, statetest.Put(statetest.Card(2, "old key")))

	both := sealedAt(t, url, second, first)
	appendTo(t, both, statetest.Put(statetest.Card(3, "new key, in the same journal")))
	now := read(t, both)
	require.Len(t, now.Cards, 3)
	require.NoError(t, both.Commit(t.Context(), now, state.Edits{}))
	require.Equal(t, now, read(t, sealedAt(t, url, second)), "the old key isn't needed any more")
	_, err := b.Read(t.Context())
	require.ErrorContains(t, err, "read the state "+url+"/state: it can't be decrypted: none of the identities and passphrases")
}

// TestWhatIsPutTogetherFromElsewhereIsRefused: whoever may write to the server
// can make the checksum fit, but has no key.
func TestWhatIsPutTogetherFromElsewhereIsRefused(t *testing.T) {
	key := newKey(t)
	document := func(commits int) []byte { // of a fleet of its own, with a journal
		s, url := newServer(t, &server{})
		b := sealedAt(t, url, key)
		snap := read(t, b)
		for n := range commits {
			require.NoError(t, b.Commit(t.Context(), snap, put(statetest.Card(n, ""))))
		}
		for n := range 2 {
			appendTo(t, b, statetest.Put(statetest.Card(n, "journal")))
		}
		return s.body
	}
	var other http.DocumentForTest
	http.ForgeForTest(document(3), func(d *http.DocumentForTest) { other = *d })

	for _, row := range []struct {
		name, want string
		change     func(d *http.DocumentForTest)
	}{
		{"another serial", "the document says serial 4 of lineage", func(d *http.DocumentForTest) { d.Serial++ }},
		{"another lineage", `of lineage "mine", its snapshot serial 3 of lineage`, func(d *http.DocumentForTest) { d.Lineage = "mine" }},
		{"no snapshot", `its snapshot serial 0 of lineage ""`, func(d *http.DocumentForTest) { d.Snapshot = nil }},
		{"another fleet's snapshot", "one of them was put there from elsewhere", func(d *http.DocumentForTest) { d.Snapshot = other.Snapshot }},
		{"another fleet's journal", "line 1: it is of the state of lineage " + other.Lineage, func(d *http.DocumentForTest) { d.Journal = other.Journal }},
		{"a line is gone", "line 1: record 2 of serial 3 stands where record 1 of serial 3 is missing", func(d *http.DocumentForTest) {
			_, d.Journal, _ = bytes.Cut(d.Journal, []byte("\n"))
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			forged := http.ForgeForTest(document(3), row.change)
			_, url := newServer(t, &server{body: forged})
			b := sealedAt(t, url, key)
			_, err := b.Read(t.Context())
			require.ErrorContains(t, err, row.want)
			_, err = b.Journal(t.Context())
			require.ErrorContains(t, err, row.want)
		})
	}
}

func TestACommitOverAForgedDocumentIsRefused(t *testing.T) {
	key := newKey(t)
	s, url := newServer(t, &server{})
	b := sealedAt(t, url, key)
	snap := read(t, b)
	require.NoError(t, b.Commit(t.Context(), snap, put(statetest.Card(1, ""))))
	s.set(func() {
		s.body = http.ForgeForTest(s.body, func(d *http.DocumentForTest) { d.Serial = 7 })
	})
	forged := &state.Snapshot{Lineage: snap.Lineage, Serial: 7}
	require.ErrorContains(t, b.Commit(t.Context(), forged, state.Edits{}), "the document says serial 7 of lineage")
	require.ErrorIs(t, b.Commit(t.Context(), snap, state.Edits{}), state.ErrConflict)
}

// TestASealedSnapshotChangedAtAnyByteIsRefused: the document's checksum fits.
func TestASealedSnapshotChangedAtAnyByteIsRefused(t *testing.T) {
	s, url := newServer(t, &server{})
	b := sealedAt(t, url, newKey(t))
	require.NoError(t, b.Commit(t.Context(), read(t, b), put(statetest.Card(1, ""))))
	appendTo(t, b, statetest.Put(statetest.Card(2, "")))
	whole := s.body
	length := 0
	http.ForgeForTest(whole, func(d *http.DocumentForTest) { length = len(d.Snapshot) })
	for i := range length {
		for what, change := range map[string]func(d *http.DocumentForTest){
			"changed": func(d *http.DocumentForTest) { d.Snapshot[i] ^= 1 << (i % 8) },
			"cut":     func(d *http.DocumentForTest) { d.Snapshot = d.Snapshot[:i] },
		} {
			s.set(func() { s.body = http.ForgeForTest(whole, change) })
			_, err := b.Read(t.Context())
			require.Error(t, err, fmt.Sprint(what, " at byte ", i))
		}
	}
}
