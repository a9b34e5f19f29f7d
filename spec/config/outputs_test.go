package config

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

const outputFleet = `
provider "aliyun" {}
card "kiosk" {
  iccid    = "898600D6991330004146"
  imei     = "86153603019600"
  packages = ["10002"]
}
card "bike" {
  for_each = toset(["898602B0011430000544", "898602B0011430000545"])
  iccid    = each.key
  active   = true
}
card "none" {
  for_each = {}
  iccid    = each.key
}
privacy_number "courier" {
  pool_key = env("POOL")
  subs_id  = "12345"
}
locals {
  states = { for k, c in card.bike : k => c.live.status }
  plain  = "x"
}
output "number" { value = privacy_number.courier.live }
output "kiosk" { value = card.kiosk }
output "states" { value = local.states }
output "active" { value = [for c in card.bike : c.live.active] }
output "wanted" { value = card.bike["898602B0011430000544"].active }
output "none" { value = length(card.none) }
output "text" { value = "it is ${card.kiosk.live.lifecycle}" }
output "pool" {
  value     = privacy_number.courier.pool_key
  sensitive = true
}
`

func TestOutputsHoldWhatWasRead(t *testing.T) {
	o := testOptions(writeFiles(t, map[string]string{"main.fleet.hcl": outputFleet}))
	o.Env = environment(map[string]string{"POOL": "FC-secret"})
	c, diags := Load(o)
	require.NotNil(t, c, "%v", texts(diags))
	at := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

	values := func(live spec.Live) map[string]string {
		out, diags := c.Outputs(live)
		require.Empty(t, texts(diags))
		m := map[string]string{}
		for _, x := range out {
			m[x.Name] = string(x.Value)
			assert.Equal(t, x.Name == "pool", x.Sensitive)
		}
		return m
	}
	got := values(spec.Live{
		Cards: []spec.Reading{
			{Provider: "aliyun", ICCID: "898602B0011430000544", At: at, Status: "停机", Lifecycle: spec.SuspendedByOwner},
			{Provider: "aliyun", ICCID: "898602B0011430000545", At: at, Unread: "timed out"},
			{Provider: "aliyun", ICCID: "898600D6991330004146", At: at, Status: "正常", Lifecycle: spec.Active,
				Has: spec.AttrBinding | spec.AttrPackages, IMEI: "86153603019600", Packages: []spec.Package{{ID: "1"}, {ID: "2"}}},
		},
		Numbers: []spec.NumberReading{{Address: "privacy_number.courier", At: at, Status: 1, Number: "17000000001"}},
	})
	assert.Equal(t, map[string]string{
		"number": `{"number":"17000000001","status":1}`,
		"kiosk": `{"active":null,"bound":null,"current_imei":null,"iccid":"898600D6991330004146","imei":"86153603019600",` +
			`"labels":{},"live":{"active":true,"imei":"86153603019600","lifecycle":"active","packages":["1","2"],"reason":"","status":"正常"},"msisdn":null,` +
			`"packages":["10002"],"provider":"aliyun","shared_imei":false}`,
		"states": `{"898602B0011430000544":"停机","898602B0011430000545":null}`,
		"active": `[false,null]`,
		"wanted": `true`,
		"none":   `0`,
		"text":   `"it is active"`,
		"pool":   `"FC-secret"`,
	}, got)

	unread := values(spec.Live{})
	assert.Equal(t, `null`, unread["number"])
	assert.Equal(t, `null`, unread["text"])
	again := values(spec.Live{Numbers: []spec.NumberReading{{Address: "privacy_number.courier", At: at, Status: 3}}})
	assert.Equal(t, `{"number":null,"status":3}`, again["number"], "outputs can be asked again")
}

func TestOutputMistakesThatOnlyLiveValuesShow(t *testing.T) {
	c := mustLoad(t, map[string]string{"main.fleet.hcl": `
provider "aliyun" {}
card "a" { iccid = "898600D6991330004146" }
output "n" { value = parseint(card.a.live.status, 10) }
output "b" { value = "fine" }
`})
	out, diags := c.Outputs(spec.Live{Cards: []spec.Reading{{
		Provider: "aliyun", ICCID: "898600D6991330004146", At: time.Unix(1, 0), Status: "soon",
	}}})
	require.Len(t, out, 1)
	require.Len(t, diags, 1)
	assert.Equal(t, 4, diags[0].Subject.Start.Line)
	assert.Equal(t, []string{`card.a.live.status is "soon"`}, diags[0].Snippet.Values)
}

