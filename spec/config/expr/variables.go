package expr

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

const (
	// EnvPrefix begins the names of environment variables that set variables.
	EnvPrefix = "CARDFLEET_VAR_"
	// FirstVarsFile is the automatic file of variable values that is read before
	// the others, whatever their names.
	FirstVarsFile = "cardfleet.auto.fleetvars.hcl"
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

// DeclareVariables takes variable blocks, whose names differ. They have their
// defaults; [Scope.GiveText] and [Scope.Give] give them other values, and
// [Scope.SettleVariables] ends it.
func (s *Scope) DeclareVariables(blocks hcl.Blocks) {
	for _, b := range blocks {
		v := s.declare(b)
		s.vars[v.name] = v
	}
}

// VariableNames are the declared variables, sorted.
func (s *Scope) VariableNames() []string { return slices.Sorted(maps.Keys(s.vars)) }

// HasVariable reports whether a variable is declared.
func (s *Scope) HasVariable(name string) bool { return s.vars[name] != nil }

// IsSensitive reports whether a variable is declared, and as sensitive.
func (s *Scope) IsSensitive(name string) bool { return s.vars[name] != nil && s.vars[name].sensitive }

// GiveText gives a declared variable a value that came as text: as it is where
// the type is a primitive one or not said, else as an expression, like
// Terraform. Mistakes are reported at from, which takes the place of a file's name.
func (s *Scope) GiveText(name, from, text string) {
	v := s.vars[name]
	if v.sensitive {
		s.secrets.RememberText(text)
	}
	whole := hcl.Range{Filename: from, Start: hcl.InitialPos, End: hcl.Pos{Line: 1, Column: 1 + len(text), Byte: len(text)}}
	if v.literal {
		v.given = &given{value: cty.StringVal(text), at: whole}
		return
	}
	expr, diags := hclsyntax.ParseExpression([]byte(text), from, hcl.InitialPos)
	if s.report.HCL(diags) || !checkMaps(s.report, expr) {
		return
	}
	value, diags := expr.Value(nil)
	if !s.report.HCL(diags) {
		v.given = &given{value: value, at: expr.Range()}
	}
}

// Give gives a declared variable the value of an attribute, which may refer to nothing.
func (s *Scope) Give(name string, from hcl.Expression) {
	v := s.vars[name]
	if !checkMaps(s.report, from) {
		return
	}
	value, diags := from.Value(nil)
	if v.sensitive {
		s.secrets.Remember(value)
	}
	if !s.report.HCL(diags) && value.IsWhollyKnown() {
		v.given = &given{value: value, at: from.Range()}
	}
}

// declare reads a variable block; what is wrong in it is reported and left out.
func (s *Scope) declare(b *hcl.Block) *variable {
	v := &variable{name: b.Labels[0], at: b.DefRange, typ: cty.DynamicPseudoType, literal: true, nullable: true}
	content, diags := b.Body.Content(variableSchema())
	v.broken = s.report.HCL(diags)
	v.validations = content.Blocks
	s.literalBool(content.Attributes["sensitive"], &v.sensitive)
	s.literalBool(content.Attributes["nullable"], &v.nullable)
	typeOK := s.declareType(v, content.Attributes["type"])
	if a := content.Attributes["default"]; a != nil && typeOK {
		s.declareDefault(v, a)
	}
	return v
}

func (s *Scope) literalBool(a *hcl.Attribute, into *bool) {
	if a == nil {
		return
	}
	v, diags := a.Expr.Value(nil)
	if s.report.HCL(diags) || !v.IsKnown() {
		return
	}
	if v.Type() != cty.Bool || v.IsNull() {
		s.report.ErrorAt(a.Expr.Range(), "Unsuitable value", "%s must be true or false.", a.Name)
		return
	}
	*into = v.True()
}

func (s *Scope) declareType(v *variable, a *hcl.Attribute) bool {
	if a == nil {
		return true
	}
	typ, defaults, diags := typeexpr.TypeConstraintWithDefaults(a.Expr)
	if s.report.HCL(diags) {
		v.broken = true
		return false
	}
	v.typ, v.defaults, v.literal = typ, defaults, typ.IsPrimitiveType()
	return true
}

func (s *Scope) declareDefault(v *variable, a *hcl.Attribute) {
	value, diags := a.Expr.Value(nil)
	if v.sensitive {
		s.secrets.Remember(value)
	}
	v.broken = true
	if s.report.HCL(diags) || !checkMaps(s.report, a.Expr) || !value.IsWhollyKnown() {
		return
	}
	value, err := v.convert(value)
	if err != nil {
		s.report.ErrorAt(a.Expr.Range(), "Invalid default value for variable",
			"The default value doesn't fit the type of var.%s: %s.", v.name, ErrorText(err))
		return
	}
	v.value, v.ok, v.broken = value, true, false
}

// convert brings a value to the variable's type. A number that JSON can't have is an
// error: a plan and a run have every variable as JSON.
func (v *variable) convert(value cty.Value) (cty.Value, error) {
	if v.defaults != nil && !value.IsNull() {
		value = v.defaults.Apply(value)
	}
	out, err := Convert(value, v.typ)
	if err != nil {
		return cty.NilVal, err
	}
	return out, finite(out)
}

// mostDigits is how many a variable's number may have on either side of its point.
const mostDigits = 1000

// finite returns an error where a value holds a number that is infinite, as the text
// "inf" is to cty, or one that takes more than mostDigits to write.
func finite(v cty.Value) error {
	plain, _ := v.UnmarkDeep()
	return cty.Walk(plain, func(path cty.Path, v cty.Value) (bool, error) {
		if v.Type() != cty.Number || v.IsNull() || !v.IsKnown() {
			return true, nil
		}
		n := v.AsBigFloat()
		if n.IsInf() {
			return false, path.NewErrorf("it is infinite")
		}
		if exponent := n.MantExp(nil); exponent > bitsOf(mostDigits) || exponent < -bitsOf(mostDigits) {
			return false, path.NewErrorf("a number has at most %d digits on either side of its point", mostDigits)
		}
		return true, nil
	})
}

// Infinite reports whether a value without marks holds an infinite number.
func Infinite(v cty.Value) bool {
	ty := v.Type()
	switch {
	case !v.IsKnown() || v.IsNull():
		return false
	case ty == cty.Number:
		return v.AsBigFloat().IsInf()
	case !v.CanIterateElements() || ty.IsCollectionType() && ty.ElementType().IsPrimitiveType() && ty.ElementType() != cty.Number:
		return false
	}
	for it := v.ElementIterator(); it.Next(); {
		if _, e := it.Element(); Infinite(e) {
			return true
		}
	}
	return false
}

// bitsOf is how many bits hold so many digits.
func bitsOf(digits int) int { return int(float64(digits) * math.Log2(10)) }

// SettleVariables converts what was given, and reports variables without a value.
func (s *Scope) SettleVariables() {
	object := map[string]cty.Value{}
	for _, name := range slices.Sorted(maps.Keys(s.vars)) {
		v := s.vars[name]
		s.settle(v)
		object[name] = cty.DynamicVal
		if v.ok {
			object[name] = v.value
		}
	}
	s.varObject = cty.ObjectVal(object)
}

func (s *Scope) settle(v *variable) {
	switch {
	case v.given != nil:
		s.settleGiven(v)
	case !v.ok && !v.broken:
		s.report.ErrorAt(v.at, "No value for required variable",
			"The variable %q has no default and was given no value. Give it one with -var '%s=…', in a file named "+
				"with -var-file or called %s, or in the environment as %s.",
			v.name, v.name, FirstVarsFile, EnvPrefix+v.name)
	}
	if v.ok && v.sensitive {
		v.value = s.secrets.Mark(v.value)
	}
}

func (s *Scope) settleGiven(v *variable) {
	if v.sensitive {
		s.secrets.Remember(v.given.value)
	}
	value, err := v.convert(v.given.value)
	switch {
	case err != nil:
		v.ok = false
		s.report.ErrorAt(v.given.at, "Invalid value for variable",
			"The value doesn't fit var.%s, declared at %s: %s.", v.name, Place(v.at), ErrorText(err))
	case value.IsNull() && v.nullable:
		v.value, v.ok = value, true
	case value.IsNull():
		if !v.ok { // with a default, null means the default
			s.report.ErrorAt(v.given.at, "Invalid value for variable",
				"var.%s, declared at %s, is not nullable, so it can't be null.", v.name, Place(v.at))
		}
	default:
		v.value, v.ok = value, true
	}
}

// ValidateVariables evaluates the validation blocks of every variable.
func (s *Scope) ValidateVariables() {
	for _, name := range slices.Sorted(maps.Keys(s.vars)) {
		v := s.vars[name]
		for _, b := range v.validations {
			s.validate(v, b)
		}
	}
}

func (s *Scope) validate(v *variable, b *hcl.Block) {
	content, diags := b.Body.Content(validationSchema())
	if s.report.HCL(diags) {
		return
	}
	message, messageOK := s.errorMessage(content.Attributes["error_message"])
	a := content.Attributes["condition"]
	held, ok := s.Eval(a.Expr, InSettings)
	if !ok || !messageOK {
		return
	}
	held, _ = held.UnmarkDeep()
	held, err := Convert(held, cty.Bool)
	if err != nil || held.IsNull() {
		s.report.ErrorAt(a.Expr.Range(), "Unsuitable value", "A condition must be true or false.")
		return
	}
	if held.False() {
		s.report.ErrorAt(a.Expr.Range(), "Invalid value for variable",
			"%s\n\nThis was checked by the validation rule of var.%s at %s.", message, v.name, Place(b.DefRange))
	}
}

// errorMessage is what a validation block says of a value that it refuses.
func (s *Scope) errorMessage(a *hcl.Attribute) (string, bool) {
	v, ok := s.Eval(a.Expr, InSettings)
	if !ok {
		return "", false
	}
	if v.ContainsMarked() {
		return "The value is refused; its error message holds a sensitive value, so it is not shown.", true
	}
	v, err := Convert(v, cty.String)
	if err != nil || v.IsNull() {
		s.report.ErrorAt(a.Expr.Range(), "Unsuitable value", "An error message must be text.")
		return "", false
	}
	return v.AsString(), true
}

// ShownVariables are the values that are not sensitive, as JSON, for the digest.
func (s *Scope) ShownVariables() map[string]string {
	shown := map[string]string{}
	for name := range s.vars {
		if text, sensitive := s.VariableJSON(name); !sensitive {
			shown[name] = text
		}
	}
	return shown
}

// VariableJSON is the value of a declared variable as JSON, and whether it must
// not be shown. A configuration without mistakes has one for each.
func (s *Scope) VariableJSON(name string) (text string, sensitive bool) {
	v := s.vars[name]
	value, _ := v.value.UnmarkDeep()
	b, err := ctyjson.Marshal(value, value.Type())
	if err != nil {
		panic(fmt.Sprintf("config: variable %s can't be written as JSON: %v", name, err))
	}
	return string(b), v.sensitive || v.value.ContainsMarked()
}
