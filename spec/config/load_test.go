package config

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

// contract is the example of the language's own page, whole.
const contract = `
fleet {
  required_version = ">= 0.1.0"

  backend "local" { path = "fleet.state" }

  policy {
    guard              = ["stop"]
    limit "unbind" { count = 5 }
    limit "stop"   { percent = 30 }
    on_remove          = "stop"
    required_approvals = 2
    allowed_signers    = "allowed_signers"
  }
}

variable "access_key_secret" {
  type        = string
  sensitive   = true
  default     = null
  description = "the key's secret"
  validation {
    condition     = var.access_key_secret == null || length(var.access_key_secret) > 3
    error_message = "Too short."
  }
}

locals { bikes = csvdecode(file("bikes.csv")) }

provider "aliyun" {
  alias               = "hangzhou"
  access_key_id       = env("ALIBABA_CLOUD_ACCESS_KEY_ID")
  access_key_secret   = var.access_key_secret
  endpoint            = "simulator"
  requests_per_second = 20
  max_in_flight       = 16
  timeout             = "25s"
  retries             = 4
  exclusive_imei      = true
  parking_imeis       = ["861536030196099"]
  register_imei       = true
}

card "bike" {
  for_each = { for row in local.bikes : row.iccid => row }

  provider = aliyun.hangzhou
  iccid    = each.value.iccid
  imei     = each.value.imei
  bound    = true
  active   = true
  packages = ["10003", "10002", "10003"]
  current_imei = null
  labels   = { city = "hangzhou" }

  lifecycle {
    prevent_unbind = true
    ignore_changes = [packages]
  }
}

card "kiosk" {
  iccid  = "898600d6991330004146"
  bound  = false
  active = false
  current_imei = "86153603019600"
}

privacy_number "courier" {
  provider = aliyun.hangzhou
  pool_key = "FC12345"
  subs_id  = "12345"
  call_no  = "17000000000"
  number   = "17000000001"
}

approval "rma-2026-11" {
  action  = "unbind"
  cards   = { "89860617030017300390" = "861536030196001" }
  reason  = "returned devices, ticket RMA-2026-11"
  expires = "2026-12-01T00:00:00Z"
}

removed {
  iccids = ["89860617030017300391", "89860617030017300390"]
}

output "x_number" {
  value     = privacy_number.courier.live.number
  sensitive = false
}
`

