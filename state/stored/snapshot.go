// Package stored is how a state is kept: what backends are built of, and what
// nobody else needs. A snapshot is a file that [Codec] writes and reads. What
// happened since is a journal, which a [JournalWriter] writes and [Replay]
// applies: it is the one place where records change a snapshot. [Hold] is the
// lock as a process has it, with the open journal under it; [Hold.Commit] and
// [CheckBase] are what each commit does before it writes.
//
// The package knows formats, order and locks, and no place: files, databases
// and buckets are the backends'. Start reading at [Codec], then journal.go.
package stored

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/lines"
)

// A snapshot file is JSON Lines, compressed with zstd: a header, a line a card
// by ICCID, and a trailer that counts and sums up the lines, so that a file that
// was cut off is never taken for a small fleet.
//
//	{"format":"cardfleet-state","version":2,"lineage":"…","serial":3,"cards":2,"written_by":"0.1.0"}
//	{"provider":"aliyun","iccid":"8986…","address":"card.bike[\"8986…\"]","binding":{"known":true,"imei":"8615…"}}
//	{"provider":"aliyun","iccid":"8986…","address":"card.bike[\"8986…\"]"}
//	{"end":"cardfleet-state","cards":2,"sha256":"…"}
//
// Version 1, which is read and not written, has its lines by provider and
// ICCID, and knows fewer fields. A card that it has at several provider blocks
// has a line for each, also in version 2, until that is settled.

const (
	stateFormat  = "cardfleet-state"
	stateVersion = 2
	firstVersion = 1

	// mostAtOnce is for how many cards room is made on the word of a header,
	// which may be damaged.
	mostAtOnce = 1 << 20
)

var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// Header is the first line of a snapshot file.
type Header struct {
	Format    string `json:"format"`
	Version   int    `json:"version"`
	Lineage   string `json:"lineage"`
	Serial    uint64 `json:"serial"`
	Cards     int    `json:"cards"`                // lines
	WrittenBy string `json:"written_by,omitempty"` // the program's version
	// Keys are those of the [state.Sealer] that wrote it; "" for a plain one.
	Keys string `json:"keys,omitempty"`
	// Fleet is [state.Snapshot.Fleet].
	Fleet state.Fleet `json:"fleet,omitzero"`
}

// Present reports whether what has that header is of the version that this
// program writes.
func (h Header) Present() bool { return h.Version == stateVersion }

type trailer struct {
	End   string `json:"end"`
	Cards int    `json:"cards"`
	// SHA256 of all lines before, in hex. A person who mends an uncompressed
	// file takes it out.
	SHA256 string `json:"sha256,omitempty"`
}

// Encode writes the snapshot as version writtenBy of the program. The same
// snapshot gives the same bytes. Cards that are out of order, listed twice or
// without a proper ICCID are an error, since nothing could read them back.
func Encode(w io.Writer, s *state.Snapshot, writtenBy string) error {
	return encode(w, s, Header{WrittenBy: writtenBy})
}

// encode completes the head, which says who writes and with what keys.
func encode(w io.Writer, s *state.Snapshot, head Header) error {
	return compressed(w, func(w io.Writer) error { return encodeLines(w, s, head) })
}

func compressed(w io.Writer, write func(w io.Writer) error) error {
	// One goroutine, so that the bytes don't depend on the machine.
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	if err := write(z); err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	return nil
}