func TestAnOutputThatJSONCannotHaveIsAMistakeAtItsPlace(t *testing.T) {
	diags := mistakes(t, map[string]string{"main.fleet.hcl": `output "fine" { value = [log(8, 2)] }
output "nested" {
  value = { a = [1, log(0, 10)] }
}
output "text" { value = tonumber("inf") }
`})
	require.Len(t, diags, 2)
	for i, name := range []string{"nested", "text"} {
		assert.Equal(t, []int{3, 5}[i], diags[i].Subject.Start.Line)
		assert.Equal(t, "Unsuitable value", diags[i].Summary)
		assert.Contains(t, diags[i].Detail, "output."+name+" can't be written as JSON")
	}
	c := mustLoad(t, map[string]string{"main.fleet.hcl": `
provider "aliyun" {}
card "a" { iccid = "898600D6991330004146" }
output "n" { value = tonumber(card.a.live.status) }
output "b" { value = "fine" }
`})
	out, diags := c.Outputs(spec.Live{Cards: []spec.Reading{{Provider: "aliyun", ICCID: "898600D6991330004146", At: time.Unix(1, 0), Status: "inf"}}})
	require.Len(t, out, 1)
	require.Len(t, diags, 1)
	assert.Equal(t, 4, diags[0].Subject.Start.Line, "what only a reading shows")
}

// Every way in which a secret could be met, in configurations full of mistakes.
func TestNoSecretIsInADiagnostic(t *testing.T) {
	const secret = "hunter2-Zq9"
	o := testOptions(writeFiles(t, map[string]string{
		"main.fleet.hcl": `
provider "aliyun" {
  access_key_secret = "` + secret + `" + 1
  access_key_id     = tonumber(env("S"))
  retries           = var.s
  timeout           = env("S")
}
provider "cmiot" {
  password = "` + secret + `"
  passwort = "` + secret + `"
}
variable "s" {
  type      = string
  sensitive = true
  validation {
    condition     = length(var.s) > 100
    error_message = "bad: ${var.s}"
  }
}
variable "t" {
  type      = number
  sensitive = true
  default   = "` + secret + `"
}
variable "u" {
  type      = number
  sensitive = true
}
card "a" {
  provider = aliyun
  iccid    = upper(var.s)
  imei     = parseint(upper(var.s), 10)
  labels   = { a = file(upper(env("S"))), b = file(var.s) }
}
card "b" {
  provider = aliyun
  for_each = { (var.s) = 1 }
  iccid    = each.key
}
card "c" {
  provider = aliyun
  iccid    = { a = 1 }[var.s]
}
output "a" { value = "x${var.s}y" }
output "b" { value = sensitive("` + secret + `") }
output "c" { value = upper(base64encode(var.s)) + 1 }
`,
		"cardfleet.auto.fleetvars.hcl": "s = \"" + secret + "\"\nother = \"" + secret + "\"\nu = \"" + secret + "\"\n",
	}))
	o.Env = environment(map[string]string{"S": secret})
	_, diags := Load(o)
	require.True(t, diags.HasErrors())
	require.Greater(t, len(diags), 10, "%v", texts(diags))
	all := fmt.Sprintf("%+v", diags)
	for _, d := range diags {
		if d.Snippet != nil {
			all += fmt.Sprintf("%+v", *d.Snippet)
		}
	}
	assert.NotContains(t, all, secret)
	assert.NotContains(t, strings.ToLower(all), strings.ToLower(secret))
}

func TestASecretInALineThatCannotBeParsedIsNotShown(t *testing.T) {
	for _, line := range []string{`access_key_secret = "hunter2`, `access_key_secret="hunter2" nonsense`, `access_key_secret = "hunter2" + `} {
		_, diags := Load(testOptions(writeFiles(t, map[string]string{"main.fleet.hcl": "provider \"aliyun\" {\n  " + line + "\n}\n"})))
		require.True(t, diags.HasErrors())
		for _, d := range diags {
			require.NotNil(t, d.Snippet)
			assert.NotContains(t, d.Snippet.Code, "hunter2", d.Summary)
			assert.NotContains(t, d.Detail, "hunter2")
		}
	}
}
