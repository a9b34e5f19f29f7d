package cli_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

func TestASavedPlanDoesOnlyWhatIsStillWanted(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	r.write("main.fleet.hcl", strings.Replace(rebind, deviceB, "861536030196035", 1))

	got := r.want(5, r.run("plan", "-check=p.fleetplan"))
	assert.Contains(t, got.out, "dropped: not wanted any more: the configuration asks for device 861536030196035 by now")
	assert.Contains(t, got.out, "1 of 2 actions would still run.")
	got = r.want(5, r.run("apply", "p.fleetplan"))
	assert.Contains(t, got.out, "change-bind 861536030196001 -> 861536030196019: dropped: not wanted any more")
	assert.Contains(t, got.out, "Apply incomplete: 1 done, 0 failed, 1 dropped")
	assert.Zero(t, changing(r.world))
}

func TestASavedPlanIsNotCarriedOutWithOptionsThatMakeAnother(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	calls := len(r.world.Requests())
	for option, name := range map[string]string{
		"-refresh-only": "-refresh-only", "-target=card.scale": "-target", "-exclude=card.scale": "-exclude", "-select=city=hz": "-select",
		"-retry=absent.jsonl": "-retry", "-refresh=changed": "-refresh=changed", "-max-age=24h": "-max-age", "-refresh-budget=1": "-refresh-budget",
	} {
		for _, args := range [][]string{{"apply", option, "p.fleetplan"}, {"apply", option, "absent.fleetplan"}, {"plan", option, "-check=p.fleetplan"}} {
			got := r.want(1, r.run(args...))
			assert.Contains(t, got.errors, "Options don't go together", args)
			assert.Contains(t, flat(got.errors), "A saved plan is carried out as it was saved. Leave out "+name+", or make another plan with it: plan "+name+" … -out=FILE.", args)
		}
	}
	got := r.want(1, r.run("apply", "-refresh-only", "-target=card.scale", "p.fleetplan"))
	assert.Contains(t, flat(got.errors), "Leave out -refresh-only, -target, or make another plan with them: plan -refresh-only … -out=FILE.")
	assert.Len(t, r.world.Requests(), calls, "no carrier was asked")
	r.want(0, r.run("apply", "-refresh=false", "-parallelism=1", "-lock-timeout=1s", "-accept-count=change-bind:1", "p.fleetplan"))
}

func TestASavedPlanThatWasAppliedSaysSo(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	r.want(0, r.run("apply", "p.fleetplan"))
	calls := changing(r.world)
	for _, args := range [][]string{{"apply", "p.fleetplan"}, {"plan", "-check=p.fleetplan"}} {
		got := r.want(0, r.run(args...))
		assert.Contains(t, got.errors, "This plan was applied at 2026-11-21")
		assert.Contains(t, got.out, "the plan was applied at 2026-11-21")
	}
	assert.Equal(t, calls, changing(r.world))
}

func TestASavedPlanThatSomebodyElseCarriedOutIsAsWanted(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", provider+`
card "scale" {
  iccid  = "898600D6991330004146"
}
`)
	r.want(0, r.run("apply", "-auto-approve"))
	r.write("main.fleet.hcl", provider+`
card "scale" {
  iccid  = "898600D6991330004146"
  active = true
}
`)
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	_, err := r.world.Change(scale, func(c *carriersim.Card) bool { c.Status = spec.Active; return true })
	require.NoError(t, err)
	got := r.want(0, r.run("apply", "p.fleetplan"))
	assert.Contains(t, got.out, "Nothing was to be done: its action is as wanted by now.")
	assert.Zero(t, changing(r.world))
}

func TestVariablesOfASavedPlanAreGivenAgain(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", strings.Replace(rebind, `"861536030196019"`, "var.device", 1)+`
variable "device" { default = "861536030196027" }
variable "pin" {
  default   = "0000"
  sensitive = true
}
`)
	r.write("pin.fleetvars.hcl", `pin = "4711"`)
	given := []string{"-var=device=861536030196019", "-var-file=pin.fleetvars.hcl"}
	got := r.want(0, r.run(append([]string{"plan", "-out=p.fleetplan"}, given...)...))
	assert.Contains(t, got.errors, "cardfleet apply -var=device=861536030196019 -var-file=pin.fleetvars.hcl p.fleetplan")

	got = r.want(1, r.run("apply", "p.fleetplan"))
	assert.Contains(t, got.errors, "var.device")
	assert.Contains(t, got.errors, "var.pin")
	assert.NotContains(t, got.errors, "4711")
	got = r.want(1, r.run("apply", "-var=device=861536030196035", "-var-file=pin.fleetvars.hcl", "p.fleetplan"))
	assert.Contains(t, got.errors, `var.device has another value than the plan was made with: "861536030196019" then, "861536030196035" now`)
	assert.NotContains(t, got.errors, "var.pin")
	assert.Zero(t, changing(r.world))
	r.want(0, r.run(append([]string{"apply", "p.fleetplan"}, given...)...))
	assert.NotZero(t, changing(r.world))
}

func TestASecretIsNotInTheNextCommand(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind+`
variable "pin" {
  default   = "0000"
  sensitive = true
}
`)
	got := r.want(0, r.run("plan", "-out=p.fleetplan", "-var=pin=it's 4711"))
	assert.Contains(t, got.errors, "First give CARDFLEET_VAR_pin in the environment the value that the plan was given. To carry out exactly this:\n  cardfleet apply p.fleetplan\n")
	assert.NotContains(t, got.errors, "4711")
}
