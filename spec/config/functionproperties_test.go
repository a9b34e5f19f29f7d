package config

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// valueOf evaluates an expression with texts as variables t0, t1, ….
func valueOf(t require.TestingT, dir, expression string, given ...string) (string, spec.Diagnostics) {
	o := testOptions(dir)
	for i, text := range given {
		o.Vars = append(o.Vars, Assignment{Name: "t" + strconv.Itoa(i), Value: text})
	}
	c, diags := Load(o)
	if c == nil {
		return "", diags
	}
	out, diags := c.Outputs(spec.Live{})
	require.Empty(t, texts(diags))
	require.Len(t, out, 1, expression)
	return string(out[0].Value), nil
}

// withVariables is a configuration of one output, with n variables that are texts.
func withVariables(t *testing.T, n int, expression string) string {
	t.Helper()
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "variable \"t%d\" { type = string }\n", i)
	}
	fmt.Fprintf(&b, "output \"x\" {\n  value = %s\n}\n", expression)
	return writeFiles(t, map[string]string{"main.fleet.hcl": b.String()})
}

func TestWhatAFunctionWritesItsOppositeReads(t *testing.T) {
	for _, pair := range []string{
		"base64gunzip(base64gzip(%s))", "urldecode(urlencode(%s))", "base64decode(base64encode(%s))",
		`textdecodebase64(textencodebase64(%s, "UTF-16LE"), "UTF-16LE")`,
	} {
		t.Run(pair, func(t *testing.T) {
			dir := withVariables(t, 1, fmt.Sprintf(pair, "var.t0"))
			rapid.Check(t, func(t *rapid.T) {
				text := normal(rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return r != '\uFFFD' && (r < 0xD800 || r > 0xDFFF) })).Draw(t, "text"))
				got, diags := valueOf(t, dir, pair, text)
				require.Empty(t, texts(diags))
				var back string
				require.NoError(t, json.Unmarshal([]byte(got), &back))
				assert.Equal(t, text, back)
			})
		})
	}
}

// Texts and numbers of any kind end in a value or in a sentence, never in a panic.
func TestNoFunctionPanics(t *testing.T) {
	for _, expression := range []string{
		"cidrhost(var.t0, var.t1)", "cidrsubnet(var.t0, var.t1, var.t2)", "cidrsubnets(var.t0, var.t1, var.t2)", "cidrnetmask(var.t0)",
		"cidrcontains(var.t0, var.t2)", "base64gunzip(var.t2)", "templatestring(var.t2, {})", "timecmp(var.t2, var.t1)", "urldecode(var.t2)",
		"textdecodebase64(var.t2, var.t1)", "uuidv5(var.t2, var.t1)", "assumelistlength([var.t0], var.t1, var.t2)", "assumestringprefix(var.t0, var.t1)",
		"provider::cardfleet::tac(var.t2)", "provider::cardfleet::imei_check(var.t2)", "provider::cardfleet::iccid_operator(var.t2)",
	} {
		t.Run(expression, func(t *testing.T) {
			dir := withVariables(t, 3, expression)
			rapid.Check(t, func(t *rapid.T) {
				prefix := rapid.OneOf(rapid.SampledFrom([]string{"10.0.0.0/8", "10.0.0.0/32", "0.0.0.0/0", "::/0", "fd00::/64", "::1/128"}), rapid.String()).Draw(t, "prefix")
				number := rapid.OneOf(rapid.Map(rapid.Int64(), func(n int64) string { return strconv.FormatInt(n, 10) }),
					rapid.Map(rapid.IntRange(-40, 140), strconv.Itoa), rapid.SampledFrom([]string{"1.5", "1e400", "-1e400", "x"}))
				_, diags := valueOf(t, dir, expression, prefix, number.Draw(t, "first"), rapid.OneOf(number, rapid.String()).Draw(t, "second"))
				for _, d := range diags {
					assert.NotContains(t, d.Detail, "panic")
				}
			})
		})
	}
}

