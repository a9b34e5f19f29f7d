package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// variable is a variable block and the value that it was given.
type variable struct {
	name        string
	at          hcl.Range
	typ         cty.Type
	defaults    *typeexpr.Defaults // of optional object attributes
	literal     bool               // values from outside the files are plain text, not expressions
	sensitive   bool
	nullable    bool
	validations hcl.Blocks

	given *given // nil where only the default is left
	value cty.Value
	ok    bool
	// broken reports whether the block has a mistake that leaves it without a value.
	broken bool
}

// given is a value from outside the block.
type given struct {
	value cty.Value
	at    hcl.Range
}

// loadVariables reads the blocks, then the values from every source in order.
func (l *loader) loadVariables() {
	for _, b := range l.unique("variable") {
		v := l.declare(b)
		l.scope.vars[v.name] = v
	}
	l.giveFromEnvironment()
	autoVarsOrder(l.autoVars)
	for _, name := range l.autoVars {
		l.giveFromFile(name)
	}
	for _, a := range l.Vars {
		if a.File != "" {
			l.giveFromFile(a.File)
		} else {
			l.giveFromCommandLine(a)
		}
	}
	l.settleVariables()
}

// declare reads a variable block; what is wrong in it is reported and left out.
func (l *loader) declare(b *hcl.Block) *variable {
	v := &variable{name: b.Labels[0], at: b.DefRange, typ: cty.DynamicPseudoType, literal: true, nullable: true}
	content, diags := b.Body.Content(variableSchema())
	v.broken = l.report.hcl(diags)
	v.validations = content.Blocks
	l.literalBool(content.Attributes["sensitive"], &v.sensitive)
	l.literalBool(content.Attributes["nullable"], &v.nullable)
	typeOK := l.declareType(v, content.Attributes["type"])
	if a := content.Attributes["default"]; a != nil && typeOK {
		l.declareDefault(v, a)
	}
	return v
}

func (l *loader) literalBool(a *hcl.Attribute, into *bool) {
	if a == nil {
		return
	}
	v, diags := a.Expr.Value(nil)
	if l.report.hcl(diags) || !v.IsKnown() {
		return
	}
	if v.Type() != cty.Bool || v.IsNull() {
		l.report.errorAt(a.Expr.Range(), "Unsuitable value", "%s must be true or false.", a.Name)
		return
	}
	*into = v.True()
}

func (l *loader) declareType(v *variable, a *hcl.Attribute) bool {
	if a == nil {
		return true
	}
	typ, defaults, diags := typeexpr.TypeConstraintWithDefaults(a.Expr)
	if l.report.hcl(diags) {
		v.broken = true
		return false
	}
	v.typ, v.defaults, v.literal = typ, defaults, typ.IsPrimitiveType()
	return true
}

func (l *loader) declareDefault(v *variable, a *hcl.Attribute) {
	value, diags := a.Expr.Value(nil)
	if v.sensitive {
		l.report.secrets.remember(value)
	}
	v.broken = true
	if l.report.hcl(diags) || !value.IsWhollyKnown() {
		return
	}
	value, err := v.convert(value)
	if err != nil {
		l.report.errorAt(a.Expr.Range(), "Invalid default value for variable",
			"The default value doesn't fit the type of var.%s: %s.", v.name, errorText(err))
		return
	}
	v.value, v.ok, v.broken = value, true, false
}

// convert brings a value to the variable's type.
func (v *variable) convert(value cty.Value) (cty.Value, error) {
	if v.defaults != nil && !value.IsNull() {
		value = v.defaults.Apply(value)
	}
	return convert.Convert(value, v.typ)
}

// settleVariables converts what was given, and reports variables without a value.
func (l *loader) settleVariables() {
	object := map[string]cty.Value{}
	for _, name := range slices.Sorted(maps.Keys(l.scope.vars)) {
		v := l.scope.vars[name]
		l.settle(v)
		object[name] = cty.DynamicVal
		if v.ok {
			object[name] = v.value
		}
	}
	l.scope.varObject = cty.ObjectVal(object)
}

func (l *loader) settle(v *variable) {
	switch {
	case v.given != nil:
		l.settleGiven(v)
	case !v.ok && !v.broken:
		l.report.errorAt(v.at, "No value for required variable",
			"The variable %q has no default and was given no value. Give it one with -var '%s=…', in a file named "+
				"with -var-file or called %s, or in the environment as %s.",
			v.name, v.name, firstAutoVars, envPrefix+v.name)
	}
	if v.ok && v.sensitive {
		v.value = l.report.secrets.mark(v.value)
	}
}

func (l *loader) settleGiven(v *variable) {
	if v.sensitive {
		l.report.secrets.remember(v.given.value)
	}
	value, err := v.convert(v.given.value)
	switch {
	case err != nil:
		v.ok = false
		l.report.errorAt(v.given.at, "Invalid value for variable",
			"The value doesn't fit var.%s, declared at %s: %s.", v.name, place(v.at), errorText(err))
	case value.IsNull() && v.nullable:
		v.value, v.ok = value, true
	case value.IsNull():
		if !v.ok { // with a default, null means the default
			l.report.errorAt(v.given.at, "Invalid value for variable",
				"var.%s, declared at %s, is not nullable, so it can't be null.", v.name, place(v.at))
		}
	default:
		v.value, v.ok = value, true
	}
}

// validateVariables evaluates the validation blocks of every variable.
func (s *scope) validateVariables() {
	for _, name := range slices.Sorted(maps.Keys(s.vars)) {
		v := s.vars[name]
		for _, b := range v.validations {
			s.validate(v, b)
		}
	}
}

func (s *scope) validate(v *variable, b *hcl.Block) {
	content, diags := b.Body.Content(validationSchema())
	if s.report.hcl(diags) {
		return
	}
	message, messageOK := s.errorMessage(content.Attributes["error_message"])
	a := content.Attributes["condition"]
	held, ok := s.eval(a.Expr, inSettings)
	if !ok || !messageOK {
		return
	}
	held, _ = held.UnmarkDeep()
	held, err := convert.Convert(held, cty.Bool)
	if err != nil || held.IsNull() {
		s.report.errorAt(a.Expr.Range(), "Unsuitable value", "A condition must be true or false.")
		return
	}
	if held.False() {
		s.report.errorAt(a.Expr.Range(), "Invalid value for variable",
			"%s\n\nThis was checked by the validation rule of var.%s at %s.", message, v.name, place(b.DefRange))
	}
}

// errorMessage is what a validation block says of a value that it refuses.
func (s *scope) errorMessage(a *hcl.Attribute) (string, bool) {
	v, ok := s.eval(a.Expr, inSettings)
	if !ok {
		return "", false
	}
	if v.ContainsMarked() {
		return "The value is refused; its error message holds a sensitive value, so it is not shown.", true
	}
	v, err := convert.Convert(v, cty.String)
	if err != nil || v.IsNull() {
		s.report.errorAt(a.Expr.Range(), "Unsuitable value", "An error message must be text.")
		return "", false
	}
	return v.AsString(), true
}

// shownVariables are the values that are not sensitive, as JSON, for the digest.
func (s *scope) shownVariables() map[string]string {
	shown := map[string]string{}
	for name, v := range s.vars {
		if v.sensitive || v.value.ContainsMarked() {
			continue
		}
		text, err := ctyjson.Marshal(v.value, v.value.Type())
		if err != nil {
			panic(fmt.Sprintf("config: variable %s can't be written as JSON: %v", name, err))
		}
		shown[name] = string(text)
	}
	return shown
}
