package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// elsewhere is a fleet whose kiosk is at another device than everybody believes,
// and whose carrier loses the answer to the first change of its device.
func elsewhere(t *testing.T) *rig {
	world := describe()
	for i := range world.Cards {
		if world.Cards[i].ICCID == kiosk {
			world.Cards[i].IMEI = "861536030196993"
		}
	}
	world.Faults = []carriersim.Fault{{Action: "DoIotChgBindOrUnBind", Times: 1, Kind: carriersim.LostBefore}}
	r := newRig(t, world)
	r.write("main.fleet.hcl", rebind)
	return r
}

func TestWhatWasLikelyDoneIsListedAndSettledTogether(t *testing.T) {
	r := elsewhere(t)
	got := r.want(5, r.run("apply", "-auto-approve"))
	assert.Contains(t, got.out, "1 in doubt")
	assert.Contains(t, got.out, "which was only believed to be its device (adopted on trust)")
	plan := r.want(2, r.run("plan", "-detailed-exitcode"))
	assert.Contains(t, flat(plan.out), "cardfleet resolve -likely")
	assert.Contains(t, flat(plan.out), deviceA)
	assert.Contains(t, flat(plan.out), deviceB, "both devices are named")

	assert.Contains(t, r.want(1, r.run("resolve", "-likely")).errors, "Nobody to ask")
	assert.Contains(t, r.unanswered("resolve", "-likely").errors, "Error: Interrupted")
	r.want(1, r.run("resolve", "-likely", "-auto-approve", "-unbound"))
	r.want(1, r.run("resolve", "-likely", "-auto-approve", scale))
	r.want(1, r.run("resolve", kiosk, "-bound-to="+deviceA, "-auto-approve"))
	r.tty, r.in = true, "no\n"
	assert.Contains(t, r.want(1, r.run("resolve", "-likely")).errors, "Nothing was changed")
	r.in = "yes\n"
	got = r.want(0, r.run("resolve", "-likely", kiosk))
	assert.Contains(t, got.out, "change-bind "+deviceA+" -> "+deviceB)
	assert.Contains(t, got.out, "card.kiosk: settled.")
	assert.Contains(t, r.want(0, r.run("state", "show", kiosk)).out, deviceB+" (set as far as the carrier tells)")
	plan = r.want(0, r.run("plan", "-detailed-exitcode"))
	assert.Contains(t, plan.out, "bound to "+deviceB+" as far as the carrier tells")
	assert.Contains(t, r.want(0, r.run("resolve", "-likely", "-auto-approve")).out, "No change of binding is in doubt that was likely done.")
}

func TestDoneAsFarAsToldIsSaidEverywhereAndIsNoFailure(t *testing.T) {
	r := elsewhere(t)
	r.write("main.fleet.hcl", strings.ReplaceAll(rebind, deviceB, deviceA))
	r.want(0, r.run("apply", "-auto-approve"))
	r.write("state.json", strings.Replace(r.pulled("state.json"), `"unconfirmed": "trust"`, `"as_far_as_told": false`, 1)) // as if it had been read
	r.want(0, r.run("state", "push", "state.json"))
	r.write("main.fleet.hcl", rebind)
	got := r.want(0, r.run("apply", "-auto-approve", "-json", "-report=run.jsonl"))
	assert.Contains(t, got.out, `"as_far_as_told":true`)
	told := false
	for line := range strings.Lines(r.read("run.jsonl")) {
		var a struct {
			Outcome     string
			AsFarAsTold bool `json:"as_far_as_told"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &a))
		told = told || a.Outcome == "done" && a.AsFarAsTold
	}
	assert.True(t, told)
	assert.Contains(t, r.pulled("state.json"), `"as_far_as_told": true`)
}

func TestAnUnbindIsNeverLikely(t *testing.T) {
	r := elsewhere(t)
	r.write("main.fleet.hcl", strings.ReplaceAll(rebind, deviceB, deviceA))
	r.want(0, r.run("apply", "-auto-approve"))
	r.write("main.fleet.hcl", provider)
	got := r.want(5, r.run("apply", "-auto-approve", "-approve-unbind="+kiosk+"="+deviceA, "-accept-count=remove:1"))
	assert.Contains(t, got.out, "1 in doubt")
	assert.Contains(t, r.want(0, r.run("state", "list")).out, "card.kiosk", "nothing is forgotten on a refusal")
	assert.Contains(t, r.want(0, r.run("resolve", "-likely", "-auto-approve")).out, "No change of binding")
	assert.Contains(t, flat(r.want(2, r.run("plan", "-detailed-exitcode")).out), "once the carrier shows the card as closing or closed")
	_, err := r.world.Change(kiosk, func(c *carriersim.Card) bool { c.Status = spec.Closing; return true })
	require.NoError(t, err)
	r.want(0, r.run("apply", "-auto-approve"))
	assert.NotContains(t, r.want(0, r.run("state", "list")).out, "card.kiosk")
}
