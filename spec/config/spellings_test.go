package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

// tableOf is a fleet of one table with the columns iccid and active, read by a
// card block that says active as the expression does. With forEach the rows come
// by csvdecode in place of from_csv.
func tableOf(active string, forEach bool, cells ...string) map[string]string {
	var rows strings.Builder
	rows.WriteString("iccid,active\n")
	for i, cell := range cells {
		fmt.Fprintf(&rows, "%s,%s\n", numberedICCID(i), cell)
	}
	source := `from_csv = "rows.csv"`
	if forEach {
		source = `for_each = { for r in csvdecode(file("rows.csv")) : r.iccid => r }`
	}
	return map[string]string{"rows.csv": rows.String(), "main.fleet.hcl": fmt.Sprintf(`
provider "aliyun" {}
card "bike" {
  %s
  iccid  = each.value.iccid
  active = %s
}
`, source, active)}
}

func TestActiveTakesTheTruthsThatSpreadsheetsWrite(t *testing.T) {
	for _, forEach := range []bool{false, true} {
		c := mustLoad(t, tableOf("each.value.active", forEach, "true", "TRUE", "True", "1", "false", "FALSE", "0"))
		want := []spec.Switch{spec.On, spec.On, spec.On, spec.On, spec.Off, spec.Off, spec.Off}
		for i, card := range c.Fleet.Cards {
			assert.Equal(t, want[i], card.Active, "row %d, for_each %v", i+2, forEach)
		}
		c = mustLoad(t, tableOf(`each.value.active == "" ? null : each.value.active`, forEach, "", "TRUE"))
		assert.Equal(t, spec.Unset, c.Fleet.Cards[0].Active)
		assert.Equal(t, spec.On, c.Fleet.Cards[1].Active)
	}
}

func TestActiveRefusesWhatSaysNeitherTrueNorFalseAtItsRow(t *testing.T) {
	for cell, summary := range map[string]string{
		"": "Blank switch", " ": "Blank switch", "yes": "Unsuitable value", "是": "Unsuitable value", "2": "Unsuitable value", " true": "Unsuitable value", "ＴＲＵＥ": "Unsuitable value",
	} {
		t.Run(cell, func(t *testing.T) {
			diags := mistakes(t, tableOf("each.value.active", false, "true", cell))
			require.Len(t, diags, 1, "%v", texts(diags))
			assert.Equal(t, summary, diags[0].Summary)
			assert.Contains(t, diags[0].Detail, `rows.csv row 3, column "active", ICCID `+numberedICCID(1))
			require.Len(t, mistakes(t, tableOf("each.value.active", true, "true", cell)), 1)
		})
	}
}

func TestAColumnThatIsComparedHasNoOtherSpellingOfTheText(t *testing.T) {
	for _, row := range []struct {
		name, active string
		cells        []string
		row          int    // of the first mistake; 0 for none
		counts       string // in the message
	}{
		{"case", `each.value.active == "true"`, []string{"true", "TRUE", "false", "TRUE", "True"}, 3, `in 3 rows: "TRUE" in 2 rows, "True" in 1 row.`},
		{"white space", `each.value.active == "true"`, []string{"true ", "true"}, 2, `in 1 row: "true " in 1 row.`},
		{"full width", `each.value.active == "true"`, []string{"true", "ｔｒｕｅ"}, 3, `"ｔｒｕｅ" in 1 row.`},
		{"the truth in other words", `each.value.active == "true"`, []string{"1", "yes", "是", "true"}, 2, `in 3 rows: "1" in 1 row, "yes" in 1 row, "是" in 1 row.`},
		{"the untruth in other words", `each.value["active"] != "false"`, []string{"false", "否"}, 3, `"否" in 1 row.`},
		{"a word of another kind", `"Run" == each.value.active`, []string{"Run", "stop", "run"}, 4, `"run" in 1 row.`},
		{"blank", `each.value.active == "" ? null : true`, []string{"", " "}, 3, `" " in 1 row.`},
		{"none", `each.value.active == "true"`, []string{"true", "false", "", "no"}, 0, ""},
		{"both are compared with", `each.value.active == "true" || each.value.active == "TRUE"`, []string{"true", "TRUE", "false"}, 0, ""},
		{"another word", `each.value.active == "run"`, []string{"run", "stop", "running"}, 0, ""},
		{"a column in lower case", `lower(each.value.active) == "true"`, []string{"true", "TRUE"}, 0, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.row == 0 {
				mustLoad(t, tableOf(row.active, false, row.cells...))
				mustLoad(t, tableOf(row.active, true, row.cells...))
				return
			}
			diags := mistakes(t, tableOf(row.active, false, row.cells...))
			require.Len(t, diags, 1, "%v", texts(diags))
			assert.Equal(t, "Another spelling", diags[0].Summary)
			assert.Equal(t, row.row, diags[0].Subject.Start.Line)
			assert.Contains(t, diags[0].Detail, row.counts)
			diags = mistakes(t, tableOf(row.active, true, row.cells...))
			require.Len(t, diags, 1, "%v", texts(diags))
			assert.Contains(t, diags[0].Detail, row.counts)
		})
	}
}
