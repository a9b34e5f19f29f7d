package config

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
	"github.com/cardfleet/cardfleet/spec/file"
)

const (
	// bom is the byte-order mark that spreadsheets put in front of UTF-8.
	bom         = "\uFEFF"
	iccidColumn = "iccid"
	// sampleRows is how many rows tell how long the others are.
	sampleRows = 1000
	// shortestRow is the length of a row that holds an ICCID and nothing else.
	shortestRow = 20
)

// csvFile is a file that from_csv names.
type csvFile struct {
	name, path string
	header     []string
	index      map[string]int // of the columns
	places     csvPlaces
	// unsaved is the text that an editor has open in place of the file; nil for none.
	unsaved []byte
}

// tableFile is a table's text, on disk or in an editor.
type tableFile interface {
	io.ReadSeeker
	Close() error
}

// openText is the text of a table that an editor has open.
type openText struct{ *bytes.Reader }

func (openText) Close() error { return nil }

// openFile opens the table; its size is 0 where it isn't known: it is only a hint.
func (f *csvFile) openFile() (tableFile, int64, error) {
	if f.unsaved != nil {
		return openText{bytes.NewReader(f.unsaved)}, int64(len(f.unsaved)), nil
	}
	opened, err := file.Open(f.path)
	if err != nil {
		return nil, 0, err
	}
	if info, err := opened.Stat(); err == nil {
		if info.IsDir() {
			return nil, 0, errors.Join(errors.New("it is a folder"), opened.Close())
		}
		return opened, info.Size(), nil
	}
	return opened, 0, nil
}

// csvReader reads the file as a stream.
type csvReader struct {
	*csv.Reader
	file tableFile
	buf  *bufio.Reader
	hash hash.Hash
	size int64 // of the file, when it was opened
}

func (f *csvFile) open() (*csvReader, error) {
	opened, size, err := f.openFile()
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	buf := bufio.NewReaderSize(io.TeeReader(opened, h), 1<<16)
	if start, _ := buf.Peek(len(expr.BOM)); string(start) == expr.BOM {
		_, _ = buf.Discard(len(bom)) // it was just peeked at
	}
	r := csv.NewReader(buf)
	r.ReuseRecord = true
	r.FieldsPerRecord = -1 // counted here, for messages that name the ICCID
	return &csvReader{Reader: r, file: opened, buf: buf, hash: h, size: size}, nil
}

func (r *csvReader) close() { r.file.Close() } // it was only read

// sum is the SHA-256 of what was read.
func (r *csvReader) sum() []byte { return r.hash.Sum(nil) }

// atEnd reports whether the row just read was the last.
func (r *csvReader) atEnd() bool {
	_, err := r.buf.Peek(1)
	return err != nil
}

// readHeader reads the line of column names.
func (c *cardBlock) readHeader(r *csvReader) bool {
	f := c.csv
	if c.foreign(r) {
		return false
	}
	header, err := r.Read()
	if err != nil {
		if errors.Is(err, io.EOF) {
			c.csvMistake(0, -1, "", "Missing header", "The file is empty. Its first line names the columns, such as: iccid,imei.")
		} else {
			c.csvReadError(err)
		}
		return false
	}
	f.header, f.index = slices.Clone(header), make(map[string]int, len(header))
	ok := true
	for i, name := range f.header {
		if !utf8.ValidString(name) {
			c.csvMistake(1, i, "", "Not UTF-8", "A column's name is not UTF-8. Export the file as UTF-8.")
			ok = false
		}
		if _, twice := f.index[name]; twice {
			c.csvMistake(1, i, "", "Duplicate column", fmt.Sprintf("Two columns are named %q. Rename or delete one of them.", name))
			ok = false
			continue
		}
		f.index[name] = i
	}
	if _, has := f.index[iccidColumn]; !has && ok {
		c.csvMistake(1, -1, "", "Missing column", fmt.Sprintf("There is no column %q, which is each card's key.%s The columns are %s.",
			iccidColumn, f.columnHint(iccidColumn), spec.QuoteList(f.header, "and"))+" "+f.makesTable())
		ok = false
	}
	return ok
}

// readRows hands on every row that is whole, and reports the others.
func (c *cardBlock) readRows(r *csvReader, yield func(*row)) {
	key := c.csv.index[iccidColumn]
	out := row{csv: c.csv}
	empty := true // no row but such as are commas alone
	for n := 0; ; n++ {
		if n == sampleRows && c.block != nil { // a table of cards, not of approvals
			c.fleet.Cards = slices.Grow(c.fleet.Cards, r.rowsLeft(n))
		}
		if n%sampleRows == 0 && c.Stop() {
			return
		}
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			if empty {
				c.emptied = append(c.emptied, c.csv.name)
			}
			return
		}
		if err != nil {
			empty = false
			c.csvReadError(err)
			var parse *csv.ParseError
			if !errors.As(err, &parse) {
				return
			}
			continue
		}
		if blankRow(fields) {
			continue
		}
		empty = false
		line, _ := r.FieldPos(0)
		if c.checkRow(r, fields, line) {
			out.key, out.fields, out.line = normal(fields[key]), fields, line
			yield(&out)
		}
	}
}

