package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

const csvBlock = `provider "aliyun" {}
card "bike" {
  from_csv = "bikes.csv"
  iccid    = each.value.iccid
  imei     = each.value.imei
}
`

func csvFleet(csv string) map[string]string {
	return map[string]string{"main.fleet.hcl": csvBlock, "bikes.csv": csv}
}

func TestCSVIsReadAsSpreadsheetsWriteIt(t *testing.T) {
	for name, text := range map[string]string{
		"plain":            "iccid,imei\n" + iccidA + ",86153603019600\n",
		"mark":             "\uFEFFiccid,imei\n" + iccidA + ",86153603019600\n",
		"windows":          "iccid,imei\r\n" + iccidA + ",86153603019600\r\n",
		"quotes":           "\"iccid\",\"imei\"\n\"" + iccidA + "\",\"86153603019600\"\n",
		"no last newline":  "iccid,imei\n" + iccidA + ",86153603019600",
		"other columns":    "note,iccid,imei\n\"a, \"\"b\"\"\nc\"," + iccidA + ",86153603019600\n",
		"blank lines":      "iccid,imei\n\n" + iccidA + ",86153603019600\n\n",
		"lower case ICCID": "iccid,imei\n" + iccidA + ",86153603019600\n",
	} {
		t.Run(name, func(t *testing.T) {
			c := mustLoad(t, csvFleet(text))
			require.Len(t, c.Fleet.Cards, 1)
			card := c.Fleet.Cards[0]
			assert.Equal(t, spec.ICCID(iccidA), card.ICCID)
			assert.Equal(t, spec.IMEI("86153603019600"), card.IMEI)
			assert.Equal(t, `card.bike["`+iccidA+`"]`, card.Address())
			assert.Equal(t, "bikes.csv", card.Block.CSV())
		})
	}
	assert.Empty(t, mustLoad(t, csvFleet("iccid,imei\n")).Fleet.Cards)
}

func TestCSVMistakesNameFileRowColumnAndCard(t *testing.T) {
	good := iccidA + ",86153603019600\n"
	for _, row := range []struct {
		name, csv  string
		summary    string
		line, col  int
		underlined string
		detail     string
	}{
		{"blank imei", "iccid,imei\n" + good + iccidB + ",\n", "Blank IMEI", 3, 22, ",", `bikes.csv row 3, column "imei", ICCID ` + iccidB + `: The IMEI is blank`},
		{"bad imei", "iccid,imei\n" + good + iccidB + ",12\n", "Invalid IMEI", 3, 22, "12", `bikes.csv row 3, column "imei", ICCID ` + iccidB + `: "12" has 2 digits`},
		{"rounded iccid", "iccid,imei\n8.98606E+19,86153603019600\n", "Invalid ICCID", 2, 1, "8.98606E+19", `export the column as text`},
		{"quoted field", "imei,iccid\n86153603019600,\"8986\"\n", "Invalid ICCID", 2, 16, `"8986"`, `column "iccid"`},
		{"after a long row", "note,iccid,imei\n\"a\nb\"," + iccidA + ",12\n", "Invalid IMEI", 3, 25, "12", `bikes.csv row 2`},
		{"characters", "note,iccid,imei\n车é," + iccidA + ",12\n", "Invalid IMEI", 2, 25, "12", ``},
		{"too few", "iccid,imei\n" + iccidA + "\n" + iccidB + ",86153603019600\n", "Wrong number of fields", 2, 1, iccidA, `bikes.csv row 2, ICCID ` + iccidA + `: The row has 1 field, and the header names 2 columns. Compare`},
		{"too many", "iccid,imei\n" + iccidA + ",1,2\n", "Wrong number of fields", 2, 1, iccidA + ",1,2", `The row has 3 fields`},
		{"cut off", "iccid,imei\n" + good + "89860", "Wrong number of fields", 3, 1, "89860", `It is the last row, so the file may be cut off.`},
		{"cut off in quotes", "iccid,imei\n" + good + "\"89860", "Broken quotes", 3, 1, `"89860`, `the file may be cut off`},
		{"bare quote", "iccid,imei\n89\"8,12\n" + good, "Broken quotes", 2, 1, "89\"8,12", `write the inner quote twice`},
		{"not UTF-8", "iccid,imei\n" + iccidA + ",\xff\n", "Not UTF-8", 2, 22, "\xff", `column "imei"`},
		{"header not UTF-8", "iccid,imei,\xff\n", "Not UTF-8", 1, 12, "\xff", `A column's name`},
		{"empty", "", "Missing header", 1, 1, "", `The file is empty`},
		{"broken header", "ic\"cid\n", "Broken quotes", 1, 1, "ic\"cid", ``},
		{"no iccid", "ICCID,imei\n" + good, "Missing column", 1, 1, "ICCID,imei", `Did you mean "ICCID"? Names are compared to the letter. The columns are "ICCID" and "imei".`},
		{"no iccid at all", "icid,imei\n" + good, "Missing column", 1, 1, "icid,imei", `Did you mean "icid"?`},
		{"column twice", "iccid,imei,imei\n", "Duplicate column", 1, 12, "imei", `Two columns are named "imei"`},
		{"card twice", "iccid,imei\n" + good + iccidA + ",86153603019601\n", "Duplicate ICCID", 3, 1, iccidA, `(bikes.csv row 3), and in card.bike["` + iccidA + `"] (bikes.csv row 2)`},
		{"device twice", "iccid,imei\n" + good + iccidB + ",861536030196001\n", "Duplicate IMEI", 3, 22, "861536030196001", `card.bike["` + iccidB + `"] (bikes.csv row 3)`},
	} {
		t.Run(row.name, func(t *testing.T) {
			diags := mistakes(t, csvFleet(row.csv))
			require.Len(t, diags, 1, "%v", texts(diags))
			d := diags[0]
			assert.Equal(t, row.summary, d.Summary)
			assert.Contains(t, d.Detail, row.detail)
			assert.Equal(t, "bikes.csv", d.Subject.File)
			assert.Equal(t, [2]int{row.line, row.col}, [2]int{d.Subject.Start.Line, d.Subject.Start.Column})
			require.NotNil(t, d.Snippet)
			assert.Equal(t, row.underlined, underlined(d))
			assert.Equal(t, `card "bike"`, d.Snippet.Context)
		})
	}
}

