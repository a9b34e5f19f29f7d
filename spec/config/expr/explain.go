package expr

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
)

// longestValue is how many characters of a string a sentence about it repeats.
const longestValue = 60

// Explain says what the names in an expression stand for, as sentences:
// `each.value is object with 4 attributes`. Sensitive values are not shown.
func Explain(expr hcl.Expression, ctx *hcl.EvalContext) []string {
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
		out = append(out, TraversalText(t)+" "+describe(v))
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
		return "is object with " + spec.Count(len(ty.AttributeTypes()), "attribute")
	case ty.IsCollectionType() || ty.IsTupleType():
		return "is " + ty.FriendlyNameForConstraint() + " with " + spec.Count(v.LengthInt(), "element")
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

// TraversalText writes a reference as the user would: var.x, card.bike["8986"].
func TraversalText(t hcl.Traversal) string {
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

// ErrorText is err with the place inside a value that it is about: ".a[0]: a number is required".
func ErrorText(err error) string {
	var path cty.PathError
	if !errors.As(err, &path) || len(path.Path) == 0 {
		return err.Error()
	}
	var b strings.Builder
	for _, step := range path.Path {
		switch step := step.(type) {
		case cty.GetAttrStep:
			b.WriteString("." + step.Name)
		case cty.IndexStep:
			key, _ := step.Key.Unmark()
			b.WriteString(indexText(key))
		}
	}
	return b.String() + ": " + err.Error()
}
