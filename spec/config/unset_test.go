package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

func TestAnUnsetVariableIsToldToWhoNeedsItsValue(t *testing.T) {
	c := mustLoad(t, map[string]string{"main.fleet.hcl": `
fleet {
  backend "local" { path = env("PATH_OF_STATE") }
  encryption { passphrase = "${local.key}!" }
  notify "slack" { url = env("HOOK") }
}
locals {
  key  = env("KEY")
  none = try(env("TRIED"), "tried")
}
provider "aliyun" {
  access_key_id     = local.none
  access_key_secret = local.key
}
privacy_number "courier" {
  pool_key = env("POOL")
  subs_id  = "1"
}
output "key" {
  value     = local.key
  sensitive = true
}
output "shown" { value = nonsensitive(env("SHOWN")) }
check "set" {
  condition     = env("CHECKED") != ""
  error_message = "it is not"
}
`})
	for need, want := range map[spec.Need][]int{
		spec.ForState: {3}, spec.ForMessages: {5}, spec.ForEncryption: {8}, spec.ForCarriers: {8, 16}, spec.ForOutputs: {23, 25},
	} {
		var lines []int
		for _, d := range c.Fleet.UnsetFor(need) {
			lines = append(lines, d.Subject.Start.Line)
			assert.Contains(t, d.Detail, "is not set; set it, or write try(env(")
			assert.NotNil(t, d.Snippet)
		}
		assert.Equal(t, want, lines, "%v", need)
	}
	assert.Equal(t, "tried", c.Fleet.Providers[0].Settings["access_key_id"])
	assert.Empty(t, c.Fleet.Notify)

	out, diags := c.Outputs(spec.Live{})
	require.Len(t, out, 1, "the one that nobody sees is there all the same")
	assert.Equal(t, "key", out[0].Name)
	assert.True(t, out[0].Unset.HasErrors())
	assert.Len(t, diags, 1)
}

func TestAnUnsetVariableIsAMistakeWhereCardsNeedIt(t *testing.T) {
	for _, cards := range []string{
		`card "a" { iccid = nonsensitive(env("NOPE")) }`,
		"locals { x = nonsensitive(env(\"NOPE\")) }\ncard \"a\" {\n  iccid = \"898600D6991330004146\"\n  labels = { x = local.x }\n}",
		"card \"a\" {\n  for_each = toset([\"898600D6991330004146\"])\n  iccid = each.key\n  labels = { x = \"${each.key}${env(\"NOPE\")}\" }\n}",
		"locals {\n  x = env(\"NOPE\")\n  y = \"${local.x}!\"\n}\ncard \"a\" {\n  for_each = { a = local.y }\n  iccid = \"898600D6991330004146\"\n}",
	} {
		diags := mistakes(t, map[string]string{"main.fleet.hcl": "provider \"aliyun\" {}\n" + cards})
		require.Len(t, diags, 1, "%s: %v", cards, texts(diags))
		assert.Contains(t, diags[0].Detail, "the environment variable NOPE is not set", cards)
	}
}
