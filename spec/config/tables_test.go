package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

// emptiedOf is what a configuration of one block hands over about files without rows.
func emptiedOf(t *testing.T, block string, files map[string]string) []spec.Emptied {
	t.Helper()
	files["main.fleet.hcl"] = "provider \"aliyun\" {}\n" + block
	return mustLoad(t, files).Fleet.Emptied
}

const emptyBlock = `
card "bike" {
  %s
  iccid = each.key
}
`

func TestATableWithoutRowsIsHandedOver(t *testing.T) {
	for _, row := range []struct {
		name, rows, file, text string
		handed                 bool
	}{
		{"from_csv, a header alone", `from_csv = "f"`, "f", "iccid,imei\n", true},
		{"from_csv, a header without a line's end", `from_csv = "f"`, "f", "iccid,imei", true},
		{"from_csv, commas below the header", `from_csv = "f"`, "f", "iccid,imei\n,\n,\n", true},
		{"from_csv, allowed", "from_csv = \"f\"\n  allow_empty = true", "f", "iccid,imei\n", false},
		{"from_csv, not allowed", "from_csv = \"f\"\n  allow_empty = false", "f", "iccid,imei\n", true},
		{"csvdecode", `for_each = { for r in csvdecode(file("f")) : r.iccid => r }`, "f", "iccid,imei\n", true},
		{"csvdecode with a filter", `for_each = { for r in csvdecode(file("f")) : r.iccid => r if r.imei != "" }`, "f", "iccid,imei\n", true},
		{"csvdecode, allowed", "for_each = { for r in csvdecode(file(\"f\")) : r.iccid => r }\n  allow_empty = true", "f", "iccid\n", false},
		{"jsondecode", `for_each = { for r in jsondecode(file("f")) : r.iccid => r }`, "f", "[]", true},
		{"jsondecode of a map", `for_each = jsondecode(file("f"))`, "f", "{}", true},
		{"yamldecode", `for_each = { for r in yamldecode(file("f")) : r.iccid => r }`, "f", "[]\n", true},
		{"a list within the file", `for_each = { for r in jsondecode(file("f")).cards : r.iccid => r }`, "f", `{"cards": [], "page": 1}`, true},
		{"a list within the file, filtered", `for_each = { for r in jsondecode(file("f")).cards : r.iccid => r if r.on }`, "f", `{"cards": [], "page": 1}`, false},
		{"a list within the file, chosen", `for_each = true ? {} : jsondecode(file("f"))`, "f", `{"cards": []}`, false},
		{"toset", `for_each = toset([for r in csvdecode(file("f")) : r.iccid])`, "f", "iccid\n", true},
		{"a filter that yields nothing", `for_each = { for r in csvdecode(file("f")) : r.iccid => r if r.city == "x" }`, "f", "iccid,city\n" + iccidA + ",y\n", false},
		{"no file", `for_each = { for r in csvdecode("iccid\n") : r.iccid => r }`, "f", "", false},
		{"written out", `for_each = {}`, "f", "", false},
		{"rows", `from_csv = "f"`, "f", "iccid\n" + iccidA + "\n", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := emptiedOf(t, fmt.Sprintf(emptyBlock, row.rows), map[string]string{row.file: row.text})
			if !row.handed {
				assert.Empty(t, got)
				return
			}
			require.Len(t, got, 1)
			assert.Equal(t, "bike", got[0].Block)
			d := got[0].Diagnostic
			assert.Equal(t, spec.Warning, d.Severity)
			assert.Equal(t, `"f" has no row. Where card.bike is meant to have no card from it, write allow_empty = true.`, d.Detail)
			require.NotNil(t, d.Snippet)
			assert.Contains(t, d.Snippet.Code, row.rows[:8], "the source is shown")
		})
	}
}

func TestATableWithoutRowsIsFoundThroughLocals(t *testing.T) {
	locals := `
locals {
  text  = file("f")
  rows  = csvdecode(local.text)
  bikes = { for r in local.rows : r.iccid => r }
  other = csvdecode(file("f"))
}
`
	got := emptiedOf(t, locals+fmt.Sprintf(emptyBlock, "for_each = local.bikes"),
		map[string]string{"f": "iccid\n"})
	require.Len(t, got, 1, "local.other is of no card block")
	assert.Equal(t, "bike", got[0].Block)
	got = emptiedOf(t, locals+`
card "bike" {
  iccid  = "`+iccidA+`"
  labels = { n = length(local.rows) }
}
`, map[string]string{"f": "iccid\n"})
	require.Len(t, got, 1, "a card that is made from the table by another attribute")
}

