package stored

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/lines"
)

// Codec writes and reads what a backend keeps. What was written without a
// Sealer is read with one too, so that a state can be encrypted later.
type Codec struct {
	WrittenBy string       // the program's version, for the snapshot's header
	Sealer    state.Sealer // nil: nothing is encrypted
}

// Encode is [Encode], sealed.
func (c Codec) Encode(w io.Writer, s *state.Snapshot) error {
	return c.sealed(w, func(w io.Writer, head Header) error { return encode(w, s, head) })
}

// EncodeRows is Encode for a snapshot whose cards are read one after the other: s
// is its head, and each visits so many cards.
func (c Codec) EncodeRows(w io.Writer, s *state.Snapshot, cards int, each func(visit func(*state.Card) error) error) error {
	return c.sealed(w, func(w io.Writer, head Header) error {
		head.Lineage, head.Serial, head.Cards, head.Fleet = s.Lineage, s.Serial, cards, s.Fleet
		return compressed(w, func(w io.Writer) error { return encodeRows(w, head, false, each) })
	})
}

// sealed has write write a snapshot, whose header says by whom and with what keys.
func (c Codec) sealed(w io.Writer, write func(w io.Writer, head Header) error) error {
	if c.Sealer == nil {
		return write(w, Header{WrittenBy: c.WrittenBy})
	}
	sealed, err := c.Sealer.Seal(w)
	if err != nil {
		return fmt.Errorf("encrypt the state: %w", err)
	}
	if err := write(sealed, Header{WrittenBy: c.WrittenBy, Keys: c.Sealer.Keys()}); err != nil {
		return err
	}
	if err := sealed.Close(); err != nil {
		return fmt.Errorf("encrypt the state: %w", err)
	}
	return nil
}

// Decode is [Decode] for what Encode wrote.
func (c Codec) Decode(r io.Reader, name string) (*state.Snapshot, error) {
	open, err := c.open(r)
	if err != nil {
		return nil, fmt.Errorf("read the state %s: %w", name, err)
	}
	return Decode(open, name)
}

// Keeps reports whether what has that header was written with the same keys, so
// that something may be added to it.
func (c Codec) Keeps(head Header) bool {
	if c.Sealer == nil {
		return head.Keys == ""
	}
	return head.Keys == c.Sealer.Keys()
}

// DecodeHeader is [DecodeHeader] for what Encode wrote.
func (c Codec) DecodeHeader(r io.Reader, name string) (Header, error) {
	open, err := c.open(r)
	if err != nil {
		return Header{}, fmt.Errorf("read the state %s: %w", name, err)
	}
	return DecodeHeader(open, name)
}

func (c Codec) open(r io.Reader) (io.Reader, error) {
	buf := bufio.NewReader(r)
	switch {
	case !state.IsSealed(buf) && c.Enforced():
		return nil, state.ErrPlain
	case !state.IsSealed(buf):
		return buf, nil
	case c.Sealer == nil:
		return nil, state.ErrSealed
	default:
		return c.Sealer.Open(buf)
	}
}

// Enforced reports whether what isn't sealed is refused.
func (c Codec) Enforced() bool { return c.Sealer != nil && c.Sealer.Enforced() }

// A sealed line of a journal holds a JSON text in place of the list: an age
// file in base64, and in it a sealedGroup. Its frame is that of every line, so
// what a crash tore is told from what was damaged without a key.
type sealedGroup struct {
	// Lineage keeps a line from being put into another fleet's journal; the
	// records' own numbers keep it from being put elsewhere in this one.
	Lineage string         `json:"lineage"`
	Records []state.Record `json:"records"`
}

// NewJournalWriter is [NewJournalWriter], sealed, behind the snapshot that head describes.
func (c Codec) NewJournalWriter(file JournalFile, name string, head Header, seq uint64) *JournalWriter {
	w := NewJournalWriter(file, name, head.Serial, seq)
	w.codec, w.lineage = c, head.Lineage
	return w
}

// framing is the room in which lines are made.
type framing struct {
	buf     bytes.Buffer
	records recordWriter
	line    []byte
}

func newFraming() *framing { return &framing{records: recordWriter{lines.NewWriter()}} }

// frame makes a line of the records, which is good until the next call.
func (c Codec) frame(f *framing, lineage string, records []state.Record) ([]byte, error) {
	if c.Sealer == nil {
		list, err := f.records.list(records)
		if err != nil {
			return nil, err
		}
		f.line = framed(f.line[:0], list)
		return f.line, nil
	}
	var sealed bytes.Buffer
	w, err := c.Sealer.Seal(&sealed)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	if err := json.NewEncoder(w).Encode(sealedGroup{lineage, records}); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return appendLine(&f.buf, sealed.Bytes()) // bytes are a text in base64
}

// unframe opens a line's list. A list that isn't sealed is returned as it is.
func (c Codec) unframe(list []byte, lineage string) ([]byte, error) {
	if !bytes.HasPrefix(list, []byte(`"`)) {
		if c.Enforced() {
			return nil, state.ErrPlain
		}
		return list, nil
	}
	if c.Sealer == nil {
		return nil, state.ErrSealed
	}
	var sealed []byte
	if err := json.Unmarshal(list, &sealed); err != nil {
		return nil, fmt.Errorf("it holds no records of ours: %w", err)
	}
	r, err := c.Sealer.Open(bytes.NewReader(sealed))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("it can't be decrypted: %w", err)
	}
	return ofLineage(text, lineage)
}

// ofLineage takes the list out of a sealed group. Before its first commit a
// state has no lineage.
func ofLineage(text []byte, lineage string) ([]byte, error) {
	var group struct {
		Lineage string          `json:"lineage"`
		Records json.RawMessage `json:"records"`
	}
	if err := json.Unmarshal(text, &group); err != nil {
		return nil, fmt.Errorf("it holds no records of ours: %w", err)
	}
	if group.Lineage != "" && group.Lineage != lineage {
		return nil, fmt.Errorf("it is of the state of lineage %s, and this is lineage %q: it was put here from elsewhere", group.Lineage, lineage)
	}
	return group.Records, nil
}
