package stored

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"io"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// A segment is a part of the history, in the order in which it was made. It is
// written once and never changed, and can be read without any other:
//
//	{"format":"cardfleet-history","version":1,"entries":812,"from":…,"to":…,"keys":1624,"blocks":[9120,…],"crc":…}
//	the index: 8 bytes a key, ascending: 4 of a hash, 4 of a block's number, big endian
//	the blocks: each a zstd frame of entries, as JSON Lines
//
// The keys of an entry are its card, without a check digit, and its run. A run's
// own entry stands before those of its events in each segment that has some.
// Where the codec seals, the whole segment is one age file.

const (
	segmentFormat  = "cardfleet-history"
	segmentVersion = 1

	// blockSize is what a block holds before it is compressed, about: what is
	// decoded to find one card.
	blockSize = 64 << 10
	// longestBlock is more than a block unpacks to.
	longestBlock = 64 << 20
	// mostIdentities is how many journals a segment names.
	mostIdentities = 4
)

// Beginning tells a journal from another one: which snapshot it follows, and
// when its first record was made.
type Beginning struct {
	Serial uint64    `json:"serial"`
	At     time.Time `json:"at"`
}

// BeginningOf is that of a journal with these records, which are some.
func BeginningOf(records []state.Record) Beginning {
	if len(records) == 0 {
		return Beginning{}
	}
	return Beginning{records[0].Serial, records[0].At.UTC()}
}

