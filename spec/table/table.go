package table

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/spec"
)

// Table is a canonical table: one row a card, sorted by ICCID.
type Table struct {
	Columns []string // iccid first, then imei, msisdn and active where they are there, then the others
	Rows    []Row
	Notes   []SourceNote
}

// SourceNote is what was done to a file on its way.
type SourceNote struct {
	Source string // the file, with its sheet where it has several
	Note
}

// Row is a card. Cells are in the order of the table's columns.
type Row struct {
	ICCID spec.ICCID
	Cells []string
	from  *source
	row   int
}

// source is where rows come from, to name their cells.
type source struct {
	grid *Grid
	at   map[string]column // by name
}

// place names a cell of a row for people.
func (r *Row) place(name string) string {
	c, ok := r.from.at[name]
	if !ok {
		return r.from.grid.row(r.row)
	}
	return r.from.grid.cell(r.row, c.at, c.from)
}

// reader makes a table of one grid.
type reader struct {
	grid     *Grid
	head     heading
	table    *Table
	source   *source
	problems *problems
	deeds    map[deed]*Note
	order    []deed
	iccids   ICCIDs
	imeis    IMEIs
	refused  bool // a row was, with an error
}

// New makes a canonical table of the grids of one fleet, joined by ICCID. What
// can't be known is an error with its cell; with warnings alone there is a table.
func New(grids []*Grid, o Options) (*Table, spec.Diagnostics) {
	var p problems
	var tables []*Table
	for _, g := range grids {
		if t := read(g, o, &p); t != nil {
			tables = append(tables, t)
		}
	}
	if diags := p.diagnostics(); diags.HasErrors() {
		return nil, diags
	}
	t := join(tables, &p)
	diags := p.diagnostics()
	if diags.HasErrors() {
		return nil, diags
	}
	return t, diags
}

// read makes a table of a grid; nil where its header is wrong.
func read(g *Grid, o Options, p *problems) *Table {
	h, ok := g.head(o, p)
	if !ok {
		return nil
	}
	r := &reader{grid: g, head: h, problems: p, table: &Table{}, deeds: map[deed]*Note{}, source: &source{grid: g, at: map[string]column{}}}
	r.columns()
	if h.title > 0 {
		g.note("the header is row %d; what stands above it is left out (%s)", g.Rows[h.title].Number, count(h.title, "row"))
	}
	for _, row := range g.Rows[min(h.data, len(g.Rows)):] {
		r.add(row)
	}
	if len(r.table.Rows) == 0 && !r.refused {
		p.wrong("No row", "Export it anew.", "%s has a header and no row below it", g.name())
	}
	r.judge()
	r.notes()
	return r.table
}

// columns puts the columns with a meaning first.
func (r *reader) columns() {
	rank := func(c column) int {
		if i := slices.Index([]string{ICCIDColumn, IMEIColumn, MSISDNColumn, ActiveColumn}, c.name); i >= 0 {
			return i
		}
		return 4
	}
	slices.SortStableFunc(r.head.columns, func(a, b column) int { return rank(a) - rank(b) })
	for _, c := range r.head.columns {
		r.table.Columns = append(r.table.Columns, c.name)
		r.source.at[c.name] = c
		if c.from != "" && c.from != c.name {
			r.grid.note("column %q becomes %s", c.from, c.name)
		}
	}
}

// add takes a row of data, or says why it is none.
func (r *reader) add(row GridRow) {
	out := Row{Cells: make([]string, len(r.head.columns)), from: r.source, row: row.Number}
	if comment(row.Cells) || r.total(row) {
		r.did("rows that are remarks or sums are left out", row.Number)
		return
	}
	if r.tooLong(row) {
		r.refused = true
		return
	}
	ok := true
	for i, c := range r.head.columns {
		cell := ""
		if c.at < len(row.Cells) {
			cell = row.Cells[c.at]
		}
		out.Cells[i] = r.cell(c, cell, row.Number, &ok)
	}
	if out.ICCID = spec.ICCID(out.Cells[0]); !ok {
		r.refused = true
		return
	}
	r.table.Rows = append(r.table.Rows, out)
}

// tooLong refuses a row with a field that has no column, which shifts the others.
func (r *reader) tooLong(row GridRow) bool {
	if r.grid.Sheet != "" || len(row.Cells) <= r.head.width || blank(row.Cells[r.head.width:]) {
		return false
	}
	r.problems.wrong("Too many fields", "A field that holds the separator needs quotes; where the header lacks a name, write one.",
		"%s has more fields than the header names", r.grid.row(row.Number))
	return true
}

// total reports whether a row is a sum below the data: a word for it first, and
// no ICCID.
func (r *reader) total(row GridRow) bool {
	if at := r.head.columns[0].at; at < len(row.Cells) && len(bare(row.Cells[at])) >= spreadsheetDigits && isHex(bare(row.Cells[at])) {
		return false
	}
	first := plainName(row.Cells[slices.IndexFunc(row.Cells, func(c string) bool { return bare(c) != "" })])
	for _, word := range []string{"合计", "总计", "小计", "总数", "total", "subtotal", "sum"} {
		if strings.HasPrefix(first, word) {
			return true
		}
	}
	return false
}

