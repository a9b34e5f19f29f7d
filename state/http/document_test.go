package http

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/statetest"
	"github.com/cardfleet/cardfleet/state/stored"
)

// FuzzDocument: whatever a server answers is refused, or a document that is
// written again as it was read.
func FuzzDocument(f *testing.F) {
	f.Add(sampleDocument(f).encode())
	f.Add((&document{}).encode())
	f.Add([]byte(`{"version":100,"serial":1,"lineage":"","cardfleet":{"version":1}}`))
	f.Add([]byte(`{"version":4,"terraform_version":"1.9.0"}`))
	f.Add([]byte(`<html>502 Bad Gateway</html>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := decodeDocument(text)
		if err != nil {
			return
		}
		again, err := decodeDocument(d.encode())
		require.NoError(t, err)
		require.Equal(t, d.sum(), again.sum())
		_, _ = d.replayed(stored.Codec{}, "the document") // refused or read, without harm
	})
}

// FuzzDocumentParts makes the checksum fit, to come past it: a snapshot or a
// journal that is none is refused.
func FuzzDocumentParts(f *testing.F) {
	d := sampleDocument(f)
	f.Add(d.lineage, d.serial, d.snapshot, d.journal)
	f.Add("another", d.serial, d.snapshot, d.journal)
	f.Add(d.lineage, d.serial+1, d.snapshot, []byte{})
	f.Add("", uint64(0), []byte{}, []byte{0x28, 0xb5, 0x2f, 0xfd})
	f.Fuzz(func(t *testing.T, lineage string, serial uint64, snapshot, journal []byte) {
		d, err := decodeDocument((&document{writes: 1, lineage: lineage, serial: serial, snapshot: snapshot, journal: journal}).encode())
		if err != nil {
			return
		}
		s, err := d.replayed(stored.Codec{}, "the document")
		if err != nil {
			return
		}
		require.Equal(t, d.lineage, s.Lineage)
		require.Equal(t, d.serial, s.Serial)
		require.NoError(t, stored.Encode(&bytes.Buffer{}, s, ""), "what was read can't be written")
	})
}

// TestAJournalThatUnpacksToAMultipleOfItselfIsRefusedOnTheWay: each of its lines
// is whole, and holds no record.
func TestAJournalThatUnpacksToAMultipleOfItselfIsRefusedOnTheWay(t *testing.T) {
	head := crc32.Checksum([]byte("2"), crc32.MakeTable(crc32.Castagnoli))
	line := fmt.Appendf(nil, "%08x 2 []\n", crc32.Update(head, crc32.MakeTable(crc32.Castagnoli), []byte("[]")))
	var journal bytes.Buffer
	z, err := zstd.NewWriter(&journal, zstd.WithEncoderConcurrency(1))
	require.NoError(t, err)
	part := bytes.Repeat(line, 1<<16)
	for range 64 { // as long as the bound, three times
		_, err := z.Write(part)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	d := &document{writes: 1, journal: journal.Bytes()}
	var read counter
	_, err = d.records(stored.Codec{}, "the document", &read)
	require.ErrorIs(t, err, errUnpacked)
	require.Less(t, int64(read), int64(leastBound+(1<<20)), "it isn't read to its end")
}

type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

// The most that a journal of like records comes to is far within the bound.
func TestAJournalOfManyLikeRecordsIsRead(t *testing.T) {
	d := &document{writes: 7, lineage: "l", serial: 3}
	var lines bytes.Buffer
	j := stored.NewJournalWriter(unsynced{&lines}, "journal", d.serial, 0)
	const records = 80_000
	for range records {
		require.NoError(t, j.Append(t.Context(), statetest.Put(statetest.Card(1, "停机"))))
	}
	var err error
	d.journal, err = compress(lines.Bytes())
	require.NoError(t, err)
	require.Greater(t, lines.Len(), leastBound)
	require.Less(t, lines.Len()/len(d.journal), mostUnpacked/4)
	var again bytes.Buffer
	got, err := d.records(stored.Codec{}, "the document", &again)
	require.NoError(t, err)
	require.Len(t, got, records)
	require.Equal(t, lines.Len(), again.Len())
}

// sampleDocument has a snapshot of one card, and a change of it in the journal.
func sampleDocument(t testing.TB) *document {
	t.Helper()
	d := &document{writes: 7, lineage: "l", serial: 3, writtenBy: "0.1.0"}
	var snapshot, lines bytes.Buffer
	s := &state.Snapshot{Lineage: d.lineage, Serial: d.serial, Cards: []state.Card{statetest.Card(1, "正常")}}
	require.NoError(t, stored.Encode(&snapshot, s, d.writtenBy))
	j := stored.NewJournalWriter(unsynced{&lines}, "journal", d.serial, 0)
	require.NoError(t, j.Append(t.Context(), statetest.Put(statetest.Card(1, "停机"))))
	d.snapshot = snapshot.Bytes()
	var err error
	d.journal, err = compress(lines.Bytes())
	require.NoError(t, err)
	return d
}

type unsynced struct{ *bytes.Buffer }

func (unsynced) Sync() error  { return nil }
func (unsynced) Close() error { return nil }
