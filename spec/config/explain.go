package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// longestValue is how many characters of a string a sentence about it repeats.
const longestValue = 60

// explain says what the names in an expression stand for, as sentences:
// `each.value is object with 4 attributes`. Sensitive values are not shown.
func explain(expr hcl.Expression, ctx *hcl.EvalContext) []string {
	var out []string
	for _, t := range expr.Variables() {
		v, diags := t.TraverseAbs(ctx)
		if diags.HasErrors() && len(t) > 1 {
			t = t[:len(t)-1] // the last step is what is wrong; say what it was tried on
			v, diags = t.TraverseAbs(ctx)
		}
		if diags.HasErrors() || len(t) < 2 {
			continue
		}
		out = append(out, traversalText(t)+" "+describe(v))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// describe says what a value is, without showing what is sensitive or long.
func describe(v cty.Value) string {
	switch {
	case v.ContainsMarked():
		return "has a sensitive value"
	case !v.IsKnown():
		return "is not known yet"
	case v.IsNull():
		return "is null"
	}
	switch ty := v.Type(); {
	case ty == cty.String:
		return "is " + strconv.Quote(shorten(v.AsString()))
	case ty == cty.Number:
		return "is " + v.AsBigFloat().Text('f', -1)
	case ty == cty.Bool:
		return "is " + strconv.FormatBool(v.True())
	case ty.IsObjectType():
		return "is object with " + count(len(ty.AttributeTypes()), "attribute")
	case ty.IsCollectionType() || ty.IsTupleType():
		return "is " + ty.FriendlyNameForConstraint() + " with " + count(v.LengthInt(), "element")
	default:
		return "is " + ty.FriendlyName()
	}
}

func shorten(s string) string {
	if r := []rune(s); len(r) > longestValue {
		return string(r[:longestValue]) + "…"
	}
	return s
}

// count writes a number with its noun: "1 attribute", "4 attributes".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// traversalText writes a reference as the user would: var.x, card.bike["8986"].
func traversalText(t hcl.Traversal) string {
	var b strings.Builder
	for _, step := range t {
		switch step := step.(type) {
		case hcl.TraverseRoot:
			b.WriteString(step.Name)
		case hcl.TraverseAttr:
			b.WriteString("." + step.Name)
		case hcl.TraverseIndex:
			b.WriteString(indexText(step.Key))
		default:
			b.WriteString("[…]")
		}
	}
	return b.String()
}

func indexText(key cty.Value) string {
	switch {
	case key.Type() == cty.String && key.IsKnown() && !key.IsNull():
		return "[" + strconv.Quote(key.AsString()) + "]"
	case key.Type() == cty.Number && key.IsKnown() && !key.IsNull():
		return "[" + key.AsBigFloat().Text('f', -1) + "]"
	default:
		return "[…]"
	}
}
