package cli_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// The carriers that read and write a card's device by value, against their
// simulated ones: the promise of which card is in which device, whole.

const (
	byValueCard = spec.ICCID("89310410106543789305")
	boundDevice = spec.IMEI("861536030196035")
	nextDevice  = spec.IMEI("861536030196043")
	otherDevice = spec.IMEI("861536030196050")
)

// byValue has a rig for each of the carriers, or for those named, with its
// provider's block written.
func byValue(t *testing.T, test func(t *testing.T, r *rig, provider string), only ...string) {
	for provider, block := range map[string]string{
		"soracom":  "/soracom/v1\"\n  auth_key_id = \"" + testKeyID + "\"\n  auth_key = \"" + testSecret + "\"\n}\n",
		"telnyx":   "/telnyx/v2\"\n  api_key = \"" + testSecret + "\"\n}\n",
		"onomondo": "/onomondo\"\n  api_key = \"" + testSecret + "\"\n}\n",
	} {
		if len(only) > 0 && !slices.Contains(only, provider) {
			continue
		}
		t.Run(provider, func(t *testing.T) {
			r := newRig(t, &carriersim.World{Record: true, Cards: []carriersim.Card{{ICCID: byValueCard, IMEI: boundDevice, Status: spec.SuspendedByOwner}}})
			r.write("carrier.fleet.hcl", "provider \""+provider+"\" {\n  endpoint = \""+r.url+block)
			test(t, r, provider)
		})
	}
}

// bindCalls are the carriers' names for the call that gives a card its device.
var bindCalls = map[string]string{"soracom": "set_imei_lock", "telnyx": "update", "onomondo": "update"}

// kiosk declares the card.
func (r *rig) kiosk(attrs string) {
	r.write("main.fleet.hcl", "card \"kiosk\" {\n  iccid = \""+string(byValueCard)+"\"\n"+attrs+"}\n")
}

func (r *rig) device() spec.IMEI {
	card, _ := r.world.Card(byValueCard)
	return card.IMEI
}

func TestACardIsAdoptedWithItsDeviceAsRead(t *testing.T) {
	byValue(t, func(t *testing.T, r *rig, _ string) {
		r.kiosk("  imei = \"" + string(nextDevice) + "\"\n  active = true\n")
		got := r.want(0, r.run("apply", "-auto-approve"))
		assert.Contains(t, got.out, "change-bind "+string(boundDevice)+" -> "+string(nextDevice)+": done")
		assert.NotContains(t, got.out, "on trust")
		assert.Equal(t, nextDevice, r.device())
		r.want(0, r.run("plan", "-detailed-exitcode"))
		card, _ := r.world.Card(byValueCard)
		assert.Equal(t, spec.Active, card.Status)
	})
}

func TestADeviceThatSomebodyChangedAtTheConsoleIsDrift(t *testing.T) {
	byValue(t, func(t *testing.T, r *rig, _ string) {
		r.kiosk("  imei = \"" + string(boundDevice) + "\"\n")
		r.want(0, r.run("apply", "-auto-approve"))
		r.elsewhere(byValueCard, func(c *carriersim.Card) { c.IMEI = otherDevice })
		got := r.want(2, r.run("plan", "-detailed-exitcode"))
		assert.Contains(t, got.out, "Changed outside cardfleet, 1 card")
		assert.Contains(t, got.out, "imei: "+string(boundDevice)+" -> "+string(otherDevice))
		r.want(0, r.run("apply", "-auto-approve"))
		assert.Equal(t, boundDevice, r.device(), "it is put back")
		r.want(0, r.run("plan", "-detailed-exitcode"))
		r.elsewhere(byValueCard, func(c *carriersim.Card) { c.IMEI = "" })
		got = r.want(2, r.run("plan", "-detailed-exitcode"))
		assert.Contains(t, got.out, "imei: "+string(boundDevice)+" -> none")
		assert.Contains(t, got.out, "~ imei: no device -> "+string(boundDevice))
		r.want(0, r.run("apply", "-auto-approve"))
		assert.Equal(t, boundDevice, r.device(), "a device that was taken away is put back too")
		r.want(0, r.run("plan", "-detailed-exitcode"))
	})
}

