package expr

import (
	"maps"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/cardfleet/cardfleet/spec"
)

// Scope is what expressions may refer to.
type Scope struct {
	report  Report
	secrets *Secrets
	files   *Inputs
	funcs   map[string]function.Function
	vars    map[string]*variable
	locals  map[string]*local
	// live are the names of card and privacy_number blocks, by those words.
	live   map[string][]string
	isLive map[string]map[string]bool // the same, to look up
	// liveValue makes the value of one block; it is asked only for what an expression refers to.
	liveValue func(kind, name string) cty.Value

	// unset takes what is wrong with values that may be missing; nil where none may.
	unset *hcl.Diagnostics

	path      cty.Value
	varObject cty.Value // made when the variables are known
	plain     *hcl.EvalContext
}

// The names that references begin with.
const (
	RootVar    = "var"
	RootLocal  = "local"
	RootEach   = "each"
	RootPath   = "path"
	RootCard   = "card"
	RootNumber = "privacy_number"
	RootOutput = "output"
	RootPlan   = "plan"
)

// Setting says what may be referred to where an expression stands.
type Setting int

const (
	// InSettings is everywhere but below: var, local, path.
	InSettings Setting = 1 << iota
	// PerCard allows each besides.
	PerCard
	// InOutputs allows card and privacy_number besides.
	InOutputs
	// InChecks allows output besides.
	InChecks
	// InTests allows plan besides: what a run of a test file planned.
	InTests
)

// late reports whether what carriers say is known there.
func (w Setting) late() bool { return w == InOutputs || w == InChecks || w == InTests }

// NewScope is a scope without variables and locals. Mistakes go to r.
func NewScope(w World, r Report) *Scope {
	return &Scope{
		report:  r,
		secrets: w.Secrets,
		files:   w.Files,
		funcs:   functions(w),
		vars:    map[string]*variable{},
		locals:  map[string]*local{},
		live:    map[string][]string{},
		path: cty.ObjectVal(map[string]cty.Value{
			"root": cty.StringVal("."), "cwd": cty.StringVal(filepath.ToSlash(w.Cwd)),
		}),
	}
}

// SetLive tells which card and privacy_number blocks there are, by those words,
// before they are read.
func (s *Scope) SetLive(names map[string][]string) {
	s.live, s.isLive = names, make(map[string]map[string]bool, len(names))
	for kind, list := range names {
		s.isLive[kind] = make(map[string]bool, len(list))
		for _, name := range list {
			s.isLive[kind][name] = true
		}
	}
}

// SetLiveValue gives the values of those blocks.
func (s *Scope) SetLiveValue(value func(kind, name string) cty.Value) { s.liveValue = value }

// Prepared is an expression whose references are known to lead somewhere.
type Prepared struct {
	Expr hcl.Expression
	Ctx  *hcl.EvalContext
	// Each are the references to each.key and each.value.
	Each []hcl.Traversal
	// Emptied are the files without rows that values of it were made from.
	Emptied []string

	scope  *Scope
	locals []string // in it, one as often as it stands there
}

// Prepare checks the references of an expression and gathers what it needs.
// It fails where a reference is wrong, which is then reported, and where it
// leads to something that is wrong, which was reported before.
func (s *Scope) Prepare(expr hcl.Expression, where Setting) (Prepared, bool) {
	p := Prepared{Expr: expr, scope: s}
	ok := true
	live := map[string]map[string]cty.Value{}
	for _, t := range references(expr) {
		if !s.check(t, where) {
			ok = false
			continue
		}
		name := StepName(t)
		switch t.RootName() {
		case RootEach:
			p.Each = append(p.Each, t)
		case RootVar:
			ok = ok && s.vars[name].ok
		case RootLocal:
			p.locals = append(p.locals, name)
		case RootCard, RootNumber, RootOutput, RootPlan:
			s.needLive(live, t.RootName(), name)
		}
	}
	if !ok {
		return p, false
	}
	if !checkMaps(s.report, expr) {
		return p, false
	}
	p.Ctx, ok = s.contextWith(p.locals, live)
	return p, ok
}

func (s *Scope) needLive(live map[string]map[string]cty.Value, kind, name string) {
	if live[kind] == nil {
		live[kind] = map[string]cty.Value{}
	}
	if _, ok := live[kind][name]; !ok {
		live[kind][name] = s.liveValue(kind, name)
	}
}