func contractConfig(t *testing.T) *Config {
	o := testOptions(writeFiles(t, map[string]string{
		"main.fleet.hcl": contract,
		"bikes.csv":      "iccid,imei\n89860617020025302476,861536030196001\n898602B0011430000544,861536030196027\n",
	}))
	o.Env = environment(map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAI-key", "CARDFLEET_VAR_access_key_secret": "s3cr3t"})
	c, diags := Load(o)
	require.NotNil(t, c, "%v", texts(diags))
	require.Empty(t, texts(diags))
	return c
}

func TestLoadReadsTheWholeContract(t *testing.T) {
	c := contractConfig(t)
	f := c.Fleet

	assert.Equal(t, "local", f.Backend.Type)
	assert.Equal(t, map[string]any{"path": "fleet.state"}, f.Backend.Settings)
	assert.Equal(t, []spec.Kind{spec.Stop, spec.Unbind}, f.Policy.Guard)
	assert.Equal(t, spec.Stop, f.Policy.OnRemove)
	assert.Equal(t, 2, f.Policy.RequiredApprovals)
	assert.Equal(t, "allowed_signers", f.Policy.AllowedSigners)
	require.Len(t, f.Policy.Limits, 2)
	assert.Equal(t, spec.Unbind, f.Policy.Limits[0].Kind)
	assert.Equal(t, 5, *f.Policy.Limits[0].Count)
	assert.Nil(t, f.Policy.Limits[0].Percent)
	assert.InDelta(t, 30, *f.Policy.Limits[1].Percent, 0)

	require.Len(t, f.Providers, 1)
	assert.Equal(t, spec.ProviderName("aliyun.hangzhou"), f.Providers[0].Name)
	assert.Equal(t, map[string]any{
		"access_key_id": "LTAI-key", "access_key_secret": "s3cr3t", "endpoint": "simulator",
		"requests_per_second": 20.0, "max_in_flight": 16, "timeout": 25 * time.Second, "retries": 4,
		"exclusive_imei": true, "parking_imeis": []string{"861536030196099"}, "register_imei": true,
	}, f.Providers[0].Settings)
	assert.Equal(t, 34, f.Providers[0].Ranges["endpoint"].Start.Line)
	assert.Equal(t, 30, f.Providers[0].Source.Start.Line)

	assert.Equal(t, []spec.PrivacyNumber{{
		Name: "courier", Provider: "aliyun.hangzhou", PoolKey: "FC12345", SubsID: "12345",
		CallNo: "17000000000", Number: "17000000001", Source: f.Numbers[0].Source, Attrs: f.Numbers[0].Attrs,
	}}, f.Numbers)
	assert.Equal(t, []spec.Approval{{
		Name: "rma-2026-11", Action: spec.Unbind, Reason: "returned devices, ticket RMA-2026-11",
		Cards:   []spec.ApprovedCard{{ICCID: "89860617030017300390", IMEI: "861536030196001"}},
		Expires: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Source: f.Approvals[0].Source,
	}}, f.Approvals)
	require.Len(t, f.Removed, 2)
	assert.Equal(t, spec.ICCID("89860617030017300390"), f.Removed[0].ICCID)
	assert.Equal(t, 37, f.Removed[0].Source.Start.Column)
	assert.Equal(t, []string{"LTAI-key", "s3cr3t"}, c.Secrets())
}

func TestCardsAreSortedAndComplete(t *testing.T) {
	f := contractConfig(t).Fleet
	require.Len(t, f.Cards, 3)
	bike := f.Cards[2]
	assert.Equal(t, `card.bike["89860617020025302476"]`, bike.Address())
	assert.Equal(t, spec.Card{
		Provider: "aliyun.hangzhou", ICCID: "89860617020025302476", Block: bike.Block, Key: "89860617020025302476",
		IMEI: "861536030196001", Bound: spec.On, Active: spec.On, Packages: []string{"10002", "10003"},
		Labels: map[string]string{"city": "hangzhou"}, PreventUnbind: true, Ignore: spec.AttrPackages,
	}, bike)
	assert.Same(t, bike.Block, f.Cards[1].Block)
	assert.Equal(t, 49, bike.Place("imei").Start.Line)

	kiosk := f.Cards[0]
	assert.Equal(t, "card.kiosk", kiosk.Address())
	assert.Equal(t, spec.ICCID("898600D6991330004146"), kiosk.ICCID, "folded up")
	assert.Equal(t, spec.ProviderName("aliyun.hangzhou"), kiosk.Provider, "the only provider")
	assert.Equal(t, spec.Off, kiosk.Bound)
	assert.Equal(t, spec.Off, kiosk.Active)
	assert.Nil(t, kiosk.Packages)
	assert.Equal(t, spec.IMEI("86153603019600"), kiosk.CurrentIMEI)
}

const jsonFleet = `{
  "fleet": {"policy": {"limit": {"unbind": {"count": 1}}, "guard": ["unbind"]}},
  "variable": {"city": {"default": "hangzhou", "type": "string"}},
  "provider": {"aliyun": {"alias": "hangzhou", "retries": 2}, "cmiot": {}},
  "card": {
    "bike": {
      "from_csv": "bikes.csv",
      "provider": "aliyun.hangzhou",
      "iccid": "${each.value.iccid}",
      "imei": "${each.value.imei}",
      "packages": ["10002"],
      "labels": {"city": "${var.city}"},
      "lifecycle": {"ignore_changes": ["packages"], "prevent_unbind": true}
    },
    "kiosk": {"provider": "cmiot", "iccid": "898600D6991330004146", "active": true}
  },
  "output": {"n": {"value": "${length(card.bike)}"}}
}`

func TestJSONSaysTheSame(t *testing.T) {
	c := mustLoad(t, map[string]string{
		"main.fleet.json": jsonFleet,
		"bikes.csv":       "iccid,imei\n89860617020025302476,86153603019600\n",
	})
	require.Len(t, c.Fleet.Cards, 2)
	bike := c.Fleet.Cards[1]
	assert.Equal(t, spec.Card{
		Provider: "aliyun.hangzhou", ICCID: "89860617020025302476", Block: bike.Block, Key: "89860617020025302476", Row: 2,
		IMEI: "86153603019600", Packages: []string{"10002"}, Labels: map[string]string{"city": "hangzhou"},
		PreventUnbind: true, Ignore: spec.AttrPackages,
	}, bike)
	assert.Equal(t, spec.ProviderName("cmiot"), c.Fleet.Cards[0].Provider)
	out, _ := c.Outputs(spec.Live{})
	assert.Equal(t, []spec.Output{{Name: "n", Value: []byte("1"), Type: []byte(`"number"`)}}, out)
}

func TestFilesAreOneConfigurationWhateverTheirOrder(t *testing.T) {
	c := mustLoad(t, map[string]string{
		"a.fleet.hcl":            `card "a" { iccid = local.number }`,
		"b.fleet.json":           `{"locals": {"number": "${var.number}"}}`,
		"c.fleet.hcl":            "variable \"number\" {\n  default = \"898600D6991330004146\"\n}\nprovider \"aliyun\" {}\n",
		"deeper/wrong.fleet.hcl": `nonsense`,
		".hidden.fleet.hcl":      `nonsense`,
		"main.hcl":               `nonsense`,
	})
	assert.Equal(t, spec.ICCID("898600D6991330004146"), c.Fleet.Cards[0].ICCID)
}

func TestFilesListsWhatLoadReads(t *testing.T) {
	dir := writeFiles(t, map[string]string{
		"b.fleet.hcl": "", "a.fleet.json": "", "cardfleet.auto.fleetvars.hcl": "", "prod.fleetvars.hcl": "",
		"b.fleet.hcl~": "", ".c.fleet.hcl": "", "#d.fleet.hcl#": "", "sub.fleet.hcl/x": "", "bikes.csv": "",
	})
	names, err := Files(dir)
	require.NoError(t, err)
	assert.Equal(t, []string{"a.fleet.json", "b.fleet.hcl", "cardfleet.auto.fleetvars.hcl"}, names)

	_, err = Files(dir + "/nowhere")
	assert.ErrorContains(t, err, "list the configuration files")
}

func TestDigestStandsForInputButNoSecret(t *testing.T) {
	files := map[string]string{
		"main.fleet.hcl": `
provider "aliyun" {}
variable "city" { default = "x" }
variable "key" {
  default   = "x"
  sensitive = true
}
locals { text = file("a.txt") }
card "bike" {
  from_csv = "bikes.csv"
  iccid    = each.key
}
`,
		"a.txt": "a", "bikes.csv": "iccid\n898600D6991330004146\n",
	}
	digest := func(change func(*Options, map[string]string)) string {
		o, changed := testOptions(""), map[string]string{}
		for k, v := range files {
			changed[k] = v
		}
		change(&o, changed)
		o.Dir = writeFiles(t, changed)
		c, diags := Load(o)
		require.NotNil(t, c, "%v", texts(diags))
		return c.Fleet.Digest
	}
	same := digest(func(*Options, map[string]string) {})
	assert.Regexp(t, "^sha256:[0-9a-f]{64}$", same)
	assert.Equal(t, same, digest(func(o *Options, _ map[string]string) { o.Vars = []Assignment{{Name: "key", Value: "other"}} }), "secrets are not in it")
	assert.NotEqual(t, same, digest(func(o *Options, _ map[string]string) { o.Vars = []Assignment{{Name: "city", Value: "other"}} }))
	assert.NotEqual(t, same, digest(func(_ *Options, f map[string]string) { f["a.txt"] = "b" }))
	assert.NotEqual(t, same, digest(func(_ *Options, f map[string]string) { f["bikes.csv"] += "\n" }))
	assert.NotEqual(t, same, digest(func(_ *Options, f map[string]string) { f["more.fleet.hcl"] = "" }))
}

func TestFormatLaysOutNativeSyntaxOnly(t *testing.T) {
	out, diags := Format([]byte("card \"a\" {\n iccid=\"8986\"\n   active   = true\n}\n"), "a.fleet.hcl")
	require.Empty(t, diags)
	assert.Equal(t, "card \"a\" {\n  iccid  = \"8986\"\n  active = true\n}\n", string(out))

	json := []byte(`{"card":   {}}`)
	out, diags = Format(json, "a.fleet.json")
	require.Empty(t, diags)
	assert.Equal(t, json, out)

	broken := []byte("card \"a\" {\n")
	out, diags = Format(broken, "a.fleet.hcl")
	assert.Equal(t, broken, out)
	require.Len(t, diags, 1)
	assert.Equal(t, "a.fleet.hcl", diags[0].Subject.File)
}

func TestNoFilesIsAnError(t *testing.T) {
	c, diags := Load(Options{Dir: t.TempDir()})
	assert.Nil(t, c)
	require.Len(t, diags, 1)
	assert.Equal(t, "No configuration files", diags[0].Summary)

	_, diags = Load(Options{Dir: t.TempDir() + "/nowhere"})
	require.Len(t, diags, 1)
	assert.Equal(t, "Configuration cannot be read", diags[0].Summary)
}

func TestZeroOptionsAreUsable(t *testing.T) {
	t.Chdir(writeFiles(t, map[string]string{"main.fleet.hcl": `output "t" { value = timestamp() }`}))
	c, diags := Load(Options{})
	require.Empty(t, diags)
	out, _ := c.Outputs(spec.Live{})
	assert.Equal(t, `"0001-01-01T00:00:00Z"`, string(out[0].Value))
}
