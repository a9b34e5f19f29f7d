package cli_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

func TestPrivacyNumbersAreWatched(t *testing.T) {
	world := describe()
	world.Numbers = []carriersim.Number{{Pool: "FC12345", Subs: "12345", Status: 2, Number: "17000000009"}}
	r := newRig(t, world)
	r.env["CARDFLEET_VAR_privacy_url"] = r.url + "/aliyun-privacy"
	r.write("main.fleet.hcl", strings.Replace(provider, "requests_per", "privacy_endpoint = var.privacy_url\n  requests_per", 1)+`
variable "privacy_url" { type = string }
privacy_number "courier" {
  pool_key = "FC12345"
  subs_id  = "12345"
  number   = "17000000001"
}
output "x_number" { value = privacy_number.courier.live.number }
`)
	got := r.want(2, r.run("plan", "-detailed-exitcode"))
	assert.Contains(t, got.out, "Privacy number was replaced for now")
	assert.Contains(t, got.out, "17000000009")
	assert.Contains(t, got.out, `x_number = "17000000009"`)
	assert.Contains(t, got.out, "0 unchanged, 1 needs attention.")

	r.want(0, r.run("plan", "-out=p.fleetplan"))
	var shown struct {
		Summary map[string]int   `json:"summary"`
		Numbers []map[string]any `json:"privacy_numbers"`
	}
	require.NoError(t, json.Unmarshal([]byte(r.run("show", "-json", "p.fleetplan").out), &shown))
	require.Len(t, shown.Numbers, 1)
	for key, want := range map[string]any{"address": "privacy_number.courier", "provider": "aliyun", "pool_key": "FC12345", "subs_id": "12345", "expected": "17000000001", "number": "17000000009", "status": 2.0} {
		assert.Equal(t, want, shown.Numbers[0][key], key)
	}
	assert.Equal(t, 1, shown.Summary["attention"])

	world.SetNumber(carriersim.Number{Pool: "FC12345", Subs: "12345", Status: 1, Number: "17000000001"})
	r.want(0, r.run("plan", "-detailed-exitcode"))
}

func TestJSONSyntaxPlansTheSame(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	native := r.want(2, r.run("plan", "-detailed-exitcode"))
	require.NoError(t, os.Remove(filepath.Join(r.dir, "main.fleet.hcl")))
	r.write("main.fleet.json", `{
  "variable": {"carrier_url": {"type": "string"}},
  "provider": {"aliyun": {"endpoint": "${var.carrier_url}", "requests_per_second": 100000}},
  "card": {"kiosk": {"iccid": "89860617030017300390", "imei": "861536030196019", "current_imei": "861536030196001"}}
}`)
	got := r.want(2, r.run("plan", "-detailed-exitcode"))
	assert.Equal(t, native.out, got.out)
	assert.Contains(t, got.out, "at 100000/s")
}

// doubtful leaves the kiosk's change of binding in doubt.
func doubtful(t *testing.T, options ...string) *rig {
	t.Helper()
	world := describe()
	world.Faults = []carriersim.Fault{{Action: "DoIotChgBindOrUnBind", Kind: carriersim.LostBefore}}
	r := newRig(t, world)
	r.write("main.fleet.hcl", rebind)
	got := r.want(5, r.run(append([]string{"apply", "-auto-approve"}, options...)...))
	assert.Contains(t, got.out, "1 in doubt")
	world.Break()
	return r
}

func TestACardInDoubtIsLeftAloneUntilItIsResolved(t *testing.T) {
	r := doubtful(t)
	before := changing(r.world)
	for range 2 {
		got := r.want(2, r.run("plan", "-detailed-exitcode"))
		assert.Contains(t, got.out, "Outcome in doubt")
		assert.Contains(t, strings.Join(strings.Fields(got.out), " "), "cardfleet resolve "+kiosk)
		r.want(0, r.run("apply", "-auto-approve"))
	}
	assert.Equal(t, before, changing(r.world), "it is left alone")

	got := r.want(1, r.run("resolve", kiosk))
	assert.Contains(t, got.errors, "say either -bound-to=IMEI or -unbound")
	r.want(1, r.run("resolve", kiosk, "-bound-to=12"))
	r.want(1, r.run("resolve", scale, "-unbound"))
	got = r.want(0, r.run("resolve", "card.k*", "-bound-to="+deviceA))
	assert.Equal(t, "card.kiosk: settled. The next plan starts from there: bound to "+deviceA+" (aliyun/"+kiosk+").\n", got.out)
	got = r.want(2, r.run("plan", "-detailed-exitcode"))
	assert.Contains(t, got.out, "1 to change-bind", "the plan starts from what is true")
	r.want(0, r.run("apply", "-auto-approve"))
	r.want(0, r.run("plan", "-detailed-exitcode"))
	r.want(1, r.run("resolve", kiosk, "-unbound"))
}

