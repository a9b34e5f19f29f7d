package cli_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// checkedCards are two cards, of which one has no city and one is stopped, and a
// check of each kind.
const checkedCards = provider + `
card "bike" {
  for_each = { "89860617030017300008" = "hangzhou", "89860617030017300016" = "" }
  iccid    = each.key
  labels   = { city = each.value }
}

output "stopped" { value = length([for c in card.bike : c if c.live.active == false]) }

check "every card has a city" {
  condition     = length([for c in card.bike : c if c.labels.city == ""]) == 0
  error_message = "${join(", ", [for c in card.bike : c.iccid if c.labels.city == ""])} has no city"
}

check "at most so many are stopped" {
  condition     = output.stopped <= 0 # most
  error_message = "${output.stopped} is stopped"
  severity      = "error"
}
`

func checkedRig(t *testing.T) *rig {
	r := newRig(t, &carriersim.World{Record: true, Cards: []carriersim.Card{{ICCID: "89860617030017300008"}, {ICCID: "89860617030017300016", Status: spec.SuspendedByOwner}}})
	r.write("main.fleet.hcl", checkedCards)
	return r
}

const (
	cityFails    = `check "every card has a city" (main.fleet.hcl line 17) fails: 89860617030017300016 has no city.`
	stoppedFails = `check "at most so many are stopped" (main.fleet.hcl line 22) fails: 1 is stopped. apply refuses this plan.`
)

// A check that fails is told in each rendering of the plan.
func TestAFailingCheckIsSeen(t *testing.T) {
	r := checkedRig(t)
	got := r.want(0, r.run("plan", "-out=p.fleetplan"))
	assert.Contains(t, got.out, "Checks that don't hold, or that nobody can judge:\n\n  ! "+stoppedFails+"\n  ! "+cityFails+"\n")
	assert.Contains(t, got.errors, "apply refuses it as it is, as said above")
	before, _, _ := strings.Cut(got.out, "\n\nOutputs")
	assert.Equal(t, before, strings.TrimSuffix(r.want(0, r.run("show", "p.fleetplan")).out, "\n"), "the saved plan has them")
	comment := r.want(0, r.run("show", "-markdown", "p.fleetplan")).out
	assert.Contains(t, comment, "2 checks fail\n")
	assert.Contains(t, comment, "> **apply refuses this plan as it is.**\n>\n> - check \"at most so many are stopped\"")
	page := r.want(0, r.run("show", "-html", "p.fleetplan")).out
	assert.Contains(t, page, "89860617030017300016 has no city.")
	machine := strings.Join(strings.Fields(r.want(0, r.run("show", "-json", "p.fleetplan")).out), " ")
	assert.Contains(t, machine, `"name": "at most so many are stopped", "severity": "error", "status": "fail", "message": "1 is stopped", "file": "main.fleet.hcl", "line": 22`)
	lines := r.want(0, r.run("plan", "-json")).out
	assert.Equal(t, 2, strings.Count(lines, `"type":"check_status"`))
	r.want(0, r.run("plan", "-refresh=false", "-json"))

	got = r.want(0, r.run("validate"))
	assert.Contains(t, got.errors, "Warning: A check fails\n\nC"+cityFails[1:])
	assert.NotContains(t, got.errors, "are stopped", "nobody knows without reading")
	assert.Contains(t, r.want(0, r.run("validate", "-json")).out, "has no city")
}

// Nothing is called where a check fails that refuses: neither by apply, nor for a
// saved plan, nor where the plan file was made to look as if it held.
func TestACheckOfSeverityErrorRefusesAnApply(t *testing.T) {
	r := checkedRig(t)
	active := strings.Replace(checkedCards, "  labels ", "  active   = true\n  labels ", 1)
	r.write("main.fleet.hcl", active)
	refused := "Error: A check fails\n\nNothing was changed. Check \"at most so many are stopped\" (main.fleet.hcl line 23) fails: 1 is stopped. apply refuses this plan.\n"
	assert.Contains(t, r.want(3, r.run("apply", "-auto-approve")).errors, refused)
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	assert.Contains(t, r.want(3, r.run("apply", "p.fleetplan")).errors, refused)
	checked := r.want(5, r.run("plan", "-check=p.fleetplan"))
	assert.Contains(t, checked.errors, "fails: 1 is stopped. apply refuses this plan.")
	assert.Contains(t, checked.out, "would still run: apply refuses the plan as it is.\n")
	assert.Zero(t, changing(r.world))

	// What the configuration alone decides is judged anew for a saved plan.
	r.write("main.fleet.hcl", strings.Replace(active, "output.stopped <= 0 # most", "output.stopped <= 1", 1))
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	r.write("main.fleet.hcl", strings.Replace(active, "output.stopped <= 0 # most", "length(card.bike) <= 1", 1))
	assert.Contains(t, r.want(3, r.run("apply", "p.fleetplan")).errors, "The message depends on what was not read.")
	assert.Zero(t, changing(r.world))

	// One that warns is no reason to stop, and one that is gone counts no more.
	r.write("main.fleet.hcl", active)
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	r.write("main.fleet.hcl", strings.Replace(active, `"error"`, `"warning"`, 1))
	got := r.want(0, r.run("apply", "p.fleetplan"))
	assert.Contains(t, got.out, "1 is stopped.\n")
	assert.Equal(t, 1, changing(r.world))
	assert.NotContains(t, r.want(0, r.run("plan")).out, "stopped.\n", "now it holds")
}

// Of cards that nobody asked for counts what the state has of them.
func TestAChecksCardsAreThoseOfTheStateWhereNothingIsRead(t *testing.T) {
	r := checkedRig(t)
	r.write("main.fleet.hcl", strings.Replace(checkedCards, `"error"`, `"warning"`, 1))
	assert.Contains(t, r.want(0, r.run("plan", "-refresh=false")).out, `? check "at most so many are stopped" (main.fleet.hcl line 22) can't be judged: it depends on what was not read.`)
	r.want(0, r.run("apply", "-auto-approve"))
	assert.Contains(t, r.want(0, r.run("plan", "-refresh=false")).out, "fails: 1 is stopped.")
	r.write("main.fleet.hcl", checkedCards)
	r.want(3, r.run("apply", "-auto-approve", "-refresh=false"))
}

func TestAMistakeInACheckEndsTheRunBeforeACall(t *testing.T) {
	r := checkedRig(t)
	r.write("main.fleet.hcl", strings.Replace(checkedCards, "output.stopped <= 0 # most", `parseint(card.bike["89860617030017300008"].live.status, 10) > 0`, 1))
	got := r.want(1, r.run("apply", "-auto-approve"))
	assert.Contains(t, got.errors, `in check "at most so many are stopped"`)
	assert.Zero(t, changing(r.world))
}
