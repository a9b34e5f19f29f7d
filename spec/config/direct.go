package config

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// direct is what an expression says in a row, found without HCL; false where
// the row needs all that HCL can do.
type direct func(r *row) (value, bool)

// compileDirect recognises how most texts of a card are written: a column,
// the key, a text in quotes, null, and one or another of these by whether two
// are equal. It is nil for any other expression.
func compileDirect(written hclsyntax.Expression) direct {
	switch e := written.(type) {
	case *hclsyntax.ParenthesesExpr:
		return compileDirect(e.Expression)
	case *hclsyntax.ScopeTraversalExpr:
		return directReference(e)
	case *hclsyntax.ConditionalExpr:
		return directChoice(e)
	default:
		return directLiteral(e)
	}
}

func directReference(e *hclsyntax.ScopeTraversalExpr) direct {
	if e.Traversal.RootName() != expr.RootEach {
		return nil
	}
	if len(e.Traversal) == 2 && expr.StepName(e.Traversal) == "key" {
		return func(r *row) (value, bool) { return value{text: r.key}, true }
	}
	name := columnName(e.Traversal)
	if len(e.Traversal) != 3 || name == "" {
		return nil
	}
	var table *csvFile // the one in which the column is number i
	var i int
	return func(r *row) (value, bool) {
		if r.csv == nil {
			text, ok := r.field(name)
			return value{text: text}, ok
		}
		if r.csv != table {
			at, ok := r.csv.index[name]
			if !ok {
				return value{}, false
			}
			table, i = r.csv, at
		}
		return value{text: normal(r.fields[i])}, true
	}
}

// directSwitch recognises how most switches are written: a column that holds
// true or false, and a column compared with a text. It is nil for any other
// expression.
func directSwitch(written hclsyntax.Expression) direct {
	switch e := written.(type) {
	case *hclsyntax.ParenthesesExpr:
		return directSwitch(e.Expression)
	case *hclsyntax.ScopeTraversalExpr:
		return directTruth(e)
	case *hclsyntax.BinaryOpExpr:
		equal := directEqual(e)
		if equal == nil {
			return nil
		}
		return func(r *row) (value, bool) {
			on, ok := equal(r)
			return value{on: on}, ok
		}
	}
	return nil
}

// directTruth takes the two commonest spellings; the others are looked at by
// [switchText].
func directTruth(e *hclsyntax.ScopeTraversalExpr) direct {
	column := directReference(e)
	if column == nil {
		return nil
	}
	return func(r *row) (value, bool) {
		v, ok := column(r)
		on := v.text == "true"
		return value{on: on}, ok && (on || v.text == "false")
	}
}

// directEqual tells whether two texts are equal, or differ where the operator
// asks for that; nil where it is no such comparison.
func directEqual(e *hclsyntax.BinaryOpExpr) func(*row) (equal, ok bool) {
	if e.Op != hclsyntax.OpEqual && e.Op != hclsyntax.OpNotEqual {
		return nil
	}
	left, right := compileDirect(e.LHS), compileDirect(e.RHS)
	if left == nil || right == nil {
		return nil
	}
	wanted := e.Op == hclsyntax.OpEqual
	return func(r *row) (equal, ok bool) {
		a, okA := left(r)
		b, okB := right(r)
		return (a.text == b.text) == wanted, okA && okB && !a.null && !b.null
	}
}

func directLiteral(e hclsyntax.Expression) direct {
	v, ok := expr.Literal(e)
	if !ok || !v.IsKnown() {
		return nil
	}
	out := value{null: v.IsNull()}
	if !out.null {
		if v.Type() != cty.String {
			return nil
		}
		out.text = v.AsString()
	}
	return func(*row) (value, bool) { return out, true }
}

// directChoice looks at everything that the expression refers to, as HCL does,
// so that a column which isn't there is missed whether it is chosen or not.
func directChoice(e *hclsyntax.ConditionalExpr) direct {
	condition, ok := e.Condition.(*hclsyntax.BinaryOpExpr)
	if !ok {
		return nil
	}
	equal := directEqual(condition)
	yes, no := compileDirect(e.TrueResult), compileDirect(e.FalseResult)
	if equal == nil || yes == nil || no == nil {
		return nil
	}
	return func(r *row) (value, bool) {
		chosen, ok := equal(r)
		t, okT := yes(r)
		f, okF := no(r)
		if !ok || !okT || !okF {
			return value{}, false
		}
		if chosen {
			return t, true
		}
		return f, true
	}
}