// context holds the variables, and those of the locals and live objects that
// an expression refers to. It fails where one of the locals did.
func (s *Scope) contextWith(locals []string, live map[string]map[string]cty.Value) (*hcl.EvalContext, bool) {
	if len(locals) == 0 && len(live) == 0 {
		return s.Context(), true
	}
	vars := maps.Clone(s.Context().Variables)
	values := map[string]cty.Value{}
	for _, name := range locals {
		l := s.locals[name]
		if s.resolve(l); !l.ok {
			s.failed(l.unset)
			return nil, false
		}
		values[name] = l.value
	}
	if len(values) > 0 {
		vars[RootLocal] = cty.ObjectVal(values)
	}
	for kind, objects := range live {
		vars[kind] = cty.ObjectVal(objects)
	}
	return &hcl.EvalContext{Variables: vars, Functions: s.funcs}, true
}

// Context is what expressions see that refer to no local value, card or number.
func (s *Scope) Context() *hcl.EvalContext {
	if s.plain == nil {
		s.plain = &hcl.EvalContext{
			Variables: map[string]cty.Value{RootVar: s.varObject, RootPath: s.path},
			Functions: s.funcs,
		}
	}
	return s.plain
}

// Eval is the value of an expression. It fails where the expression is wrong,
// or leads to something that is; either has been reported.
func (s *Scope) Eval(expr hcl.Expression, where Setting) (cty.Value, bool) {
	v, _, ok := s.EvalTables(expr, where)
	return v, ok
}

// EvalTables is [Scope.Eval], and names the files without rows that the value
// was made from.
func (s *Scope) EvalTables(expr hcl.Expression, where Setting) (v cty.Value, emptied []string, ok bool) {
	if v, ok := Literal(expr); ok {
		return v, nil, v.IsKnown() // the parser leaves unknowns where it found mistakes
	}
	p, ok := s.Prepare(expr, where)
	if !ok {
		return cty.DynamicVal, nil, false
	}
	v, ok = s.Value(&p)
	return v, p.Emptied, ok && (where.late() || v.IsKnown())
}

// Value evaluates a prepared expression that doesn't refer to each. It fails
// where the expression is wrong, which is then reported.
func (s *Scope) Value(p *Prepared) (cty.Value, bool) {
	v, diags := p.Eval(p.Ctx)
	HideValues(diags, p.Expr, p.Ctx)
	if s.failed(diags) {
		return cty.DynamicVal, false
	}
	return v, true
}

// check reports a reference that leads nowhere.
func (s *Scope) check(t hcl.Traversal, where Setting) bool {
	switch root := t.RootName(); root {
	case RootVar:
		return s.checkStep(t, "Undeclared variable", "variable", s.vars[StepName(t)] != nil, s.VariableNames)
	case RootLocal:
		return s.checkLocal(t, where)
	case RootPath:
		return s.checkWord(t, "path", "cwd", "root")
	case RootEach:
		return s.checkEach(t, where)
	case RootCard, RootNumber:
		return s.checkLive(t, where)
	case RootOutput:
		return s.checkOutput(t, where)
	case RootPlan:
		return s.checkPlan(t, where)
	default:
		s.unknownRoot(t)
		return false
	}
}

