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
	return func(r *row) (value, bool) {
		text, ok := r.field(name)
		return value{text: text}, ok
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
	if !ok || (condition.Op != hclsyntax.OpEqual && condition.Op != hclsyntax.OpNotEqual) {
		return nil
	}
	left, right := compileDirect(condition.LHS), compileDirect(condition.RHS)
	yes, no := compileDirect(e.TrueResult), compileDirect(e.FalseResult)
	if left == nil || right == nil || yes == nil || no == nil {
		return nil
	}
	wanted := condition.Op == hclsyntax.OpEqual
	return func(r *row) (value, bool) {
		a, okA := left(r)
		b, okB := right(r)
		t, okT := yes(r)
		f, okF := no(r)
		if !okA || !okB || !okT || !okF || a.null || b.null {
			return value{}, false
		}
		if (a.text == b.text) == wanted {
			return t, true
		}
		return f, true
	}
}
