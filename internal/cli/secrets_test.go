package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// TestNoSecretIsEverShown runs everything, well and badly, and looks for the
// secrets in all that was printed and written.
func TestNoSecretIsEverShown(t *testing.T) {
	const variable, fromEnv = "v4riable-s3cret-0001", "fr0m-the-env-s3cret-0002"
	secrets := []string{testSecret, variable, fromEnv}
	config := `
variable "carrier_url" { type = string }
variable "token" {
  type      = string
  sensitive = true
}
provider "aliyun" {
  endpoint            = var.carrier_url
  requests_per_second = 100000
  retries             = 1
  access_key_secret   = env("THE_SECRET")
}
provider "aliyun" {
  alias             = "trial"
  endpoint          = "simulator"
  access_key_id     = "someone"
  access_key_secret = var.token
}
card "kiosk" {
  provider     = aliyun
  iccid        = "89860617030017300390"
  imei         = "861536030196019"
  current_imei = "861536030196001"
  active       = false
}
card "trial" {
  provider = aliyun.trial
  iccid    = "89860617030017300016"
  active   = false
}
output "token" {
  value     = "${var.token} of ${env("OTHER_SECRET")}"
  sensitive = true
}
output "half" { value = nonsensitive(length(var.token)) }
`
	world := describe()
	r := newRig(t, world)
	r.env["THE_SECRET"], r.env["OTHER_SECRET"], r.env["CARDFLEET_VAR_token"] = testSecret, fromEnv, variable
	delete(r.env, "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
	r.write("main.fleet.hcl", config)

	var printed bytes.Buffer
	run := func(code int, args ...string) {
		t.Helper()
		got := r.want(code, r.run(args...))
		printed.WriteString(got.out + got.errors)
	}
	run(0, "validate")
	run(0, "plan", "-out=p.fleetplan")
	run(0, "show", "-json", "p.fleetplan")
	run(0, "plan", "-json")
	world.Break(carriersim.Fault{Action: "DoIotUserStopResume", Kind: carriersim.HTML5xx, Times: 9}, carriersim.Fault{Action: "DoIotChgBindOrUnBind", Kind: carriersim.Truncated, Times: 9})
	got := r.run("apply", "-auto-approve", "-report=run.jsonl", "-json-into=lines.jsonl")
	printed.WriteString(got.out + got.errors)
	run(0, "show")
	run(0, "state", "pull")

	// Mistakes that mention secrets.
	for _, mistake := range []string{
		`card "x" { iccid = var.token }`,
		`card "x" { iccid = upper(var.token) }`,
		`locals { x = tonumber(var.token) }
output "y" { value = local.x }`,
		`card "x" { iccid = "89860617030017300024"` + "\n" + `imei = env("OTHER_SECRET")` + "\n}",
		`removed { iccids = [var.token] }`,
		`output "open" { value = var.token }`,
		`variable "bad" {
  default   = "v4riable-s3cret-0001"
  sensitive = true
  validation {
    condition     = length(var.bad) > 100
    error_message = "The value ${var.bad} is too short."
  }
}`,
	} {
		r.write("mistake.fleet.hcl", mistake)
		for _, args := range [][]string{{"validate"}, {"validate", "-json"}, {"plan"}, {"plan", "-json"}} {
			got := r.run(args...)
			printed.WriteString(got.out + got.errors)
		}
	}
	require.NoError(t, os.Remove(filepath.Join(r.dir, "mistake.fleet.hcl")))

	// A carrier that refuses the credentials, and one that isn't there.
	world.Expel(carriersim.Account{ID: "somebody", Secret: "else"})
	run(1, "plan")
	r.env["CARDFLEET_VAR_carrier_url"] = "http://127.0.0.1:1/aliyun"
	run(1, "plan")

	for _, secret := range secrets {
		assert.NotContains(t, printed.String(), secret)
	}
	require.NoError(t, filepath.WalkDir(r.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		z, err := zstd.NewReader(nil)
		require.NoError(t, err)
		defer z.Close()
		if plain, err := z.DecodeAll(data, nil); err == nil {
			data = plain
		}
		for _, secret := range secrets {
			assert.NotContains(t, string(data), secret, path)
		}
		return nil
	}))
}
