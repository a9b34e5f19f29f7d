package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLaterSourcesOfAVariableWin(t *testing.T) {
	sources := []struct {
		name string
		add  func(files map[string]string, env map[string]string, o *Options)
	}{
		{"default", func(map[string]string, map[string]string, *Options) {}},
		{"env", func(_, env map[string]string, _ *Options) { env["CARDFLEET_VAR_x"] = "env" }},
		{"cardfleet", func(f, _ map[string]string, _ *Options) { f["cardfleet.auto.fleetvars.hcl"] = `x = "cardfleet"` }},
		{"a", func(f, _ map[string]string, _ *Options) { f["a.auto.fleetvars.hcl"] = `x = "a"` }},
		{"z", func(f, _ map[string]string, _ *Options) { f["z.auto.fleetvars.hcl"] = `x = "z"` }},
		{"file", func(f, _ map[string]string, o *Options) {
			f["prod.fleetvars.hcl"] = `x = "file"`
			o.Vars = append(o.Vars, Assignment{File: "prod.fleetvars.hcl"})
		}},
		{"flag", func(_, _ map[string]string, o *Options) {
			o.Vars = append(o.Vars, Assignment{Name: "x", Value: "flag"})
		}},
		{"json", func(f, _ map[string]string, o *Options) {
			f["prod.fleetvars.json"] = `{"x": "json"}`
			o.Vars = append(o.Vars, Assignment{File: "prod.fleetvars.json"})
		}},
	}
	for n := range sources {
		t.Run(sources[n].name, func(t *testing.T) {
			files := map[string]string{"main.fleet.hcl": `variable "x" {
  default = "default"
}
output "x" {
  value = var.x
}
`}
			env, o := map[string]string{"CARDFLEET_VAR_undeclared": "ignored"}, testOptions("")
			for _, s := range sources[:n+1] {
				s.add(files, env, &o)
			}
			o.Dir, o.Env = writeFiles(t, files), environment(env)
			assert.Equal(t, `"`+sources[n].name+`"`, outputsOf(t, o)["x"])
		})
	}
}

func TestAValueTakesTheTypeOfItsVariable(t *testing.T) {
	for _, row := range []struct{ name, block, text, want string }{
		{"string is literal", `type = string`, `[1]`, `"[1]"`},
		{"no type is literal", ``, `[1]`, `"[1]"`},
		{"any is an expression", `type = any`, `[1, "a"]`, `[1,"a"]`},
		{"number", `type = number`, `12`, `12`},
		{"bool", `type = bool`, `true`, `true`},
		{"list", `type = list(string)`, `["a", 1]`, `["a","1"]`},
		{"set", `type = set(string)`, `["b", "a", "b"]`, `["a","b"]`},
		{"map", `type = map(number)`, `{a = "1"}`, `{"a":1}`},
		{"optional", `type = object({ a = string, b = optional(number, 7), c = optional(bool) })`, `{a = "x"}`, `{"a":"x","b":7,"c":null}`},
		{"nested optional", `type = list(object({ a = optional(string, "d") }))`, `[{}, {a = "x"}]`, `[{"a":"d"},{"a":"x"}]`},
		{"tuple", `type = tuple([string, number])`, `["a", "2"]`, `["a",2]`},
		{"not nullable", `type = any
  default = 5
  nullable = false`, `null`, `5`},
		{"null", `type = list(string)
  default = []`, `null`, `null`},
	} {
		t.Run(row.name, func(t *testing.T) {
			o := testOptions(writeFiles(t, map[string]string{
				"main.fleet.hcl": `variable "x" {
  ` + row.block + `
}
output "x" {
  value = var.x
}
`,
			}))
			o.Vars = []Assignment{{Name: "x", Value: row.text}}
			assert.Equal(t, row.want, outputsOf(t, o)["x"])
			o.Vars, o.Env = nil, environment(map[string]string{"CARDFLEET_VAR_x": row.text})
			assert.Equal(t, row.want, outputsOf(t, o)["x"], "from the environment")
		})
	}
}

