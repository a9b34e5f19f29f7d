package cli_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// serviceCall is Alibaba's call for a stop and for a resume.
const serviceCall = "DoIotUserStopResume"

// isStopped reports whether the carrier has the kiosk's card stopped, whatever it shows.
func (r *rig) isStopped() bool {
	r.t.Helper()
	c, ok := r.world.Card(kiosk)
	require.True(r.t, ok)
	return c.Status == spec.SuspendedByOwner
}

// lateKiosk is a card in service, at a carrier that shows a change that long after it.
func lateKiosk(t *testing.T, shows time.Duration) *rig {
	r := newRig(t, &carriersim.World{Record: true, Cards: []carriersim.Card{{ICCID: kiosk}}, ShowDelay: carriersim.Duration(shows)})
	r.inService(true)
	r.want(0, r.run("apply", "-auto-approve"))
	return r
}

// inService declares whether the card is in service.
func (r *rig) inService(is bool) {
	r.t.Helper()
	r.write("main.fleet.hcl", provider+fmt.Sprintf("card \"kiosk\" {\n  iccid = %q\n  active = %t\n}\n", kiosk, is))
}

// stopInDoubt leaves the card's stop in doubt: no answer comes, and the carrier has
// made it or not.
func (r *rig) stopInDoubt(made bool) {
	r.t.Helper()
	lost := carriersim.LostBefore
	if made {
		lost = carriersim.LostAfter
	}
	r.world.Break(carriersim.Fault{Action: serviceCall, Kind: lost})
	r.inService(false)
	got := r.want(5, r.run("apply", "-auto-approve"))
	assert.Contains(r.t, got.out, "1 in doubt")
	r.world.Break()
	require.Equal(r.t, made, r.isStopped())
}

// The carrier has the order and shows the card in service for five minutes more. Whoever
// wants it in service by now must not be told that it is so.
func TestAStopInDoubtThatIsNoLongerWantedIsNotTakenForWithoutEffectWhileItMayStillShow(t *testing.T) {
	r := lateKiosk(t, 5*time.Minute)
	r.stopInDoubt(true)
	r.clock.Advance(time.Minute)
	r.inService(true)
	sent := r.world.Count(serviceCall)
	for range 2 {
		got := flat(r.want(2, r.run("plan", "-detailed-exitcode")).out)
		assert.Contains(t, got, "Outcome in doubt")
		assert.Contains(t, got, "By now the opposite is wanted, and this stop may still take effect.")
		r.want(0, r.run("apply", "-auto-approve"))
	}
	assert.Equal(t, sent, r.world.Count(serviceCall), "the card is left alone")

	r.clock.Advance(5 * time.Minute)
	got := r.want(0, r.run("apply", "-auto-approve"))
	assert.Contains(t, got.out, "was in doubt; the carrier shows that it was done")
	assert.False(t, r.isStopped())
	r.want(0, r.run("plan", "-detailed-exitcode"))
}

func TestAStopInDoubtThatHadNoEffectIsSettledOnceItWouldShow(t *testing.T) {
	r := lateKiosk(t, 5*time.Minute)
	r.stopInDoubt(false)
	r.inService(true)
	r.want(2, r.run("plan", "-detailed-exitcode"))
	r.clock.Advance(11 * time.Minute)
	got := r.want(0, r.run("plan", "-detailed-exitcode"))
	assert.Contains(t, got.out, "was in doubt; the carrier shows that it had no effect")
}

// Whoever still wants it stopped isn't kept waiting: a second stop changes nothing twice.
// Until that is answered, the first is not forgotten.
func TestAStopInDoubtThatIsStillWantedIsSentAgainAndKeptInMindUntilItIsAnswered(t *testing.T) {
	r := lateKiosk(t, 5*time.Minute)
	r.stopInDoubt(true)
	r.clock.Advance(time.Minute)
	got := r.want(2, r.run("plan", "-detailed-exitcode", "-out=again.plan"))
	assert.Contains(t, flat(got.out), "is in doubt, and the carrier doesn't show it yet; it is sent again, which changes nothing twice")

	r.world.Break(carriersim.Fault{Action: serviceCall, Times: 1, Kind: carriersim.CodeFault("isv.ORDER_IN_PROCESS")})
	r.run("apply", "-auto-approve")
	r.world.Break()
	r.inService(true)
	assert.NotEqual(t, 0, r.run("plan", "-detailed-exitcode").code, "the first may have its effect all the same")

	r.inService(false)
	r.want(0, r.run("apply", "-auto-approve", "again.plan"))
	r.want(0, r.run("plan", "-detailed-exitcode"))
	assert.True(t, r.isStopped())
	r.inService(true)
	r.want(0, r.run("apply", "-auto-approve"))
	r.want(0, r.run("plan", "-detailed-exitcode"))
	assert.False(t, r.isStopped())
}

// However late the carrier shows what it does, whatever answers are lost, and however
// often people change their minds: a plan that finds nothing to do, and nothing to say,
// is right, and in the end the card is as it is wanted.
func TestNoPlanTakesACardForAsWantedWhileAnEarlierOrderMayChangeIt(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := lateKiosk(t, rapid.SampledFrom([]time.Duration{0, time.Minute, 5 * time.Minute, 9 * time.Minute}).Draw(rt, "shows after"))
		wanted := true
		silent := func() bool {
			got := r.run("plan", "-detailed-exitcode")
			if got.code == 0 && r.isStopped() == wanted {
				rt.Fatalf("active = %t is wanted, the card is not so, and a plan says:\n%s", wanted, got.out)
			}
			return got.code == 0
		}
		for range rapid.IntRange(1, 4).Draw(rt, "changes of mind") {
			wanted = !wanted
			r.inService(wanted)
			if kind := rapid.SampledFrom([]carriersim.FaultKind{"", carriersim.LostAfter, carriersim.LostBefore}).Draw(rt, "answer"); kind != "" {
				r.world.Break(carriersim.Fault{Action: serviceCall, Kind: kind, Times: rapid.SampledFrom([]int{1, 2, 100}).Draw(rt, "times")})
			}
			r.run("apply", "-auto-approve")
			r.world.Break()
			r.clock.Advance(time.Duration(rapid.IntRange(0, 360).Draw(rt, "seconds")) * time.Second)
			silent()
		}
		for range 3 {
			r.run("apply", "-auto-approve")
			r.clock.Advance(11 * time.Minute)
		}
		if !silent() {
			rt.Fatalf("it never came to active = %t", wanted)
		}
	})
}