func TestACardThatIsBoundToNoneGetsItsFirstDevice(t *testing.T) {
	byValue(t, func(t *testing.T, r *rig, provider string) {
		call := bindCalls[provider]
		r.elsewhere(byValueCard, func(c *carriersim.Card) { c.IMEI = "" })
		r.kiosk("  imei = \"" + string(boundDevice) + "\"\n")
		assert.Contains(t, r.want(2, r.run("plan", "-detailed-exitcode", "-out=first.plan")).out, "~ imei: no device -> "+string(boundDevice))
		assert.Zero(t, r.world.Count(call), "plan makes no request of a change")
		got := r.want(0, r.run("apply", "first.plan"))
		assert.Contains(t, got.out, "change-bind no device -> "+string(boundDevice)+": done")
		assert.Equal(t, boundDevice, r.device())
		r.want(0, r.run("plan", "-detailed-exitcode"))
		assert.Equal(t, 1, r.world.Count(call))
	})
}

func TestAFirstDeviceThatSomebodyElseSetMeanwhileIsNotOverwritten(t *testing.T) {
	byValue(t, func(t *testing.T, r *rig, provider string) {
		r.elsewhere(byValueCard, func(c *carriersim.Card) { c.IMEI = "" })
		r.kiosk("  imei = \"" + string(boundDevice) + "\"\n")
		r.want(2, r.run("plan", "-detailed-exitcode", "-out=first.plan"))
		r.elsewhere(byValueCard, func(c *carriersim.Card) { c.IMEI = otherDevice })
		got := r.run("apply", "first.plan")
		assert.NotEqual(t, 0, got.code, "%s", got.out)
		assert.Contains(t, got.out+got.errors, "the card is bound to "+string(otherDevice)+" by now")
		assert.Equal(t, otherDevice, r.device())
		assert.Zero(t, r.world.Count(bindCalls[provider]))
	})
}

// The answer of a first binding is lost before and after it had its effect: the
// next reading says which, and the request is sent again only where it had none.
func TestALostAnswerOfAFirstBindingIsSettledByReading(t *testing.T) {
	byValue(t, func(t *testing.T, r *rig, provider string) {
		call := bindCalls[provider]
		for _, kind := range []carriersim.FaultKind{carriersim.LostAfter, carriersim.HTML5xx, carriersim.Truncated} {
			was := r.world.Count(call)
			r.elsewhere(byValueCard, func(c *carriersim.Card) { c.IMEI = "" })
			r.world.Break(carriersim.Fault{Action: call, Times: 1, Kind: kind})
			r.kiosk("  imei = \"" + string(nextDevice) + "\"\n")
			r.want(0, r.run("apply", "-auto-approve"))
			assert.Equal(t, was+1, r.world.Count(call), "%s", kind)
			assert.Equal(t, nextDevice, r.device())
			r.want(0, r.run("plan", "-detailed-exitcode"))
		}
		r.elsewhere(byValueCard, func(c *carriersim.Card) { c.IMEI = "" })
		r.world.Break(carriersim.Fault{Action: call, Times: 1, Kind: carriersim.LostBefore})
		for range 2 { // Telnyx shows a change within 10 s, so the first leaves it in doubt
			r.run("apply", "-auto-approve")
			r.clock.Advance(time.Minute)
		}
		assert.Equal(t, nextDevice, r.device(), "it is still bound to none, so it is sent again")
		r.want(0, r.run("plan", "-detailed-exitcode"))
	})
}

