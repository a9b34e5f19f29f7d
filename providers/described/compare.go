package described

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Values of replies are texts, and HCL's == never converts: compared with a bare
// number or bool it is always false, and != always true. A call that was done
// would read as refused.

// checkComparisons reports such comparisons.
func (c *compiler) checkComparisons(e *expression) {
	_ = hclsyntax.VisitAll(e.Expression, func(n hclsyntax.Node) hcl.Diagnostics { // the callback never fails
		switch n := n.(type) {
		case *hclsyntax.BinaryOpExpr:
			if n.Op != hclsyntax.OpEqual && n.Op != hclsyntax.OpNotEqual {
				return nil
			}
			if bare(n.LHS) && ofReply(n.RHS, e) || bare(n.RHS) && ofReply(n.LHS, e) {
				c.report.ErrorAt(n.Range(), "Comparison that never holds",
					`Numbers, true and false of a reply are texts, spelled as in the reply: compare with a text, such as "0" or "true", or write tonumber(…) around it.`)
			}
		case *hclsyntax.FunctionCallExpr:
			if n.Name != "contains" || len(n.Args) != 2 || !ofReply(n.Args[1], e) {
				return nil
			}
			if list, ok := n.Args[0].(*hclsyntax.TupleConsExpr); ok && slices.ContainsFunc(list.Exprs, bare) {
				c.report.ErrorAt(n.Range(), "Comparison that never holds",
					`Numbers, true and false of a reply are texts, spelled as in the reply: list texts, such as ["0", "200"].`)
			}
		}
		return nil
	})
}

// bare reports whether an expression is a number or a bool that is written out.
func bare(e hclsyntax.Expression) bool {
	switch e := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		return !e.Val.IsNull() && (e.Val.Type() == cty.Number || e.Val.Type() == cty.Bool)
	case *hclsyntax.ParenthesesExpr:
		return bare(e.Expression)
	case *hclsyntax.UnaryOpExpr:
		return bare(e.Val)
	}
	return false
}

// converting are the functions that make a number or a bool of what they take.
var converting = []string{
	"tonumber", "tobool", "length", "can", "contains", "startswith", "endswith", "strcontains", "alltrue", "anytrue",
	"parseint", "floor", "ceil", "abs", "sum", "min", "max", "unix", "unix_ms", "index", "signum", "pow", "log",
}

// replyRoots are the names that lead to values of replies.
var replyRoots = []string{rootReply, rootRow, rootCode, rootAccepted, rootSteps, rootReading}

// deepest is how deep expressions are looked into: deeper ones nobody writes.
const deepest = 50

// ofReply reports whether an expression's value is a value of a reply, as a text.
func ofReply(e hclsyntax.Expression, within *expression) bool {
	return (&replyFinder{within: within}).finds(e)
}

// replyFinder looks for values of replies in one expression.
type replyFinder struct {
	within *expression
	depth  int
}

func (f *replyFinder) finds(e hclsyntax.Expression) bool {
	if f.depth++; f.depth > deepest {
		return false
	}
	defer func() { f.depth-- }()
	switch e := e.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		return f.leadsThere(e.Traversal)
	case *hclsyntax.RelativeTraversalExpr:
		return f.finds(e.Source)
	case *hclsyntax.IndexExpr:
		return f.finds(e.Collection)
	case *hclsyntax.ParenthesesExpr:
		return f.finds(e.Expression)
	case *hclsyntax.ConditionalExpr:
		return f.finds(e.TrueResult) || f.finds(e.FalseResult)
	case *hclsyntax.TemplateExpr:
		return slices.ContainsFunc(e.Parts, f.finds)
	case *hclsyntax.TemplateWrapExpr:
		return f.finds(e.Wrapped)
	case *hclsyntax.SplatExpr:
		return f.finds(e.Source)
	case *hclsyntax.FunctionCallExpr:
		return !slices.Contains(converting, e.Name) && slices.ContainsFunc(e.Args, f.finds)
	}
	return false
}

// leadsThere reports whether a reference leads to a value of a reply. The name of
// a for expression stands for what it goes over; status is a number.
func (f *replyFinder) leadsThere(t hcl.Traversal) bool {
	root := t.RootName()
	if slices.Contains(replyRoots, root) {
		at := 1
		if root == rootSteps {
			at = 2
		}
		return root == rootRow || root == rootCode || root == rootReading || len(t) <= at || stepName(t[at]) != "status"
	}
	found := false
	_ = hclsyntax.VisitAll(f.within.Expression, func(n hclsyntax.Node) hcl.Diagnostics { // the callback never fails
		if loop, is := n.(*hclsyntax.ForExpr); is && loop.ValVar == root {
			found = found || f.finds(loop.CollExpr)
		}
		return nil
	})
	return found
}
