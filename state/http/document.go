package http

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// A document is a JSON object, since servers made for Terraform take nothing
// else:
//
//	{
//	  "version": 100,                 Terraform reads up to 4, and refuses what is higher:
//	                                  it never takes this for an empty state of its own
//	  "serial": 17,                   counts the writes of the document. GitLab keeps a
//	                                  version for each, and refuses a number that it has
//	                                  (lib/api/terraform/state.rb, unique index on
//	                                  terraform_state_versions; read 2026-11-21)
//	  "lineage": "…",
//	  "cardfleet": {
//	    "version": 2,                 1, which has no history, is read and not written
//	    "serial": 3,                  of the snapshot
//	    "written_by": "0.1.0",
//	    "snapshot": "…",              base64 of a snapshot file; "" before the first commit
//	    "journal": "…",               base64 of a journal file, zstd; with a sealer each line is sealed
//	    "history": "…",               base64 of what was done to cards, as segments; see events.go
//	    "sha256": "…"                 of all of the above
//	  }
//	}
const (
	outerVersion    = 100
	documentVersion = 2
	firstVersion    = 1

	// A journal unpacks to mostUnpacked times its size at most, or to leastBound
	// where that is more: real ones come to 40 times, if each record is like the
	// next. It keeps a document that was made to do so from filling the memory.
	mostUnpacked = 256
	leastBound   = 16 << 20

	// largestWindow is more than the one that journals are packed with.
	largestWindow = 64 << 20
)

// document is what the server keeps. The zero value is that of no document.
type document struct {
	writes    uint64 // counts them
	lineage   string
	serial    uint64 // of the snapshot
	writtenBy string
	snapshot  []byte // as stored.Codec writes it
	journal   []byte // as stored.JournalWriter writes it, zstd
	history   []byte // of what was done to cards; kept as it is by all but commits
	first     bool   // of the first version
}

type outerJSON struct {
	Version   int       `json:"version"`
	Serial    uint64    `json:"serial"`
	Lineage   string    `json:"lineage"`
	Cardfleet innerJSON `json:"cardfleet"`
}

type innerJSON struct {
	Version   int    `json:"version"`
	Serial    uint64 `json:"serial"`
	WrittenBy string `json:"written_by"`
	Snapshot  []byte `json:"snapshot"`
	Journal   []byte `json:"journal"`
	History   []byte `json:"history,omitempty"`
	SHA256    string `json:"sha256"`
}

// sum is the checksum over all that the document says.
func (d *document) sum() string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %q %d %q %d %d\n", d.writes, d.lineage, d.serial, d.writtenBy, len(d.snapshot), len(d.journal))
	h.Write(d.snapshot)
	h.Write(d.journal)
	if !d.first {
		fmt.Fprintf(h, "%d\n", len(d.history))
		h.Write(d.history)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (d *document) encode() []byte {
	d.first = false // the first version is never written
	var text bytes.Buffer
	err := json.NewEncoder(&text).Encode(outerJSON{
		Version: outerVersion, Serial: d.writes, Lineage: d.lineage,
		Cardfleet: innerJSON{documentVersion, d.serial, d.writtenBy, d.snapshot, d.journal, d.history, d.sum()},
	})
	if err != nil {
		panic(err) // numbers, strings and bytes
	}
	return text.Bytes()
}

// decodeDocument reads what a server has. What it returns is whole.
func decodeDocument(text []byte) (*document, error) {
	if err := known(text); err != nil {
		return nil, err
	}
	var outer outerJSON
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&outer); err != nil {
		return nil, fmt.Errorf("the document is damaged: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the document goes on behind its end")
	}
	in := outer.Cardfleet
	d := &document{
		writes: outer.Serial, lineage: outer.Lineage, serial: in.Serial, writtenBy: in.WrittenBy,
		snapshot: in.Snapshot, journal: in.Journal, history: in.History, first: in.Version == firstVersion,
	}
	if in.SHA256 != d.sum() {
		return nil, errors.New("the document is damaged: its checksum is that of another one; restore a version that the server keeps")
	}
	return d, nil
}