func TestAnUnbindThatClosesNoAccountIsGuardedAllTheSame(t *testing.T) {
	byValue(t, func(t *testing.T, r *rig, provider string) {
		r.kiosk("  bound = false\n")
		got := r.run("apply", "-auto-approve")
		assert.NotEqual(t, 0, got.code, "%s", got.out)
		assert.Equal(t, boundDevice, r.device(), "nobody approved it")
		r.want(0, r.run("apply", "-auto-approve", "-approve-unbind="+string(byValueCard)+"="+string(boundDevice)))
		assert.Empty(t, r.device())
		r.want(0, r.run("plan", "-detailed-exitcode"))
		assert.Equal(t, 1, r.world.Count(map[string]string{"soracom": "unset_imei_lock", "telnyx": "update", "onomondo": "update"}[provider]))
	})
}

// Whatever becomes of an answer, a changing request is seen once.
func TestALostAnswerOfAChangeIsLookedUpAndNotSentAgain(t *testing.T) {
	byValue(t, func(t *testing.T, r *rig, provider string) {
		call := bindCalls[provider]
		for _, kind := range []carriersim.FaultKind{carriersim.LostAfter, carriersim.HTML5xx, carriersim.Truncated} {
			was := r.world.Count(call)
			r.world.Break(carriersim.Fault{Action: call, Times: 1, Kind: kind})
			next := map[bool]spec.IMEI{true: nextDevice, false: otherDevice}[r.device() != nextDevice]
			r.kiosk("  imei = \"" + string(next) + "\"\n")
			r.want(0, r.run("apply", "-auto-approve"))
			assert.Equal(t, was+1, r.world.Count(call), "%s", kind)
			assert.Equal(t, next, r.device())
			r.want(0, r.run("plan", "-detailed-exitcode"))
		}
	})
}

// Telnyx's stop for the device in use: bound first, and enabled then.
func TestAStopForTheDeviceIsCuredByTheDeviceAndAResume(t *testing.T) {
	byValue(t, func(t *testing.T, r *rig, _ string) {
		r.elsewhere(byValueCard, func(c *carriersim.Card) { c.InUse, c.Status = nextDevice, spec.SuspendedByCarrier })
		r.kiosk("  imei = \"" + string(boundDevice) + "\"\n  active = true\n")
		got := r.want(0, r.run("apply", "-auto-approve"))
		assert.Contains(t, got.out, "! Another device is in use", "a resume alone cures nothing")
		assert.Zero(t, r.world.Count("enable"), "so none is sent")
		r.kiosk("  imei = \"" + string(nextDevice) + "\"\n  active = true\n")
		r.want(0, r.run("apply", "-auto-approve"))
		card, _ := r.world.Card(byValueCard)
		assert.Equal(t, spec.Active, card.Status)
		r.want(0, r.run("plan", "-detailed-exitcode"))
	}, "telnyx") // Soracom tells no stop of its own
}

// The example of the language's page takes the embedded definition's place.
func TestTheExampleOfTheLanguagePlansAppliesAndPlansEmpty(t *testing.T) {
	text, err := os.ReadFile("../../providers/described/testdata/example.carrier.hcl")
	require.NoError(t, err)
	byValue(t, func(t *testing.T, r *rig, _ string) {
		r.write("soracom.carrier.hcl", string(text))
		assert.Contains(t, r.want(0, r.run("carriers", "test", "soracom")).out, "soracom: ok, 1 sample\n")
		r.kiosk("  imei = \"" + string(nextDevice) + "\"\n  active = true\n  packages = [\"s1.fast\"]\n")
		got := r.want(2, r.run("plan", "-detailed-exitcode"))
		assert.Contains(t, got.out, "soracom.carrier.hcl", "whose definition it is")
		for _, call := range []string{"set_imei_lock", "activate", "update_speed_class"} {
			assert.Zero(t, r.world.Count(call), "plan makes no request of a change")
		}
		r.want(0, r.run("apply", "-auto-approve"))
		assert.Equal(t, nextDevice, r.device())
		r.want(0, r.run("plan", "-detailed-exitcode"))
	}, "soracom")
}