// cell is a cell as it is written in the table.
func (r *reader) cell(c column, cell string, row int, ok *bool) string {
	switch c.name {
	case ICCIDColumn:
		return r.iccid(c, cell, row, ok)
	case IMEIColumn:
		return r.imei(c, cell, row, ok)
	case MSISDNColumn:
		text, _ := r.number(c, cell, row, ok)
		return text
	case ActiveColumn:
		return r.active(c, cell, row, ok)
	}
	text := bare(cell)
	if strings.ContainsAny(text, "\r") {
		text = unifyLines(text)
	}
	if text != cell {
		r.did(trimmed, row)
	}
	if LooksGBK(text) {
		r.problems.warn("Odd letters", "Where they are Chinese, the file is GBK, and its bytes are valid UTF-8 by chance: save it as xlsx or UTF-8.",
			"%s: %q looks like Chinese in GBK", r.grid.cell(row, c.at, c.from), shorten(text))
	}
	return text
}

// number takes the dress off an identifier.
func (r *reader) number(c column, cell string, row int, ok *bool) (string, bool) {
	text, deeds, lost := identifier(cell)
	if lost != "" {
		r.problems.wrong(LostSummary, lostAdvice, "%s: %q is a number that lost digits: %s", r.grid.cell(row, c.at, c.from), shorten(bare(cell)), lost)
		*ok = false
		return "", false
	}
	for _, d := range deeds {
		r.did(d, row)
	}
	return text, true
}

const lostAdvice = "The digits are gone from this file: take the list anew from where it came, with the column as text, and never as a number."

func (r *reader) iccid(c column, cell string, row int, ok *bool) string {
	text, whole := r.number(c, cell, row, ok)
	if !whole {
		return ""
	}
	iccid, err := spec.ParseICCID(text)
	if err != nil {
		r.problems.wrong("Invalid ICCID", "", "%s: %s", r.grid.cell(row, c.at, c.from), err)
		*ok = false
		return ""
	}
	if upper := strings.ToUpper(text); upper != text {
		r.did(raised, row)
	}
	if len(iccid) < len(text) {
		r.did(unfilled, row)
	}
	r.iccids.Add(row, iccid)
	return string(iccid)
}

func (r *reader) imei(c column, cell string, row int, ok *bool) string {
	text, whole := r.number(c, cell, row, ok)
	if !whole || text == "" {
		return ""
	}
	imei, err := spec.ParseIMEI(text)
	if err != nil {
		r.problems.wrong("Invalid IMEI", "", "%s: %s", r.grid.cell(row, c.at, c.from), err)
		*ok = false
		return ""
	}
	r.imeis.Add(row, imei)
	return string(imei)
}

func (r *reader) active(c column, cell string, row int, ok *bool) string {
	word := truth(cell)
	if word == "" {
		r.problems.wrong("Not true or false", "active takes true, false, 1, 0, 是 and 否. A carrier's word for a card's status is no wish: leave it in a column of its own.",
			"%s is %q", r.grid.cell(row, c.at, c.from), shorten(bare(cell)))
		*ok = false
		return ""
	}
	if word != cell {
		r.did(translated, row)
	}
	return word
}

// did notes what was done to a cell of a row.
func (r *reader) did(d deed, row int) {
	n := r.deeds[d]
	if n == nil {
		n = &Note{What: string(d)}
		r.deeds[d], r.order = n, append(r.order, d)
	}
	if n.Count++; len(n.Rows) < maxRepeats {
		n.Rows = append(n.Rows, row)
	}
}

// judge looks at the columns as a whole.
func (r *reader) judge() {
	c := r.head.columns[0]
	cells := func(cells []Cell) string {
		var names []string
		for _, cell := range cells {
			names = append(names, fmt.Sprintf("%s %s", r.grid.cell(cell.Row, c.at, c.from), cell.ICCID))
		}
		return strings.Join(names, "; ")
	}
	switch r.iccids.Loss() {
	case Doubtful:
		r.problems.warn("ICCIDs may have lost digits", r.iccids.Detail(), "%s", cells(r.iccids.Cells()))
	case Cut, RoundedDouble, RoundedLongDouble:
		r.problems.wrong(LostSummary, r.iccids.Detail(), "%s", cells(r.iccids.Cells()))
	}
	short, count := r.imeis.Doubtful()
	for _, s := range short {
		where := r.grid.cell(s.Row, r.source.at[IMEIColumn].at, r.source.at[IMEIColumn].from)
		if s.Zero != "" {
			r.problems.warn("IMEIs may have lost a zero", "Compare them with the devices.", "%s: %s has 14 digits, and is %s without its leading zero", where, s.IMEI, s.Zero)
			continue
		}
		r.problems.warn("IMEIs may have lost a zero", "Compare them with the devices.", "%s: %s has 14 digits, and nearly all others have 15", where, s.IMEI)
	}
	for range count - len(short) {
		r.problems.warn("IMEIs may have lost a zero", "Compare them with the devices.", "")
	}
}

// notes hands on what was done, the file's first.
func (r *reader) notes() {
	for _, n := range r.grid.Notes {
		r.table.Notes = append(r.table.Notes, SourceNote{r.grid.name(), n})
	}
	for _, d := range r.order {
		r.table.Notes = append(r.table.Notes, SourceNote{r.grid.name(), *r.deeds[d]})
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
