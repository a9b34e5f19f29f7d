package config

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"sort"
	"unicode/utf8"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
	"github.com/cardfleet/cardfleet/spec/file"
)

const (
	// linesAMark is how many lines lie between two marks of a file.
	linesAMark = 1024
	// longestRecord is the most bytes of a row in which a field's place is looked for.
	longestRecord = 1 << 20
)

// csvPlaces finds places in a file once more, when a mistake is to be shown, and
// not before. It keeps of the file's text only what mistakes show.
type csvPlaces struct {
	looked bool
	marks  []int64 // where the lines 1, 1+linesAMark, … begin
	lines  int     // how many there are
}

// place is where a field lies in the file; the whole row where column is below
// 0. It is false where the file can't be read a second time.
func (f *csvFile) place(r *report, line, column int) (spec.Range, bool) {
	line = max(line, 1)
	opened, err := f.openAgain()
	if err != nil {
		return spec.Range{}, false
	}
	defer opened.Close()
	if !f.places.mark(opened) || line > f.places.lines {
		return spec.Range{}, false
	}
	row, ok := f.places.row(opened, line)
	if !ok {
		return spec.Range{}, false
	}
	r.show(f.name, row)
	from, to := row.field(column)
	return spec.Range{File: f.name, Start: row.position(from), End: row.position(to)}, true
}

// openAgain opens what can be read twice.
func (f *csvFile) openAgain() (tableFile, error) {
	if f.unsaved != nil {
		return openText{bytes.NewReader(f.unsaved)}, nil
	}
	opened, err := file.Open(f.path)
	if err != nil {
		return nil, err
	}
	info, err := opened.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it can be read once")
	}
	if err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	return opened, nil
}

// mark finds where lines begin.
func (p *csvPlaces) mark(opened io.Reader) bool {
	if p.looked {
		return true
	}
	marks, lines := []int64{0}, 1
	buf := make([]byte, 1<<16)
	for at := int64(0); ; {
		n, err := opened.Read(buf)
		for i := 0; i < n; i++ {
			next := bytes.IndexByte(buf[i:n], '\n')
			if next < 0 {
				break
			}
			i += next
			if lines++; lines%linesAMark == 1 {
				marks = append(marks, at+int64(i)+1)
			}
		}
		at += int64(n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false
		}
	}
	*p = csvPlaces{looked: true, marks: marks, lines: lines}
	return true
}

// shownRow is the text of a row with the lines that are shown beside it.
type shownRow struct {
	base, line int // where the text begins: byte and line of the file
	text       []byte
	skip       int // bytes of the byte-order mark
	fields     int // how many fields were found; 0 where they couldn't be
	size       int // of the record, with its end of line
	reader     *csv.Reader
}

// row reads the row that begins in a line.
func (p *csvPlaces) row(opened io.ReadSeeker, line int) (*shownRow, bool) {
	at := p.marks[(line-1)/linesAMark]
	if _, err := opened.Seek(at, io.SeekStart); err != nil {
		return nil, false
	}
	in := bufio.NewReader(opened)
	for range (line - 1) % linesAMark {
		skipped, err := skipLine(in)
		if err != nil {
			return nil, false
		}
		at += skipped
	}
	row := &shownRow{base: int(at), line: line}
	row.read(in)
	return row, true
}

// read reads the record, and what is shown beside it.
func (r *shownRow) read(in *bufio.Reader) {
	var text bytes.Buffer
	kept := io.TeeReader(io.LimitReader(in, longestRecord), &text)
	if start, _ := in.Peek(len(expr.BOM)); r.line == 1 && string(start) == expr.BOM {
		r.skip = len(expr.BOM)
		_, _ = io.CopyN(io.Discard, kept, int64(r.skip)) // it was just peeked at
	}
	r.reader = csv.NewReader(kept)
	r.reader.FieldsPerRecord = -1
	if fields, err := r.reader.Read(); err == nil {
		r.fields, r.size = len(fields), int(r.reader.InputOffset())
	}
	more := make([]byte, longestCode)
	for bytes.Count(text.Bytes(), []byte{'\n'}) < snippetLines && text.Len() < r.skip+r.size+longestCode {
		if n, err := kept.Read(more); n == 0 || err != nil {
			break
		}
	}
	r.text = bytes.Clone(text.Bytes()[:r.shown(text.Bytes())])
}

// shown is how much of the text a snippet may want: the record, and lines
// after its first.
func (r *shownRow) shown(text []byte) int {
	end := 0
	for range snippetLines {
		n := bytes.IndexByte(text[end:], '\n')
		if n < 0 {
			return len(text)
		}
		end += n + 1
	}
	return min(len(text), max(end, r.skip+r.size))
}

func skipLine(in *bufio.Reader) (skipped int64, err error) {
	for {
		part, err := in.ReadSlice('\n')
		skipped += int64(len(part))
		if !errors.Is(err, bufio.ErrBufferFull) {
			return skipped, err
		}
	}
}

// field is the first byte of a field in the text, and the one after its last;
// those of the row's first line where there is no such field.
func (r *shownRow) field(column int) (from, to int) {
	end := len(r.text)
	if i := bytes.IndexByte(r.text, '\n'); i >= 0 {
		end = i + 1
	}
	end = r.skip + len(bytes.TrimRight(r.text[r.skip:end], "\r\n"))
	if column < 0 || column >= r.fields {
		return r.skip, end
	}
	record := r.text[r.skip : r.skip+r.size] // of several lines, where a field holds newlines
	from, to = r.fieldByte(column), r.skip+len(bytes.TrimRight(record, "\r\n"))
	if column+1 < r.fields {
		to = r.fieldByte(column+1) - 1 // the comma
	}
	return from, max(from, to)
}

// fieldByte turns the reader's position of a field into a byte of the text.
func (r *shownRow) fieldByte(column int) int {
	line, at := r.reader.FieldPos(column)
	from := r.skip
	for range line - 1 {
		from += bytes.IndexByte(r.text[from:], '\n') + 1
	}
	return from + at - 1
}

// position counts lines and, in characters, columns.
func (r *shownRow) position(at int) spec.Pos {
	before := r.text[:at]
	from := bytes.LastIndexByte(before, '\n') + 1
	return spec.Pos{Line: r.line + bytes.Count(before, []byte{'\n'}), Column: utf8.RuneCount(before[from:]) + 1, Byte: r.base + at}
}

// show has a row's text at hand for snippets.
func (r *report) show(name string, row *shownRow) {
	src := r.sources[name]
	if src == nil {
		src = &source{name: name}
		r.sources[name] = src
	}
	i := sort.Search(len(src.parts), func(i int) bool { return src.parts[i].base >= row.base })
	if i < len(src.parts) && src.parts[i].base == row.base {
		return
	}
	src.parts = slices.Insert(src.parts, i, &source{name: name, text: row.text, base: row.base})
}
