package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// consoleInput takes the place of a file's name for what is typed.
const consoleInput = "<console-input>"

// notRead is shown for a value that nothing was read for.
const notRead = "(not read yet)"

// Console evaluates expressions that people type. They may refer to whatever an
// output may. Make one with [Config.Console].
type Console struct {
	scope   *expr.Scope
	report  *report
	secrets *expr.Secrets
}

// Console is a console over the configuration and what was read. The configuration
// has to be loaded with [Options].Expressions.
func (c *Config) Console(live spec.Live) *Console {
	r := &report{sources: map[string]*source{}, secrets: c.secrets}
	return &Console{scope: c.scope.With(r, newLiveObjects(c, &live).value), report: r, secrets: c.secrets}
}

// Eval is the value of an expression, written as one, in which nothing sensitive
// is shown. With an error among the diagnostics there is none.
func (k *Console) Eval(text string) (string, spec.Diagnostics) {
	k.report.list = nil
	k.report.sources[consoleInput] = &source{name: consoleInput, text: []byte(text)}
	e, diags := hclsyntax.ParseExpression([]byte(text), consoleInput, hcl.InitialPos)
	if k.report.HCL(diags) {
		return "", k.report.done()
	}
	v, ok := k.scope.Eval(e, expr.InOutputs)
	if !ok {
		return "", k.report.done()
	}
	var b strings.Builder
	writeValue(&b, v, 0)
	return k.secrets.RedactText(b.String()), k.report.done()
}

// writeValue writes a value as an expression, as Terraform's console does. depth
// is that of the brackets around it.
func writeValue(b *strings.Builder, v cty.Value, depth int) {
	ty := v.Type()
	switch {
	case v.IsMarked():
		b.WriteString(expr.Redacted)
	case !v.IsKnown():
		b.WriteString(notRead)
	case v.IsNull():
		b.WriteString(nullOf(ty))
	case ty == cty.String:
		writeText(b, v.AsString(), depth)
	case ty == cty.Number:
		b.WriteString(v.AsBigFloat().Text('f', -1))
	case ty == cty.Bool:
		fmt.Fprint(b, v.True())
	case ty.IsObjectType():
		writeMapping(b, v, depth, "{", "}")
	case ty.IsMapType():
		writeMapping(b, v, depth, "tomap({", "})")
	case ty.IsTupleType():
		writeSequence(b, v, depth, "[", "]")
	case ty.IsListType():
		writeSequence(b, v, depth, "tolist([", "])")
	case ty.IsSetType():
		writeSequence(b, v, depth, "toset([", "])")
	default:
		b.WriteString("(" + ty.FriendlyName() + ")")
	}
}

func nullOf(ty cty.Type) string {
	switch ty {
	case cty.String:
		return "tostring(null)"
	case cty.Number:
		return "tonumber(null)"
	case cty.Bool:
		return "tobool(null)"
	default:
		return "null"
	}
}

// writeText writes a text in quotes; one of several lines as a heredoc.
func writeText(b *strings.Builder, text string, depth int) {
	if depth == 0 && strings.Contains(strings.TrimSuffix(text, "\n"), "\n") && !slices.Contains(strings.Split(text, "\n"), "EOT") {
		b.WriteString("<<EOT\n" + strings.TrimSuffix(text, "\n") + "\nEOT")
		return
	}
	b.WriteString(strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strconv.Quote(text)))
}

func writeMapping(b *strings.Builder, v cty.Value, depth int, open, end string) {
	b.WriteString(open)
	for key, e := range v.Elements() {
		b.WriteString("\n" + strings.Repeat("  ", depth+1))
		writeText(b, key.AsString(), 1)
		b.WriteString(" = ")
		writeValue(b, e, depth+1)
	}
	closeBrackets(b, v, depth, end)
}

func writeSequence(b *strings.Builder, v cty.Value, depth int, open, end string) {
	b.WriteString(open)
	for _, e := range v.Elements() {
		b.WriteString("\n" + strings.Repeat("  ", depth+1))
		writeValue(b, e, depth+1)
		b.WriteString(",")
	}
	closeBrackets(b, v, depth, end)
}

func closeBrackets(b *strings.Builder, v cty.Value, depth int, end string) {
	if v.LengthInt() > 0 {
		b.WriteString("\n" + strings.Repeat("  ", depth))
	}
	b.WriteString(end)
}