func TestStateCommands(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind+"card \"scale\" {\n  iccid = \""+scale+"\"\n  active = true\n}\n")
	assert.Contains(t, r.want(0, r.run("show")).out, "The state is empty")
	r.want(0, r.run("apply", "-auto-approve"))

	got := r.want(0, r.run("state", "list"))
	assert.Equal(t, "card.kiosk  aliyun  "+kiosk+"\ncard.scale  aliyun  "+scale+"\n", got.out)
	assert.Equal(t, "card.scale  aliyun  "+scale+"\n", r.want(0, r.run("state", "list", "card.s*")).out)
	got = r.want(0, r.run("state", "show", "card.kiosk"))
	assert.Contains(t, got.out, "imei      "+deviceB)
	assert.Equal(t, got.out, r.want(0, r.run("state", "show", kiosk)).out)
	r.want(1, r.run("state", "show", "card.none"))

	var pulled struct {
		Lineage string
		Serial  int
		Cards   []map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(r.want(0, r.run("state", "pull")).out), &pulled))
	assert.Equal(t, 1, pulled.Serial)
	assert.NotEmpty(t, pulled.Lineage)
	assert.Len(t, pulled.Cards, 2)

	r.want(1, r.run("state", "rm"))
	r.want(1, r.run("state", "rm", "89860617030017300008"))
	r.want(0, r.run("state", "rm", scale))
	assert.NotContains(t, r.run("state", "list").out, "card.scale")
	assert.Contains(t, r.want(0, r.run("plan")).out, "1 to adopt", "it can be adopted again")
}

