package config

import (
	"cmp"
	"fmt"
	"os"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// imeiColumn is the column of an approval's table that names the device.
const imeiColumn = "imei"

// approvedRows reads the table of an approval block: a card a row, with the
// device that it is unbound from.
func (l *loader) approvedRows(s settings, b *hcl.Block) []spec.ApprovedCard {
	a := s.attributes["from_csv"]
	name, ok := s.filled("from_csv")
	if !ok || !l.below(a, name) {
		return nil
	}
	t := approvalTable{cardBlock: cardBlock{loader: l, attrs: s.attributes, context: blockTitle(b.Type, b.Labels), csv: l.table(name)}}
	reader, err := t.csv.open()
	if err != nil {
		l.report.ErrorAt(a.Expr.Range(), "File cannot be read", "%s.", spec.Capital(expr.FileError(name, err).Error()))
		return nil
	}
	defer reader.close()
	if !t.readHeader(reader) || !t.hasDevices() {
		return nil
	}
	t.readRows(reader, t.row)
	l.inputs.Note(name, reader.sum())
	t.repeats.report()
	if len(t.cards) == 0 && len(t.repeats.kinds) == 0 {
		l.report.ErrorAt(a.Expr.Range(), "Empty table", "%s has no row, so the approval names no card. Delete the block, or add its cards.", name)
	}
	slices.SortFunc(t.cards, func(a, b spec.ApprovedCard) int { return cmp.Compare(a.ICCID, b.ICCID) })
	return t.cards
}

// below makes sure that a table lies below the configuration, where it is
// reviewed with it, and that its path is written out.
func (l *loader) below(a *hcl.Attribute, name string) bool {
	const remedy = "Keep the table of an approval beside the configuration, so that it is reviewed with it."
	if len(a.Expr.Variables()) > 0 {
		l.report.ErrorAt(a.Expr.Range(), "Value is not constant", "The path of an approval's table is written out. %s", remedy)
		return false
	}
	file, err := os.OpenInRoot(l.Dir, name)
	if err != nil {
		l.report.ErrorAt(a.Expr.Range(), "File cannot be read", "%s. %s", spec.Capital(expr.FileError(name, err).Error()), remedy)
		return false
	}
	file.Close() // it was only looked at
	return true
}

// approvalTable is the table of an approval block on its way to cards.
type approvalTable struct {
	cardBlock
	cards []spec.ApprovedCard
	lines map[spec.ICCID]int // of the row that names the card first
	seen  namedCards
}

// hasDevices reports a table without the column of devices.
func (t *approvalTable) hasDevices() bool {
	_, has := t.csv.index[imeiColumn]
	if !has {
		t.csvMistake(1, -1, "", "Missing column", fmt.Sprintf("There is no column %q, which names the device that each card is unbound from.%s The columns are %s.",
			imeiColumn, t.csv.columnHint(imeiColumn), spec.QuoteList(t.csv.header, "and")))
	}
	return has
}

// row takes one row over, or reports what is wrong with it.
func (t *approvalTable) row(r *row) {
	index := t.csv.index
	iccid, err := spec.ParseICCID(r.fields[index[iccidColumn]])
	if err != nil {
		t.csvMistake(r.line, index[iccidColumn], "", "Invalid ICCID", spec.Capital(err.Error())+".")
		return
	}
	imei, err := spec.ParseIMEI(r.fields[index[imeiColumn]])
	if err != nil {
		t.csvMistake(r.line, index[imeiColumn], string(iccid), "Invalid IMEI", spec.Capital(err.Error())+".")
		return
	}
	if t.lines == nil {
		t.lines, t.seen = map[spec.ICCID]int{}, namedCards{}
	}
	switch first := t.seen.add(iccid); {
	case first == iccid:
		t.csvMistake(r.line, index[iccidColumn], string(iccid), "Duplicate ICCID", fmt.Sprintf("The card stands in row %d too. Delete one of the two.", t.lines[first]))
		return
	case first != "":
		t.csvWarning(r.line, index[iccidColumn], string(iccid), "Perhaps one card twice", fmt.Sprintf("It and the ICCID %s of row %d "+perhapsOne, first, t.lines[first]))
	}
	t.lines[iccid] = r.line
	t.cards = append(t.cards, spec.ApprovedCard{ICCID: iccid, IMEI: imei})
}