// known refuses what isn't ours, and what a newer program wrote.
func known(text []byte) error {
	var head struct {
		Version   int    `json:"version"`
		Terraform string `json:"terraform_version"`
		Cardfleet *struct {
			Version   int    `json:"version"`
			WrittenBy string `json:"written_by"`
		} `json:"cardfleet"`
	}
	err := json.Unmarshal(text, &head)
	switch {
	case err != nil:
		return fmt.Errorf("what the server has is no document of cardfleet, or one that was cut off: %w", err)
	case head.Terraform != "":
		return fmt.Errorf("the server has a state of Terraform %s there: give cardfleet's state an address of its own", head.Terraform)
	case head.Version != outerVersion || head.Cardfleet == nil:
		return errors.New("what the server has is no document of cardfleet: is the address right?")
	case head.Cardfleet.Version < firstVersion || head.Cardfleet.Version > documentVersion:
		return fmt.Errorf("the document has version %d and was written by cardfleet %s; this program reads versions %d to %d: use that version or a newer one",
			head.Cardfleet.Version, head.Cardfleet.WrittenBy, firstVersion, documentVersion)
	}
	return nil
}

// replayed is the snapshot with the journal's records applied. name is the
// document's in errors.
func (d *document) replayed(codec stored.Codec, name string) (*state.Snapshot, error) {
	s := &state.Snapshot{}
	if len(d.snapshot) > 0 {
		var err error
		if s, err = codec.Decode(bytes.NewReader(d.snapshot), name); err != nil {
			return nil, err
		}
	}
	if err := d.isOf(s.Lineage, s.Serial, name); err != nil {
		return nil, err
	}
	records, err := d.records(codec, name, io.Discard)
	if err != nil {
		return nil, err
	}
	if len(records) == 0 {
		return s, nil
	}
	if s, err = stored.Replay(s, records); err != nil {
		return nil, fmt.Errorf("the journal of %s: %w", name, err)
	}
	return s, nil
}

// header is what the document's snapshot is, without its cards.
func (d *document) header(codec stored.Codec, name string) (stored.Header, error) {
	var head stored.Header
	if len(d.snapshot) > 0 {
		var err error
		if head, err = codec.DecodeHeader(bytes.NewReader(d.snapshot), name); err != nil {
			return head, err
		}
	}
	return head, d.isOf(head.Lineage, head.Serial, name)
}

// isOf refuses a document whose own lineage and serial aren't those of its
// snapshot. The document's are for the server and can be changed by whoever
// writes there; a sealed snapshot's can't.
func (d *document) isOf(lineage string, serial uint64, name string) error {
	if serial == d.serial && lineage == d.lineage {
		return nil
	}
	return fmt.Errorf("read the state %s: the document says serial %d of lineage %q, its snapshot serial %d of lineage %q: one of them was put there from elsewhere; "+
		"restore a version that the server keeps", name, d.serial, d.lineage, serial, lineage)
}

// records reads the journal, and copies its lines as it goes.
func (d *document) records(codec stored.Codec, name string, lines io.Writer) ([]state.Record, error) {
	if len(d.journal) == 0 {
		return nil, nil
	}
	z, err := zstd.NewReader(bytes.NewReader(d.journal), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(largestWindow))
	if err != nil {
		return nil, fmt.Errorf("the journal of %s: %w", name, err)
	}
	defer z.Close()
	in := &bounded{from: io.TeeReader(z, lines), left: max(leastBound, mostUnpacked*int64(len(d.journal)))}
	records, end, err := codec.ReadJournal(in, name, d.lineage)
	if err == nil && end != in.read {
		err = fmt.Errorf("the journal of %s is cut off", name) // no crash does that to a document
	}
	return records, err
}

// bounded reads on until it comes to more than it may.
type bounded struct {
	from       io.Reader
	read, left int64
}

var errUnpacked = errors.New("it unpacks to more than any journal of its size: the document was made by something else")

// Read implements [io.Reader].
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	b.read += int64(n)
	if b.left -= int64(n); b.left < 0 {
		return 0, errUnpacked
	}
	return n, err
}
