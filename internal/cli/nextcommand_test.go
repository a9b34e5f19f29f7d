package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// typed is the command that a run says to type next, as a shell takes it apart.
func typed(t *testing.T, said string) []string {
	t.Helper()
	needs(t, "sh")
	line := regexp.MustCompile(`(?m)^  cardfleet (.*)$`).FindStringSubmatch(said)
	require.NotNil(t, line, said)
	words, err := exec.Command("sh", "-c", `for w in "$@"; do :; done; printf '%s\n' `+line[1]).Output()
	require.NoError(t, err)
	return strings.Split(strings.TrimSuffix(string(words), "\n"), "\n")
}

// Whatever a plan was given, the command that it prints carries it out, word for word.
func TestTheNextCommandWorksAsItStands(t *testing.T) {
	for name, row := range map[string]struct{ given, before []string }{
		"nothing":             {},
		"another folder":      {before: []string{"-chdir=it's here"}},
		"variables":           {given: []string{"-var=city=new york", "-var-file=more.fleetvars.hcl"}},
		"a lifted limit":      {given: []string{"-accept-count=change-bind:1"}},
		"approvals elsewhere": {given: []string{"-approvals=signed"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, describe())
			if len(row.before) > 0 {
				require.NoError(t, os.Mkdir(filepath.Join(r.dir, "it's here"), 0o700))
				r.dir = filepath.Join(r.dir, "it's here")
			}
			r.write("main.fleet.hcl", rebind+"\nfleet {\n  policy {\n    limit \"change-bind\" { count = "+map[bool]string{true: "0", false: "9"}[name == "a lifted limit"]+" }\n  }\n}\n"+
				"variable \"city\" {\n  type    = string\n  default = \"\"\n}\nvariable \"more\" {\n  type    = string\n  default = \"\"\n}\n")
			r.write("more.fleetvars.hcl", "more = \"x\"\n")
			r.write("signed", "")
			if len(row.before) > 0 {
				r.dir = filepath.Dir(r.dir)
			}
			planned := r.want(0, r.run(append(append(append([]string{}, row.before...), "plan", "-out=my plan"), row.given...)...))
			assert.Contains(t, planned.errors, "To carry out exactly this:\n")
			assert.Contains(t, r.want(0, r.run(typed(t, planned.errors)...)).out, "Apply complete! 2 done")
		})
	}
}

// A value that must not be shown is left to the environment, and the text says so.
func TestTheNextCommandOfAPlanWithASecret(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind+"\nvariable \"pin\" {\n  type      = string\n  sensitive = true\n}\n")
	planned := r.want(0, r.run("plan", "-out=p", "-var=pin=1234567"))
	assert.Contains(t, planned.errors, "First give CARDFLEET_VAR_pin in the environment the value that the plan was given.")
	assert.NotContains(t, planned.errors, "1234567")
	r.env["CARDFLEET_VAR_pin"] = "1234567"
	r.want(0, r.run(typed(t, planned.errors)...))
}

func TestTheNextCommandOfAPlanThatApplyRefusesSaysSo(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind+"\nfleet {\n  policy {\n    limit \"change-bind\" { count = 0 }\n  }\n}\n")
	planned := r.want(0, r.run("plan", "-out=p"))
	assert.Contains(t, planned.errors, "apply refuses it as it is, as said above. Once that is settled, this carries out exactly this plan:\n  cardfleet apply p\n")
	r.want(3, r.run(typed(t, planned.errors)...))
}

func TestOutputsComeLast(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind+"\noutput \"said\" { value = \"well\" }\n")
	for _, command := range [][]string{{"plan"}, {"plan", "-out=p"}, {"apply", "p"}} {
		out := r.want(0, r.run(command...)).out
		assert.True(t, strings.HasSuffix(out, "\n\nOutputs:\n\nsaid = \"well\"\n"), out)
	}
}