// StepName is the name after the first dot: x of var.x.
func StepName(t hcl.Traversal) string {
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

// checkWord reports a reference whose second part is none of few words.
func (s *Scope) checkWord(t hcl.Traversal, noun string, words ...string) bool {
	return s.checkStep(t, "Unknown name", noun, slices.Contains(words, StepName(t)), func() []string { return words })
}

// checkStep reports a reference whose second part isn't known. names are what
// can follow the first: there may be many, so only a mistake asks for them.
func (s *Scope) checkStep(t hcl.Traversal, summary, noun string, known bool, names func() []string) bool {
	if known {
		return true
	}
	name := StepName(t)
	if name == "" {
		s.report.ErrorAt(t.SourceRange(), "Incomplete reference",
			"%q needs a name after it, such as %s.NAME.", t.RootName(), t.RootName())
		return false
	}
	s.undeclared(t, summary, "There is no %s named %q.%s%s", noun, name, spec.DidYouMean(name, names()), howToDeclare(t, noun))
	return false
}

// undeclared reports a name that nothing has, unless a file can't be read to
// its end: it may be declared there.
func (s *Scope) undeclared(t hcl.Traversal, summary, format string, args ...any) {
	if s.report.Broken() {
		return
	}
	s.report.ErrorAt(t.SourceRange(), summary, format, args...)
}

func howToDeclare(t hcl.Traversal, noun string) string {
	switch name := StepName(t); t.RootName() {
	case RootVar:
		return " Declare it with a block: variable \"" + name + "\" {}."
	case RootLocal:
		return " Declare it in a locals block: " + name + " = …."
	case RootPath:
		return " There are path.root and path.cwd."
	case RootPlan:
		return " It is the plan as show -json writes it."
	default:
		return " Declare it with a block: " + noun + " \"" + name + "\" { … }."
	}
}

func (s *Scope) checkLocal(t hcl.Traversal, where Setting) bool {
	l := s.locals[StepName(t)]
	if !s.checkStep(t, "Undeclared local value", "local value", l != nil, func() []string { return slices.Sorted(maps.Keys(s.locals)) }) {
		return false
	}
	if ref := s.lateReference(l); ref != "" && !where.late() {
		s.report.ErrorAt(t.SourceRange(), "Value known too late",
			"local.%s refers to %s, and what a carrier says of it is known only after the configuration was read. "+
				"Use it in output and check blocks only, or write the value here.", l.name, ref)
		return false
	}
	return true
}

func (s *Scope) checkEach(t hcl.Traversal, where Setting) bool {
	if where != PerCard {
		s.report.ErrorAt(t.SourceRange(), "No each here",
			"each.key and each.value exist only in a card block with for_each or from_csv.")
		return false
	}
	return s.checkWord(t, "each", "key", "value")
}

func (s *Scope) checkLive(t hcl.Traversal, where Setting) bool {
	if !where.late() {
		s.report.ErrorAt(t.SourceRange(), "Value known too late",
			"%s can't be used here: what a carrier says of it is known only after the configuration was read. "+
				"Outputs and checks, and local values that only these use, may refer to it.", TraversalText(t[:min(2, len(t))]))
		return false
	}
	kind := t.RootName()
	return s.checkStep(t, "Undeclared "+kind, kind, s.isLive[kind][StepName(t)], func() []string { return s.live[kind] })
}

func (s *Scope) checkOutput(t hcl.Traversal, where Setting) bool {
	if where != InChecks && where != InTests {
		s.report.ErrorAt(t.SourceRange(), "No output here", "Only check blocks may refer to %s; a local value is for the others.", TraversalText(t[:min(2, len(t))]))
		return false
	}
	return s.checkStep(t, "Undeclared output", "output", s.isLive[RootOutput][StepName(t)], func() []string { return s.live[RootOutput] })
}

// checkPlan reports what a plan doesn't say.
func (s *Scope) checkPlan(t hcl.Traversal, where Setting) bool {
	if where != InTests {
		s.unknownRoot(t)
		return false
	}
	return s.checkStep(t, "Unknown name", "part of a plan", s.isLive[RootPlan][StepName(t)], func() []string { return s.live[RootPlan] })
}

// WithPlan is the scope of a test, in which plan has parts of these names.
func (s *Scope) WithPlan(r Report, parts []string, liveValue func(kind, name string) cty.Value) *Scope {
	next := s.With(r, liveValue)
	names := maps.Clone(s.live)
	names[RootPlan] = parts
	next.SetLive(names)
	return next
}

// Late reports whether an expression refers to a card, a privacy number or an
// output, itself or through local values.
func (s *Scope) Late(e hcl.Expression) bool {
	for _, t := range references(e) {
		switch t.RootName() {
		case RootCard, RootNumber, RootOutput:
			return true
		case RootLocal:
			if l := s.locals[StepName(t)]; l != nil && s.lateReference(l) != "" {
				return true
			}
		}
	}
	return false
}

func (s *Scope) unknownRoot(t hcl.Traversal) {
	roots := []string{RootVar, RootLocal, RootEach, RootPath, RootCard, RootNumber}
	s.report.ErrorAt(t.SourceRange(), "Unknown name",
		"There is nothing named %q.%s References begin with var, local, each, path, card or privacy_number; a text needs quotes: %q.",
		t.RootName(), spec.DidYouMean(t.RootName(), roots), TraversalText(t))
}
