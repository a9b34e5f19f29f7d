package cli_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// Each block would send credentials or the state in clear to another machine.
func TestWhatGoesInClearToAnotherMachineIsAWarningAtItsLine(t *testing.T) {
	for name, c := range map[string]struct{ block, line string }{
		"a carrier": {"provider \"aliyun\" {\n  %s\n  endpoint = \"http://carrier.example\"\n}\n", "endpoint ="},
		"a carrier's token": {"provider \"xuyu\" {\n  %s\n  client_id        = \"c\"\n  client_secret    = \"very-secret\"\n  subscription_key = \"very-secret\"\n" +
			"  token_endpoint   = \"http://ids.example/t\"\n}\n", "token_endpoint"},
		"http":                 {"fleet {\n  backend \"http\" {\n    %s\n    address  = \"http://state.example/x\"\n    username = \"u\"\n    password = \"very-secret\"\n  }\n}\n", "address"},
		"postgres":             {"fleet {\n  backend \"postgres\" {\n    %s\n    conn_str = \"postgres://u:very-secret@db.example/x?sslmode=require\"\n  }\n}\n", "conn_str"},
		"postgres without TLS": {"fleet {\n  backend \"postgres\" {\n    %s\n    conn_str = \"host=db.example password=very-secret sslmode=disable\"\n  }\n}\n", "conn_str"},
		"s3":                   {"fleet {\n  backend \"s3\" {\n    %s\n    bucket   = \"b\"\n    key      = \"k\"\n    endpoint = \"http://store.example\"\n  }\n}\n", "endpoint"},
		"notify":               {"fleet {\n  notify \"slack\" {\n    %s\n    url = \"http://hooks.example/T0/B0/very-secret\"\n  }\n}\n", "url"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, &carriersim.World{})
			r.write("a.fleet.hcl", fmt.Sprintf(c.block, ""))
			got := r.want(0, r.run("validate"))
			assert.Equal(t, 1, strings.Count(got.errors, "Credentials in clear"), got.errors)
			assert.Contains(t, got.errors, c.line)
			assert.Contains(t, got.errors, "allow_plaintext = true")
			assert.NotContains(t, got.out+got.errors, "very-secret")

			r.write("a.fleet.hcl", fmt.Sprintf(c.block, "allow_plaintext = true"))
			assert.NotContains(t, r.want(0, r.run("validate")).errors, "in clear")

			here := strings.NewReplacer("carrier.example", "127.0.0.1", "ids.example", "localhost", "state.example", "[::1]", "db.example", "127.0.0.1",
				"store.example", "localhost", "hooks.example", "localhost").Replace(c.block)
			r.write("a.fleet.hcl", fmt.Sprintf(here, ""))
			assert.NotContains(t, r.want(0, r.run("validate")).errors, "in clear")
		})
	}
}

func TestASecretThatTheEnvironmentSaysIsHiddenWhereverItAppears(t *testing.T) {
	r := newRig(t, &carriersim.World{})
	r.write("a.fleet.hcl", provider+"card \"sEcReTsEcReTsEcReT0123456789\" {\n  iccid = \"not-one\"\n}\n")
	got := r.want(1, r.run("plan"))
	assert.Contains(t, got.errors, "not-one")
	assert.NotContains(t, got.out+got.errors, testSecret)
}

func TestACredentialOfTheEnvironmentWithANewlineIsAnErrorThatDoesNotShowIt(t *testing.T) {
	r := newRig(t, &carriersim.World{})
	r.write("a.fleet.hcl", provider)
	for value, says := range map[string]string{testSecret + "\n": "newline", testSecret + "\r\n": "newline", testSecret + " ": "white space", `"` + testSecret + `"`: "quotes"} {
		r.env["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = value
		got := r.want(1, r.run("plan"))
		assert.Contains(t, got.errors, "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
		assert.Contains(t, got.errors, says)
		assert.NotContains(t, got.out+got.errors, testSecret)
	}
}
