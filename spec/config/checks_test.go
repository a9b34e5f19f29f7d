package config

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

const checkedFleet = `
provider "aliyun" {}
variable "pool" {
  default   = "FC-secret"
  sensitive = true
}
card "bike" {
  for_each = { "898602B0011430000544" = "hangzhou", "898602B0011430000545" = "" }
  iccid    = each.key
  active   = true
  labels   = { city = each.value }
}
privacy_number "courier" {
  pool_key = "FC12345"
  subs_id  = "12345"
}
locals {
  blank   = [for c in card.bike : c.iccid if c.labels.city == ""]
  stopped = [for c in card.bike : c if c.live.active == false]
}
output "stopped" { value = length(local.stopped) }
output "key" {
  value     = card.bike["898602B0011430000544"].live.status
  sensitive = true
}
`

// checked are the fleet's checks of these blocks by what was read: the results, and the mistakes.
func checked(t *testing.T, blocks string, live spec.Live) ([]spec.Check, spec.Diagnostics) {
	t.Helper()
	c, diags := Load(testOptions(writeFiles(t, map[string]string{"main.fleet.hcl": checkedFleet + blocks})))
	require.NotNil(t, c, "%v", texts(diags))
	return c.Checks(live)
}

// bothRead has one card in service, and one that its owner stopped.
func bothRead() spec.Live {
	at := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	return spec.Live{
		Cards: []spec.Reading{
			{Provider: "aliyun", ICCID: "898602B0011430000544", At: at, Status: "正常", Lifecycle: spec.Active},
			{Provider: "aliyun", ICCID: "898602B0011430000545", At: at, Status: "停机", Lifecycle: spec.SuspendedByOwner},
		},
		Numbers: []spec.NumberReading{{Address: "privacy_number.courier", At: at, Status: 1, Number: "17000000001"}},
	}
}

func TestChecksSayWhetherTheyHold(t *testing.T) {
	oneRead := bothRead()
	oneRead.Cards = oneRead.Cards[:1]
	for _, row := range []struct {
		name, condition string
		live            spec.Live
		want            spec.CheckStatus
	}{
		{"a label", `length(local.blank) == 0`, spec.Live{}, spec.CheckFails},
		{"a label that is there", `alltrue([for c in card.bike : contains(keys(c.labels), "city")])`, spec.Live{}, spec.CheckPasses},
		{"live, not read", `alltrue([for c in card.bike : c.live.active])`, spec.Live{}, spec.CheckUnknown},
		{"live, one not read", `card.bike["898602B0011430000544"].live.active`, oneRead, spec.CheckPasses},
		{"live, the other not read", `alltrue([for c in card.bike : c.live.active])`, oneRead, spec.CheckUnknown},
		{"live", `alltrue([for c in card.bike : c.live.active])`, bothRead(), spec.CheckFails},
		{"a count of what was read", `length(local.stopped) <= 1`, bothRead(), spec.CheckPasses},
		{"an output", `output.stopped == 0`, bothRead(), spec.CheckFails},
		{"an output, not read", `output.stopped == 0`, spec.Live{}, spec.CheckUnknown},
		{"a sensitive output", `output.key == "正常"`, bothRead(), spec.CheckPasses},
		{"a privacy number", `privacy_number.courier.live.status == 1`, bothRead(), spec.CheckPasses},
		{"a secret", `startswith(var.pool, "FC")`, spec.Live{}, spec.CheckPasses},
		{"a text that is a bool", `"true"`, spec.Live{}, spec.CheckPasses},
		{"the clock", `timecmp(timestamp(), "2027-01-01T00:00:00Z") < 0`, spec.Live{}, spec.CheckPasses},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, diags := checked(t, "check \"it\" {\n  condition     = "+row.condition+"\n  error_message = \"no: ${length(local.blank)}\"\n}\n", row.live)
			require.Empty(t, texts(diags))
			message := ""
			if row.want == spec.CheckFails {
				message = "no: 1"
			}
			first := strings.Count(checkedFleet, "\n") + 1
			assert.Equal(t, []spec.Check{{Name: "it", Severity: spec.CheckWarns, Status: row.want, Message: message, File: "main.fleet.hcl", Line: first}}, got)
		})
	}
}