func TestMissingColumnIsSaidOnce(t *testing.T) {
	for _, expression := range []string{"each.value.imai", `each.value["imai"]`, "trimspace(each.value.imai)"} {
		diags := mistakes(t, map[string]string{
			"main.fleet.hcl": strings.ReplaceAll(csvBlock, "each.value.imei", expression),
			"bikes.csv":      "iccid,imei\n" + iccidA + ",\n" + iccidB + ",\n",
		})
		require.Len(t, diags, 1, "%v", texts(diags))
		assert.Equal(t, 5, diags[0].Subject.Start.Line)
		assert.Contains(t, diags[0].Detail, "imai")
	}
}

func TestOptionalColumnsAreForTry(t *testing.T) {
	c := mustLoad(t, map[string]string{
		"main.fleet.hcl": strings.ReplaceAll(csvBlock, "each.value.imei", `try(each.value.imai, null)`),
		"bikes.csv":      "iccid\n" + iccidA + "\n",
	})
	assert.Empty(t, c.Fleet.Cards[0].IMEI)
}

func TestRepeatsInAFileAreCountedAfterTen(t *testing.T) {
	var b strings.Builder
	b.WriteString("iccid,imei\n")
	for i := range 422 {
		fmt.Fprintf(&b, "%s,\n", numberedICCID(i))
	}
	b.WriteString(iccidA + ",12\n")
	diags := mistakes(t, csvFleet(b.String()))
	require.Len(t, diags, 11)
	for i, d := range diags[:10] {
		assert.Equal(t, "Blank IMEI", d.Summary)
		assert.Equal(t, i+2, d.Subject.Start.Line)
		assert.Equal(t, i == 9, strings.HasSuffix(d.Detail, "and 412 more."))
	}
	assert.Equal(t, "Invalid IMEI", diags[10].Summary)
}

func TestForEachMistakesNameTheKeyAndAreCounted(t *testing.T) {
	diags := mistakes(t, map[string]string{"main.fleet.hcl": `provider "aliyun" {}
card "bike" {
  for_each = { for i in range(30) : format("k%02d", i) => i }
  iccid    = format("898600D6%012d", each.value)
  imei     = ""
  active   = each.value + 2
}
`})
	require.Len(t, diags, 11, "%v", texts(diags))
	assert.Equal(t, "Blank IMEI", diags[0].Summary, "what is wrong for all is said once")
	assert.Equal(t, `card.bike["k00"]`, diags[1].Address)
	assert.Equal(t, `card.bike["k09"]`, diags[10].Address)
	assert.Contains(t, diags[10].Detail, "and 20 more")
}

func TestCheckDigitsAreOneShortWarningABlock(t *testing.T) {
	c, diags := Load(testOptions(writeFiles(t, map[string]string{
		"main.fleet.hcl": csvBlock + "card \"a\" { iccid = \"89860617030017300390\" }\ncard \"b\" { iccid = \"89860617030017300391\" }\n",
		"bikes.csv":      "iccid,imei\n89860617030017300392,861536030196002\n89860617030017300393,861536030196012\n" + iccidA + ",86153603019602\n",
	})))
	require.NotNil(t, c)
	require.Len(t, diags, 3, "%v", texts(diags))
	for i, want := range []string{"2 ICCIDs, first 89860617030017300392.", "2 IMEIs, first 861536030196002.", "2 ICCIDs, first 89860617030017300390."} {
		assert.Equal(t, spec.Warning, diags[i].Severity)
		assert.Equal(t, "Check digit fails", diags[i].Summary)
		assert.True(t, strings.HasPrefix(diags[i].Detail, want), diags[i].Detail)
		assert.NotNil(t, diags[i].Snippet)
	}
}

func TestFromCSVInJSON(t *testing.T) {
	diags := mistakes(t, map[string]string{
		"main.fleet.json": `{"provider": {"aliyun": {}}, "card": {"bike": {
  "from_csv": "bikes.csv", "iccid": "${each.key}", "imei": "${each.value.imei}"}}}`,
		"bikes.csv": "iccid,imei\n" + iccidA + ",\n",
	})
	require.Len(t, diags, 1)
	assert.Equal(t, "bikes.csv", diags[0].Subject.File)
	assert.Equal(t, `card.bike["`+iccidA+`"]`, diags[0].Address)
}
