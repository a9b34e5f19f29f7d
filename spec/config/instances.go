package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// rowSource finds out where the block's rows come from: one for a plain block,
// else the elements of for_each or the rows of a file. It fails where that is
// wrong, which is then reported.
func (c *cardBlock) rowSource() (rows func(yield func(*row)), ok bool) {
	forEach, fromCSV := c.attrs["for_each"], c.attrs["from_csv"]
	c.keyed = forEach != nil || fromCSV != nil
	c.block.Keyed = c.keyed
	if c.keyed {
		c.loader.keyed[c.block.Name] = true
	}
	switch {
	case forEach != nil && fromCSV != nil:
		c.report.ErrorAt(fromCSV.NameRange, "Contradiction",
			"A block has for_each or from_csv, not both: each.value would have two meanings. Delete one of the two.")
		return nil, false
	case forEach != nil:
		return c.forEach(forEach)
	case fromCSV != nil:
		return c.fromCSV(fromCSV)
	}
	return func(yield func(*row)) { yield(&row{}) }, true
}

// forEach checks the value of for_each: a map, an object, or a set of strings.
func (c *cardBlock) forEach(a *hcl.Attribute) (func(func(*row)), bool) {
	if f, ok := streamable(a.Expr); ok && !c.hclOnly {
		return c.stream(a, f)
	}
	return c.forEachValue(a)
}

func (c *cardBlock) forEachValue(a *hcl.Attribute) (func(func(*row)), bool) {
	v, emptied, ok := c.scope.EvalTables(a.Expr, expr.InSettings)
	if !ok || !c.checkForEach(a, v) {
		return nil, false
	}
	c.emptied = append(c.emptied, emptied...)
	if v.LengthInt() == 0 && len(c.emptied) == 0 {
		c.emptied = c.scope.Unfiltered(a.Expr) // the list is one within the file
	}
	isSet := v.Type().IsSetType()
	return func(yield func(*row)) {
		for it := v.ElementIterator(); it.Next(); {
			key, element := it.Element()
			if isSet {
				key = element
			}
			yield(&row{key: key.AsString(), value: element})
		}
	}, true
}

// checkForEach reports a value that for_each can't take, and says what to do.
func (c *cardBlock) checkForEach(a *hcl.Attribute, v cty.Value) bool {
	wrong := func(format string, args ...any) bool {
		c.report.ErrorAt(a.Expr.Range(), "Invalid for_each", format, args...)
		return false
	}
	ty := v.Type()
	switch {
	case v.IsMarked():
		return wrong("for_each is sensitive, and its keys are shown as addresses. Where the keys are no secret, write nonsensitive(…).")
	case v.IsNull():
		return wrong("for_each is null. For no cards, write an empty map: {}.")
	case ty.IsMapType() || ty.IsObjectType():
		return true
	case ty.IsSetType() && ty.ElementType() == cty.String:
		return c.checkSet(v, wrong)
	case ty.IsSetType() && v.LengthInt() == 0:
		return true
	case ty.IsListType() || ty.IsTupleType():
		return wrong("for_each is a %s, whose elements have no keys. Make it a map, such as { for row in … : row.iccid => row }, "+
			"or a set of strings with toset(…).", ty.FriendlyNameForConstraint())
	default:
		return wrong("for_each takes a map, an object or a set of strings, and this is %s.", ty.FriendlyNameForConstraint())
	}
}

func (c *cardBlock) checkSet(v cty.Value, wrong func(string, ...any) bool) bool {
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		if e.IsMarked() {
			return wrong("for_each holds a sensitive value, and its elements are shown as addresses. Where they are no secret, write nonsensitive(…).")
		}
		if e.IsNull() || !e.IsKnown() {
			return wrong("for_each holds a null, which is no key. Take it out of the set.")
		}
	}
	return true
}

// table is the table of that name, which an editor may have open.
func (l *loader) table(name string) *csvFile {
	path := expr.Absolute(l.Dir, name)
	return &csvFile{name: name, path: path, unsaved: l.Unsaved[path]}
}

