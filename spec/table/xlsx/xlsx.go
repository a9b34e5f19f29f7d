// Package xlsx reads the sheets of workbooks for package table. It is a package
// of its own so that only those who are handed a workbook pay for its reader.
//
// Cells are read raw first: a formatted reading of a number of more than 15
// digits changes it, and shows the same number in E notation or rounded by the
// way in which it was written. Only cells of other columns that hold a number are
// read as people see them, since a date is one.
//
// Start reading at [Read].
package xlsx

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/table"
)

// Options say what is read of a workbook.
type Options struct {
	Sheet string // "": the one with ICCIDs
	Table table.Options
	// Progress is told now and then how many of the sheet's rows are read; nil
	// tells nobody.
	Progress func(done, total int)
}

const (
	// largest is the most bytes that a workbook may unpack to.
	largest = 1 << 30
	// inMemory is the largest part that is unpacked in memory; larger ones go to
	// a temporary file.
	inMemory = 8 << 20
	// headRows is how many rows tell whether a sheet holds ICCIDs.
	headRows = 20
	// between is how many rows are read between two tellings.
	between = 1000
)

// Read reads the sheet of a workbook that holds ICCIDs.
func Read(file string, data []byte, o Options) (*table.Grid, spec.Diagnostics) {
	f, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{UnzipSizeLimit: largest, UnzipXMLSizeLimit: inMemory, RawCellValue: true,
		ShortDatePattern: "yyyy-mm-dd", LongDatePattern: "yyyy-mm-dd", LongTimePattern: "hh:mm:ss"})
	if err != nil {
		return nil, damaged(file, err)
	}
	defer func() { _ = f.Close() }() // it was only read; what stays is a temporary file
	b := &book{file: file, data: data, f: f, o: o}
	sheet, diags := b.choose()
	if diags.HasErrors() {
		return nil, diags
	}
	return b.read(sheet)
}

func damaged(file string, err error) spec.Diagnostics {
	detail := fmt.Sprintf("%s can't be read as a workbook: %s. It may be damaged or not whole: open it in Excel, WPS or LibreOffice, and save it anew as xlsx.", file, err)
	if errors.Is(err, excelize.ErrWorkbookFileFormat) || strings.Contains(err.Error(), "unzip size") {
		detail = fmt.Sprintf("%s can't be read as a workbook: %s. Save the sheet with the cards alone, as xlsx or as CSV UTF-8.", file, err)
	}
	return spec.Diagnostics{{Summary: "Broken workbook", Detail: detail}}
}

// book is a workbook that is being read.
type book struct {
	file string
	data []byte
	f    *excelize.File
	o    Options
}

// choose finds the sheet: the one that is asked for, or the only one with ICCIDs.
func (b *book) choose() (string, spec.Diagnostics) {
	all := b.f.GetSheetList()
	wrong := func(summary, format string, args ...any) (string, spec.Diagnostics) {
		return "", spec.Diagnostics{{Summary: summary, Detail: fmt.Sprintf(format, args...)}}
	}
	if b.o.Sheet != "" {
		if slices.Contains(all, b.o.Sheet) {
			return b.o.Sheet, nil
		}
		return wrong("Unknown sheet", "%s has no sheet %q. Its sheets are %s.", b.file, b.o.Sheet, quoted(all))
	}
	var with []string
	for _, sheet := range all {
		if visible, err := b.f.GetSheetVisible(sheet); err == nil && !visible {
			continue
		}
		g := &table.Grid{File: b.file, Sheet: sheet}
		if err := b.rows(sheet, headRows, func(row table.GridRow) { g.Rows = append(g.Rows, row) }); err != nil {
			return "", damaged(b.file, err)
		}
		if len(g.Rows) > 0 && g.HasICCIDs(b.o.Table) {
			with = append(with, sheet)
		}
	}
	switch {
	case len(with) == 1:
		return with[0], nil
	case len(with) > 1:
		return wrong("Which sheet?", "%s has ICCIDs in several sheets: %s. Say with -sheet which one to read.", b.file, quoted(with))
	case len(all) == 1:
		return all[0], nil // its own mistake says what is missing
	}
	return wrong("Missing column", "No sheet of %s has a column of ICCIDs among its first lines. Its sheets are %s. Say which one with -sheet, and which column with -columns=iccid=NAME.", b.file, quoted(all))
}

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strconv.Quote(n)
	}
	return strings.Join(out, ", ")
}

