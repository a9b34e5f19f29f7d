package config

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// streamable recognises { for row in COLLECTION : row.NAME => row }, which is
// how nearly every for_each over a file is written. HCL would make an object
// with an attribute for every row, at ten times the cost of reading the file,
// only for us to take it apart again.
func streamable(e hcl.Expression) (*hclsyntax.ForExpr, bool) {
	f, ok := e.(*hclsyntax.ForExpr)
	if !ok || f.KeyExpr == nil || f.CondExpr != nil || f.Group || f.KeyVar != "" {
		return nil, false
	}
	value, ok := f.ValExpr.(*hclsyntax.ScopeTraversalExpr)
	if !ok || len(value.Traversal) != 1 || value.Traversal.RootName() != f.ValVar {
		return nil, false
	}
	key, ok := f.KeyExpr.(*hclsyntax.ScopeTraversalExpr)
	if !ok || len(key.Traversal) != 2 || key.Traversal.RootName() != f.ValVar || expr.StepName(key.Traversal) == "" {
		return nil, false
	}
	return f, true
}

// stream runs such a for_each over its collection. Anything out of the
// ordinary is left to HCL, so that the result and the messages are its own.
func (c *cardBlock) stream(a *hcl.Attribute, f *hclsyntax.ForExpr) (func(func(*row)), bool) {
	v, emptied, ok := c.scope.EvalTables(f.CollExpr, expr.InSettings)
	if !ok {
		return nil, false
	}
	c.emptied = append(c.emptied, emptied...)
	column := expr.StepName(f.KeyExpr.(*hclsyntax.ScopeTraversalExpr).Traversal)
	rows, ok := keyedRows(v, column)
	if !ok {
		if c.keysLostDigits(v, column) {
			return nil, false
		}
		return c.forEachValue(a)
	}
	return func(yield func(*row)) {
		for i := range rows {
			yield(&rows[i])
		}
	}, true
}

// keyedRows are the elements of a list of objects by one of their attributes;
// false where that isn't a different, plain text in each.
func keyedRows(v cty.Value, column string) ([]row, bool) {
	if v.IsMarked() || v.IsNull() || !v.IsKnown() || !v.Type().IsListType() {
		return nil, false
	}
	element := v.Type().ElementType()
	if !element.IsObjectType() || !element.HasAttribute(column) {
		return nil, false
	}
	rows := make([]row, 0, v.LengthInt())
	seen := make(map[string]struct{}, v.LengthInt())
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		r := row{value: e}
		if r.key, _ = r.field(column); r.key == "" {
			return nil, false
		}
		if _, twice := seen[r.key]; twice {
			return nil, false
		}
		seen[r.key] = struct{}{}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b row) int { return compareStrings(a.key, b.key) }) // as in the object that HCL would make
	return rows, true
}
