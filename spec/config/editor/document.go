package editor

import (
	"bytes"
	"path/filepath"
	"sort"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Position is a place in a text as the protocol has it: a line and, in units of
// UTF-16, a character, both counted from 0.
type Position struct {
	Line      int `json:"line"`
	Character int `json:"character"`
}

// Range is a part of a text; its end is the first place behind it.
type Range struct {
	Start Position `json:"start"`
	End   Position `json:"end"`
}

// Change replaces a part of a text, or all of it where Range is nil.
type Change struct {
	Range *Range `json:"range"`
	Text  string `json:"text"`
}

// document is one version of a file's text. It never changes, so that a question
// goes on with the text that it was asked about.
type document struct {
	path     string // absolute
	text     []byte
	pieces   []piece // in the order of the text; the first begins at 0
	declared []declaration
	edited   int // the piece that the last change began in
	work     *Work
}

// piece is a block at the top level with what stands behind it, up to the next.
type piece struct{ start, line int }

// rootWords begin blocks at the top level.
type rootWords map[string]bool

func (d *document) name() string { return filepath.Base(d.path) }

func newDocument(path string, text []byte, words rootWords, work *Work) *document {
	d := &document{path: path, text: text, work: work}
	d.pieces = append([]piece{{}}, d.split(0, len(text), 0, words)...)
	if len(d.pieces) > 1 && d.pieces[1].start == 0 {
		d.pieces = d.pieces[1:]
	}
	d.declared = d.declarations(0, len(d.pieces))
	return d
}

// split finds the blocks that begin in text[from:to], whose first line is line.
func (d *document) split(from, to, line int, words rootWords) []piece {
	d.work.addSplit(to - from)
	var found []piece
	if !native(d.path) || isVariables(d.path) {
		return nil
	}
	for at := from; at < to; line++ {
		if words.begin(d.text[at:]) {
			found = append(found, piece{at, line})
		}
		n := bytes.IndexByte(d.text[at:to], '\n')
		if n < 0 {
			break
		}
		at += n + 1
	}
	return found
}

// begin reports whether a line begins a block at the top level: its word, then a
// label or a brace.
func (w rootWords) begin(line []byte) bool {
	n := 0
	for n < len(line) && (line[n] == '_' || line[n] >= 'a' && line[n] <= 'z') {
		n++
	}
	if n == 0 || !w[string(line[:n])] {
		return false
	}
	rest := bytes.TrimLeft(line[n:min(len(line), n+longestGap)], " \t")
	return len(rest) > 0 && (rest[0] == '"' || rest[0] == '{')
}

// longestGap is how many spaces may stand between a block's word and its label.
const longestGap = 64

// edit is the document after a change.
func (d *document) edit(c Change, words rootWords) *document {
	if c.Range == nil {
		return newDocument(d.path, []byte(c.Text), words, d.work)
	}
	from := d.offset(c.Range.Start)
	to := max(from, d.offset(c.Range.End))
	out := &document{path: d.path, work: d.work, text: make([]byte, 0, len(d.text)+len(c.Text)-(to-from))}
	out.text = append(append(append(out.text, d.text[:from]...), c.Text...), d.text[to:]...)
	out.takeOver(d, from, to, len(out.text)-len(d.text), words)
	return out
}

// takeOver keeps the pieces that a change didn't touch, and finds those that it did.
func (d *document) takeOver(old *document, from, to, delta int, words rootWords) {
	first, last := old.pieceAt(from), old.pieceAt(to)
	start, end := old.pieces[first], old.end(last)
	found := d.split(start.start, end+delta, start.line, words)
	if first == 0 && (len(found) == 0 || found[0].start > 0) {
		found = append([]piece{{}}, found...)
	}
	d.pieces = make([]piece, 0, first+len(found)+len(old.pieces)-last)
	d.pieces = append(append(d.pieces, old.pieces[:first]...), found...)
	lines := bytes.Count(d.text[start.start:end+delta], []byte{'\n'}) - bytes.Count(old.text[start.start:end], []byte{'\n'})
	for _, p := range old.pieces[last+1:] {
		d.pieces = append(d.pieces, piece{p.start + delta, p.line + lines})
	}
	// A block whose first line is none any more belongs to the piece before it.
	first = max(0, min(first, len(d.pieces)-1))
	if len(found) == 0 && first > 0 {
		first--
	}
	d.declared = d.redeclare(old, first, last, len(d.pieces)-len(old.pieces))
	d.edited = first
}

// pieceAt is the piece around a byte.
func (d *document) pieceAt(at int) int {
	return max(0, sort.Search(len(d.pieces), func(i int) bool { return d.pieces[i].start > at })-1)
}

func (d *document) end(i int) int {
	if i+1 < len(d.pieces) {
		return d.pieces[i+1].start
	}
	return len(d.text)
}

// offset is the byte at a position; the nearest one where the text has no such place.
func (d *document) offset(at Position) int {
	if at.Line < 0 {
		return 0
	}
	i := max(0, sort.Search(len(d.pieces), func(i int) bool { return d.pieces[i].line > at.Line })-1)
	from := d.pieces[i].start
	for range at.Line - d.pieces[i].line {
		n := bytes.IndexByte(d.text[from:], '\n')
		if n < 0 {
			return len(d.text)
		}
		from += n + 1
	}
	return from + byteOf(lineOf(d.text[from:]), at.Character)
}

// lineOf is the first line of a text, without its end.
func lineOf(text []byte) []byte {
	if n := bytes.IndexByte(text, '\n'); n >= 0 {
		text = text[:n]
	}
	return bytes.TrimSuffix(text, []byte{'\r'})
}

// byteOf is the byte of a line at which so many units of UTF-16 lie behind.
func byteOf(line []byte, units int) int {
	at := 0
	for at < len(line) && units > 0 {
		r, n := utf8.DecodeRune(line[at:])
		units -= width(r)
		at += n
	}
	return at
}

func width(r rune) int { return max(1, utf16.RuneLen(r)) }

// units is how many units of UTF-16 a text has.
func units(text []byte) int {
	n := 0
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		n += width(r)
		text = text[size:]
	}
	return n
}

// position is the place of a byte.
func (d *document) position(at int) Position {
	at = max(0, min(at, len(d.text)))
	p := d.pieces[d.pieceAt(at)]
	before := d.text[p.start:at]
	return Position{p.line + bytes.Count(before, []byte{'\n'}), units(before[bytes.LastIndexByte(before, '\n')+1:])}
}

func (d *document) span(from, to int) Range { return Range{d.position(from), d.position(to)} }

// native reports whether a file is written in HCL's own syntax, by its name.
func native(path string) bool { return strings.HasSuffix(path, ".hcl") }