func TestValidateNeedsNoCarrierAndNoState(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.env["CARDFLEET_VAR_carrier_url"] = "http://127.0.0.1:1"
	assert.Contains(t, r.want(0, r.run("validate")).out, "The configuration is valid: 1 card.")
	assert.NoFileExists(t, filepath.Join(r.dir, "fleet.state"))
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.want(0, r.run("validate", "-json")).out), &got))
	assert.Equal(t, true, got["valid"])

	delete(r.env, "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
	r.want(0, r.run("validate"))
	failed := r.want(1, r.run("plan"))
	assert.Contains(t, failed.errors, "access_key_secret")
	assert.Contains(t, failed.errors, "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
	assert.Contains(t, failed.errors, "main.fleet.hcl line")
}

// An unset variable is a mistake where its value is needed, and nowhere else.
func TestAVariableOfTheEnvironmentIsMissedOnlyByWhoNeedsIt(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", strings.Replace(rebind, "requests_per", "access_key_secret = local.secret\n  access_key_id = try(env(\"NO_ID\"), \""+testKeyID+"\")\n  requests_per", 1)+`
locals {
  secret  = "${env("THE_SECRET")}"
  nowhere = env("NOT_EVEN_NEEDED")
}
output "shown" { value = "it is ${card.kiosk.imei}" }
output "hidden" {
  value     = local.secret
  sensitive = true
}
`)
	r.write("tell.fleet.hcl", "fleet {\n  notify \"webhook\" { url = env(\"WEBHOOK\") }\n}\n")
	r.env["THE_SECRET"], r.env["WEBHOOK"] = testSecret, r.url
	r.want(0, r.run("apply", "-auto-approve"))
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	delete(r.env, "THE_SECRET")
	delete(r.env, "WEBHOOK")

	for _, args := range []string{"validate", "validate -json", "state list", "state show card.kiosk", "state pull", "state verify", "state history", "show", "show -html", "show p.fleetplan", "history", "output", "output shown"} {
		got := r.want(0, r.run(strings.Fields(args)...))
		assert.NotContains(t, got.out+got.errors, "THE_SECRET", args)
	}
	assert.Contains(t, r.run("output").out, "hidden = (sensitive value)")
	for args, missed := range map[string][]string{
		"plan": {"THE_SECRET", "WEBHOOK"}, "apply -auto-approve": {"THE_SECRET", "WEBHOOK"}, "apply p.fleetplan": {"THE_SECRET"},
		"output hidden": {"THE_SECRET"}, "output -json": {"THE_SECRET"}, "carriers try aliyun " + kiosk: {"THE_SECRET"},
	} {
		got := r.want(1, r.run(strings.Fields(args)...))
		for _, name := range missed {
			assert.Contains(t, got.errors, "the environment variable "+name+" is not set", args)
		}
		assert.NotContains(t, got.errors, "Missing credentials", args)
		assert.NotContains(t, got.errors, "NOT_EVEN_NEEDED", args)
	}

	r.write("state.fleet.hcl", "fleet {\n  backend \"local\" { path = env(\"STATE_PATH\") }\n  encryption { passphrase = env(\"STATE_KEY\") }\n}\n")
	r.want(0, r.run("validate"))
	for _, args := range []string{"state list", "show", "output", "plan"} {
		got := r.want(1, r.run(strings.Fields(args)...))
		assert.Contains(t, got.errors, "STATE_PATH", args)
		assert.Contains(t, got.errors, "STATE_KEY", args)
	}
}

// What is wrong besides is found without credentials.
func TestValidateFindsMistakesWithoutCredentials(t *testing.T) {
	r := newRig(t, describe())
	r.env = map[string]string{}
	r.write("main.fleet.hcl", `
provider "xuyu" {
  client_secret           = env("NOPE")
  subscription_key_header = "not a header"
}
card "kiosk" {
  iccid = "`+kiosk+`"
  imei  = "`+deviceA+`"
}
`)
	got := r.want(1, r.run("validate"))
	assert.Contains(t, got.errors, "Invalid header name")
	assert.NotContains(t, got.errors, "NOPE")
	r.write("main.fleet.hcl", strings.Replace(r.read("main.fleet.hcl"), "not a header", "X-Key", 1))
	assert.Contains(t, r.want(1, r.run("validate")).errors, "imei")
}

func TestFmt(t *testing.T) {
	r := newRig(t, describe())
	const messy, tidy = "card \"x\" {\niccid=\"89860617030017300390\"\n  active   = true\n}\n", "card \"x\" {\n  iccid  = \"89860617030017300390\"\n  active = true\n}\n"
	r.write("a.fleet.hcl", messy)
	r.write("b.fleet.hcl", tidy)
	got := r.want(3, r.run("fmt", "-check", "-diff"))
	assert.Equal(t, "a.fleet.hcl\n--- old/a.fleet.hcl\n+++ new/a.fleet.hcl\n card \"x\" {\n-iccid=\"89860617030017300390\"\n-  active   = true\n+  iccid  = \"89860617030017300390\"\n+  active = true\n }\n", got.out)
	r.want(0, r.run("fmt", "-write=false"))
	assert.Equal(t, messy, r.read("a.fleet.hcl"))
	assert.Equal(t, "a.fleet.hcl\n", r.want(0, r.run("fmt")).out)
	assert.Equal(t, tidy, r.read("a.fleet.hcl"))
	assert.Empty(t, r.want(0, r.run("fmt", "-check")).out)
	r.in = messy
	assert.Equal(t, tidy, r.want(0, r.run("fmt", "-")).out)
	r.write("broken.fleet.hcl", "card {")
	assert.Contains(t, r.want(1, r.run("fmt")).errors, "broken.fleet.hcl line 1")
	r.want(1, r.run("fmt", "nowhere.fleet.hcl"))
}

func (r *rig) read(name string) string {
	r.t.Helper()
	data, err := os.ReadFile(filepath.Join(r.dir, name))
	require.NoError(r.t, err)
	return string(data)
}

func TestVersionAndHelp(t *testing.T) {
	r := newRig(t, describe())
	assert.Contains(t, r.want(0, r.run("version")).out, "cardfleet v")
	var v map[string]string
	require.NoError(t, json.Unmarshal([]byte(r.want(0, r.run("version", "-json")).out), &v))
	assert.NotEmpty(t, v["cardfleet_version"])
	assert.Contains(t, r.want(0, r.run("providers")).out, "aliyun")

	for _, command := range []string{"validate", "fmt", "plan", "apply", "show", "state list", "state rm", "resolve", "providers", "simulator", "version"} {
		for _, flag := range []string{"-h", "--help"} {
			got := r.want(0, r.run(append(strings.Fields(command), flag)...))
			assert.Contains(t, got.out, "cardfleet "+command+": ", command)
			assert.Contains(t, got.out, "\nExample:\n  cardfleet ", command)
			assert.NotContains(t, got.out, "  --", "options have one dash")
		}
	}
	for args, want := range map[string]string{
		"pln": "Did you mean plan?", "plan -ot=x": "Did you mean -out?", "plan extra": "takes no argument", "show a b": "one saved plan at most",
		"apply -approve-unbind=12=1": "Invalid ICCID", "apply -approve-unbind=" + kiosk: "Write -approve-unbind=" + kiosk + "=IMEI", "apply -approve-unbind=" + kiosk + "=12": "Invalid IMEI", "plan -var x": "NAME=VALUE", "show none.fleetplan": "none.fleetplan", "simulator -listen=0.0.0.0:1": "Not a loopback address", "simulator -listen=127.0.0.1:0 -world=nodir/world.json": "-world=nodir/world.json: ",
	} {
		assert.Contains(t, r.want(1, r.run(strings.Fields(args)...)).errors, want, args)
	}
	for _, args := range []string{"xyz", "plan -zzz", "state rn3x"} {
		assert.NotContains(t, r.want(1, r.run(strings.Fields(args)...)).errors, "Did you mean", "%s is near to nothing", args)
	}
}

func TestOneDashOrTwoAndOptionsAfterArguments(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(2, r.run("plan", "--out", "a.fleetplan", "--detailed-exitcode"))
	r.want(2, r.run("plan", "-out=b.fleetplan", "-detailed-exitcode"))
	r.want(0, r.run("show", "a.fleetplan", "-json"))
	r.want(0, r.run("apply", "b.fleetplan", "-no-color"))
}

func TestAVariableOfTheCommandLineWinsOverAFile(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", provider+"variable \"city\" { default = \"none\" }\noutput \"city\" { value = var.city }\n")
	r.write("some.fleetvars.hcl", "city = \"from a file\"\n")
	for args, want := range map[string]string{
		"":              "none",
		"-var city=a,b": "a,b",
		"-var city=a -var-file some.fleetvars.hcl": "a",
		"-var-file some.fleetvars.hcl":             "from a file",
		"-var-file=some.fleetvars.hcl -var city=a": "a",
		"-var city=a -var city=b":                  "b",
	} {
		got := r.want(0, r.run(append([]string{"plan"}, strings.Fields(args)...)...))
		assert.Contains(t, got.out, `city = "`+want+`"`, args)
	}
}

