package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

const decodedBlock = `provider "aliyun" {}
locals { rows = csvdecode(file("bikes.csv")) }
card "bike" {
  for_each = { for row in local.rows : row.iccid => row }
  iccid    = each.value.iccid
  imei     = each.value.imei
}
`

// foreignTables are files that no strict reader takes, and the cause that it names.
var foreignTables = map[string]struct{ text, cause string }{
	"semicolons": {"iccid;imei\n" + iccidA + ";\n", "separated by semicolons"},
	"tabs":       {"iccid\timei\n" + iccidA + "\t\n", "separated by tabs"},
	"wide":       {"iccid；imei\n" + iccidA + "；\n", "separated by full-width semicolons"},
	"sep=":       {"sep=,\niccid,imei\n" + iccidA + ",\n", "delete that line"},
	"old Mac":    {"iccid,imei\r" + iccidA + ",\r", "CR alone"},
	"doubled CR": {"iccid,imei\r\r\n" + iccidA + ",86153603019600\r\r\n", "CR CR LF"},
	"title":      {"清单,\niccid,imei\n" + iccidA + ",\n", "The header seems to be line 2"},
	"guards":     {"iccid,imei\n=\"" + iccidA + "\",\n", "guarded against spreadsheets"},
	"GBK":        {"iccid,note\n" + iccidA + ",\xba\xbc\xd6\xdd\n", "GBK"},
	"UTF-16":     {"\xff\xfei\x00c\x00c\x00i\x00d\x00\n\x00", "UTF-16"},
	"xlsx":       {"PK\x03\x04\x14\x00\x06\x00\x08\x00xl/worksheets/sheet1.xml\xff", "a workbook (xlsx)"},
	"xls":        {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\x00", "save it as xlsx"},
}

func TestAFileThatIsNoCanonicalTableIsNamedWithItsCauseAndTheWayOut(t *testing.T) {
	for name, row := range foreignTables {
		t.Run(name, func(t *testing.T) {
			for from, block := range map[string]string{"from_csv": csvBlock, "csvdecode": decodedBlock} {
				diags := mistakes(t, map[string]string{"main.fleet.hcl": block, "bikes.csv": row.text})
				require.Len(t, diags, 1, "%s: %v", from, texts(diags))
				assert.Contains(t, diags[0].Detail, row.cause, from)
				assert.Contains(t, diags[0].Detail, "cardfleet table bikes.", from)
				if diags[0].Snippet != nil {
					assert.True(t, strings.ToValidUTF8(diags[0].Snippet.Code, "") == diags[0].Snippet.Code, "bytes on the terminal")
				}
			}
		})
	}
}

func TestRowsOfCommasAreSkipped(t *testing.T) {
	for from, block := range map[string]string{"from_csv": csvBlock, "csvdecode": decodedBlock} {
		c := mustLoad(t, map[string]string{"main.fleet.hcl": block, "bikes.csv": "iccid,imei,note\n" + iccidA + ",86153603019600,\n,,\n,,\n"})
		assert.Len(t, c.Fleet.Cards, 1, from)
	}
}

func TestAChineseColumnIsToBeRenamed(t *testing.T) {
	diags := mistakes(t, csvFleet("卡号,imei\n"+iccidA+",\n"))
	require.Len(t, diags, 1)
	assert.Contains(t, diags[0].Detail, `Column "卡号" seems to be it: rename it to iccid.`)
	assert.Contains(t, diags[0].Detail, "cardfleet table bikes.csv -out=bikes.csv")
	diags = mistakes(t, csvFleet("iccid,设备IMEI\n"+iccidA+",\n"))
	require.Len(t, diags, 1)
	assert.Contains(t, diags[0].Detail, `Column "设备IMEI" seems to be it: rename it to imei.`)
	diags = mistakes(t, map[string]string{"main.fleet.hcl": decodedBlock, "bikes.csv": "iccid,设备IMEI\n" + iccidA + ",\n"})
	require.Len(t, diags, 1)
	assert.Contains(t, diags[0].Detail, `Column "设备IMEI" seems to be it: rename it to imei.`)
}

func TestAMissingColumnInAnExpressionIsSuggested(t *testing.T) {
	for _, block := range []string{
		strings.ReplaceAll(csvBlock, "each.value.imei", "trimspace(each.value.imai)"),
		strings.ReplaceAll(decodedBlock, "each.value.imei", "each.value.imai"),
		strings.ReplaceAll(decodedBlock, "row.iccid", "row.icid"),
	} {
		diags := mistakes(t, map[string]string{"main.fleet.hcl": block, "bikes.csv": "iccid,imei\n" + iccidA + ",86153603019600\n"})
		require.NotEmpty(t, diags)
		assert.Contains(t, diags[0].Detail, "Did you mean")
	}
}

func TestADressedNumberEndsWithTheCommandThatMendsIt(t *testing.T) {
	for cell, mends := range map[string]bool{"861536030196001.0": true, "'861536030196001": true, "８６１５３６０３０１９６００１": true, "12": false, "8.61536E+14": false} {
		diags := mistakes(t, csvFleet("iccid,imei\n"+iccidA+","+cell+"\n"))
		require.Len(t, diags, 1, cell)
		assert.Equal(t, mends, strings.Contains(diags[0].Detail, "cardfleet table bikes.csv -out=bikes.csv"), diags[0].Detail)
	}
}

func TestGBKThatIsValidUTF8IsAWarning(t *testing.T) {
	c, diags := Load(testOptions(writeFiles(t, csvFleet("iccid,imei,note\n"+iccidA+",86153603019600,\xd7\xb4\xcc\xac\n"))))
	require.NotNil(t, c)
	require.Len(t, diags, 1)
	assert.Equal(t, spec.Warning, diags[0].Severity)
	assert.Contains(t, diags[0].Detail, `bikes.csv row 2, column "note"`)
	assert.Contains(t, diags[0].Detail, "GBK")
}

func TestJSONMayBeginWithAMark(t *testing.T) {
	const mark = "\uFEFF"
	c := mustLoad(t, map[string]string{
		"main.fleet.json": mark + `{"provider":{"aliyun":{}},"card":{"a":{"iccid":"` + iccidA + `"}}}`,
		"more.fleet.hcl":  "card \"b\" {\n  for_each = toset([for r in jsondecode(file(\"rows.json\")) : r.iccid])\n  iccid    = each.key\n}\n",
		"rows.json":       mark + `[{"iccid":"` + iccidB + `"}]`,
	})
	assert.Len(t, c.Fleet.Cards, 2)
	diags := mistakes(t, map[string]string{"main.fleet.json": mark + `{"provider":{"aliyun":{}},"card":{"a":{"iccid":"12"}}}`})
	require.Len(t, diags, 1)
	assert.Equal(t, `"12"`, underlined(diags[0]))
}
