package http

import (
	"bytes"
	"io"

	"github.com/klauspost/compress/zstd"
)

// DocumentForTest is what a document says, for a test to change as somebody can
// who may write to the server.
type DocumentForTest struct {
	Lineage           string
	Serial            uint64
	Snapshot, Journal []byte // the journal decompressed
}

// ForgeForTest is the document with that changed, and a checksum that fits.
func ForgeForTest(text []byte, change func(d *DocumentForTest)) []byte {
	doc, err := decodeDocument(text)
	if err != nil {
		panic(err)
	}
	var lines []byte
	if len(doc.journal) > 0 {
		z, err := zstd.NewReader(bytes.NewReader(doc.journal))
		if err != nil {
			panic(err)
		}
		defer z.Close()
		if lines, err = io.ReadAll(z); err != nil {
			panic(err)
		}
	}
	d := DocumentForTest{doc.lineage, doc.serial, doc.snapshot, lines}
	change(&d)
	doc.lineage, doc.serial, doc.snapshot = d.Lineage, d.Serial, d.Snapshot
	if doc.journal, err = compress(d.Journal); err != nil {
		panic(err)
	}
	return doc.encode()
}