// What is made of a secret is a secret, and no mistake about it shows it.
func TestFunctionsKeepSecretsSecret(t *testing.T) {
	const secret = "hunter2-Zq9"
	for _, expression := range []string{
		"base64gzip(var.s)", "base64sha256(var.s)", "base64sha512(var.s)", "convert(var.s, string)", "convert([var.s], list(string))[0]", "urlencode(var.s)", "urldecode(var.s)",
		`textencodebase64(var.s, "UTF-16LE")`, `uuidv5("dns", var.s)`, `matchkeys([var.s], ["x"], ["x"])[0]`, `matchkeys(["a"], [var.s], [var.s])[0]`, "transpose({ a = [var.s] })",
		`templatestring("$${x}", { x = var.s })`, `assumeequal(var.s, var.s)`, "assumenotnull(var.s)", `assumestringprefix(var.s, "hunter2")`, "assumelistlengthmin([var.s], 1)[0]",
		"provider::cardfleet::imei_check(var.s)", "provider::cardfleet::iccid_operator(var.s)", "core::upper(var.s)",
	} {
		t.Run(expression, func(t *testing.T) {
			dir := writeFiles(t, map[string]string{"main.fleet.hcl": "variable \"s\" { sensitive = true }\noutput \"x\" {\n  value = issensitive(" + expression + ")\n}\n"})
			o := testOptions(dir)
			o.Vars = []Assignment{{Name: "s", Value: secret}}
			assert.Equal(t, `true`, outputsOf(t, o)["x"])
		})
	}
	for _, expression := range []string{
		"base64gunzip(var.s)", "cidrhost(var.s, 1)", "cidrcontains(var.s, var.s)", `cidrcontains("10.0.0.0/8", var.s)`, "convert(var.s, number)", "filesha256(var.s)", "filebase64(var.s)",
		`textdecodebase64("dA==", var.s)`, "timecmp(var.s, var.s)", `urldecode("${var.s}%zz")`, `uuidv5(var.s, "x")`, `templatestring("$${x + 1}", { x = var.s })`,
		`templatestring("$${${var.s}", {})`, "provider::cardfleet::tac(var.s)", `assumeequal(var.s, 1)`, "pathexpand(\"~${var.s}\")",
	} {
		t.Run(expression, func(t *testing.T) {
			o := testOptions(writeFiles(t, map[string]string{"main.fleet.hcl": "variable \"s\" { sensitive = true }\noutput \"x\" {\n  value = " + expression + "\n}\n"}))
			o.Vars = []Assignment{{Name: "s", Value: secret}}
			_, diags := Load(o)
			require.True(t, diags.HasErrors(), "it is a mistake")
			for _, d := range diags {
				assert.NotContains(t, fmt.Sprintf("%+v %+v", d, d.Snippet), secret)
			}
		})
	}
}

func TestFunctionNamesAreSortedAndWithoutCore(t *testing.T) {
	names := expr.FunctionNames()
	assert.IsIncreasing(t, names)
	assert.Contains(t, names, "abs")
	assert.Contains(t, names, "provider::cardfleet::tac")
	assert.NotContains(t, strings.Join(names, " "), "core::")
}

// A list of 100,000 elements is no matter of minutes.
func TestFunctionsOfLongListsAreQuick(t *testing.T) {
	const n = 100_000
	var rows strings.Builder
	rows.WriteString("id\n")
	for i := range n {
		fmt.Fprintf(&rows, "x%d\n", i)
	}
	c := mustLoad(t, map[string]string{"rows.csv": rows.String(), "main.fleet.hcl": `
locals {
  ids = [for row in csvdecode(file("rows.csv")) : row.id]
}
output "matched" { value = length(matchkeys(local.ids, local.ids, local.ids)) }
output "assumed" { value = length(assumelistlengthmin(local.ids, 1)) }
output "converted" { value = length(convert(local.ids, list(string))) }
output "transposed" { value = length(transpose({ a = tolist(local.ids) })) }
`})
	out, diags := c.Outputs(spec.Live{})
	require.Empty(t, texts(diags))
	for _, x := range out {
		assert.Equal(t, strconv.Itoa(n), string(x.Value), x.Name)
	}
}