func TestEachMistakeInAVariableIsShownWhereItStands(t *testing.T) {
	for _, row := range []struct {
		name, block string
		vars        []Assignment
		summary     string
		detail      string
		line        int // 0: no place
	}{
		{"no value", `variable "x" {}`, nil, "No value for required variable", "-var 'x=…'", 1},
		{"wrong default", `variable "x" {
  type = number
  default = "many"
}`, nil, "Invalid default value for variable", "a number is required", 3},
		{"wrong nested default", `variable "x" {
  type = object({a = list(number)})
  default = {a = [1, "b"]}
}`, nil, "Invalid default value for variable", ".a[1]: a number is required", 3},
		{"infinite default", `variable "x" {
  type = list(number)
  default = [1, "inf"]
}`, nil, "Invalid default value for variable", "[1]: it is infinite", 3},
		{"infinite value", `variable "x" {
  type = number
}`, []Assignment{{Name: "x", Value: "-Inf"}}, "Invalid value for variable", "declared at main.fleet.hcl line 1: it is infinite", 1},
		{"endless value", `variable "x" {
  type = number
}`, []Assignment{{Name: "x", Value: "1e99999999"}}, "Invalid value for variable", "at most 1000 digits on either side of its point", 1},
		{"endless fraction", `variable "x" {
  type = object({a = any})
}`, []Assignment{{Name: "x", Value: "{a = 1e-99999999}"}}, "Invalid value for variable", ".a: a number has at most 1000 digits", 1},
		{"wrong type", `variable "x" {
  type = strin
}`, nil, "Invalid type specification", "strin", 2},
		{"wrong value", `variable "x" {
  type = number
}`, []Assignment{{Name: "x", Value: "many"}}, "Invalid value for variable", "declared at main.fleet.hcl line 1: a number is required", 1},
		{"null where it can't be", `variable "x" {
  type = any
  nullable = false
}`, []Assignment{{Name: "x", Value: "null"}}, "Invalid value for variable", "can't be null", 1},
		{"not an expression", `variable "x" {
  type = any
}`, []Assignment{{Name: "x", Value: "["}}, "Missing expression", "", 1},
		{"variables in a value", `variable "x" {
  type = any
}`, []Assignment{{Name: "x", Value: "var.y"}}, "Variables not allowed", "", 1},
		{"undeclared by -var", `variable "city" {
  default = 1
}`, []Assignment{{Name: "ctiy", Value: "1"}}, "Value for undeclared variable", `Did you mean "city"?`, 0},
		{"no file", "", []Assignment{{File: "nope.hcl"}}, "File cannot be read", `no file exists at "nope.hcl"`, 0},
		{"validation", `variable "x" {
  default = 1
  validation {
    condition = var.x > 1
    error_message = "Too small: ${var.x}."
  }
}`, nil, "Invalid value for variable", `Too small: 1.

This was checked by the validation rule of var.x at main.fleet.hcl line 3.`, 4},
		{"validation that isn't", `variable "x" {
  default = 1
  validation {
    condition = 7
    error_message = ""
  }
}`, nil, "Unsuitable value", "A condition must be true or false", 4},
		{"message that isn't", `variable "x" {
  default = 1
  validation {
    condition = true
    error_message = []
  }
}`, nil, "Unsuitable value", "must be text", 5},
		{"sensitive isn't bool", `variable "x" {
  default = 1
  sensitive = "maybe"
}`, nil, "Unsuitable value", "sensitive must be true or false", 3},
		{"twice", `variable "x" { default = 1 }
variable "x" { default = 2 }`, nil, "Duplicate name", `variable "x" is declared twice: here and at main.fleet.hcl line 1`, 2},
		{"bad name", "variable \"a b\" { default = 1 }", nil, "Invalid name", `"a b" can't be the name of a variable`, 1},
		{"unknown attribute", `variable "x" {
  defualt = 1
}`, nil, "Unsupported argument", `Did you mean "default"?`, 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			o := testOptions(writeFiles(t, map[string]string{"main.fleet.hcl": row.block + "\n"}))
			o.Vars = row.vars
			c, diags := Load(o)
			require.Nil(t, c)
			require.NotEmpty(t, diags)
			assert.Equal(t, row.summary, diags[0].Summary)
			assert.Contains(t, diags[0].Detail, row.detail)
			if row.line == 0 {
				assert.Nil(t, diags[0].Subject)
				return
			}
			require.NotNil(t, diags[0].Subject)
			assert.Equal(t, row.line, diags[0].Subject.Start.Line)
		})
	}
}

func TestUndeclaredVariableInAFileIsAWarningWithoutItsValue(t *testing.T) {
	c, diags := Load(testOptions(writeFiles(t, map[string]string{
		"main.fleet.hcl": `variable "secret" { default = "" }`,
		"cardfleet.auto.fleetvars.hcl": `sceret = "hunter2"
`,
	})))
	require.NotNil(t, c)
	require.Len(t, diags, 1)
	assert.Equal(t, "Value for undeclared variable", diags[0].Summary)
	assert.Contains(t, diags[0].Detail, `Did you mean "secret"?`)
	assert.Equal(t, "sceret", diags[0].Snippet.Code)
}

func TestLocalsInAnyOrder(t *testing.T) {
	o := testOptions(writeFiles(t, map[string]string{
		"main.fleet.hcl": `locals {
  c = "${local.b}c"
  b = "${local.a}b"
}
locals { a = "a" }
output "x" { value = local.c }
`,
	}))
	assert.Equal(t, `"abc"`, outputsOf(t, o)["x"])
}

func TestLocalCyclesAreReportedOnce(t *testing.T) {
	diags := mistakes(t, map[string]string{
		"main.fleet.hcl": `locals {
  z = local.a
  a = local.b
  b = local.c
  c = local.a
  s = local.s
}
`,
	})
	require.Len(t, diags, 2, "%v", texts(diags))
	assert.Equal(t, "Cycle in local values", diags[0].Summary)
	assert.Contains(t, diags[0].Detail, "local.a → local.b → local.c → local.a")
	assert.Equal(t, 3, diags[0].Subject.Start.Line)
	assert.Contains(t, diags[1].Detail, "local.s → local.s")
}
