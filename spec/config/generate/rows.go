package generate

import (
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
)

// Existing is a table that is there, which rows are added to.
type Existing struct {
	Header []string
	Rows   [][]string // each as long as the header
}

// column is all cells of a column; none where the table lacks it.
func (e *Existing) column(name string) []string {
	at := slices.Index(e.Header, name)
	if at < 0 {
		return nil
	}
	cells := make([]string, len(e.Rows))
	for i, row := range e.Rows {
		cells[i] = row[at]
	}
	return cells
}

// Row is a card as a row of such a table.
type Row struct {
	ICCID spec.ICCID
	Cells []string
}

// Rows writes cards as further rows of a table. Its columns are filled as
// [Cards] fills them; those that nothing is known for are blank.
func Rows(c *config.Config, provider spec.ProviderName, readings []spec.Reading, form Form, to Existing) ([]Row, Result) {
	g, out := gather(c, provider, readings, form)
	columns := g.columns()
	labels, _ := g.labelColumns(columns)
	columns = append(columns, labels...)
	packages := to.column("packages")
	between := parting(packages)
	needsActive := slices.Contains(to.Header, "active") && !slices.Contains(to.column("active"), "")
	var rows []Row
	for i := range g.cards {
		card := &g.cards[i]
		if needsActive && card.active == spec.Unset {
			out.Left = append(out.Left, LeftOut{ICCID: card.reading.ICCID, Why: "has no active to be written into that column: " + oneLine(card.reading.Status)})
			out.Cards--
			continue
		}
		row := Row{ICCID: card.reading.ICCID, Cells: make([]string, len(to.Header))}
		for at, name := range to.Header {
			switch n := slices.IndexFunc(columns, func(c column) bool { return c.name == name }); {
			case name == "packages":
				if card.packages != nil || slices.Contains(packages, unmanaged) {
					row.Cells[at] = packagesCell(card, between)
				}
			case n >= 0:
				row.Cells[at] = columns[n].cell(card)
			}
		}
		rows = append(rows, row)
	}
	return rows, out
}

// parting is what stands between the packages of a table's cells.
func parting(cells []string) string {
	for _, s := range []string{";", "|", ",", " "} {
		if slices.ContainsFunc(cells, func(cell string) bool { return strings.Contains(cell, s) }) {
			return s
		}
	}
	return " "
}