// rows hands on the rows of a sheet that hold anything, raw; most of them at most, where most isn't 0.
func (b *book) rows(sheet string, most int, yield func(table.GridRow)) error {
	rows, err := b.f.Rows(sheet)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // it was only read
	for n := 1; rows.Next(); n++ {
		cells, err := rows.Columns(excelize.Options{RawCellValue: true})
		if err != nil {
			return err
		}
		if slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) != "" }) {
			yield(table.GridRow{Number: n, Cells: cells})
		}
		if most > 0 && n >= most {
			break
		}
	}
	return rows.Error()
}

// read reads a sheet whole.
func (b *book) read(sheet string) (*table.Grid, spec.Diagnostics) {
	seen, err := b.survey(sheet)
	if err != nil {
		return nil, damaged(b.file, err)
	}
	g := &table.Grid{File: b.file, Sheet: sheet}
	if err := b.rows(sheet, 0, func(row table.GridRow) {
		if g.Rows = append(g.Rows, row); b.o.Progress != nil && len(g.Rows)%between == 0 {
			b.o.Progress(len(g.Rows), seen.rows)
		}
	}); err != nil {
		return nil, damaged(b.file, err)
	}
	if b.o.Progress != nil {
		b.o.Progress(seen.rows, seen.rows)
	}
	if err := b.asSeen(g, sheet); err != nil {
		return nil, damaged(b.file, err)
	}
	b.notes(g, seen)
	seen.round(g)
	seen.fill(g, b.o.Table)
	return g, seen.uncalculated(g)
}

func (b *book) notes(g *table.Grid, seen *survey) {
	if all := b.f.GetSheetList(); len(all) > 1 {
		g.Notes = append(g.Notes, table.Note{What: fmt.Sprintf("sheet %q is read, of %d", g.Sheet, len(all))})
	}
	if seen.hidden > 0 {
		g.Notes = append(g.Notes, table.Note{What: "hidden rows are read too", Count: seen.hidden, Rows: seen.hiddenRows})
	}
}

// asSeen writes the numbers in other columns than those of identifiers as people
// see them: a date, an id with zeros in front.
func (b *book) asSeen(g *table.Grid, sheet string) error {
	raw := g.Identifiers(b.o.Table)
	number := func(row *table.GridRow, i int) bool {
		if raw[i] || i >= len(row.Cells) || row.Cells[i] == "" {
			return false
		}
		_, err := strconv.ParseFloat(row.Cells[i], 64)
		return err == nil
	}
	if !slices.ContainsFunc(g.Rows, func(r table.GridRow) bool {
		for i := range r.Cells {
			if number(&r, i) {
				return true
			}
		}
		return false
	}) {
		return nil
	}
	rows, err := b.f.Rows(sheet)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // it was only read
	at := 0
	for n := 1; rows.Next() && at < len(g.Rows); n++ {
		cells, err := rows.Columns(excelize.Options{ShortDatePattern: "yyyy-mm-dd", LongDatePattern: "yyyy-mm-dd", LongTimePattern: "hh:mm:ss"})
		if err != nil {
			return err
		}
		if g.Rows[at].Number != n {
			continue
		}
		for i, cell := range cells {
			if number(&g.Rows[at], i) && !strings.ContainsAny(cell, "eE") {
				g.Rows[at].Cells[i] = cell
			}
		}
		at++
	}
	return rows.Error()
}