func TestATableWithoutRowsIsFoundWhereOnlyTheRowsReadIt(t *testing.T) {
	const block = `
locals {
  devices = { for r in csvdecode(file("f")) : r.iccid => r.imei }
}
card "bike" {
  from_csv = "b.csv"
  iccid    = each.value.iccid
  imei     = %s
}
`
	for _, row := range []struct {
		name, imei string
		handed     bool
	}{
		{"in each row", `lookup({ for r in csvdecode(file("f")) : r.iccid => r.imei }, each.key, null)`, true},
		{"through a local", `lookup(local.devices, each.key, null)`, true},
		{"in rows that choose it", `each.value.own == "1" ? null : lookup(local.devices, each.key, null)`, true},
		{"in no row's choice", `each.value.own == "" ? lookup(local.devices, each.key, null) : null`, false},
		{"decoded in no row's choice", `each.value.own == "" ? try(csvdecode(file("f"))[0].imei, null) : null`, false},
		{"not at all", `null`, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			files := map[string]string{"f": "iccid,imei\n", "b.csv": "iccid,own\n" + iccidA + ",1\n" + iccidB + ",0\n"}
			got := emptiedOf(t, fmt.Sprintf(block, row.imei), files)
			if !row.handed {
				assert.Empty(t, got)
				return
			}
			require.Len(t, got, 1)
			assert.Contains(t, got[0].Diagnostic.Detail, `"f" has no row.`)
		})
	}
}

func TestATableThatNoBranchChoosesMayHaveNoRow(t *testing.T) {
	const locals = `
variable "new" { default = true }
locals {
  none = { for r in csvdecode(file("f")) : r.iccid => r }
  some = { for r in csvdecode(file("g")) : r.iccid => r }
}
`
	for _, row := range []struct {
		name, rows string
		handed     bool
	}{
		{"locals, not chosen", `var.new ? local.some : local.none`, false},
		{"locals, chosen", `var.new ? local.none : local.some`, true},
		{"locals, within another", `var.new ? (var.new ? local.some : local.none) : local.none`, false},
		{"decoded, not chosen", `{ for r in (var.new ? csvdecode(file("g")) : csvdecode(file("f"))) : r.iccid => r }`, false},
		{"decoded, chosen", `{ for r in (!var.new ? csvdecode(file("g")) : csvdecode(file("f"))) : r.iccid => r }`, true},
		{"in both branches", `var.new ? { for r in csvdecode(file("f")) : r.iccid => r } : { for r in csvdecode(file("f")) : "x" => r }`, true},
		{"in the condition", `length(local.none) == 0 ? local.some : local.some`, true},
		{"beside it", `merge(local.none, var.new ? local.some : local.none)`, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := emptiedOf(t, locals+fmt.Sprintf(emptyBlock, "for_each = "+row.rows), map[string]string{"f": "iccid\n", "g": "iccid\n" + iccidA + "\n"})
			assert.Equal(t, row.handed, len(got) == 1, "%v", got)
		})
	}
}

func TestKeysThatStandTwiceAreRefusedWithBothPlaces(t *testing.T) {
	for _, row := range []struct{ name, block, file, want string }{
		{"for_each", "card \"bike\" {\n  for_each = {\n    \"a\" = \"1\"\n    \"a\" = \"2\"\n  }\n  iccid = each.key\n}\n", "", `The key "a" stands twice in one map: here and at main.fleet.hcl line 4.`},
		{"locals", "locals {\n  x = { a = 1, b = { c = 1, \"c\" = 2 } }\n}\n", "", `The key "c" stands twice in one map: here and at main.fleet.hcl line 3.`},
		{"labels", "card \"bike\" {\n  iccid  = \"" + iccidA + "\"\n  labels = { a = \"1\", a = \"2\" }\n}\n", "", `The key "a" stands twice in one map`},
		{"approval", "approval \"x\" {\n  action = \"unbind\"\n  cards = {\n    \"" + iccidA + "\" = \"861536030196001\"\n    \"" + iccidA + "\" = \"861536030196019\"\n  }\n}\n", "", `stands twice in one map: here and at main.fleet.hcl line 5.`},
		{"default", "variable \"x\" {\n  default = { a = 1, a = 2 }\n}\n", "", `The key "a" stands twice`},
		{"JSON", "locals {\n  x = jsondecode(file(\"f\"))\n}\n", "{\n\"a\": {\"b\": 1},\n\"c\": [{\"d\": 1,\n\"d\": 2}]}", `f: the key "d" stands twice in one map: in line 3 and in line 4`},
		{"YAML", "locals {\n  x = yamldecode(file(\"f\"))\n}\n", "a: 1\nb:\n  c: 1\n  c: 2\n", `f: the key "c" stands twice in one map: in line 3 and in line 4`},
	} {
		t.Run(row.name, func(t *testing.T) {
			diags := mistakes(t, map[string]string{"main.fleet.hcl": "provider \"aliyun\" {}\n" + row.block, "f": row.file})
			require.Len(t, diags, 1, "%v", texts(diags))
			assert.Contains(t, diags[0].Detail, row.want)
		})
	}
	mustLoad(t, map[string]string{"f": `[{"a": 1, "b": {"a": 2}}, {"a": [1, {"a": 2}], "c": "a"}]`, "g": "a: &x {b: 1}\nc: {<<: *x, d: 1}\n",
		"main.fleet.hcl": "locals {\n  x = jsondecode(file(\"f\"))\n  y = yamldecode(file(\"g\"))\n  z = { (path.root) = 1, \"${path.root}\" = 2 }\n}\n"})
}