func TestProgressIsALineNowAndThenWithoutATerminal(t *testing.T) {
	world := &carriersim.World{Open: true}
	r := newRig(t, world)
	r.write("main.fleet.hcl", provider+"card \"c\" {\n  for_each = toset([for i in range(100, 200) : \"89860000000000000${i}\"])\n  iccid = each.value\n}\n")
	world.Latency = carriersim.Duration(time.Second)
	got := r.want(0, r.run("plan"))
	assert.Regexp(t, `reading aliyun: \d+ of 100, \d+/s, about .* left`, got.errors)
	assert.NotContains(t, got.errors, "\x1b[")

	got = r.want(0, r.run("plan", "-json"))
	assert.Contains(t, got.out, `"phase":"refresh"`)
	assert.Regexp(t, `"done":100,"phase":"refresh","total":100`, got.out)
	assert.Empty(t, got.errors, "with -json everything is on standard output")
}

func TestTheSimulatorServesUntilItIsInterrupted(t *testing.T) {
	r := newRig(t, describe())
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	world := filepath.Join(r.dir, "world.json")
	require.NoError(t, os.WriteFile(world, []byte(`{"cards": [{"iccid": "`+kiosk+`"}]}`), 0o600))
	at, done := r.serves(ctx, "simulator", "-world=world.json")

	r.env["CARDFLEET_VAR_carrier_url"] = at + "/aliyun"
	r.env["ALIBABA_CLOUD_ACCESS_KEY_ID"], r.env["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = carriersim.TestID, carriersim.TestSecret
	r.write("main.fleet.hcl", provider+"card \"kiosk\" {\n  iccid = \""+kiosk+"\"\n  active = false\n}\n")
	r.want(0, r.run("apply", "-auto-approve"))
	cancel()
	got := r.want(0, <-done)
	assert.Contains(t, got.out, `endpoint = "`+at+`/aliyun"`)
	kept, err := carriersim.Load(world)
	require.NoError(t, err)
	card, ok := kept.Card(kiosk)
	assert.True(t, ok)
	assert.Equal(t, spec.SuspendedByOwner, card.Status, "what the carrier did is in the file")
}

func TestARefreshlessPlanGoesByTheState(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("apply", "-auto-approve"))
	requests := len(r.world.Requests())
	r.want(0, r.run("plan", "-refresh=false", "-detailed-exitcode"))
	r.write("main.fleet.hcl", strings.Replace(rebind, "current_imei", "active = false\n  current_imei", 1))
	got := r.want(2, r.run("plan", "-refresh=false", "-detailed-exitcode"))
	assert.Contains(t, got.out, "1 to stop")
	assert.Len(t, r.world.Requests(), requests, "no carrier was asked")
}
