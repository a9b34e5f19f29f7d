package table

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cardfleet/cardfleet/spec"
)

// Grid is the cells of a text or of a sheet, before their meaning is known.
// Blank rows are left out.
type Grid struct {
	File  string
	Sheet string // "" for a text
	Rows  []GridRow
	Notes []Note // what was done so far
}

// GridRow is a row with its number: the line of a text, or the row of a sheet.
type GridRow struct {
	Number int
	Cells  []string
}

// Note is something that was done to a table, and to which rows.
type Note struct {
	What  string // `white space around cells is taken away`
	Count int    // how many cells or rows; 0 where it is about the file
	Rows  []int  // the first ten of them
}

// name is the file, with its sheet where it has several.
func (g *Grid) name() string {
	if g.Sheet == "" {
		return g.File
	}
	return g.File + ", sheet " + g.Sheet
}

// cell names a cell for people: "cards.csv row 3, column \"imei\"" or "cards.xlsx, sheet 卡, cell B3".
func (g *Grid) cell(row, column int, name string) string {
	if g.Sheet != "" {
		return fmt.Sprintf("%s, cell %s%d", g.name(), letters(column), row)
	}
	if name == "" {
		return fmt.Sprintf("%s row %d", g.File, row)
	}
	return fmt.Sprintf("%s row %d, column %q", g.File, row, name)
}

// row names a row for people.
func (g *Grid) row(row int) string { return fmt.Sprintf("%s row %d", g.name(), row) }

// letters is a sheet's name of a column, from 0: A, B, …, Z, AA.
func letters(column int) string {
	s := ""
	for column++; column > 0; column = (column - 1) / 26 {
		s = string(rune('A'+(column-1)%26)) + s
	}
	return s
}

// note adds a note about the whole file.
func (g *Grid) note(format string, args ...any) {
	g.Notes = append(g.Notes, Note{What: fmt.Sprintf(format, args...)})
}

// FromText reads a text of fields, in any encoding, with any separator and line
// end. Quotes are as RFC 4180 has them: one that isn't closed is a mistake, for
// it would swallow the rest.
func FromText(file string, data []byte) (*Grid, spec.Diagnostics) {
	form := Recognise(data)
	if form.Kind != Text || form.Encoding == Unknown {
		return nil, failed("Not a table", "%s: %s %s", file, form.Cause(), form.Mend(file))
	}
	g := &Grid{File: file}
	if form.Encoding == UTF8 && !utf8.Valid(data) { // beyond what the form was told by
		form.Encoding = GB18030
	}
	text, err := decode(data, form.Encoding)
	if err != nil || form.Encoding != UTF8 && strings.ContainsRune(text, utf8.RuneError) {
		at := 1 + strings.Count(unifyLines(text[:max(strings.IndexRune(text, utf8.RuneError), 0)]), "\n")
		return nil, failed("Not a text", "%s row %d holds bytes that are no character of %s. The file may be damaged, or of two encodings.", file, at, form.Encoding.Name())
	}
	if form.Encoding != UTF8 {
		g.note("read as %s", form.Encoding.Name())
	}
	if form.Separator != ',' {
		g.note("fields are separated by %s", SeparatorName(form.Separator))
	}
	text = g.plainLines(text, form)
	diags := g.parse(text, form.Separator, bytes.HasSuffix(data, []byte("\n")) || bytes.HasSuffix(data, []byte("\r")) || form.Encoding == UTF16LE || form.Encoding == UTF16BE)
	return g, diags
}

// plainLines ends lines in LF, and takes the sep= line and the guards away. Rows
// keep their numbers.
func (g *Grid) plainLines(text string, form Form) string {
	switch form.LineEnd {
	case CR:
		g.note("lines end in CR alone")
	case DoubledCR:
		g.note("lines end in CR CR LF")
	}
	text = unifyLines(text)
	if form.SepLine {
		_, rest, _ := strings.Cut(text, "\n")
		text = "\n" + rest
		g.note("the line sep= is left out")
	}
	if !strings.Contains(text, `="`) {
		return text
	}
	text, rows := unguard(text, form.Separator)
	if len(rows) > 0 {
		g.Notes = append(g.Notes, Note{What: `guards (="…") are taken away`, Count: len(rows), Rows: rows[:min(len(rows), maxRepeats)]})
	}
	return text
}

// unguard turns ="8986…", a field that isn't quoted as CSV has it, into 8986….
func unguard(text string, sep rune) (string, []int) {
	var b strings.Builder
	b.Grow(len(text))
	var rows []int
	row, quoted, begins := 1, false, true
	for i := 0; i < len(text); {
		if begins && !quoted && strings.HasPrefix(text[i:], `="`) {
			if n := strings.IndexByte(text[i+2:], '"'); n >= 0 && endsField(text[i+2+n+1:], sep) && !strings.Contains(text[i+2:i+2+n], "\n") {
				b.WriteString(text[i+2 : i+2+n])
				i += 2 + n + 1
				rows = append(rows, row)
				continue
			}
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '"':
			quoted = !quoted
		case r == '\n':
			row++
		}
		begins = r == sep || r == '\n'
		b.WriteString(text[i : i+n])
		i += n
	}
	return b.String(), rows
}

func endsField(rest string, sep rune) bool {
	return rest == "" || rest[0] == '\n' || strings.HasPrefix(rest, string(sep))
}

// parse takes the rows apart.
func (g *Grid) parse(text string, sep rune, ended bool) spec.Diagnostics {
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord = sep, -1
	last := 0
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return g.broken(err)
		}
		line, _ := r.FieldPos(0)
		last = len(record)
		if !blank(record) {
			g.Rows = append(g.Rows, GridRow{line, record})
		}
	}
	if n := len(g.Rows); n > 1 && !ended && last < len(g.Rows[n-2].Cells) {
		return failed("Cut off", "%s row %d is the last, has no line end and fewer fields than the others: the file may be cut off. Export it anew, or end it by hand.", g.File, g.Rows[n-1].Number)
	}
	return nil
}

func blank(cells []string) bool {
	return !slices.ContainsFunc(cells, func(c string) bool { return bare(c) != "" })
}

// broken says what encoding/csv could not make sense of.
func (g *Grid) broken(err error) spec.Diagnostics {
	var parse *csv.ParseError
	switch {
	case !errors.As(err, &parse):
		return failed("Broken table", "%s: %s.", g.File, err)
	case errors.Is(err, csv.ErrQuote) && parse.Line > parse.StartLine:
		return failed("Broken quotes", "%s: a quote is opened in row %d and not closed there: it swallows what follows, up to row %d. Close it, or delete it; a quote inside a field is written twice.", g.File, parse.StartLine, parse.Line)
	case errors.Is(err, csv.ErrQuote):
		return failed("Broken quotes", "%s row %d: a field's closing quote is missing, or text follows it. A quote inside a field is written twice.", g.File, parse.StartLine)
	case errors.Is(err, csv.ErrBareQuote):
		return failed("Broken quotes", "%s row %d: a quote stands inside a field that doesn't begin with one. Quote the whole field and write the inner quote twice, or delete it.", g.File, parse.StartLine)
	}
	return failed("Broken table", "%s row %d: %s.", g.File, parse.StartLine, parse.Err)
}