func encodeLines(w io.Writer, s *state.Snapshot, head Header) error {
	if err := state.CheckDoubled(s.Doubled); err != nil {
		return err
	}
	rows := s.Rows()
	head.Lineage, head.Serial, head.Cards, head.Fleet = s.Lineage, s.Serial, len(rows), s.Fleet
	return encodeRows(w, head, len(s.Doubled) > 0, func(visit func(*state.Card) error) error {
		for i := range rows {
			if err := visit(&rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// encodeRows writes the lines of a snapshot whose header has all but its format.
// several is as for checkRow.
func encodeRows(w io.Writer, head Header, several bool, each func(visit func(*state.Card) error) error) error {
	sum := sha256.New()
	buf := bufio.NewWriterSize(io.MultiWriter(w, sum), 64<<10)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	head.Format, head.Version = stateFormat, stateVersion
	if err := enc.Encode(head); err != nil {
		return err
	}
	line := lines.NewWriter()
	var before [1]state.Card // no more of it than its identity
	cards := 0
	err := each(func(c *state.Card) error {
		if err := checkRow(before[:min(cards, 1)], c, several); err != nil {
			return err
		}
		before[0].Provider, before[0].ICCID = c.Provider, c.ICCID
		cards++
		line.Begin()
		line.Card("", c)
		if line.Err != nil {
			return line.Err
		}
		_, err := buf.Write(append(line.B, '\n'))
		return err
	})
	switch {
	case err != nil:
		return err
	case cards != head.Cards:
		return fmt.Errorf("it was to have %d cards, and has %d", head.Cards, cards)
	}
	if err := buf.Flush(); err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(trailer{stateFormat, cards, hexSum(sum)})
}

// Digest stands for all that the snapshot says: "sha256:…".
func Digest(s *state.Snapshot) (string, error) {
	sum := sha256.New()
	if err := encodeLines(sum, s, Header{}); err != nil {
		return "", fmt.Errorf("sum up the state: %w", err)
	}
	return "sha256:" + hexSum(sum), nil
}

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// Decode reads a snapshot file, which is named name in errors. It takes a file
// that isn't compressed too, so that a person can mend one. What it returns is
// whole: a file that was cut off, changed or made by a newer program is an
// error that says so.
func Decode(r io.Reader, name string) (*state.Snapshot, error) {
	d, err := newDecoder(r)
	if err != nil {
		return nil, fmt.Errorf("read the state %s: %w", name, err)
	}
	defer d.close()
	s, err := d.snapshot()
	if err != nil {
		return nil, fmt.Errorf("read the state %s: line %d: %w", name, d.lines.Number(), err)
	}
	return s, nil
}

// DecodeHeader reads the first line of a snapshot file alone.
func DecodeHeader(r io.Reader, name string) (Header, error) {
	d, err := newDecoder(r)
	if err != nil {
		return Header{}, fmt.Errorf("read the state %s: %w", name, err)
	}
	defer d.close()
	head, err := d.header()
	if err != nil {
		return Header{}, fmt.Errorf("read the state %s: line %d: %w", name, d.lines.Number(), err)
	}
	return head, nil
}

// decoder reads the lines of one snapshot file.
type decoder struct {
	lines  *lines.Reader
	sum    hash.Hash
	scan   lines.Scanner
	strict *lines.Decoder
	zstd   *zstd.Decoder // nil for a file that isn't compressed
	one    state.Card    // for who takes one card at a time
	summed bool          // the checksum is known to fit
}

// endPrefix begins the last line.
var endPrefix = []byte(`{"end"`)

// add adds a line to the checksum.
func (d *decoder) add(line []byte) {
	if !d.summed {
		d.sum.Write(line)
	}
}

func newDecoder(r io.Reader) (*decoder, error) {
	buf := bufio.NewReader(r)
	start, err := buf.Peek(len(zstdMagic))
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	case len(start) == 0:
		return nil, errors.New("the file is empty")
	case !bytes.Equal(start, zstdMagic):
		return &decoder{lines: lines.NewReader(buf), sum: sha256.New(), strict: lines.NewDecoder()}, nil
	}
	z, err := lines.Decompress(buf)
	if err != nil {
		return nil, err
	}
	return &decoder{lines: lines.NewReader(z), sum: sha256.New(), strict: lines.NewDecoder(), zstd: z}, nil
}

func (d *decoder) close() {
	if d.zstd != nil {
		d.zstd.Close()
	}
}

func (d *decoder) snapshot() (*state.Snapshot, error) {
	head, err := d.header()
	if err != nil {
		return nil, err
	}
	rows := make([]state.Card, 0, max(0, min(head.Cards, mostAtOnce))) // growing step by step takes half as much again
	for {
		line, err := d.next()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("the file is cut off after %d of %d cards", len(rows), head.Cards)
		}
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(line, endPrefix) {
			if err := d.end(line, head, len(rows)); err != nil {
				return nil, err
			}
			return snapshotOf(head, rows), nil
		}
		d.add(line)
		if rows, err = d.card(line, rows, head.Version); err != nil {
			return nil, err
		}
	}
}

// SnapshotOf is the snapshot with that header and those rows, in whatever order
// they are, for a backend that has them in another place than a file.
func SnapshotOf(head Header, rows []state.Card) (*state.Snapshot, error) {
	for i := range rows {
		if err := state.CheckID(rows[i].ID()); err != nil {
			return nil, err
		}
		rows[i] = *upgraded(&rows[i], head.Version)
	}
	s := snapshotOf(head, rows)
	return s, errors.Join(state.Edits{Put: s.Cards}.Check(), state.CheckDoubled(s.Doubled))
}

// snapshotOf is the snapshot whose file has that header and those lines.
func snapshotOf(head Header, rows []state.Card) *state.Snapshot {
	s := &state.Snapshot{Lineage: head.Lineage, Serial: head.Serial, Fleet: head.Fleet}
	if len(rows) > 0 {
		s.Cards, s.Doubled = state.Undouble(rows)
	}
	return s
}

// next is the next line that isn't blank.
func (d *decoder) next() ([]byte, error) {
	for {
		line, err := d.lines.Next()
		if err != nil {
			return nil, err
		}
		if len(bytes.TrimSpace(line)) > 0 {
			return line, nil
		}
	}
}

func (d *decoder) header() (Header, error) {
	line, err := d.next()
	if err != nil {
		return Header{}, errors.New("the file is cut off before its first line ends")
	}
	var head Header
	if err := json.Unmarshal(line, &head); err != nil || head.Format != stateFormat {
		return Header{}, errors.New("this is not a state of cardfleet")
	}
	if head.Version < firstVersion || head.Version > stateVersion {
		return Header{}, fmt.Errorf("the state has format version %d and was written by cardfleet %s; this program reads versions %d to %d: use that version or a newer one",
			head.Version, head.WrittenBy, firstVersion, stateVersion)
	}
	d.sum.Write(line)
	return head, lines.Unmarshal(line, &head)
}

// card reads a line of a file of that version behind the others.
func (d *decoder) card(line []byte, rows []state.Card, version int) ([]state.Card, error) {
	before := len(rows)
	rows = append(rows, state.Card{})
	c := &rows[before] // in its place, since a copy of each card is a lot for a million
	if err := d.decode(line, c); err != nil {
		return nil, err
	}
	if version == firstVersion {
		*c = *upgraded(c, version)
		return rows, checkFirst(rows[:before], c)
	}
	return rows, checkRow(rows[:before], c, true)
}

// decode reads a card's line.
func (d *decoder) decode(line []byte, c *state.Card) error {
	if d.scan.Card(line, c) {
		return nil
	}
	*c = state.Card{}
	if err := d.strict.Unmarshal(line, c); err != nil {
		return fmt.Errorf("this is not a card: %w", err)
	}
	return nil
}

// checkRow refuses a card that can't follow the lines before it. Lines of one
// card, by provider, are let be where some card has several.
func checkRow(before []state.Card, c *state.Card, several bool) error {
	if n := len(before); several && n > 0 && before[n-1].ICCID == c.ICCID && before[n-1].Provider < c.Provider {
		return state.CheckID(c.ID())
	}
	return state.CheckNext(before, c)
}

// checkFirst is checkRow for a file of version 1.
func checkFirst(before []state.Card, c *state.Card) error {
	if err := state.CheckID(c.ID()); err != nil || len(before) == 0 {
		return err
	}
	last := &before[len(before)-1]
	switch order := cmp.Or(cmp.Compare(last.Provider, c.Provider), cmp.Compare(last.ICCID, c.ICCID)); {
	case order == 0:
		return fmt.Errorf("card %s of %s is listed twice", c.ICCID, c.Provider)
	case order > 0:
		return fmt.Errorf("card %s of %s stands behind card %s of %s: cards are sorted by provider and ICCID", c.ICCID, c.Provider, last.ICCID, last.Provider)
	}
	return nil
}

// end checks the trailer, and that nothing follows it.
func (d *decoder) end(line []byte, head Header, cards int) error {
	var t trailer
	if err := lines.Unmarshal(line, &t); err != nil || t.End != stateFormat {
		return errors.New("this is no last line of a state")
	}
	if head.Cards != cards || t.Cards != cards {
		return fmt.Errorf("the first line says %d cards, the last one %d, and between them are %d", head.Cards, t.Cards, cards)
	}
	mended := d.zstd == nil && t.SHA256 == ""
	if !d.summed && t.SHA256 != hexSum(d.sum) && !mended {
		return d.sumError()
	}
	if _, err := d.next(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the file goes on behind its last line")
	}
	return nil
}

func (d *decoder) sumError() error {
	if d.zstd == nil {
		return errors.New(`the checksum is that of another file: if you changed the file on purpose, take "sha256" out of its last line`)
	}
	return errors.New("the checksum is that of another file: it was damaged")
}
