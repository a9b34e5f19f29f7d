package expr

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Literal is the value of an expression that is written out: a quoted text, a
// number, true, or a list of them. Most attributes are, and need no context.
func Literal(expr hcl.Expression) (cty.Value, bool) {
	switch e := expr.(type) {
	case *hclsyntax.LiteralValueExpr:
		return e.Val, true
	case *hclsyntax.TemplateExpr:
		return literalText(e)
	case *hclsyntax.TupleConsExpr:
		return literalTuple(e)
	}
	return cty.NilVal, false
}

func literalText(e *hclsyntax.TemplateExpr) (cty.Value, bool) {
	switch {
	case len(e.Parts) == 0:
		return cty.StringVal(""), true
	case len(e.Parts) > 1:
		return cty.NilVal, false
	}
	part, ok := e.Parts[0].(*hclsyntax.LiteralValueExpr)
	if !ok || part.Val.Type() != cty.String {
		return cty.NilVal, false
	}
	return part.Val, true
}

func literalTuple(e *hclsyntax.TupleConsExpr) (cty.Value, bool) {
	values := make([]cty.Value, len(e.Exprs))
	for i, x := range e.Exprs {
		v, ok := Literal(x)
		if !ok {
			return cty.NilVal, false
		}
		values[i] = v
	}
	return cty.TupleVal(values), true
}
