package expr

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// checkMaps reports keys of the maps that are written out in an expression: one
// that stands twice, of which HCL would keep the last, and a number in place of
// a text, which loses its leading zeros.
func checkMaps(r Report, e hcl.Expression) bool {
	native, ok := e.(hclsyntax.Expression)
	if !ok {
		return true // JSON's keys are texts, and HCL refuses those that stand twice
	}
	ok = true
	_ = hclsyntax.VisitAll(native, func(n hclsyntax.Node) hcl.Diagnostics { // the callback never fails
		if object, is := n.(*hclsyntax.ObjectConsExpr); is {
			ok = checkKeys(r, object) && ok
		}
		return nil
	})
	return ok
}

func checkKeys(r Report, object *hclsyntax.ObjectConsExpr) bool {
	ok := true
	seen := make(map[string]hcl.Range, len(object.Items))
	for _, item := range object.Items {
		at := item.KeyExpr.Range()
		key, known := writtenKey(item.KeyExpr)
		switch {
		case !known:
			continue
		case key.Type() == cty.Number && isLongNumber(key.AsBigFloat().Text('f', -1)):
			r.ErrorAt(at, "Number in place of text", "A key is a text: write it in quotes. A number loses its leading zeros.")
			ok = false
			continue
		case key.Type() != cty.String:
			continue
		}
		if first, twice := seen[key.AsString()]; twice {
			r.ErrorAt(at, "Duplicate key", "The key %q stands twice in one map: here and at %s. The first would be lost: delete one of the two.", key.AsString(), Place(first))
			ok = false
			continue
		}
		seen[key.AsString()] = at
	}
	return ok
}

// writtenKey is the value of a key that is written out: a text in quotes or a
// name, or a number.
func writtenKey(e hclsyntax.Expression) (cty.Value, bool) {
	if key, ok := e.(*hclsyntax.ObjectConsKeyExpr); ok {
		if word := hcl.ExprAsKeyword(key.Wrapped); word != "" && !key.ForceNonLiteral {
			return cty.StringVal(word), true
		}
		e = key.Wrapped
	}
	if in, ok := e.(*hclsyntax.ParenthesesExpr); ok {
		return writtenKey(in.Expression)
	}
	v, ok := Literal(e)
	return v, ok && v.IsKnown() && !v.IsNull()
}