func TestAChecksMessage(t *testing.T) {
	for _, row := range []struct{ name, message, want string }{
		{"tells cards", `"${join(", ", local.blank)} has no city"`, "898602B0011430000545 has no city"},
		{"is a number", `length(local.blank)`, "1"},
		{"depends on what was not read", `"it is ${card.bike["898602B0011430000544"].live.status}"`, "The message depends on what was not read."},
		{"holds a secret", `"it is ${var.pool}"`, "The message holds a sensitive value, so it is not shown."},
		{"holds a sensitive output", `"it is ${output.key}"`, "The message holds a sensitive value, so it is not shown."},
		{"is blank", `""`, "its error_message is blank"},
		{"is long", `join("", [for i in range(1000) : "深圳 "])`, strings.Repeat("深圳 ", 666) + "深圳… (1000 more characters)"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, diags := checked(t, "check \"it\" {\n  condition     = false\n  error_message = "+row.message+"\n}\n", spec.Live{})
			require.Empty(t, texts(diags))
			require.Len(t, got, 1)
			assert.Equal(t, row.want, got[0].Message)
		})
	}
	got, diags := checked(t, "check \"it\" {\n  condition     = length(local.blank) == 1\n  error_message = \"${local.blank[7]}\"\n}\n", spec.Live{})
	require.Empty(t, texts(diags), "it is not looked at where the condition holds")
	assert.Equal(t, spec.CheckPasses, got[0].Status)
}

func TestMistakesInChecks(t *testing.T) {
	block := func(lines ...string) string {
		return "check \"it\" {\n  " + strings.Join(lines, "\n  ") + "\n}\n"
	}
	const condition, message = `condition     = true`, `error_message = "x"`
	for _, row := range []struct{ name, blocks, want string }{
		{"no condition", block(message), `"condition" is required`},
		{"no message", block(condition), `"error_message" is required`},
		{"a severity that is none", block(condition, message, `severity = "fatal"`), `severity is "warning", which tells people, or "error"`},
		{"an attribute that is none", block(condition, message, `color = "red"`), `"color"`},
		{"a blank name", "check \"\" {\n  condition = true\n  error_message = \"x\"\n}\n", "A check is shown by its name"},
		{"a name twice", block(condition, message) + block(condition, message), `check "it" is declared twice`},
		{"a number", block(`condition = 3`, message), "The condition of a check is true or false, and this is number"},
		{"null", block(`condition = null`, message), "The condition of a check is true or false, and this is null"},
		{"a list for a message", block(`condition = false`, `error_message = ["x"]`), "error_message is a text, and this is tuple"},
		{"each", block(`condition = each.key == ""`, message), "each.key and each.value exist only in a card block"},
		{"a card that isn't there", block(`condition = length(card.bikes) > 0`, message), `There is no card named "bikes". Did you mean "bike"?`},
		{"an output that isn't there", block(`condition = output.stoped == 0`, message), `There is no output named "stoped". Did you mean "stopped"?`},
		{"a message's reference, though the condition holds", block(condition, `error_message = "${local.blanks}"`), `There is no local value named "blanks"`},
		{"an output in an output", "output \"o\" { value = output.stopped }\n", "Only check blocks may refer to output.stopped"},
		{"an output in a local value", "locals { o = output.stopped }\n", "Only check blocks may refer to output.stopped"},
		{"a card in a card", "card \"x\" {\n  iccid = card.bike[\"x\"].iccid\n}\n", "Outputs and checks, and local values that only these use, may refer to it"},
	} {
		t.Run(row.name, func(t *testing.T) {
			diags := mistakes(t, map[string]string{"main.fleet.hcl": checkedFleet + row.blocks})
			require.Len(t, diags, 1, "%v", texts(diags))
			assert.Contains(t, diags[0].Detail, row.want)
		})
	}
}

func TestAMistakeInACheckThatOnlyLiveValuesShow(t *testing.T) {
	_, diags := checked(t, "check \"it\" {\n  condition     = parseint(card.bike[\"898602B0011430000544\"].live.status, 10) > 0\n  error_message = \"x\"\n}\n", bothRead())
	require.Len(t, diags, 1)
	assert.Equal(t, spec.Error, diags[0].Severity)
	assert.Equal(t, `check "it"`, diags[0].Snippet.Context)
}

func TestChecksInJSON(t *testing.T) {
	c := mustLoad(t, map[string]string{"main.fleet.json": `{
  "provider": {"aliyun": {}},
  "card": {"kiosk": {"iccid": "898602B0011430000544", "labels": {"city": ""}}},
  "check": {"every card has a city": {"condition": "${card.kiosk.labels.city != \"\"}", "error_message": "${card.kiosk.iccid} has none", "severity": "error"}}
}`})
	got, diags := c.Checks(spec.Live{})
	require.Empty(t, texts(diags))
	require.Len(t, got, 1)
	assert.Equal(t, "898602B0011430000544 has none", got[0].Message)
	assert.True(t, got[0].Refuses())
}

func TestWhatWasReadIsAskedForWhereAChecksLooksAtIt(t *testing.T) {
	for condition, reads := range map[string]bool{
		`var.pool != ""`: false, `length(local.blank) == 0`: true, `output.stopped == 0`: true, `privacy_number.courier.live.status == 1`: true,
	} {
		c := mustLoad(t, map[string]string{"main.fleet.hcl": checkedFleet + "check \"it\" {\n  condition     = " + condition + "\n  error_message = \"x\"\n}\n"})
		assert.Equal(t, reads, c.ChecksRead(), condition)
	}
}
