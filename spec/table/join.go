package table

import (
	"cmp"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/spec"
)

// join makes one table of several: a row a card, with the columns of all.
func join(tables []*Table, p *problems) *Table {
	if len(tables) == 0 {
		return &Table{Columns: []string{ICCIDColumn}}
	}
	out := tables[0]
	if len(tables) > 1 {
		out = &Table{Columns: allColumns(tables)}
		for _, t := range tables {
			out.Notes = append(out.Notes, t.Notes...)
			out.Rows = append(out.Rows, t.spread(out.Columns)...)
		}
	}
	slices.SortStableFunc(out.Rows, func(a, b Row) int { return cmp.Compare(a.ICCID, b.ICCID) })
	f := folding{table: out, problems: p}
	f.alike()
	f.spellings()
	f.devices()
	return out
}

// allColumns are the columns of all tables: those with a meaning first, then the
// others as they come.
func allColumns(tables []*Table) []string {
	var all []string
	add := func(name string) {
		if !slices.Contains(all, name) && slices.ContainsFunc(tables, func(t *Table) bool { return slices.Contains(t.Columns, name) }) {
			all = append(all, name)
		}
	}
	for _, name := range [...]string{ICCIDColumn, IMEIColumn, MSISDNColumn, ActiveColumn} {
		add(name)
	}
	for _, t := range tables {
		for _, name := range t.Columns {
			add(name)
		}
	}
	return all
}

// spread is the rows with the cells of columns; one that the table lacks is blank.
func (t *Table) spread(columns []string) []Row {
	if slices.Equal(t.Columns, columns) {
		return t.Rows
	}
	from := make([]int, len(columns))
	for i, name := range columns {
		from[i] = slices.Index(t.Columns, name)
	}
	rows := make([]Row, len(t.Rows))
	for n, row := range t.Rows {
		cells := make([]string, len(columns))
		for i, at := range from {
			if at >= 0 {
				cells[i] = row.Cells[at]
			}
		}
		rows[n] = row
		rows[n].Cells = cells
	}
	return rows
}

// folding makes one row of several that are one card.
type folding struct {
	table    *Table
	problems *problems
}

const conflictAdvice = "Correct one of the two; nothing tells which is right."

// alike folds rows with one ICCID, which are side by side.
func (f *folding) alike() {
	rows := f.table.Rows
	out := rows[:0]
	for i := range rows {
		if n := len(out); n > 0 && out[n-1].ICCID == rows[i].ICCID {
			f.fold(&out[n-1], &rows[i])
			continue
		}
		out = append(out, rows[i])
	}
	f.table.Rows = out
}

// fold adds what b says to a. A cell that both fill, and differently, can't be known.
func (f *folding) fold(a, b *Row) {
	for i, name := range f.table.Columns {
		x, y := a.Cells[i], b.Cells[i]
		switch {
		case name == ICCIDColumn, x == y, y == "":
		case x == "":
			a.Cells[i] = y
		case name == IMEIColumn && spec.IMEI(x).Same(spec.IMEI(y)) && len(x) != len(y):
			if len(y) == spreadsheetDigits {
				a.Cells[i] = y // the form with the check digit, which all others are made from
			}
		default:
			f.problems.wrong("Conflict", conflictAdvice, "%s of %s is %q (%s) and %q (%s)", name, a.ICCID, shorten(x), a.place(name), shorten(y), b.place(name))
		}
	}
}

// spellings folds a card of 19 digits into the one of 20 that is it with its
// check digit.
func (f *folding) spellings() {
	rows := f.table.Rows
	out := rows[:0]
	for i := 0; i < len(rows); i++ {
		short := &rows[i]
		last := i
		for last+1 < len(rows) && len(short.ICCID) == 19 && rows[last+1].ICCID.Stem() == short.ICCID {
			last++
		}
		switch last - i {
		case 0:
			out = append(out, *short)
			continue
		case 1:
			whole := rows[last]
			f.problems.warn("One card in two spellings", "They are taken for one card, which has one check digit.",
				"%s (%s) is %s (%s) without its check digit", short.ICCID, short.place(ICCIDColumn), whole.ICCID, whole.place(ICCIDColumn))
			f.fold(&whole, short)
			out = append(out, whole)
		default:
			f.problems.wrong("Which card?", "Write its check digit.", "%s (%s) may be %s or %s", short.ICCID, short.place(ICCIDColumn), rows[i+1].ICCID, rows[i+2].ICCID)
		}
		i = last
	}
	f.table.Rows = out
}

