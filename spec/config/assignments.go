package config

import (
	"cmp"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// envPrefix begins the names of environment variables that set variables.
const envPrefix = "CARDFLEET_VAR_"

// giveFromEnvironment looks up each declared variable; what the environment
// has besides is none of our business, as with Terraform.
func (l *loader) giveFromEnvironment() {
	for _, name := range slices.Sorted(maps.Keys(l.scope.vars)) {
		if text, ok := l.Env(envPrefix + name); ok {
			l.giveText(l.scope.vars[name], "environment variable "+envPrefix+name, text)
		}
	}
}

func (l *loader) giveFromCommandLine(a Assignment) {
	v, ok := l.scope.vars[a.Name]
	if !ok {
		names := slices.Sorted(maps.Keys(l.scope.vars))
		l.report.unplaced("Value for undeclared variable",
			"-var sets %q, and there is no variable of that name.%s Declare it with a block: variable %q {}.",
			a.Name, didYouMean(a.Name, names), a.Name)
		return
	}
	l.giveText(v, "-var "+a.Name, a.Value)
}

// giveText gives a variable a value that came as text: as it is where the type
// is a primitive one or not said, else as an expression, like Terraform.
func (l *loader) giveText(v *variable, from, text string) {
	l.report.sources[from] = &source{text: []byte(text), secret: v.sensitive}
	if v.sensitive {
		l.report.secrets.rememberString(text)
	}
	whole := hcl.Range{Filename: from, Start: hcl.InitialPos, End: hcl.Pos{Line: 1, Column: 1 + len(text), Byte: len(text)}}
	if v.literal {
		v.given = &given{value: cty.StringVal(text), at: whole}
		return
	}
	expr, diags := hclsyntax.ParseExpression([]byte(text), from, hcl.InitialPos)
	if l.report.hcl(diags) {
		return
	}
	value, diags := expr.Value(nil)
	if !l.report.hcl(diags) {
		v.given = &given{value: value, at: expr.Range()}
	}
}

// giveFromFile reads a file of variable values. Names that are not declared are
// only worth a warning: one file may serve several configurations.
func (l *loader) giveFromFile(name string) {
	body := l.parseVars(name)
	if body == nil {
		return
	}
	attributes, diags := body.JustAttributes()
	l.report.hcl(diags)
	names := slices.Sorted(maps.Keys(l.scope.vars))
	for _, a := range inSourceOrder(attributes) {
		v, ok := l.scope.vars[a.Name]
		if !ok {
			l.report.warnAt(a.NameRange, "Value for undeclared variable",
				"There is no variable named %q, so this value is not used.%s Declare it with a block: variable %q {}; or delete it here.",
				a.Name, didYouMean(a.Name, names), a.Name)
			continue
		}
		value, diags := a.Expr.Value(nil)
		if v.sensitive {
			l.report.secrets.remember(value)
		}
		if !l.report.hcl(diags) && value.IsWhollyKnown() {
			v.given = &given{value: value, at: a.Expr.Range()}
		}
	}
}

// inSourceOrder sorts attributes, so that what is found in them has one order.
func inSourceOrder(attributes hcl.Attributes) []*hcl.Attribute {
	return slices.SortedFunc(maps.Values(attributes), func(a, b *hcl.Attribute) int {
		return cmp.Compare(a.NameRange.Start.Byte, b.NameRange.Start.Byte)
	})
}