// rowsLeft guesses, from the n rows that were read, how many there are to come,
// so that room for their cards is made once.
func (r *csvReader) rowsLeft(n int) int {
	read := r.InputOffset()
	mean := max(read/int64(n), shortestRow)
	return int(max(0, r.size-read) / mean * 21 / 20)
}

// checkRow reports a row with the wrong number of fields, or that isn't UTF-8.
func (c *cardBlock) checkRow(r *csvReader, fields []string, line int) bool {
	f := c.csv
	iccid := ""
	if i := f.index[iccidColumn]; i < len(fields) {
		iccid = fields[i]
	}
	if n, want := len(fields), len(f.header); n != want {
		hint := "Compare it with the header; a field that holds a comma needs quotes."
		if n < want && r.atEnd() {
			hint = "It is the last row, so the file may be cut off."
		}
		if slices.ContainsFunc(fields, func(text string) bool { return strings.Contains(text, "\r") }) {
			hint = "A line ends in CR alone here. " + f.makesTable()
		}
		c.csvMistake(line, -1, iccid, "Wrong number of fields",
			fmt.Sprintf("The row has %s, and the header names %s. %s", spec.Count(n, "field"), spec.Count(want, "column"), hint))
		return false
	}
	for i, text := range fields {
		if isASCII(text) {
			continue
		}
		if !utf8.ValidString(text) {
			c.csvMistake(line, i, strings.ToValidUTF8(iccid, "?"), "Not UTF-8", "The field is not UTF-8. Export the file as UTF-8. "+f.makesTable())
			return false
		}
		c.oddLetters(line, i, iccid, text)
	}
	return true
}

// csvReadError reports what encoding/csv could not make sense of.
func (c *cardBlock) csvReadError(err error) {
	var parse *csv.ParseError
	switch {
	case !errors.As(err, &parse):
		c.report.ErrorAt(c.attrs["from_csv"].Expr.Range(), "File cannot be read", "%s.", spec.Capital(expr.FileError(c.csv.name, err).Error()))
	case errors.Is(err, csv.ErrQuote):
		c.csvMistake(parse.StartLine, -1, "", "Broken quotes", "A field's closing quote is missing, or text follows it. "+
			"Write a quote inside a field twice; where this row should be whole, the file may be cut off.")
	case errors.Is(err, csv.ErrBareQuote):
		c.csvMistake(parse.StartLine, -1, "", "Broken quotes",
			`A quote stands inside a field that doesn't begin with one. Quote the whole field and write the inner quote twice.`)
	default:
		c.csvMistake(parse.StartLine, -1, "", "Broken row", spec.Capital(parse.Err.Error())+".")
	}
}

// csvMistake reports a mistake at a field, or at a row where column is below 0.
func (c *cardBlock) csvMistake(line, column int, iccid, summary, detail string) {
	c.csvDiagnostic(spec.Error, line, column, iccid, summary, detail)
}

// csvWarning is csvMistake for what doesn't stop the run.
func (c *cardBlock) csvWarning(line, column int, iccid, summary, detail string) {
	c.csvDiagnostic(spec.Warning, line, column, iccid, summary, detail)
}

func (c *cardBlock) csvDiagnostic(severity spec.Severity, line, column int, iccid, summary, detail string) {
	c.repeats.add(c.report, summary, func() spec.Diagnostic {
		name := ""
		if column >= 0 && line > 1 {
			name = c.csv.header[column]
		}
		d := spec.Diagnostic{Severity: severity, Summary: summary, Detail: c.csv.mention(line, name, iccid) + detail,
			Subject: rangeOf(c.attrs["from_csv"].Expr.Range())}
		c.pointAt(&d, line, column)
		return d
	})
}

// rowName is a row in a sentence: "bikes.csv row 3". Rows are counted as lines
// of the file, as an editor shows them.
func (f *csvFile) rowName(line int) string { return fmt.Sprintf("%s row %d", f.name, line) }

// mention begins the detail of a mistake: `bikes.csv row 3, column "imei", ICCID 8986…: `.
func (f *csvFile) mention(line int, column, iccid string) string {
	text := f.name
	if line > 0 {
		text = f.rowName(line)
	}
	if column != "" {
		text += fmt.Sprintf(", column %q", column)
	}
	if iccid != "" {
		text += ", ICCID " + iccid
	}
	return text + ": "
}
