package config

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// cell is an attribute of a block with for_each or from_csv, compiled once and
// read once a row. What doesn't refer to each is no cell: it is the same for
// every row, and is evaluated once.
type cell struct {
	attribute cardAttribute
	at        hcl.Range
	expr.Prepared

	// key: the expression is each.key itself. column: it is each.value.NAME itself.
	key    bool
	column string
	// direct gives what the attribute says in most rows; nil where only HCL can.
	direct direct

	// columns are what a longer expression refers to of each.value; whole is
	// set where that is all of it, or the key.
	columns []string
	whole   bool
	// memo holds the values for the columns' contents. Expressions are pure,
	// and columns such as a city's name repeat.
	memo map[string]value
	// compared are the columns that a switch compares with a text.
	compared []*comparison
	// hclOnly leaves every row to HCL, whatever the expression is; see [loader].hclOnly.
	hclOnly bool
}

// memoSize bounds a memo: with more different contents than this, remembering
// them saves nothing.
const memoSize = 4096

func compile(attribute cardAttribute, p expr.Prepared) *cell {
	c := &cell{attribute: attribute, at: p.Expr.Range(), Prepared: p, memo: map[string]value{}}
	for _, t := range p.Each {
		name := columnName(t)
		if name == "" {
			c.whole = true
			continue
		}
		c.columns = append(c.columns, name)
	}
	slices.Sort(c.columns)
	c.columns = slices.Compact(c.columns)
	c.recogniseReference()
	if e, ok := p.Expr.(hclsyntax.Expression); ok && attribute.text {
		c.direct = compileDirect(e)
	} else if ok && attribute.decides {
		c.direct, c.compared = directSwitch(e), comparisonsIn(e)
	}
	return c
}

// recogniseReference sets key or column where the expression is nothing but a reference.
func (c *cell) recogniseReference() {
	e, ok := c.Expr.(*hclsyntax.ScopeTraversalExpr)
	if !ok {
		return
	}
	switch {
	case len(e.Traversal) == 2 && expr.StepName(e.Traversal) == "key":
		c.key = true
	case len(e.Traversal) == 3:
		c.column = columnName(e.Traversal)
	}
}

// columnName is NAME of each.value.NAME and each.value["NAME"]; "" for other references.
func columnName(t hcl.Traversal) string {
	if len(t) < 3 || expr.StepName(t) != "value" {
		return ""
	}
	return expr.StepName(t[1:])
}

// row is one element of for_each, or one row of a CSV file.
type row struct {
	key   string
	value cty.Value // of for_each
	// of from_csv
	csv    *csvFile
	fields []string
	line   int
}

// normal is text as HCL has it: cty normalises every text. What is ASCII is left as it is.
func normal(text string) string {
	if isASCII(text) {
		return text
	}
	return cty.NormalizeString(text)
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// field is a column's text; false where it isn't plain text.
func (r *row) field(name string) (string, bool) {
	if r.csv != nil {
		i, ok := r.csv.index[name]
		if !ok {
			return "", false
		}
		return normal(r.fields[i]), true
	}
	v, ok := r.element(name)
	if !ok || v.IsMarked() || v.Type() != cty.String || v.IsNull() || !v.IsKnown() {
		return "", false
	}
	return v.AsString(), true
}

// element is each.value.NAME in a for_each; false where there is none.
func (r *row) element(name string) (cty.Value, bool) {
	if r.value == cty.NilVal || r.value.IsMarked() || r.value.IsNull() || !r.value.IsKnown() {
		return cty.NilVal, false
	}
	ty := r.value.Type()
	if ty.IsObjectType() && ty.HasAttribute(name) {
		return r.value.GetAttr(name), true
	}
	if ty.IsMapType() {
		if key := cty.StringVal(name); r.value.HasIndex(key).True() {
			return r.value.Index(key), true
		}
	}
	return cty.NilVal, false
}

// each is the object that expressions see, with no more columns than they need.
func (r *row) each(c *cell) cty.Value {
	v := r.value
	if r.csv != nil {
		v = r.object(c)
	}
	return cty.ObjectVal(map[string]cty.Value{"key": cty.StringVal(r.key), "value": v})
}

func (r *row) object(c *cell) cty.Value {
	names := c.columns
	if c.whole {
		names = r.csv.header
	}
	columns := make(map[string]cty.Value, len(names))
	for _, name := range names {
		if text, ok := r.field(name); ok {
			columns[name] = cty.StringVal(text)
		}
	}
	return cty.ObjectVal(columns)
}

// read is the cell's value in a row; or what is wrong, in our words or in HCL's.
func (c *cell) read(r *row) (value, *problem, hcl.Diagnostics) {
	if c.hclOnly {
		return c.eval(r)
	}
	if c.direct != nil {
		if v, ok := c.direct(r); ok {
			return v, nil, nil
		}
	}
	memo, ok := c.memoKey(r)
	if ok {
		if v, found := c.memo[memo]; found {
			return v, nil, nil
		}
	}
	v, bad, diags := c.eval(r)
	if ok && bad == nil && !diags.HasErrors() && len(c.memo) < memoSize {
		c.memo[memo] = v
	}
	return v, bad, diags
}

// memoKey is the text of the columns that the expression refers to.
func (c *cell) memoKey(r *row) (string, bool) {
	if c.whole || len(c.columns) == 0 || len(c.memo) >= memoSize {
		return "", false
	}
	if len(c.columns) == 1 {
		return r.field(c.columns[0])
	}
	var b strings.Builder
	for _, name := range c.columns {
		text, ok := r.field(name)
		if !ok {
			return "", false
		}
		b.WriteString(strconv.Itoa(len(text))) // so that no two rows have one key
		b.WriteByte(':')
		b.WriteString(text)
	}
	return b.String(), true
}

// eval evaluates the expression with all that HCL can do.
func (c *cell) eval(r *row) (value, *problem, hcl.Diagnostics) {
	ctx := c.Ctx.NewChild()
	ctx.Variables = map[string]cty.Value{expr.RootEach: r.each(c)}
	v, diags := c.Eval(ctx)
	if diags.HasErrors() && r.csv != nil && !c.whole {
		all := *c
		all.whole = true // so that the message knows the columns that there are
		ctx.Variables = map[string]cty.Value{expr.RootEach: r.each(&all)}
		v, diags = c.Eval(ctx)
	}
	if diags.HasErrors() || !v.IsWhollyKnown() {
		expr.HideValues(diags, c.Expr, ctx)
		return value{}, nil, diags
	}
	out, bad := c.attribute.decode(v)
	return out, bad, nil
}
