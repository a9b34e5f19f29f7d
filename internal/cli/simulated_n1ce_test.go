package cli_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// 1NCE's PUT replaces all of a card that can be changed.

const lockedCard = spec.ICCID("89882280666000000012")

// atN1CE is a rig with 1NCE's block, and one card that is locked and labelled.
func atN1CE(t *testing.T, secret string) *rig {
	r := newRig(t, &carriersim.World{Record: true, Cards: []carriersim.Card{
		{ICCID: lockedCard, IMEI: boundDevice, Status: spec.Active, More: map[string]string{"label": "DX-137-B12"}},
	}})
	r.write("carrier.fleet.hcl", "provider \"n1ce\" {\n  endpoint = \""+r.url+"/1nce/management-api\"\n  client_id = \""+testKeyID+"\"\n  client_secret = \""+secret+"\"\n}\n")
	return r
}

func (r *rig) sensor(attrs string) {
	r.write("main.fleet.hcl", "card \"sensor\" {\n  iccid = \""+string(lockedCard)+"\"\n"+attrs+"}\n")
}

func TestAStopAndAResumeThatReplaceTheCardKeepItsLockAndItsLabel(t *testing.T) {
	r := atN1CE(t, testSecret)
	for _, active := range []bool{false, true} {
		r.sensor(fmt.Sprintf("  active = %t\n", active))
		r.want(0, r.run("apply", "-auto-approve"))
		card, _ := r.world.Card(lockedCard)
		assert.Equal(t, active, card.Status == spec.Active)
		assert.Equal(t, boundDevice, card.IMEI, "it is locked as before")
		assert.Equal(t, "DX-137-B12", card.More["label"])
		r.want(0, r.run("plan", "-detailed-exitcode"))
	}
	assert.Equal(t, 2, r.world.Count("update"))
}

// What somebody changes between the plan and its change is sent back as it then is.
func TestALabelThatSomebodyWritesMeanwhileStays(t *testing.T) {
	r := atN1CE(t, testSecret)
	r.sensor("  active = false\n")
	r.want(2, r.run("plan", "-detailed-exitcode", "-out=stop.plan"))
	r.elsewhere(lockedCard, func(c *carriersim.Card) { c.Keep("label", "moved"); c.IMEI, c.InUse = "", boundDevice })
	r.want(0, r.run("apply", "stop.plan"))
	card, _ := r.world.Card(lockedCard)
	assert.Equal(t, spec.SuspendedByOwner, card.Status)
	assert.Equal(t, "moved", card.More["label"])
	assert.Empty(t, card.IMEI, "a lock that was taken away is not put back")
}

func TestALostAnswerOfAReplacementIsSettledByReading(t *testing.T) {
	r := atN1CE(t, testSecret)
	for i, kind := range []carriersim.FaultKind{carriersim.LostAfter, carriersim.HTML5xx, carriersim.Truncated} {
		r.sensor(fmt.Sprintf("  active = %t\n", i%2 == 1))
		r.world.Break(carriersim.Fault{Action: "update", Times: 1, Kind: kind})
		r.run("apply", "-auto-approve")
		r.clock.Advance(60_000_000_000) // a change shows within seconds
		r.want(0, r.run("apply", "-auto-approve"))
		r.want(0, r.run("plan", "-detailed-exitcode"))
		if kind != carriersim.Truncated { // of nothing, half is a connection that breaks off
			assert.Equal(t, i+1, r.world.Count("update"), "%s", kind)
		}
	}
}

func TestDataThatIsUsedUpIsTheCarriersStop(t *testing.T) {
	r := atN1CE(t, testSecret)
	r.elsewhere(lockedCard, func(c *carriersim.Card) { c.Status = spec.SuspendedByCarrier })
	r.sensor("  active = true\n")
	got := r.run("apply", "-auto-approve")
	assert.Contains(t, got.out, "its data volume is used up: top it up at 1NCE")
	assert.Zero(t, r.world.Count("update"), "a resume changes nothing")
	r.elsewhere(lockedCard, func(c *carriersim.Card) { c.Status = spec.Active })
	assert.Contains(t, r.want(2, r.run("plan", "-detailed-exitcode")).out, "~ active: false (suspended-by-carrier) -> true", "it was topped up")
}

// A wrong secret is HTTP 400 at 1NCE, as a body that doesn't read is.
func TestAWrongSecretThatIsABadRequestIsToldAsTheCredentials(t *testing.T) {
	const wrong = "n0t-the-secret-of-this-account"
	r := atN1CE(t, wrong)
	r.sensor("  active = true\n")
	got := r.want(1, r.run("plan"))
	assert.Contains(t, got.out, "token: the carrier gives no token for these settings")
	assert.NotContains(t, got.out+got.errors, wrong)
	assert.Zero(t, r.world.Count("sim"))
}

func TestCardsWithCheckDigitsAreReadFromAListWithoutThem(t *testing.T) {
	r := atN1CE(t, testSecret)
	var cards strings.Builder
	const many = 250
	for i := range many {
		iccid := fmt.Sprintf("89882280666%08d0", i+100)
		r.world.Cards = append(r.world.Cards, carriersim.Card{ICCID: spec.ICCID(iccid)})
		fmt.Fprintf(&cards, "card \"c%d\" {\n  iccid = %q\n  active = true\n}\n", i, iccid)
	}
	r.write("main.fleet.hcl", cards.String())
	r.want(0, r.run("apply", "-auto-approve"))
	assert.Equal(t, 3, r.world.Count("sims"), "pages of 100")
	assert.LessOrEqual(t, r.world.Count("sim"), 1, "cards read by themselves")
	r.want(0, r.run("plan", "-detailed-exitcode"))
}
