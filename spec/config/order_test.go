package config

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func sortStrings(list []string) { slices.Sort(list) }

// shown is one diagnostic's file and line, in order.
type shown struct {
	file    string
	line    int
	summary string
}

func TestAllMistakesOfAllFilesAtOnceInTheOrderOfTheSource(t *testing.T) {
	files := map[string]string{
		"a.fleet.hcl": `
card "a" {
  provider = aliyun
  iccid    = "8986"
  imei     = ""
  ime      = ""
}
crad "b" {}
output "x" {
  value = local.nope
}
`,
		"b.fleet.hcl": `
provider "aliyun" {
  retires = 1
  timeout = "soon"
}
variable "x" {
  type = numbr
}
locals {
  broken = [1
}
`,
		"c.fleet.json": `{
  "card": {"c": {"iccid": "898", "imei": "1", "provider": "aliyun", "colour": "red"}}
}`,
		"d.fleet.hcl": `
card "bike" {
  provider = aliyun
  from_csv = "bikes.csv"
  iccid    = each.key
  imei     = each.value.imei
}
approval "a" {
  action = "halt"
  cards  = {}
}
`,
		"bikes.csv": "iccid,imei\n898600D6991330004146,\n12,\n",
	}
	want := []shown{
		{"a.fleet.hcl", 4, "Invalid ICCID"},
		{"a.fleet.hcl", 5, "Blank IMEI"},
		{"a.fleet.hcl", 6, "Unsupported argument"},
		{"a.fleet.hcl", 8, "Unsupported block type"},
		{"b.fleet.hcl", 3, "Unsupported argument"},
		{"b.fleet.hcl", 4, "Invalid duration"},
		{"b.fleet.hcl", 7, "Invalid type specification"},
		{"b.fleet.hcl", 11, "Missing item separator"},
		{"bikes.csv", 2, "Blank IMEI"},
		{"bikes.csv", 3, "Invalid ICCID"},
		{"bikes.csv", 3, "Blank IMEI"},
		{"c.fleet.json", 2, "Invalid ICCID"},
		{"c.fleet.json", 2, "Invalid IMEI"},
		{"c.fleet.json", 2, "Extraneous JSON object property"},
		{"d.fleet.hcl", 9, "Unknown kind of action"},
	}
	for range 5 { // HCL's own diagnostics come in random order
		var got []shown
		for _, d := range mistakes(t, files) {
			require.NotNil(t, d.Subject, d.Summary)
			got = append(got, shown{d.Subject.File, d.Subject.Start.Line, d.Summary})
		}
		assert.Equal(t, want, got)
	}
}

func TestDiagnosticsHaveSnippetsWithContextAndValues(t *testing.T) {
	diags := mistakes(t, map[string]string{"main.fleet.hcl": `provider "aliyun" {}
variable "city" {
  default = { name = "杭州", n = 1 }
}
card "bike" {
  iccid  = "898600D6991330004146"
  labels = { a = "é", city = var.city.nme, b = parseint(var.city.name, 10) }
}
`})
	require.Len(t, diags, 2, "%v", texts(diags))
	d := diags[0]
	assert.Equal(t, "Unsupported attribute", d.Summary)
	assert.Equal(t, `card "bike"`, d.Snippet.Context)
	assert.Equal(t, `  labels = { a = "é", city = var.city.nme, b = parseint(var.city.name, 10) }`, d.Snippet.Code)
	assert.Equal(t, ".nme", underlined(d))
	assert.Equal(t, 7, d.Snippet.Line)
	assert.Equal(t, 38, d.Subject.Start.Column, "columns are characters")
	assert.Equal(t, 38, d.Snippet.From, "marks are bytes: the é has two")
	assert.Equal(t, []string{"var.city is object with 2 attributes"}, d.Snippet.Values)
	assert.Contains(t, diags[1].Snippet.Values, `var.city.name is "杭州"`)
}

func TestLongSubjectsShowTheirFirstLines(t *testing.T) {
	diags := mistakes(t, map[string]string{"main.fleet.hcl": "provider \"aliyun\" {}\ncard \"a\" {\n  iccid = [\n    1,\n    2,\n    3,\n    4,\n  ]\n}\n"})
	assert.Equal(t, "  iccid = [\n    1,\n    2,\n    3,", diags[0].Snippet.Code)
	assert.Equal(t, len(diags[0].Snippet.Code), diags[0].Snippet.To)
}

func TestMissingProviderIsSaidOnceWhereThereIsNone(t *testing.T) {
	diags := mistakes(t, map[string]string{"main.fleet.hcl": "card \"a\" { iccid = \"898600D6991330004146\" }\ncard \"b\" { iccid = \"898600D6991330004147\" }\n"})
	require.Len(t, diags, 1)
	assert.Equal(t, "Missing provider", diags[0].Summary)
	assert.Contains(t, diags[0].Detail, "There is no provider block")

	diags = mistakes(t, map[string]string{"main.fleet.hcl": "provider \"aliyun\" {}\nprovider \"cmiot\" {}\ncard \"a\" { iccid = \"898600D6991330004146\" }\n"})
	require.Len(t, diags, 1)
	assert.Contains(t, diags[0].Detail, "provider = aliyun. There are: aliyun, cmiot.")
}
