package stored_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/seal"
	"github.com/cardfleet/cardfleet/state/stored"
)

func keyring(t testing.TB) state.Sealer {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	k, err := seal.New(seal.Options{
		Key:    seal.Key{Recipients: []string{id.Recipient().String()}, Identities: []seal.Identity{{Name: "key.txt", Text: id.String()}}},
		Random: func(p []byte) { _, _ = rand.Read(p) },
	})
	require.NoError(t, err)
	return k
}

// sealedText is the text as the sealer writes it.
func sealedText(t testing.TB, k state.Sealer, text []byte) []byte {
	t.Helper()
	var sealed bytes.Buffer
	w, err := k.Seal(&sealed)
	require.NoError(t, err)
	_, err = w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return sealed.Bytes()
}

// sealedLine frames what a seal is said to hold.
func sealedLine(t testing.TB, sealed []byte) string {
	t.Helper()
	list, err := json.Marshal(sealed) // bytes are a text in base64
	require.NoError(t, err)
	return stored.FrameForTest(string(list))
}

func TestASealedLineThatHoldsNoRecordsIsRefused(t *testing.T) {
	k := keyring(t)
	rows := []struct{ name, line, want string }{
		{"no base64", stored.FrameForTest(`"no base64"`), "it holds no records of ours: illegal base64"},
		{"no end", stored.FrameForTest(`"abc`), "it holds no records of ours: unexpected end"},
		{"not sealed", sealedLine(t, []byte(`{"records":[]}`)), "it can't be decrypted"},
		{"cut off", sealedLine(t, sealedText(t, k, []byte(`{"lineage":"a","records":[]}`))[:300]), "it can't be decrypted"},
		{"for another key", sealedLine(t, sealedText(t, keyring(t), []byte(`{"lineage":"a","records":[]}`))), "it can't be decrypted: none of the identities"},
		{"no group", sealedLine(t, sealedText(t, k, []byte(`[]`))), "it holds no records of ours"},
		{"nothing", sealedLine(t, sealedText(t, k, nil)), "it holds no records of ours"},
		{"a group without records", sealedLine(t, sealedText(t, k, []byte(`{"lineage":"a"}`))), "it holds no records of ours"},
		{"another fleet's", sealedLine(t, sealedText(t, k, []byte(`{"lineage":"b","records":[]}`))), "it is of the state of lineage b"},
		{"a newer program's", sealedLine(t, sealedText(t, k, []byte(`{"lineage":"a","records":[{"v":3,"mood":"good"}]}`))), "it has version 3, and this program knows versions 1 to 2"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			records, _, err := stored.Codec{Sealer: k}.ReadJournal(strings.NewReader(row.line), "fleet.state.journal", "a")
			require.ErrorContains(t, err, "the journal fleet.state.journal, line 1: "+row.want)
			require.Nil(t, records)
		})
	}
}

// FuzzSealedLine frames soundly what it is given, to come past the checksum:
// sealed as it is, or, where broken, in the place of a seal.
func FuzzSealedLine(f *testing.F) {
	k := keyring(f)
	group := func(records string) string { return `{"lineage":"a","records":` + records + `}` }
	for _, text := range []string{
		group(`[{"v":2,"serial":3,"seq":1,"type":"drop","provider":"aliyun","iccid":"8986"}]`),
		group(`[{"v":2,"serial":3,"seq":1,"type":"put","card":{"provider":"aliyun","iccid":"8986","address":""}}]`),
		group(`[{"v":2,"serial":3,"seq":1,"type":"intent","provider":"aliyun","iccid":"8986","intent":{"kind":"stop"}},null]`),
		group(`[{"v":2,"serial":3,"seq":1,"type":"commit","commit":{"cards":1,"put":[{"provider":"aliyun","iccid":"89860617030017300390","address":""}]}}]`),
		group(`null`), `{"records":[]}`, `{"lineage":"b","records":[]}`, `{"lineage":"a"}`, `[]`, ``,
	} {
		f.Add([]byte(text), "a", false)
		f.Add([]byte(text), "", true)
	}
	f.Add(sealedText(f, keyring(f), []byte(group(`[]`))), "a", true)
	f.Add([]byte("age-encryption.org/v1\n-> X25519 \n--- \n"), "a", true)
	f.Fuzz(func(t *testing.T, text []byte, lineage string, broken bool) {
		if !broken {
			text = sealedText(t, k, text)
		}
		line := sealedLine(t, text)
		records, end, err := stored.Codec{Sealer: k}.ReadJournal(strings.NewReader(line), "fleet.state.journal", lineage)
		if err != nil {
			require.Nil(t, records)
			return
		}
		require.False(t, broken, "nothing reads that has no seal")
		require.EqualValues(t, len(line), end)
		requireReplayable(t, records)
		_, _, err = stored.Codec{}.ReadJournal(strings.NewReader(line), "fleet.state.journal", lineage)
		require.ErrorIs(t, err, state.ErrSealed)
	})
}
