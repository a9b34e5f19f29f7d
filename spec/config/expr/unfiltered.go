package expr

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Unfiltered names the files whose rows an expression takes as they are, itself
// or through local values: where its value is empty, so is a list in one of
// them. It names none where the expression may leave rows out.
func (s *Scope) Unfiltered(e hcl.Expression) []string {
	w := rowWalk{scope: s, seen: map[string]bool{}}
	if !w.walk(e) || !w.decodes {
		return nil
	}
	slices.Sort(w.files)
	return slices.Compact(w.files)
}

type rowWalk struct {
	scope   *Scope
	seen    map[string]bool // locals
	files   []string
	decodes bool
}

// keepsRows are the functions that leave no row out.
func keepsRows() []string {
	return []string{"csvdecode", "jsondecode", "yamldecode", "file", "tomap", "tolist", "toset", "values", "keys", "merge", "concat", "flatten"}
}

// walk fails at what may leave rows out.
func (w *rowWalk) walk(e hcl.Expression) bool {
	native, ok := e.(hclsyntax.Expression)
	if !ok {
		return false
	}
	keeps := true
	_ = hclsyntax.VisitAll(native, func(n hclsyntax.Node) hcl.Diagnostics { // the callback never fails
		keeps = keeps && w.node(n)
		return nil
	})
	return keeps
}

func (w *rowWalk) node(n hclsyntax.Node) bool {
	switch n := n.(type) {
	case *hclsyntax.ForExpr:
		return n.CondExpr == nil
	case *hclsyntax.ConditionalExpr:
		return false
	case *hclsyntax.ScopeTraversalExpr:
		return w.reference(n.Traversal)
	case *hclsyntax.FunctionCallExpr:
		w.call(n)
		return slices.Contains(keepsRows(), n.Name)
	}
	return true
}

func (w *rowWalk) reference(t hcl.Traversal) bool {
	l := w.scope.locals[StepName(t)]
	if t.RootName() != RootLocal || l == nil || w.seen[l.name] {
		return true
	}
	w.seen[l.name] = true
	return w.walk(l.expr)
}

func (w *rowWalk) call(n *hclsyntax.FunctionCallExpr) {
	switch n.Name {
	case "csvdecode", "jsondecode", "yamldecode":
		w.decodes = true
	case "file":
		if len(n.Args) != 1 {
			return
		}
		if path, ok := Literal(n.Args[0]); ok && path.Type() == cty.String && path.IsKnown() && !path.IsNull() {
			w.files = append(w.files, path.AsString())
		}
	}
}