func TestNumbersInPlaceOfTextsAreRefused(t *testing.T) {
	for _, row := range []struct{ name, block, file string }{
		{"packages", "card \"a\" {\n  iccid = \"" + iccidA + "\"\n  packages = [10002]\n}\n", ""},
		{"packages of JSON", "card \"a\" {\n  iccid = \"" + iccidA + "\"\n  packages = jsondecode(file(\"f\"))\n}\n", "[10002]"},
		{"packages of a row", "card \"a\" {\n  for_each = jsondecode(file(\"f\"))\n  iccid = each.key\n  packages = each.value\n}\n", `{"` + iccidA + `": [10002]}`},
		{"removed", "removed {\n  iccids = [89860617030017300008]\n}\n", ""},
		{"approval's devices", "approval \"x\" {\n  action = \"unbind\"\n  cards = { \"" + iccidA + "\" = 861536030196001 }\n}\n", ""},
		{"approval's cards", "approval \"x\" {\n  action = \"unbind\"\n  cards = { 89860617030017300008 = \"861536030196001\" }\n}\n", ""},
		{"keys of for_each", "card \"a\" {\n  for_each = { 89860617030017300008 = \"861536030196001\" }\n  iccid = each.key\n}\n", ""},
		{"keys of YAML", "locals {\n  x = yamldecode(file(\"f\"))\n}\n", "89860617030017300008: {imei: \"861536030196001\"}\n"},
		{"a zero in YAML", "locals {\n  x = yamldecode(file(\"f\"))\n}\n", "- {imei: 012345670123459}\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			diags := mistakes(t, map[string]string{"main.fleet.hcl": "provider \"aliyun\" {}\n" + row.block, "f": row.file})
			require.Len(t, diags, 1, "%v", texts(diags))
			assert.Contains(t, diags[0].Detail, "write it in quotes")
			assert.Regexp(t, "leading zeros?", diags[0].Detail)
		})
	}
}

// cutTable is a fleet of the ICCIDs in a column.
func cutTable(forEach bool, iccids ...string) map[string]string {
	source := `from_csv = "cards.csv"`
	if forEach {
		source = `for_each = { for r in csvdecode(file("cards.csv")) : r.iccid => r }`
	}
	return map[string]string{"cards.csv": "iccid\n" + strings.Join(iccids, "\n") + "\n",
		"main.fleet.hcl": "provider \"aliyun\" {}\ncard \"bike\" {\n  " + source + "\n  iccid = each.value.iccid\n}\n"}
}

func TestICCIDsThatLostDigitsAreRefused(t *testing.T) {
	for _, row := range []struct {
		name, want string
		iccids     []string
	}{
		{"cut", "a spreadsheet keeps 15 digits", []string{"89860617030017300000", "89860617030117300000", "89860617030217300000"}},
		{"cut to 19 digits", "a spreadsheet keeps 15 digits", []string{"8986061703001730000", "8986061703011730000"}},
		{"two alike", "a spreadsheet keeps 15 digits", []string{"89860617030017300000", "89860617030017300000"}},
		{"through doubles", "multiples of 1,024 or 16,384", []string{"89860617030017302528", "89860617030017318912", "89860617030017335296", "89860617030017351680", "89860617030017368064"}},
	} {
		for _, forEach := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, for_each %v", row.name, forEach), func(t *testing.T) {
				diags := mistakes(t, cutTable(forEach, row.iccids...))
				var errors []string
				for _, d := range diags {
					if d.Severity == spec.Error {
						errors = append(errors, d.Summary+": "+d.Detail)
					}
				}
				require.Len(t, errors, 1, "nothing else is said, such as that a card is declared twice: %v", texts(diags))
				assert.Contains(t, errors[0], "Lost digits")
				assert.Contains(t, errors[0], row.want)
				assert.Contains(t, errors[0], row.iccids[0])
			})
		}
	}
}

