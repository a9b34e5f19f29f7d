package config

import (
	"cmp"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// loadVariables reads the blocks, then the values from every source in order.
func (l *loader) loadVariables() {
	l.scope.DeclareVariables(l.unique("variable"))
	l.giveFromEnvironment()
	autoVarsOrder(l.autoVars)
	for _, name := range l.autoVars {
		l.giveFromFile(name)
	}
	for _, a := range l.Vars {
		switch {
		case a.Run != nil:
			l.giveFromTest(a.Run)
		case a.File != "":
			l.given = append(l.given, l.giveFromFile(a.File)...)
		default:
			l.given = append(l.given, l.giveFromCommandLine(a)...)
		}
	}
	l.scope.SettleVariables()
}

// giveFromEnvironment looks up each declared variable; other
// variables of the environment are not looked at, as with Terraform.
func (l *loader) giveFromEnvironment() {
	for _, name := range l.scope.VariableNames() {
		if text, ok := l.Env(expr.EnvPrefix + name); ok {
			l.giveText(name, "environment variable "+expr.EnvPrefix+name, text)
		}
	}
}

// giveFromCommandLine gives the value of a -var; it returns the variable's name.
func (l *loader) giveFromCommandLine(a Assignment) []string {
	if !l.scope.HasVariable(a.Name) {
		l.report.unplaced("Value for undeclared variable",
			"-var sets %q, and there is no variable of that name.%s Declare it with a block: variable %q {}.",
			a.Name, spec.DidYouMean(a.Name, l.scope.VariableNames()), a.Name)
		return nil
	}
	l.giveText(a.Name, "-var "+a.Name, a.Value)
	return []string{a.Name}
}

// giveText gives a variable a value that came as text, which is shown where it is wrong.
func (l *loader) giveText(name, from, text string) {
	l.report.sources[from] = &source{text: []byte(text), secret: l.scope.IsSensitive(name)}
	l.scope.GiveText(name, from, text)
}

// giveFromFile reads a file of variable values. Names that are not declared are
// only worth a warning: one file may serve several configurations. It returns
// the names of the variables that have their values from it.
func (l *loader) giveFromFile(name string) (given []string) {
	body := l.parseVars(name)
	if body == nil {
		return nil
	}
	attributes, diags := body.JustAttributes()
	l.report.HCL(diags)
	names := l.scope.VariableNames()
	for _, a := range inSourceOrder(attributes) {
		if !l.scope.HasVariable(a.Name) {
			l.report.warnAt(a.NameRange, "Value for undeclared variable",
				"There is no variable named %q, so this value is not used.%s Declare it with a block: variable %q {}; or delete it here.",
				a.Name, spec.DidYouMean(a.Name, names), a.Name)
			continue
		}
		l.scope.Give(a.Name, a.Expr)
		given = append(given, a.Name)
	}
	return given
}

// inSourceOrder sorts attributes, so that what is found in them has one order.
func inSourceOrder(attributes hcl.Attributes) []*hcl.Attribute {
	return slices.SortedFunc(maps.Values(attributes), func(a, b *hcl.Attribute) int {
		return cmp.Compare(a.NameRange.Start.Byte, b.NameRange.Start.Byte)
	})
}
