package described

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// The names that references begin with.
const (
	rootSetting  = "setting"
	rootToken    = "token"
	rootCard     = "card"
	rootCards    = "cards"
	rootChange   = "change"
	rootReply    = "reply"
	rootRow      = "row"
	rootCode     = "code"
	rootPage     = "page"
	rootWindow   = "window"
	rootSince    = "since"
	rootLet      = "let"
	rootSteps    = "steps"
	rootAccepted = "accepted"
	rootTicket   = "ticket"
	rootReading  = "reading"
	rootRequest  = "request"
	rootNow      = "now"
	rootOmit     = "omit"
)

// expression is one expression of a definition.
type expression struct {
	hclsyntax.Expression
	// roots are the names that its references begin with.
	roots map[string]bool
	// constant is its value where it refers to nothing; else nil.
	constant *cty.Value
	// secret says that what it makes may hold a secret: a setting, a token, or
	// something that was computed from one.
	secret bool
}

// says reports whether there is an expression, and it isn't a bare null, which says
// of a row that it doesn't tell what the read's reply tells.
func (e *expression) says() bool { return e != nil && (e.constant == nil || !e.constant.IsNull()) }

// value evaluates the expression.
func (e *expression) value(ctx *hcl.EvalContext) (cty.Value, error) {
	if e.constant != nil {
		return *e.constant, nil
	}
	v, diags := e.Value(ctx)
	if diags.HasErrors() {
		return cty.NilVal, e.firstError(diags)
	}
	return v, nil
}

// needs reports whether the expression refers to a name.
func (e *expression) needs(root string) bool { return e != nil && e.roots[root] }

// namesDevice reports whether the expression takes the device that the card has
// before a change: change.from, reading.imei, card.imei, or all of such an object.
func (e *expression) namesDevice() bool {
	if e == nil {
		return false
	}
	return slices.ContainsFunc(e.Variables(), func(t hcl.Traversal) bool {
		device := map[string]string{rootChange: "from", rootReading: "imei", rootCard: "imei"}[t.RootName()]
		return device != "" && (len(t) < 2 || slices.Contains([]string{device, ""}, stepName(t[1])))
	})
}

// reference is the reference that the expression is, of names alone; ok is false where it
// is more than that.
func (e *expression) reference() (t hcl.Traversal, ok bool) {
	if e == nil {
		return nil, false
	}
	one, ok := e.Expression.(*hclsyntax.ScopeTraversalExpr)
	if !ok || !byNames(one.Traversal) {
		return nil, false
	}
	return one.Traversal, true
}

// is reports whether the expression is that reference.
func (e *expression) is(t hcl.Traversal) bool {
	own, ok := e.reference()
	return ok && slices.EqualFunc(own[1:], t[1:], func(a, b hcl.Traverser) bool { return stepName(a) == stepName(b) }) && own.RootName() == t.RootName()
}

// byNames reports whether a reference leads from name to name, and to more than its root.
func byNames(t hcl.Traversal) bool {
	return len(t) > 1 && !slices.ContainsFunc(t[1:], func(step hcl.Traverser) bool { return stepName(step) == "" })
}

// firstError is the first thing that is wrong with the expression. It never holds a
// value, which could be a secret: names are those that the definition writes.
func (e *expression) firstError(diags hcl.Diagnostics) error {
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			return &evalError{e, d}
		}
	}
	return nil
}

// lacking says which name of a reference stopped it, such as "reply.json.data has no
// imei"; "" where it was something else.
func (e *expression) lacking(d *hcl.Diagnostic) string {
	if d.Subject == nil {
		return ""
	}
	for _, t := range e.Variables() {
		for i, step := range t {
			if at := step.SourceRange(); i == 0 || at.Start.Byte != d.Subject.Start.Byte || at.End.Byte != d.Subject.End.Byte {
				continue
			}
			name, ok := step.(hcl.TraverseAttr)
			switch {
			case strings.Contains(d.Summary, "null value"):
				return spelled(t[:i]) + " is null"
			case ok:
				return spelled(t[:i]) + " has no " + name.Name
			}
		}
	}
	return ""
}

// spelled is a reference as it is written.
func spelled(t hcl.Traversal) string {
	var b strings.Builder
	for _, step := range t {
		switch s := step.(type) {
		case hcl.TraverseRoot:
			b.WriteString(s.Name)
		case hcl.TraverseAttr:
			b.WriteString("." + s.Name)
		case hcl.TraverseIndex:
			text, _ := textOf(s.Key)
			b.WriteString("[" + text + "]")
		}
	}
	return b.String()
}

// evalError is an expression that has no value.
type evalError struct {
	of   *expression
	diag *hcl.Diagnostic
}

// Error is what a reference lacks, else HCL's summary alone: its detail may quote
// values.
func (e *evalError) Error() string {
	return "an expression fails: " + cmp.Or(e.of.lacking(e.diag), e.diag.Summary)
}

// textOf is a value as a text; ok is false for null, and for what is no text,
// number or bool.
func textOf(v cty.Value) (text string, ok bool) {
	v, _ = v.Unmark()
	if v == cty.NilVal || v.IsNull() || !v.IsKnown() {
		return "", false
	}
	if v.Type() == cty.String {
		return v.AsString(), true
	}
	s, err := convert.Convert(v, cty.String)
	if err != nil || s.IsNull() {
		return "", false
	}
	return s.AsString(), true
}

// text evaluates the expression as a text; "" where it is null or fails.
func (e *expression) text(ctx *hcl.EvalContext) string {
	if e == nil {
		return ""
	}
	v, err := e.value(ctx)
	if err != nil {
		return ""
	}
	text, _ := textOf(v)
	return text
}

// holds evaluates the expression as a condition. One that fails, or has no truth,
// doesn't hold.
func (e *expression) holds(ctx *hcl.EvalContext) bool {
	if e == nil {
		return false
	}
	v, err := e.value(ctx)
	if err != nil {
		return false
	}
	v, _ = v.Unmark()
	b, err := convert.Convert(v, cty.Bool)
	return err == nil && b.IsKnown() && !b.IsNull() && b.True()
}

// rootsOf are the names that the expression's references begin with.
func rootsOf(e hclsyntax.Expression) map[string]bool {
	roots := map[string]bool{}
	for _, t := range e.Variables() {
		roots[t.RootName()] = true
	}
	return roots
}