func TestDoubtfulNumbersAreWarnedOfAtTheirRows(t *testing.T) {
	iccids := []string{"89860617030017300000"}
	for i := range 200 {
		iccids = append(iccids, fmt.Sprintf("8986061703002%07d", i*37+11))
	}
	_, diags := Load(testOptions(writeFiles(t, cutTable(false, iccids...))))
	var got []spec.Diagnostic
	for _, d := range diags {
		if d.Summary == "Lost digits" {
			got = append(got, d)
		}
	}
	require.Len(t, got, 1)
	assert.Equal(t, spec.Warning, got[0].Severity)
	assert.Equal(t, 2, got[0].Subject.Start.Line)
	assert.Contains(t, got[0].Detail, `cards.csv row 2, column "iccid": The ICCID 89860617030017300000 may have lost digits.`)

	var rows strings.Builder
	rows.WriteString("iccid,imei\n")
	for i := range 300 {
		imei := numberedIMEI(i) + "0"
		if i%20 == 5 {
			imei = numberedIMEI(i)
		}
		fmt.Fprintf(&rows, "%s,%s\n", numberedICCID(i), imei)
	}
	_, diags = Load(testOptions(writeFiles(t, csvFleet(rows.String()))))
	short := 0
	for _, d := range diags {
		if d.Summary == "Lost zero" {
			short++
			assert.Contains(t, d.Detail, "nearly all others of the table have 15")
			if short == 10 {
				assert.Contains(t, d.Detail, "And 5 more.")
			}
		}
	}
	assert.Equal(t, 10, short)

	_, diags = Load(testOptions(writeFiles(t, csvFleet("iccid,imei\n"+iccidA+",12345670123459\n"))))
	require.Len(t, diags, 1, "%v", texts(diags))
	assert.Contains(t, diags[0].Detail, `row 2, column "imei": The IMEI 12345670123459 lost its leading zero`)
	assert.Contains(t, diags[0].Detail, "012345670123459")
}

func TestADeviceOfABlockThatLostItsZeroIsWarnedOf(t *testing.T) {
	blocks := func(n int, imei string) string {
		var b strings.Builder
		b.WriteString("provider \"aliyun\" {}\n")
		for i := range n {
			fmt.Fprintf(&b, "card \"c%d\" {\n  iccid = \"%s\"\n  imei = %s\n  shared_imei = true\n}\n", i, numberedICCID(i), imei)
		}
		return b.String()
	}
	for _, imei := range []string{`"12345670123459"`, `join("", ["12345670123459"])`} {
		_, diags := Load(testOptions(writeFiles(t, map[string]string{"main.fleet.hcl": blocks(1, imei)})))
		require.Len(t, diags, 1, "%v", texts(diags))
		assert.Equal(t, spec.Warning, diags[0].Severity)
		assert.Equal(t, "The IMEI 12345670123459 lost its leading zero: no IMEI of 14 digits begins with 1, and the check digit of 012345670123459 holds. Write that.", diags[0].Detail)
		assert.Equal(t, 4, diags[0].Subject.Start.Line)
	}
	_, diags := Load(testOptions(writeFiles(t, map[string]string{"main.fleet.hcl": blocks(12, `"12345670123459"`)})))
	require.Len(t, diags, 10)
	assert.Contains(t, diags[9].Detail, "Write that. And 2 more.")
	mustLoad(t, map[string]string{"main.fleet.hcl": blocks(1, `"86153603020000"`)})
}

func TestTextsThatAreGBKByChanceAreWarnedOf(t *testing.T) {
	for name, main := range map[string]string{
		"csvdecode":  `csvdecode(file("f"))`,
		"jsondecode": `jsondecode(file("g"))`,
		"yamldecode": `yamldecode(file("h"))`,
	} {
		t.Run(name, func(t *testing.T) {
			_, diags := Load(testOptions(writeFiles(t, map[string]string{
				"main.fleet.hcl": "locals {\n  x = " + main + "\n}\n",
				"f":              "iccid,note\n1,\xd7\xb4\xcc\xac\n", "g": "[\"\xd7\xb4\xcc\xac\"]", "h": "- \xd7\xb4\xcc\xac\n",
			})))
			require.Len(t, diags, 1, "%v", texts(diags))
			assert.Equal(t, spec.Warning, diags[0].Severity)
			assert.Contains(t, diags[0].Detail, "Chinese in GBK")
		})
	}
}