// fromCSV opens the file that from_csv names.
func (c *cardBlock) fromCSV(a *hcl.Attribute) (func(func(*row)), bool) {
	s := settings{loader: c.loader, attributes: c.attrs, shows: true}
	name, ok := s.filled(a.Name)
	if !ok {
		if v, known := expr.Literal(a.Expr); known && v.IsNull() {
			c.report.ErrorAt(a.Expr.Range(), "Missing file", `from_csv is null. Name a CSV file, such as "bikes.csv", or delete the attribute.`)
		}
		return nil, false
	}
	file := c.table(name)
	c.csv, c.block.Table = file, &spec.BlockTable{CSV: name}
	c.csvFiles[c.block] = file
	reader, err := file.open()
	if err != nil {
		c.report.ErrorAt(a.Expr.Range(), "File cannot be read", "%s.", spec.Capital(expr.FileError(name, err).Error()))
		return nil, false
	}
	if !c.readHeader(reader) {
		reader.close()
		return nil, false
	}
	return func(yield func(*row)) {
		defer reader.close()
		c.readRows(reader, yield)
		c.inputs.Note(name, reader.sum())
	}, true
}

// checkColumns reports a column that an attribute takes as it is, and that the
// CSV file lacks: once for the block, since every row would say the same.
func (c *cardBlock) checkColumns() {
	if c.csv == nil {
		return
	}
	kept := c.cells[:0]
	for _, cell := range c.cells {
		if _, ok := c.csv.index[cell.column]; ok || cell.column == "" {
			kept = append(kept, cell)
			continue
		}
		c.incomplete = true
		c.report.ErrorAt(cell.at, "Unknown column", "%s has no column %q.%s Its columns are %s.",
			c.csv.name, cell.column, c.csv.columnHint(cell.column), spec.QuoteList(c.csv.header, "and"))
	}
	c.cells = kept
}

// nameColumns records which column each attribute takes.
func (c *cardBlock) nameColumns() {
	if c.csv == nil {
		return
	}
	for _, cell := range c.cells {
		if column := cell.source(); column != "" {
			c.block.Table.Columns = append(c.block.Table.Columns, spec.AttrColumn{Attr: cell.attribute.name, Column: column})
		}
	}
}

// complain reports what is wrong with one attribute of one row.
func (c *cardBlock) complain(card *spec.Card, r *row, cell *cell, bad *problem, diags hcl.Diagnostics) {
	if bad != nil {
		c.repeats.add(c.report, cell.attribute.name+" "+bad.summary, func() spec.Diagnostic {
			return c.rowDiagnostic(card, r, cell, bad)
		})
	}
	for _, d := range diags {
		limit := maxRepeats
		if c.csv != nil && d.Summary == "Unsupported attribute" {
			limit = 1 // every row lacks the same column
		}
		c.repeats.addHCL(c.report, cell.attribute.name+" "+d.Summary, limit, d, card.Address())
	}
}

// rowDiagnostic is a mistake in a row: at the CSV field that it comes from,
// where that is one, and else at the expression.
func (c *cardBlock) rowDiagnostic(card *spec.Card, r *row, cell *cell, bad *problem) spec.Diagnostic {
	return c.rowDiagnosticAt(card, r, cell, cell.source(), bad)
}

// rowDiagnosticAt is rowDiagnostic for a mistake of one column; "" for none.
func (c *cardBlock) rowDiagnosticAt(card *spec.Card, r *row, cell *cell, column string, bad *problem) spec.Diagnostic {
	d := spec.Diagnostic{Summary: bad.summary, Detail: bad.detail, Subject: rangeOf(cell.at), Address: card.Address()}
	if c.csv == nil {
		return d
	}
	i, ok := c.csv.index[column]
	if ok {
		if cell.attribute.text && i < len(r.fields) {
			d.Detail += c.csv.mendHint(r.fields[i])
		}
		c.pointAt(&d, r.line, i)
	} else {
		column = ""
	}
	d.Detail = c.csv.mention(r.line, column, r.key) + d.Detail
	return d
}

// source is the one column that the cell's value comes from; "" for none or several.
func (c *cell) source() string {
	switch {
	case c.key:
		return iccidColumn
	case len(c.columns) == 1 && !c.whole:
		return c.columns[0]
	default:
		return ""
	}
}

// title is the block's in a message; a table of approvals is read for another block.
func (c *cardBlock) title() string {
	if c.block == nil {
		return c.context
	}
	return blockTitle("card", []string{c.block.Name})
}

// pointAt puts a diagnostic at a field of the CSV file; at the whole row where column is below 0.
func (c *cardBlock) pointAt(d *spec.Diagnostic, line, column int) {
	at, ok := c.csv.place(c.report, line, column)
	if !ok {
		return
	}
	d.Subject = &at
	if src := c.report.sources[at.File]; src != nil {
		if d.Snippet = src.snippet(at); d.Snippet != nil {
			d.Snippet.Context = c.title()
		}
	}
}