type segmentHeader struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Entries int       `json:"entries"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Keys    int       `json:"keys"`
	Blocks  []int     `json:"blocks"` // their lengths in bytes
	CRC     uint32    `json:"crc"`    // CRC-32C of index and blocks
	// SealedBy are the keys of the [state.Sealer] that wrote it; "" for a plain one.
	SealedBy string `json:"sealed_by,omitempty"`
	// Journals are the last that went into this segment or those before it. One
	// that is named here, and is still there since a crash came between, is not
	// taken a second time.
	Journals []Beginning `json:"journals,omitempty"`
	// Part is set where the segment ends within a journal.
	Part *part `json:"part,omitempty"`
}

// part says how many of a journal's entries are in the segments up to this one.
type part struct {
	Beginning
	Entries int `json:"entries"`
}

func (p *part) of(began Beginning) bool { return p != nil && p.equal(began) }

// entryLine is an entry as a segment has it.
type entryLine struct {
	Serial uint64       `json:"s"`
	Seq    uint64       `json:"q"`
	Run    *state.Run   `json:"run,omitempty"`   // of the run's own entry
	Again  bool         `json:"again,omitempty"` // it is in an earlier segment too
	Of     string       `json:"of,omitempty"`    // the id of an event's run
	Event  *state.Event `json:"event,omitempty"`
}

// segmentWriter makes a segment.
type segmentWriter struct {
	head   segmentHeader
	runs   map[string]bool
	keys   []uint64
	blocks [][]byte
	block  bytes.Buffer
	enc    *json.Encoder
	z      *zstd.Encoder
}

func newSegmentWriter() (*segmentWriter, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	w := &segmentWriter{head: segmentHeader{Format: segmentFormat, Version: segmentVersion}, runs: map[string]bool{}, z: z}
	w.enc = json.NewEncoder(&w.block)
	w.enc.SetEscapeHTML(false)
	return w, nil
}

// add puts an entry behind those before it. A run that the segment has already
// is left out.
func (w *segmentWriter) add(e *state.Entry) error {
	if e.Run != nil && !w.runs[e.Run.ID] {
		w.runs[e.Run.ID] = true
		line := entryLine{Serial: e.Serial, Seq: e.Seq, Run: e.Run, Again: e.Event != nil}
		if err := w.line(line, e.At(), runKey(e.Run.ID)); err != nil {
			return err
		}
	}
	if e.Event == nil {
		return nil
	}
	line, keys := entryLine{Serial: e.Serial, Seq: e.Seq, Event: e.Event}, []uint32{cardKey(e.Event.ICCID)}
	if e.Run != nil {
		line.Of, keys = e.Run.ID, append(keys, runKey(e.Run.ID))
	}
	return w.line(line, e.At(), keys...)
}

func (w *segmentWriter) line(line entryLine, at time.Time, keys ...uint32) error {
	if err := w.enc.Encode(line); err != nil {
		return err
	}
	if w.head.Entries == 0 || at.Before(w.head.From) {
		w.head.From = at.UTC()
	}
	if at.After(w.head.To) {
		w.head.To = at.UTC()
	}
	w.head.Entries++
	for _, key := range keys {
		w.keys = append(w.keys, uint64(key)<<32|uint64(len(w.blocks)))
	}
	if w.block.Len() >= blockSize {
		w.endBlock()
	}
	return nil
}

func (w *segmentWriter) endBlock() {
	if w.block.Len() > 0 {
		w.blocks = append(w.blocks, w.z.EncodeAll(w.block.Bytes(), nil))
		w.block.Reset()
	}
}

// write writes the segment, sealed where the codec seals.
func (w *segmentWriter) write(to io.Writer, c Codec) error {
	w.endBlock()
	_ = w.z.Close() // it only gives its memory back
	slices.Sort(w.keys)
	w.keys = slices.Compact(w.keys)
	index := make([]byte, 0, 8*len(w.keys))
	for _, key := range w.keys {
		index = binary.BigEndian.AppendUint64(index, key)
	}
	if c.Sealer != nil {
		w.head.SealedBy = c.Sealer.Keys()
	}
	w.head.Keys, w.head.CRC = len(w.keys), crc32.Checksum(index, castagnoli)
	for _, block := range w.blocks {
		w.head.Blocks = append(w.head.Blocks, len(block))
		w.head.CRC = crc32.Update(w.head.CRC, castagnoli, block)
	}
	head, err := json.Marshal(w.head)
	if err != nil {
		return err
	}
	parts := append([][]byte{head, []byte("\n"), index}, w.blocks...)
	return c.throughSeal(to, func(to io.Writer) error {
		for _, part := range parts {
			if _, err := to.Write(part); err != nil {
				return err
			}
		}
		return nil
	})
}

// throughSeal has write write through the codec's seal, where it has one.
func (c Codec) throughSeal(to io.Writer, write func(io.Writer) error) error {
	if c.Sealer == nil {
		return write(to)
	}
	w, err := c.Sealer.Seal(to)
	if err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	if err := write(w); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	return nil
}

// segment is one that was read, with its blocks still compressed.
type segment struct {
	head   segmentHeader
	name   string
	index  []byte
	blocks [][]byte
}

var errSegment = errors.New("it is damaged, or no part of a history: restore it from a copy, or move it away and lose what it has")

// openSegment checks a segment as it was written. name is for errors.
func (c Codec) openSegment(text []byte, name string) (*segment, error) {
	fail := func(err error) (*segment, error) { return nil, fmt.Errorf("the history %s: %w", name, err) }
	open, err := c.open(bytes.NewReader(text))
	if err != nil {
		return fail(err)
	}
	if _, plain := open.(*bufio.Reader); !plain { // else text is what open would read
		if text, err = io.ReadAll(open); err != nil {
			return fail(err)
		}
	}
	line, rest, ok := bytes.Cut(text, []byte("\n"))
	s := &segment{name: name}
	if !ok || json.Unmarshal(line, &s.head) != nil || s.head.Format != segmentFormat {
		return fail(errSegment)
	}
	if s.head.Version != segmentVersion {
		return fail(fmt.Errorf("it has version %d, and this program knows version %d: use the version of cardfleet that wrote it, or a newer one", s.head.Version, segmentVersion))
	}
	if crc32.Checksum(rest, castagnoli) != s.head.CRC || !s.cut(rest) {
		return fail(errSegment)
	}
	return s, nil
}

// cut parts index and blocks; false where they aren't as long as the header says.
func (s *segment) cut(rest []byte) bool {
	if s.head.Keys < 0 || s.head.Keys > len(rest)/8 {
		return false
	}
	s.index, rest = rest[:8*s.head.Keys], rest[8*s.head.Keys:]
	for _, n := range s.head.Blocks {
		if n < 0 || n > len(rest) {
			return false
		}
		s.blocks, rest = append(s.blocks, rest[:n]), rest[n:]
	}
	return len(rest) == 0
}

// blocksOf adds the numbers of the blocks that may have the key.
func (s *segment) blocksOf(key uint32, into []int) []int {
	n := len(s.index) / 8
	at := func(i int) uint64 { return binary.BigEndian.Uint64(s.index[8*i:]) }
	low, high := 0, n
	for low < high {
		if mid := int(uint(low+high) >> 1); at(mid) < uint64(key)<<32 {
			low = mid + 1
		} else {
			high = mid
		}
	}
	for ; low < n && uint32(at(low)>>32) == key; low++ {
		if block := int(uint32(at(low))); block < len(s.blocks) {
			into = append(into, block)
		}
	}
	return into
}

// segmentReader reads entries of one segment. It is for one goroutine.
type segmentReader struct {
	*segment
	z    *zstd.Decoder
	runs map[string]*state.Run
}

func newBlockDecoder() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(longestBlock))
}

// each visits the entries that the query wants, from the blocks that may have
// them.
func (s *segmentReader) each(m *matcher, visit func(*state.Entry) error) error {
	if s.head.To.Before(m.Since) {
		return nil
	}
	for _, n := range s.wanted(m) {
		lines, err := s.block(n)
		if err != nil {
			return err
		}
		if err := s.eachLine(lines, m, visit); err != nil {
			return err
		}
	}
	return nil
}

// wanted are the numbers of the blocks that the query has to look into.
func (s *segmentReader) wanted(m *matcher) []int {
	var blocks []int
	switch {
	case len(m.ICCIDs) > 0 && len(m.ICCIDs) <= len(s.blocks):
		for stem := range m.cards {
			blocks = s.blocksOf(cardKey(stem), blocks)
		}
	case len(m.ICCIDs) == 0 && m.Run != "":
		blocks = s.blocksOf(runKey(m.Run), blocks)
	default:
		for n := range s.blocks {
			blocks = append(blocks, n)
		}
	}
	slices.Sort(blocks)
	return slices.Compact(blocks)
}

func (s *segmentReader) block(n int) ([]byte, error) {
	text, err := s.z.DecodeAll(s.blocks[n], nil)
	if err != nil {
		return nil, fmt.Errorf("the history %s, block %d: %w", s.name, n+1, errSegment)
	}
	return text, nil
}

func (s *segmentReader) eachLine(text []byte, m *matcher, visit func(*state.Entry) error) error {
	for line := range bytes.Lines(text) {
		if !m.mayHold(line) && !bytes.Contains(line, []byte(`"run":{`)) {
			continue
		}
		var l entryLine
		if err := json.Unmarshal(line, &l); err != nil {
			return fmt.Errorf("the history %s: %w", s.name, errSegment)
		}
		e, err := s.entry(&l)
		if err != nil {
			return err
		}
		if e != nil && m.wants(e) {
			if err := visit(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// entry is what the line says; nil for a run that an earlier segment has.
func (s *segmentReader) entry(l *entryLine) (*state.Entry, error) {
	e := &state.Entry{Serial: l.Serial, Seq: l.Seq, Run: l.Run, Event: l.Event}
	if l.Run != nil {
		s.runs[l.Run.ID] = l.Run
		if l.Again {
			return nil, nil
		}
		return e, nil
	}
	if l.Event == nil {
		return nil, fmt.Errorf("the history %s: %w", s.name, errSegment)
	}
	if l.Of == "" {
		return e, nil
	}
	var err error
	e.Run, err = s.runOf(l.Of)
	return e, err
}

// runOf is the run with this id, whose own entry stands before its events.
func (s *segmentReader) runOf(id string) (*state.Run, error) {
	if run, known := s.runs[id]; known {
		return run, nil
	}
	for _, n := range s.blocksOf(runKey(id), nil) {
		text, err := s.block(n)
		if err != nil {
			return nil, err
		}
		for line := range bytes.Lines(text) {
			var l entryLine
			if bytes.Contains(line, []byte(`"run":{`)) && json.Unmarshal(line, &l) == nil && l.Run != nil {
				s.runs[l.Run.ID] = l.Run
			}
		}
		if run, known := s.runs[id]; known {
			return run, nil
		}
	}
	return nil, fmt.Errorf("the history %s: %w", s.name, errSegment)
}

func cardKey(c spec.ICCID) uint32 { return hashOf("card " + string(c.Stem())) }
func runKey(id string) uint32     { return hashOf("run " + id) }

func hashOf(text string) uint32 {
	h := fnv.New32a()
	_, _ = io.WriteString(h, text) // a hash takes everything
	return h.Sum32()
}
