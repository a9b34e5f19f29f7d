package cli_test

import (
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// testedFleet is a fleet whose carrier, state and keys are out of reach.
const testedFleet = `
variable "run" {
  type    = bool
  default = true
}

provider "aliyun" {
  endpoint          = env("NOWHERE_URL")
  access_key_id     = env("NOWHERE_ID")
  access_key_secret = env("NOWHERE_SECRET")
}

fleet {
  backend "http" {
    address = "http://127.0.0.1:1/state"
  }
  encryption {
    passphrase = env("NOWHERE_PASSPHRASE")
  }
  notify "slack" {
    url = env("NOWHERE_SLACK")
  }
}

card "kiosk" {
  iccid  = "89860617030017300008"
  imei   = "861536030196001"
  active = var.run
}

check "kiosks_run" {
  condition     = var.run
  error_message = "they are off"
  severity      = "error"
}

output "runs" {
  value = card.kiosk.live.active
}
`

// cardWorld is a world with the kiosk's card, in service.
const cardWorld = `
  world {
    cards = [{ iccid = "89860617030017300008", imei = "861536030196001" }]
  }
`

// tested writes a fleet and a test file of it, and runs the tests.
func tested(t *testing.T, test string, args ...string) (*rig, ran) {
	t.Helper()
	r := newRig(t, &carriersim.World{})
	r.env = map[string]string{}
	r.write("main.fleet.hcl", testedFleet)
	r.write("kiosks.fleettest.hcl", test)
	return r, r.run(append([]string{"test"}, args...)...)
}

func TestATestNeedsNoCredentialAndLeavesNothingBehind(t *testing.T) {
	r, got := tested(t, `
run "stops and resumes" {
`+cardWorld+`
  assert {
    condition     = plan.summary.adopt == 1 && output.runs && card.kiosk.live.active
    error_message = "it is not adopted as it is"
  }
}
run "outside" {
  command = plan
  world {
    cards = [{ iccid = "89860617030017300008", imei = "861536030196001", status = "suspended-by-owner" }]
  }
  assert {
    condition     = plan.summary.resume == 1 && plan.summary.drifted == 1
    error_message = "what changed outside is not seen"
  }
}
`)
	r.want(0, got)
	entries, err := os.ReadDir(r.dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "the fleet's folder holds what it held")
}

// A run that calls a carrier outside of this process would fail here.
func TestNoCallOfATestLeavesTheMachine(t *testing.T) {
	called := make(chan string, 100)
	real := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { called <- r.URL.Path }))
	t.Cleanup(real.Close)
	base := real.URL
	r, _ := tested(t, "run \"x\" {}\n")
	r.write("main.fleet.hcl", strings.NewReplacer(`env("NOWHERE_URL")`, `"`+base+`/aliyun"`, "http://127.0.0.1:1", base, `env("NOWHERE_SLACK")`, `"`+base+`/hook"`).Replace(testedFleet))
	r.write("kiosks.fleettest.hcl", "run \"x\" {"+cardWorld+"}\n")
	r.want(0, r.run("test"))
	assert.Empty(t, called)
}

func TestWhatATestFindsIsToldAtItsLine(t *testing.T) {
	for name, c := range map[string]struct {
		test, status, at, told string
	}{
		"assertion": {
			"run \"x\" {\n  command = plan\n" + cardWorld + "  assert {\n    condition = plan.summary.stop == 1\n    error_message = \"stops ${plan.summary.stop}\"\n  }\n}\n",
			"fail", "line 8", "stops 0",
		},
		"not a condition": {
			"run \"x\" {\n" + cardWorld + "  assert {\n    condition = \"maybe\"\n    error_message = \"x\"\n  }\n}\n",
			"fail", "line 7", "true or false",
		},
		"plan's part":             {"run \"x\" {\n  assert {\n    condition = plan.sumary.stop == 1\n    error_message = \"x\"\n  }\n}\n", "fail", "line 3", `Did you mean "summary"?`},
		"unexpected failure":      {"run \"x\" {\n  command = plan\n  variables {\n    run = false\n  }\n}\n", "fail", "line 1", `check "kiosks_run"`},
		"refused apply":           {"run \"x\" {\n  variables {\n    run = false\n  }\n}\n", "error", "line 1", "A check fails"},
		"missing failure":         {"run \"x\" {\n  expect_failures = [check.kiosks_run]\n}\n", "fail", "line 2", `its status is "pass"`},
		"unknown check":           {"run \"x\" {\n  expect_failures = [check.kiosk_runs]\n}\n", "fail", "line 2", `Did you mean "kiosks_run"?`},
		"undeclared variable":     {"run \"x\" {\n  variables {\n    runs = false\n  }\n}\n", "error", "line 3", `Did you mean "run"?`},
		"unsuitable variable":     {"run \"x\" {\n  variables {\n    run = \"maybe\"\n  }\n}\n", "error", "line 3", "bool"},
		"unknown word of a world": {"run \"x\" {\n  world {\n    cads = []\n  }\n}\n", "error", "line 2", `unknown field "cads"`},
		"world's file":            {"run \"x\" {\n  world = \"none.json\"\n}\n", "error", "line 2", "none.json"},
		"carrier that is down":    {"run \"x\" {\n  command = plan\n  world {\n    faults = [{ kind = \"lost-before\", times = 1000 }]\n  }\n}\n", "error", "line 1", "aliyun"},
	} {
		t.Run(name, func(t *testing.T) {
			r, got := tested(t, c.test)
			r.want(1, got)
			assert.Contains(t, got.out, "run \"x\"... "+c.status)
			assert.Contains(t, got.errors, "on kiosks.fleettest.hcl "+c.at)
			assert.Contains(t, got.errors, c.told)
		})
	}
}