// devices warns of a device in two cards.
func (f *folding) devices() {
	at := slices.Index(f.table.Columns, IMEIColumn)
	if at < 0 {
		return
	}
	byDevice := make([]int, 0, len(f.table.Rows))
	for i, row := range f.table.Rows {
		if row.Cells[at] != "" {
			byDevice = append(byDevice, i)
		}
	}
	device := func(i int) string { return spec.IMEI(f.table.Rows[i].Cells[at]).Device() }
	slices.SortStableFunc(byDevice, func(a, b int) int { return strings.Compare(device(a), device(b)) })
	for n := 1; n < len(byDevice); n++ {
		if a, b := byDevice[n-1], byDevice[n]; device(a) == device(b) {
			x, y := &f.table.Rows[a], &f.table.Rows[b]
			f.problems.warn("One device in two cards", "A device is bound to one card, unless shared_imei says that it carries several.",
				"IMEI %s is of %s (%s) and of %s (%s)", y.Cells[at], x.ICCID, x.place(IMEIColumn), y.ICCID, y.place(IMEIColumn))
		}
	}
}

// Difference is what a new table changes of the one that is there.
type Difference struct {
	Added, Gone []spec.ICCID
	Changed     []Change
	NewColumns  []string
	// Kept counts cells that the new table leaves blank, and the old one doesn't.
	Kept int
}

// Change is a cell that changes.
type Change struct {
	ICCID            spec.ICCID
	Column, From, To string
}

// Any reports whether anything changes.
func (d *Difference) Any() bool {
	return len(d.Added)+len(d.Gone)+len(d.Changed)+len(d.NewColumns) > 0
}

// Onto is t with the other columns of the table that is there, its spelling of
// ICCIDs, and its cells where t's are blank. Both are sorted.
func (t *Table) Onto(old *Table) (*Table, *Difference) {
	out := &Table{Columns: slices.Clone(old.Columns), Notes: t.Notes}
	d := &Difference{}
	for _, name := range t.Columns {
		if !slices.Contains(out.Columns, name) {
			out.Columns = append(out.Columns, name)
			d.NewColumns = append(d.NewColumns, name)
		}
	}
	rows, were := t.spread(out.Columns), old.spread(out.Columns)
	for len(rows)+len(were) > 0 {
		switch {
		case len(were) == 0 || len(rows) > 0 && rows[0].ICCID < were[0].ICCID && !rows[0].ICCID.SameCard(were[0].ICCID):
			d.Added = append(d.Added, rows[0].ICCID)
			out.Rows = append(out.Rows, rows[0])
			rows = rows[1:]
		case len(rows) == 0 || !rows[0].ICCID.SameCard(were[0].ICCID):
			d.Gone = append(d.Gone, were[0].ICCID)
			were = were[1:]
		default:
			out.Rows = append(out.Rows, d.update(out.Columns, &were[0], &rows[0]))
			rows, were = rows[1:], were[1:]
		}
	}
	return out, d
}

// update is the row that is there with what the new one says.
func (d *Difference) update(columns []string, old, next *Row) Row {
	out := *next
	out.ICCID, out.Cells = old.ICCID, slices.Clone(next.Cells)
	for i, name := range columns {
		switch {
		case name == ICCIDColumn:
			out.Cells[i] = string(old.ICCID)
		case next.Cells[i] == old.Cells[i]:
		case next.Cells[i] == "":
			out.Cells[i] = old.Cells[i]
			if _, has := next.from.at[name]; has {
				d.Kept++
			}
		default:
			d.Changed = append(d.Changed, Change{old.ICCID, name, old.Cells[i], next.Cells[i]})
		}
	}
	return out
}
