package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/table"
)

// digits looks at the numbers of one table for digits that were lost.
type digits struct {
	iccids table.ICCIDs
	imeis  table.IMEIs
}

func (d *digits) look(c *spec.Card) {
	d.iccids.Add(c.Row, c.ICCID)
	if c.IMEI != "" {
		d.imeis.Add(c.Row, c.IMEI)
	}
}

// checkDigits reports numbers of the table that lost digits: an error where they
// certainly did, else a warning at each.
func (c *cardBlock) checkDigits() {
	cells := c.digits.iccids.Cells()
	switch c.digits.iccids.Loss() {
	case table.NoLoss:
	case table.Doubtful:
		for _, cell := range cells {
			c.report.add(c.numberDiagnostic(cell.Row, "iccid", "Lost digits", fmt.Sprintf("The ICCID %s may have lost digits. %s", cell.ICCID, c.digits.iccids.Detail())))
		}
		c.countMore(c.digits.iccids.Count() - len(cells))
	default:
		c.lost[c.block] = true
		d := c.numberDiagnostic(cells[0].Row, "iccid", table.LostSummary, c.digits.iccids.Detail()+" "+firstCells(cells, c.digits.iccids.Count()))
		d.Severity = spec.Error
		c.report.add(d)
	}
	short, count := c.digits.imeis.Doubtful()
	for _, s := range short {
		detail := fmt.Sprintf("The IMEI %s has 14 digits, and nearly all others of the table have 15. Compare it with the device.", s.IMEI)
		if s.Zero != "" {
			detail = lostZeroText(s.IMEI, s.Zero, "Write that, and export the column as text.")
		}
		c.report.add(c.numberDiagnostic(s.Row, "imei", "Lost zero", detail))
	}
	c.countMore(count - len(short))
}

// firstCells names some of the numbers that a mistake is about.
func firstCells(cells []table.Cell, count int) string {
	names := make([]string, 0, 3)
	for _, cell := range cells[:min(len(cells), 3)] {
		name := string(cell.ICCID)
		if cell.Row > 0 {
			name += fmt.Sprintf(" in row %d", cell.Row)
		}
		names = append(names, name)
	}
	text := strings.Join(names, ", ")
	if count > len(names) {
		return "They are " + text + fmt.Sprintf(" and %d more.", count-len(names))
	}
	return "They are " + text + "."
}

// countMore says at the last diagnostic how many more there are like it.
func (c *cardBlock) countMore(more int) {
	if more > 0 {
		c.report.list[len(c.report.list)-1].Detail += fmt.Sprintf(" And %d more.", more)
	}
}

// numberDiagnostic is a warning about a number in a row of the table.
func (c *cardBlock) numberDiagnostic(line int, attribute, summary, detail string) spec.Diagnostic {
	d := spec.Diagnostic{Severity: spec.Warning, Summary: summary, Detail: detail}
	cell := c.cellOf(attribute)
	if cell == nil {
		d.Subject = rangeOf(c.rowsAttribute().Range)
		return d
	}
	d.Subject = rangeOf(cell.at)
	if c.csv == nil {
		return d
	}
	column := cell.source()
	i, ok := c.csv.index[column]
	if ok {
		c.pointAt(&d, line, i)
	}
	d.Detail = c.csv.mention(line, column, "") + d.Detail
	return d
}

func (c *cardBlock) cellOf(attribute string) *cell {
	i := slices.IndexFunc(c.cells, func(x *cell) bool { return x.attribute.name == attribute })
	if i < 0 {
		return nil
	}
	return c.cells[i]
}

// keysLostDigits reports keys of a for_each that a spreadsheet cut. HCL would
// only say that two of them are alike.
func (c *cardBlock) keysLostDigits(v cty.Value, column string) bool {
	if v.IsMarked() || v.IsNull() || !v.IsKnown() || !v.CanIterateElements() {
		return false
	}
	var iccids table.ICCIDs
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		r := row{value: e}
		text, _ := r.field(column)
		if iccid, err := spec.ParseICCID(text); err == nil {
			iccids.Add(0, iccid)
		}
	}
	if iccids.Loss() == table.NoLoss || iccids.Loss() == table.Doubtful {
		return false
	}
	c.report.ErrorAt(c.rowsAttribute().Expr.Range(), table.LostSummary, "%s %s", iccids.Detail(), firstCells(iccids.Cells(), iccids.Count()))
	return true
}