func TestAMistakeOfATestFileIsToldBeforeAnythingIsRun(t *testing.T) {
	for test, told := range map[string]string{
		"run \"x\" {\n  command = destroy\n}\n":                              "command is plan or apply",
		"run \"x\" {\n  assert {\n    condition = true\n  }\n}\n":            "error_message",
		"run \"x\" {}\nrun \"x\" {}\n":                                       `run "x"`,
		"run \"x\" {\n  world = \"a\"\n  world {}\n}\n":                      "one world",
		"run \"x\" {\n  expect_failures = [output.runs]\n}\n":                "check.NAME",
		"run \"x\" {\n  world {\n    cards = [for c in var.x : c]\n  }\n}\n": "Variables not allowed",
		"run \"x\" {\n":   "line 1",
		"":                "No run block",
		"runs \"x\" {}\n": `"runs"`,
	} {
		r, got := tested(t, test)
		r.want(1, got)
		assert.Empty(t, got.out, test)
		assert.Contains(t, got.errors, "on kiosks.fleettest.hcl line", test)
		assert.Contains(t, got.errors, told, test)
	}
}

func TestACheckThatIsExpectedToFailKeepsAnApplyBackAndPasses(t *testing.T) {
	r, got := tested(t, `
run "off" {
`+cardWorld+`
  variables {
    run = false
  }
  expect_failures = ["kiosks_run"]
  assert {
    condition     = plan.summary.stop == 1 && card.kiosk.live.active
    error_message = "the card is stopped, or would not be"
  }
}
`)
	r.want(0, got)
}

func TestRunsBehindAnErrorAreSkippedAndCountedInJUnit(t *testing.T) {
	r, got := tested(t, `
run "fails" {
  command = plan
  assert {
    condition     = false
    error_message = "a <b> & ]]> c"
  }
}
run "lost" {
  world {
    cards = [{ iccid = "89860617030017300008", status = "suspended-by-owner" }]
    faults = [{ action = "DoIotUserStopResume", times = 1000, kind = "lost-before" }]
  }
}
run "after" {}
`, "-junit-xml=junit.xml", "-json")
	r.want(1, got)
	var suites struct {
		Suites []struct {
			Tests    int `xml:"tests,attr"`
			Failures int `xml:"failures,attr"`
			Errors   int `xml:"errors,attr"`
			Skipped  int `xml:"skipped,attr"`
			Cases    []struct {
				Name    string `xml:"name,attr"`
				Failure string `xml:"failure"`
				Error   string `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal([]byte(r.read("junit.xml")), &suites))
	require.Len(t, suites.Suites, 1)
	s := suites.Suites[0]
	assert.Equal(t, [4]int{3, 1, 1, 1}, [4]int{s.Tests, s.Failures, s.Errors, s.Skipped})
	assert.Contains(t, s.Cases[0].Failure, "a <b> & ]]> c")
	assert.Contains(t, s.Cases[1].Error, "card.kiosk")
	assert.Contains(t, got.out, `"test_summary":{"errored":1,"failed":1,"passed":0,"skipped":1}`)
}

func TestEachFileOfTestsBeginsAnew(t *testing.T) {
	one := "run \"x\" {" + cardWorld + "  assert {\n    condition = plan.summary.adopt == 1\n    error_message = \"it is known already\"\n  }\n}\n"
	r, _ := tested(t, one)
	require.NoError(t, os.Mkdir(filepath.Join(r.dir, "tests"), 0o700))
	r.write("tests/more.fleettest.hcl", one)
	r.write("tests/.left.fleettest.hcl", "{")
	got := r.want(0, r.run("test"))
	assert.Contains(t, got.out, "Success! 2 passed, 0 failed.")
	assert.NotContains(t, r.want(0, r.run("test", "-filter=tests/more.fleettest.hcl")).out, "kiosks")
	assert.Contains(t, r.want(1, r.run("test", "-filter=more.fleettest.hcl")).errors, "There are: kiosks.fleettest.hcl, tests/more.fleettest.hcl.")
}

func TestNoTestFileIsAnError(t *testing.T) {
	r, _ := tested(t, "")
	require.NoError(t, os.Remove(filepath.Join(r.dir, "kiosks.fleettest.hcl")))
	assert.Contains(t, r.want(1, r.run("test")).errors, "There is no file *.fleettest.hcl")
}

func TestASecretOfATestIsShownNowhere(t *testing.T) {
	r, _ := tested(t, "")
	r.write("secret.fleet.hcl", "variable \"pin\" {\n  type      = string\n  sensitive = true\n}\n")
	r.write("kiosks.fleettest.hcl", `
run "x" {
  command = plan
  variables {
    pin = "very-secret-pin"
  }
  assert {
    condition     = var.pin == "other"
    error_message = "it is ${var.pin}"
  }
}
`)
	got := r.want(1, r.run("test", "-junit-xml=junit.xml"))
	assert.Contains(t, got.errors, "The message holds a sensitive value")
	for _, text := range []string{got.out, got.errors, r.read("junit.xml")} {
		assert.NotContains(t, text, "very-secret-pin")
	}
}
