package config

import (
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// scope is what expressions may refer to.
type scope struct {
	report *report
	funcs  map[string]function.Function
	vars   map[string]*variable
	locals map[string]*local
	// live are the names of card and privacy_number blocks, by those words.
	live map[string][]string
	// liveValue makes the value of one of them; it is asked only for what an expression refers to.
	liveValue func(kind, name string) cty.Value

	path      cty.Value
	varObject cty.Value // made when the variables are known
	plain     *hcl.EvalContext
}

// The names that references begin with.
const (
	rootVar    = "var"
	rootLocal  = "local"
	rootEach   = "each"
	rootPath   = "path"
	rootCard   = "card"
	rootNumber = "privacy_number"
)

// setting says what may be referred to where an expression stands.
type setting int

const (
	// inSettings is everywhere but below: var, local, path.
	inSettings setting = 1 << iota
	// perCard allows each besides.
	perCard
	// inOutputs allows card and privacy_number besides.
	inOutputs
)

func newScope(r *report, funcs map[string]function.Function) *scope {
	cwd, err := os.Getwd()
	if err != nil {
		cwd = "." // the folder is gone; path.cwd is then as good as nothing
	}
	return &scope{
		report: r,
		funcs:  funcs,
		vars:   map[string]*variable{},
		locals: map[string]*local{},
		live:   map[string][]string{},
		path: cty.ObjectVal(map[string]cty.Value{
			"root": cty.StringVal("."), "cwd": cty.StringVal(filepath.ToSlash(cwd)),
		}),
	}
}

// prepared is an expression whose references are known to lead somewhere.
type prepared struct {
	expr hcl.Expression
	ctx  *hcl.EvalContext
	// each are the references to each.key and each.value.
	each []hcl.Traversal
}

// prepare checks the references of an expression and gathers what it needs.
// It fails where a reference is wrong, which is then reported, and where it
// leads to something that is wrong, which was reported before.
func (s *scope) prepare(expr hcl.Expression, where setting) (prepared, bool) {
	p := prepared{expr: expr}
	ok := true
	var locals []string
	live := map[string]map[string]cty.Value{}
	for _, t := range expr.Variables() {
		if !s.check(t, where) {
			ok = false
			continue
		}
		name := stepName(t)
		switch t.RootName() {
		case rootEach:
			p.each = append(p.each, t)
		case rootVar:
			ok = ok && s.vars[name].ok
		case rootLocal:
			locals = append(locals, name)
		case rootCard, rootNumber:
			s.needLive(live, t.RootName(), name)
		}
	}
	if !ok {
		return p, false
	}
	p.ctx, ok = s.context(locals, live)
	return p, ok
}

func (s *scope) needLive(live map[string]map[string]cty.Value, kind, name string) {
	if live[kind] == nil {
		live[kind] = map[string]cty.Value{}
	}
	if _, ok := live[kind][name]; !ok {
		live[kind][name] = s.liveValue(kind, name)
	}
}

// context holds the variables, and those of the locals and live objects that
// an expression refers to. It fails where one of the locals did.
func (s *scope) context(locals []string, live map[string]map[string]cty.Value) (*hcl.EvalContext, bool) {
	if len(locals) == 0 && len(live) == 0 {
		return s.plainContext(), true
	}
	vars := maps.Clone(s.plainContext().Variables)
	values := map[string]cty.Value{}
	for _, name := range locals {
		l := s.locals[name]
		if s.resolve(l); !l.ok {
			return nil, false
		}
		values[name] = l.value
	}
	if len(values) > 0 {
		vars[rootLocal] = cty.ObjectVal(values)
	}
	for kind, objects := range live {
		vars[kind] = cty.ObjectVal(objects)
	}
	return &hcl.EvalContext{Variables: vars, Functions: s.funcs}, true
}

func (s *scope) plainContext() *hcl.EvalContext {
	if s.plain == nil {
		s.plain = &hcl.EvalContext{
			Variables: map[string]cty.Value{rootVar: s.varObject, rootPath: s.path},
			Functions: s.funcs,
		}
	}
	return s.plain
}

// eval is the value of an expression. It fails where the expression is wrong,
// or leads to something that is; either has been reported.
func (s *scope) eval(expr hcl.Expression, where setting) (cty.Value, bool) {
	if v, ok := literal(expr); ok {
		return v, v.IsKnown() // the parser leaves unknowns where it found mistakes
	}
	p, ok := s.prepare(expr, where)
	if !ok {
		return cty.DynamicVal, false
	}
	v, diags := expr.Value(p.ctx)
	if s.report.hcl(diags) {
		return cty.DynamicVal, false
	}
	return v, where == inOutputs || v.IsKnown()
}

// check reports a reference that leads nowhere.
func (s *scope) check(t hcl.Traversal, where setting) bool {
	switch root := t.RootName(); root {
	case rootVar:
		return s.checkStep(t, "Undeclared variable", "variable", slices.Sorted(maps.Keys(s.vars)))
	case rootLocal:
		return s.checkLocal(t, where)
	case rootPath:
		return s.checkStep(t, "Unknown name", "path", []string{"cwd", "root"})
	case rootEach:
		return s.checkEach(t, where)
	case rootCard, rootNumber:
		return s.checkLive(t, where)
	default:
		s.unknownRoot(t)
		return false
	}
}

// stepName is the name after the first dot: x of var.x.
func stepName(t hcl.Traversal) string {
	if len(t) < 2 {
		return ""
	}
	switch step := t[1].(type) {
	case hcl.TraverseAttr:
		return step.Name
	case hcl.TraverseIndex:
		if step.Key.Type() == cty.String && step.Key.IsKnown() && !step.Key.IsNull() {
			return step.Key.AsString()
		}
	}
	return ""
}

// checkStep reports a reference whose second part is none of names, which are
// what can follow the first.
func (s *scope) checkStep(t hcl.Traversal, summary, noun string, names []string) bool {
	name := stepName(t)
	if slices.Contains(names, name) {
		return true
	}
	if name == "" {
		s.report.errorAt(t.SourceRange(), "Incomplete reference",
			"%q needs a name after it, such as %s.NAME.", t.RootName(), t.RootName())
		return false
	}
	s.undeclared(t, summary, "There is no %s named %q.%s%s", noun, name, didYouMean(name, names), howToDeclare(t, noun))
	return false
}

// undeclared reports a name that nothing has, unless a file can't be read to
// its end: it may be declared there.
func (s *scope) undeclared(t hcl.Traversal, summary, format string, args ...any) {
	if s.report.anyBroken {
		return
	}
	s.report.errorAt(t.SourceRange(), summary, format, args...)
}

func howToDeclare(t hcl.Traversal, noun string) string {
	switch name := stepName(t); t.RootName() {
	case rootVar:
		return " Declare it with a block: variable \"" + name + "\" {}."
	case rootLocal:
		return " Declare it in a locals block: " + name + " = …."
	case rootPath:
		return " There are path.root and path.cwd."
	default:
		return " Declare it with a block: " + noun + " \"" + name + "\" { … }."
	}
}

func (s *scope) checkLocal(t hcl.Traversal, where setting) bool {
	if !s.checkStep(t, "Undeclared local value", "local value", slices.Sorted(maps.Keys(s.locals))) {
		return false
	}
	l := s.locals[stepName(t)]
	if ref := s.lateReference(l); ref != "" && where != inOutputs {
		s.report.errorAt(t.SourceRange(), "Value known too late",
			"local.%s refers to %s, and what a carrier says of it is known only after the configuration was read. "+
				"Use it in output blocks only, or write the value here.", l.name, ref)
		return false
	}
	return true
}

func (s *scope) checkEach(t hcl.Traversal, where setting) bool {
	if where != perCard {
		s.report.errorAt(t.SourceRange(), "No each here",
			"each.key and each.value exist only in a card block with for_each or from_csv.")
		return false
	}
	return s.checkStep(t, "Unknown name", "each", []string{"key", "value"})
}

func (s *scope) checkLive(t hcl.Traversal, where setting) bool {
	if where != inOutputs {
		s.report.errorAt(t.SourceRange(), "Value known too late",
			"%s can't be used here: what a carrier says of it is known only after the configuration was read. "+
				"Outputs, and local values that only outputs use, may refer to it.", traversalText(t[:min(2, len(t))]))
		return false
	}
	kind := t.RootName()
	return s.checkStep(t, "Undeclared "+kind, kind, s.live[kind])
}

func (s *scope) unknownRoot(t hcl.Traversal) {
	roots := []string{rootVar, rootLocal, rootEach, rootPath, rootCard, rootNumber}
	s.report.errorAt(t.SourceRange(), "Unknown name",
		"There is nothing named %q.%s References begin with var, local, each, path, card or privacy_number; a text needs quotes: %q.",
		t.RootName(), didYouMean(t.RootName(), roots), traversalText(t))
}
