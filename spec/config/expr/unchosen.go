package expr

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// HCL evaluates both branches of a conditional, to compare their types. So a
// table without rows that only the other branch reads is noted too, though no
// card comes from it.

// unchosen are the branches of an expression's conditionals that their
// conditions leave out, the outermost alone. A condition that has no value yet,
// such as one of each row, leaves none out.
func unchosen(e hcl.Expression, ctx *hcl.EvalContext) []hclsyntax.Expression {
	native, ok := e.(hclsyntax.Expression)
	if !ok {
		return nil
	}
	w := &branchWalk{ctx: ctx}
	_ = hclsyntax.Walk(native, w) // its diagnostics are the walk's own, which has none
	return w.out
}

type branchWalk struct {
	ctx *hcl.EvalContext
	out []hclsyntax.Expression
	// within is the branch left out that the walk is in.
	within hclsyntax.Node
}

// Enter notes the branch that a conditional leaves out.
func (w *branchWalk) Enter(n hclsyntax.Node) hcl.Diagnostics {
	if w.within != nil {
		return nil
	}
	if e, ok := n.(hclsyntax.Expression); ok && slices.Contains(w.out, e) {
		w.within = n
		return nil
	}
	c, ok := n.(*hclsyntax.ConditionalExpr)
	if !ok {
		return nil
	}
	v, diags := c.Condition.Value(w.ctx)
	v, _ = v.Unmark()
	if diags.HasErrors() || !v.IsKnown() || v.IsNull() || v.Type() != cty.Bool {
		return nil
	}
	if v.True() {
		w.out = append(w.out, c.FalseResult)
	} else {
		w.out = append(w.out, c.TrueResult)
	}
	return nil
}

// Exit leaves a branch.
func (w *branchWalk) Exit(n hclsyntax.Node) hcl.Diagnostics {
	if w.within == n {
		w.within = nil
	}
	return nil
}

// Eval is the expression's value in ctx, which begins with the prepared one. It
// notes the files without rows that the value was made from.
func (p *Prepared) Eval(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	files := p.scope.files
	before := len(files.emptied)
	v, diags := p.Expr.Value(ctx)
	decoded := slices.Clone(files.emptied[before:])
	files.emptied = files.emptied[:before]
	if !diags.HasErrors() && (len(decoded) > 0 || p.fromEmptied()) {
		p.noteEmptied(ctx, decoded)
	}
	return v, diags
}

// fromEmptied reports whether a local in the expression came from a file without rows.
func (p *Prepared) fromEmptied() bool {
	return slices.ContainsFunc(p.locals, func(name string) bool { return len(p.scope.locals[name].emptied) > 0 })
}

// noteEmptied takes the files that the expression decoded, and those that its
// locals came from, save what stands only in a branch that isn't chosen.
func (p *Prepared) noteEmptied(ctx *hcl.EvalContext, decoded []string) {
	counts, files := map[string]int{}, map[string]int{}
	for _, name := range p.locals {
		counts[name]++
	}
	for _, path := range decoded {
		files[path]++
	}
	for _, branch := range p.scope.unchosenQuietly(p.Expr, ctx) {
		for _, t := range branch.Variables() {
			if t.RootName() == RootLocal {
				counts[StepName(t)]--
			}
		}
		for _, path := range p.scope.decodes(branch, ctx) {
			files[path]--
		}
	}
	for name, n := range counts {
		if n > 0 {
			p.Emptied = append(p.Emptied, p.scope.locals[name].emptied...)
		}
	}
	for path, n := range files {
		if n > 0 {
			p.Emptied = append(p.Emptied, path)
		}
	}
	slices.Sort(p.Emptied)
	p.Emptied = slices.Compact(p.Emptied)
}

// decodes are the files without rows that an expression decodes. Its value was
// made before, with all that is wrong in it.
func (s *Scope) decodes(e hcl.Expression, ctx *hcl.EvalContext) []string {
	before := len(s.files.emptied)
	_, _ = e.Value(ctx)
	decoded := slices.Clone(s.files.emptied[before:])
	s.files.emptied = s.files.emptied[:before]
	return decoded
}

// unchosenQuietly is unchosen, without the notes that evaluating the conditions makes.
func (s *Scope) unchosenQuietly(e hcl.Expression, ctx *hcl.EvalContext) []hclsyntax.Expression {
	before := len(s.files.emptied)
	defer func() { s.files.emptied = s.files.emptied[:before] }()
	return unchosen(e, ctx)
}
