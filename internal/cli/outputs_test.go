package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withOutputs is a fleet that was applied, with outputs of each kind.
func withOutputs(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind+`
variable "key" {
  default   = "a-secret-of-ours"
  sensitive = true
}
locals { cities = csvdecode(file("cities.csv")) }
output "status" { value = card.kiosk.live.status }
output "wanted" { value = card.kiosk.imei }
output "cities" { value = [for c in local.cities : c.city] }
output "number" { value = 17 }
output "nothing" { value = null }
output "key" {
  value     = var.key
  sensitive = true
}
`)
	r.write("cities.csv", "city\nhangzhou\nbeijing\n")
	r.want(0, r.run("apply", "-auto-approve"))
	return r
}

func TestOutputShowsWhatTheStateRemembersAndAsksNoCarrier(t *testing.T) {
	r := withOutputs(t)
	asked := len(r.world.Requests())
	delete(r.env, "ALIBABA_CLOUD_ACCESS_KEY_ID")
	delete(r.env, "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
	got := r.want(0, r.run("output"))
	assert.Equal(t, `cities = ["hangzhou","beijing"]
key = (sensitive value)
nothing = null
number = 17
status = "正常"
wanted = "`+deviceB+`"
`, got.out)
	assert.Len(t, r.world.Requests(), asked, "no carrier was asked")
}

func TestOutputJSONHasTerraformsForm(t *testing.T) {
	r := withOutputs(t)
	var all map[string]struct {
		Sensitive bool `json:"sensitive"`
		Type      any  `json:"type"`
		Value     any  `json:"value"`
	}
	require.NoError(t, json.Unmarshal([]byte(r.want(0, r.run("output", "-json")).out), &all))
	require.Len(t, all, 6)
	assert.Equal(t, "string", all["status"].Type)
	assert.Equal(t, "正常", all["status"].Value)
	assert.Equal(t, []any{"tuple", []any{"string", "string"}}, all["cities"].Type)
	assert.True(t, all["key"].Sensitive)
	assert.Equal(t, "a-secret-of-ours", all["key"].Value, "-json shows sensitive values, as Terraform's does")
	assert.Equal(t, "[\n  \"hangzhou\",\n  \"beijing\"\n]\n", r.want(0, r.run("output", "-json", "cities")).out)

	r.write("main.fleet.hcl", rebind)
	assert.Equal(t, "{}\n", r.want(0, r.run("output", "-json")).out)
	assert.Contains(t, r.want(0, r.run("output")).errors, "The configuration has no output block.")
}

func TestANamedOutputIsShownAlone(t *testing.T) {
	r := withOutputs(t)
	assert.Equal(t, "\"正常\"\n", r.want(0, r.run("output", "status")).out)
	assert.Equal(t, "\"a-secret-of-ours\"\n", r.want(0, r.run("output", "key")).out, "who names it wants to see it")
	assert.Equal(t, "正常", r.want(0, r.run("output", "-raw", "status")).out)
	assert.Equal(t, "17", r.want(0, r.run("output", "number", "-raw")).out)

	r.write("odd.fleet.hcl", "output \"odd\" { value = \"a\\u001b[2J\\n::error::b\" }\n")
	assert.Equal(t, "a\x1b[2J\n::error::b", r.want(0, r.run("output", "-raw", "odd")).out, "a script gets what it is")
	r.env["CI"] = "true"
	assert.Equal(t, `a\x1b[2J`+"\n"+`\u003a:error::b`, r.want(0, r.run("output", "-raw", "odd")).out, "a log doesn't obey it")
	r.write("odd.fleet.hcl", "")

	for args, want := range map[string]string{
		"statsu":      "Did you mean status?",
		"zzzzzz":      "There are: cities, key, nothing, number, status, wanted.",
		"-raw cities": "Not a plain value", "-raw nothing": "No value", "-raw": "takes the name of one output",
		"-raw -json status": "not both", "a b": "one name at most",
	} {
		got := r.want(1, r.run(append([]string{"output"}, strings.Fields(args)...)...))
		assert.Contains(t, got.errors, want, args)
		assert.Empty(t, got.out, args)
	}
}

func TestTheConsoleEvaluatesEachLineAndAMistakeDoesNotEndIt(t *testing.T) {
	r := withOutputs(t)
	r.in = "1 + 1\n\nnowhere\ncard.kiosk.live.status\nvar.key\n[for c in local.cities : upper(c.city)]\nfile(\"none.csv\")\n\"${var.key}!\"\nlength(local.cities)"
	got := r.want(1, r.run("console"))
	assert.Equal(t, `2
"正常"
(sensitive value)
[
  "HANGZHOU",
  "BEIJING",
]
(sensitive value)
2
`, got.out)
	assert.Contains(t, got.errors, "on <console-input> line 1:\n   1: nowhere\n      ^^^^^^^")
	assert.Contains(t, got.errors, `no file exists at "none.csv"`)
	assert.NotContains(t, got.out+got.errors, "a-secret-of-ours")

	r.in = "1\n"
	r.want(0, r.run("console"))
	r.tty, r.in = true, "2 * 3\nnowhere\nexit\n7\n"
	assert.Equal(t, "> 6\n> > ", r.want(0, r.run("console")).out, "a terminal has a prompt, and exit ends it")
	r.tty, r.in = false, "2 * 3\nexit\n7\n"
	assert.Equal(t, "6\n", r.want(0, r.run("console")).out, "from a pipe too, as in Terraform")
	r.in = "nowhere\nexit\n7\n"
	assert.Empty(t, r.want(1, r.run("console")).out, "and a mistake before it is not forgotten")
}

func TestAConsoleNeedsNoOutputBlockAndNoState(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.in = "card.kiosk.iccid\ncard.kiosk.live.status\ncard.kiok\n"
	got := r.want(1, r.run("console"))
	assert.Equal(t, "\""+kiosk+"\"\n(not read yet)\n", got.out)
	assert.Contains(t, got.errors, `Did you mean "kiosk"?`)
}
