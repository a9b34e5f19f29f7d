package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

func TestTheConsoleWritesValuesAsExpressions(t *testing.T) {
	o := testOptions(writeFiles(t, map[string]string{"main.fleet.hcl": `
provider "aliyun" { access_key_secret = "written-out" }
variable "key" {
  default   = "hunter2-Zq9"
  sensitive = true
}
locals { written = "written-out" }
`}))
	o.Expressions = true
	c, diags := Load(o)
	require.NotNil(t, c, "%v", texts(diags))
	k := c.Console(spec.Live{})
	for text, want := range map[string]string{
		`"a"`: `"a"`, `"a\"b"`: `"a\"b"`, `"$${x}"`: `"$${x}"`, `1.50`: `1.5`, `true`: `true`, `null`: `null`,
		`[]`: `[]`, `{}`: `{}`, `tomap({})`: `tomap({})`, `toset(["a"])`: "toset([\n  \"a\",\n])",
		`{ b = [1], a = {} }`: "{\n  \"a\" = {}\n  \"b\" = [\n    1,\n  ]\n}",
		`tostring(null)`:      `tostring(null)`,
		`"a\nb\n"`:            "<<EOT\na\nb\nEOT",
		`["a\nb"]`:            "[\n  \"a\\nb\",\n]",
		`var.key`:             `(sensitive value)`, `[var.key]`: "[\n  (sensitive value),\n]",
		`local.written`:         `"(sensitive value)"`, // a provider's setting says it too
		`nonsensitive(var.key)`: `"hunter2-Zq9"`,       // who writes that wants to see it
	} {
		got, diags := k.Eval(text)
		assert.Empty(t, texts(diags), text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{`(`, `nowhere`, `each.key`, `1 +`, `card.none`, `parseint(var.key, 10)`} {
		got, diags := k.Eval(text)
		assert.True(t, diags.HasErrors(), text)
		assert.Empty(t, got, text)
	}
	got, diags := k.Eval(`1`)
	assert.Empty(t, texts(diags), "a mistake is not told twice")
	assert.Equal(t, "1", got)
}
