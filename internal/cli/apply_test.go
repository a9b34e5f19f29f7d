package cli_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

const (
	kiosk = "89860617030017300390"
	scale = "898600D6991330004146"

	deviceA = "861536030196001"
	deviceB = "861536030196019"
)

// describe is a world of the two cards, the kiosk's bound to device A.
func describe() *carriersim.World {
	return &carriersim.World{Record: true, Cards: []carriersim.Card{
		{ICCID: kiosk, IMEI: deviceA, MSISDN: "1064633113571"},
		{ICCID: scale, IMEI: "861536030196027", Status: spec.SuspendedByOwner},
	}}
}

// changing is how many requests changed something at the carrier.
func changing(w *carriersim.World) int {
	n := 0
	for _, r := range w.Requests() {
		if r.Effect {
			n++
		}
	}
	return n
}

const rebind = provider + `
card "kiosk" {
  iccid        = "89860617030017300390"
  imei         = "861536030196019"
  current_imei = "861536030196001"
}
`

func TestAChangeOfBindingMakesExactlyOneCall(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)

	got := r.want(2, r.run("plan", "-detailed-exitcode"))
	assert.Contains(t, got.out, "imei: 861536030196001 -> 861536030196019")
	assert.Contains(t, got.out, "Plan: 1 to adopt, 1 to change-bind, 0 to unbind (0 of 0 approved), 0 to stop, 0 to resume, 0 to subscribe, 0 to unsubscribe, 0 to forget. 0 unchanged, 0 needs attention.\n")
	assert.Zero(t, changing(r.world), "a plan changes nothing")

	r.want(0, r.run("apply", "-auto-approve"))
	var binds []carriersim.Request
	for _, request := range r.world.Requests() {
		if request.Action == "DoIotChgBindOrUnBind" {
			binds = append(binds, request)
		}
	}
	require.Len(t, binds, 1)
	assert.Equal(t, "chgBind", binds[0].Params["OpionType"])
	assert.Equal(t, deviceA, binds[0].Params["Imei"])
	assert.Equal(t, deviceB, binds[0].Params["NewImei"])

	got = r.want(0, r.run("plan", "-detailed-exitcode"))
	assert.Equal(t, "No changes. 1 card matches the configuration.\n", got.out)
}

// The order within a card follows the cause: a card that the carrier stopped for
// its device is resumed once it has the wanted one, never before.
func TestACardThatWasStoppedForItsDeviceGetsTheDeviceAndThenServes(t *testing.T) {
	world := describe()
	world.Cards[0].Status, world.Cards[0].Words = spec.SuspendedByCarrier, "机卡分离停机"
	r := newRig(t, world)
	r.write("main.fleet.hcl", strings.Replace(rebind, "  imei  ", "  active       = true\n  imei  ", 1))

	got := r.want(2, r.run("plan", "-detailed-exitcode"))
	assert.Contains(t, got.out, "1 to change-bind, 0 to unbind (0 of 0 approved), 0 to stop, 1 to resume")
	r.want(0, r.run("apply", "-auto-approve"))
	var calls []string
	for _, request := range r.world.Requests() {
		if request.Effect {
			calls = append(calls, request.Action)
		}
	}
	assert.Equal(t, []string{"DoIotPostImei", "DoIotChgBindOrUnBind", "DoIotUnbindResume"}, calls)
	card, _ := r.world.Card(kiosk)
	assert.Equal(t, spec.Active, card.Status)
	assert.Equal(t, spec.IMEI(deviceB), card.IMEI)
	got = r.want(0, r.run("plan", "-detailed-exitcode"))
	assert.Equal(t, "No changes. 1 card matches the configuration.\n", got.out)
}

// Without the change of the device, nothing is resumed.
func TestACardThatWasStoppedForItsDeviceIsNotResumedWhereTheDeviceIsRefused(t *testing.T) {
	world := describe()
	world.Cards[0].Status, world.Cards[0].Words, world.Cards[0].IMEI = spec.SuspendedByCarrier, "机卡分离停机", "861536030196035"
	r := newRig(t, world)
	r.write("main.fleet.hcl", strings.Replace(rebind, "  imei  ", "  active       = true\n  imei  ", 1))
	got := r.run("apply", "-auto-approve")
	assert.NotZero(t, got.code)
	assert.Zero(t, r.world.Count("DoIotUserStopResume")+r.world.Count("DoIotUnbindResume"), got.out)
}

// Two machines whose clocks are eleven minutes apart work on one state, and the
// carrier shows an order after five. What the second machine reads a minute after
// the first one ordered doesn't make it order again.
func TestTwoMachinesWhoseClocksDifferOrderOnce(t *testing.T) {
	world := describe()
	world.ShowDelay = carriersim.Duration(5 * time.Minute)
	r := newRig(t, world)
	carrier := &clock{now: r.clock.Now()}
	world.Now, world.Sleep = carrier.Now, carrier.Sleep
	r.write("main.fleet.hcl", provider+"card \"kiosk\" {\n  iccid    = \""+kiosk+"\"\n  packages = [\"10002\"]\n}\n")
	r.want(0, r.run("apply", "-auto-approve"))
	require.Equal(t, 1, world.Count("DoIotRecharge"))

	carrier.Advance(time.Minute)
	r.clock.Advance(12 * time.Minute) // the second machine's
	got := r.want(0, r.run("apply", "-auto-approve"))
	assert.Equal(t, 1, world.Count("DoIotRecharge"), got.out)

	carrier.Advance(10 * time.Minute)
	r.clock.Advance(10 * time.Minute)
	got = r.want(0, r.run("apply", "-auto-approve"))
	assert.Contains(t, got.out, "No changes. 1 card matches the configuration.\n")
	assert.Equal(t, 1, world.Count("DoIotRecharge"), got.out)
}

func TestNothingRunsAnUnbindWithoutAnApproval(t *testing.T) {
	const unbind = provider + `
card "kiosk" {
  iccid        = "89860617030017300390"
  bound        = false
  current_imei = "861536030196001"
}
card "scale" {
  iccid  = "898600D6991330004146"
  active = true
}
`
	for name, row := range map[string]struct {
		args  []string
		extra string
		why   string
	}{
		"auto-approve":                  {[]string{"apply", "-auto-approve"}, "", "no approval names this card"},
		"another card":                  {[]string{"apply", "-auto-approve", "-approve-unbind=" + scale + "=" + deviceA}, "", "no approval names this card"},
		"another device, by the option": {[]string{"apply", "-auto-approve", "-approve-unbind=" + kiosk + "=" + deviceB}, "", "-approve-unbind is for device 861536030196019, but the card is bound to 861536030196001"},
		"another device":                {[]string{"apply", "-auto-approve"}, approvalBlock(deviceB, "2027-01-01T00:00:00Z"), "is for device 861536030196019, but the card is bound to 861536030196001"},
		"expired":                       {[]string{"apply", "-auto-approve"}, approvalBlock(deviceA, "2026-11-01T00:00:00Z"), "expired on 2026-11-01"},
		"signers wanted": {[]string{"apply", "-auto-approve"}, `fleet {
  policy { allowed_signers = "allowed_signers" }
}
` + approvalBlock(deviceA, "2027-01-01T00:00:00Z"), "only signed approvals count"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, describe())
			r.write("main.fleet.hcl", unbind+row.extra)
			r.write("allowed_signers", "# nobody yet\n")
			got := r.want(3, r.run(row.args...))
			assert.Contains(t, got.errors, "Approvals are missing")
			assert.Contains(t, strings.Join(strings.Fields(got.errors), " "), row.why)
			assert.Zero(t, changing(r.world), "not one changing call was made, the harmless resume included")

			r.want(0, r.run("plan", "-out=p.fleetplan"))
			r.want(3, r.run("apply", "p.fleetplan"))
			assert.Zero(t, changing(r.world), "nor by a saved plan")
		})
	}

	t.Run("flag", func(t *testing.T) {
		r := newRig(t, describe())
		r.write("main.fleet.hcl", unbind)
		r.want(0, r.run("apply", "-auto-approve", "-approve-unbind="+kiosk+"="+deviceA))
		r.want(0, r.run("plan", "-detailed-exitcode"))
	})
	t.Run("block", func(t *testing.T) {
		r := newRig(t, describe())
		r.write("main.fleet.hcl", unbind+approvalBlock(deviceA, "2027-01-01T00:00:00Z"))
		r.want(0, r.run("apply", "-auto-approve"))
		r.want(0, r.run("plan", "-detailed-exitcode"))
	})
	t.Run("skipped", func(t *testing.T) {
		r := newRig(t, describe())
		r.write("main.fleet.hcl", unbind)
		got := r.want(0, r.run("apply", "-auto-approve", "-skip-unapproved"))
		assert.Contains(t, got.out, "1 not started")
		for _, request := range r.world.Requests() {
			assert.False(t, request.Action == "DoIotChgBindOrUnBind", "the unbind was left out")
		}
		assert.Equal(t, 1, changing(r.world), "the resume ran")
	})
}

func approvalBlock(imei, expires string) string {
	return fmt.Sprintf(`
approval "rma" {
  action  = "unbind"
  cards   = { "89860617030017300390" = %q }
  reason  = "returned"
  expires = %q
}
`, imei, expires)
}

func TestACardThatLeftIsUnboundWithApprovalThenForgotten(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("apply", "-auto-approve"))
	r.write("main.fleet.hcl", provider)
	got := r.want(3, r.run("apply", "-auto-approve"))
	assert.Contains(t, got.out, `cards  = { "89860617030017300390" = "861536030196019" }`, "the plan shows the block to add")
	r.want(0, r.run("apply", "-auto-approve", "-approve-unbind="+kiosk+"="+deviceB))
	got = r.want(0, r.run("plan", "-detailed-exitcode"))
	assert.Equal(t, "No changes. 0 cards match the configuration.\n", got.out)
}

// However often and in whichever spelling, the option is one approval, and so is a
// block: not one call is made on the second word of one of them.
func TestOneSourceIsOneApproval(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("apply", "-auto-approve"))
	two := provider + "fleet {\n  policy {\n    required_approvals = 2\n  }\n}\n"
	r.write("main.fleet.hcl", two)
	before := changing(r.world)
	word := "-approve-unbind=" + kiosk + "=" + deviceB
	for _, again := range []string{word, "-approve-unbind=" + kiosk[:19] + "=" + deviceB, "-approve-unbind=" + kiosk + "=" + deviceB[:14]} {
		got := r.want(3, r.run("apply", "-auto-approve", word, again))
		assert.Contains(t, flat(got.errors), "unbind from 861536030196019: 1 of 2 approvals; -approve-unbind names this card more than once, which counts once", again)
		assert.Contains(t, got.out, "approved by -approve-unbind, 1 of 2")
		assert.NotContains(t, got.out, "2 of 2")
	}
	block := "approval %q {\n  action = \"unbind\"\n  cards  = { \"" + kiosk + "\" = \"" + deviceB + "\" }\n  reason = \"returned\"\n}\n"
	r.write("main.fleet.hcl", two+fmt.Sprintf(block, "one"))
	r.want(3, r.run("apply", "-auto-approve"))
	assert.Equal(t, before, changing(r.world))
	r.want(0, r.run("apply", "-auto-approve", word))
	assert.Equal(t, before+1, changing(r.world), "a block and the option are two")
}

func TestRemovedForgetsWithoutTouchingTheCard(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("apply", "-auto-approve"))
	before := changing(r.world)
	r.write("main.fleet.hcl", provider+`removed { iccids = ["89860617030017300390"] }`)
	got := r.want(0, r.run("apply", "-auto-approve"))
	assert.Contains(t, got.out, "1 to forget")
	assert.Equal(t, before, changing(r.world))
	r.want(0, r.run("plan", "-detailed-exitcode"))
}

func TestASavedPlanDropsWhatHasChangedSince(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind+`
card "scale" {
  iccid  = "898600D6991330004146"
  active = true
}
`)
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	_, err := r.world.Change(scale, func(c *carriersim.Card) bool { c.Status = spec.Active; return true })
	require.NoError(t, err)
	got := r.want(5, r.run("apply", "p.fleetplan"))
	assert.Contains(t, got.out, "dropped: stale: the card is no longer stopped by its owner")
	assert.Contains(t, got.out, "Apply incomplete: 3 done, 0 failed, 1 dropped, 0 not started, 0 in doubt.")
	r.want(0, r.run("plan", "-detailed-exitcode"))

	got = r.want(0, r.run("apply", "p.fleetplan"))
	assert.Contains(t, got.out, "Nothing was to be done: its 4 actions are as wanted by now.", "whoever did them")
}

func TestAPlanOfAnotherStateIsRefused(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("apply", "-auto-approve"))
	r.write("main.fleet.hcl", strings.Replace(rebind, deviceB, "861536030196035", 1))
	r.want(0, r.run("plan", "-out=p.fleetplan"))

	other := newRig(t, describe())
	other.write("main.fleet.hcl", rebind)
	other.want(0, other.run("apply", "-auto-approve"))
	got := other.want(1, other.run("apply", r.dir+"/p.fleetplan"))
	assert.Contains(t, got.errors, "Plan of another state")
}

func TestALockedStateSaysWhoHasIt(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	unlock := holdLock(t, r.dir)
	got := r.want(4, r.run("apply", "-auto-approve"))
	assert.Contains(t, got.errors, "someone@ci-runner-7")
	assert.Contains(t, got.errors, "Operation: apply")
	r.want(0, r.run("plan"))
	require.NoError(t, unlock())
	r.want(0, r.run("apply", "-auto-approve"))
}

func TestApplyAsksOnATerminalAndTakesOnlyYes(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	got := r.want(1, r.run("apply"))
	assert.Contains(t, got.errors, "Nobody to ask")
	r.tty = true
	for _, answer := range []string{"", "no\n", "y\n"} {
		r.in = answer
		got = r.want(1, r.run("apply"))
		assert.Contains(t, got.errors, "Apply cancelled")
	}
	assert.Zero(t, changing(r.world))
	r.in = "yes\n"
	r.want(0, r.run("apply"))
}

func TestACarrierThatCannotBeReadAtAllMakesThePlanIncomplete(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.env["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = "another secret altogether"
	got := r.want(1, r.run("plan"))
	assert.Contains(t, got.out, "could not be read at all")
	assert.Contains(t, got.out, "1 unread")
	got = r.want(1, r.run("apply", "-auto-approve"))
	assert.Contains(t, got.errors, "The plan is incomplete")
	r.want(0, r.run("apply", "-auto-approve", "-skip-unread"))
}

func TestStopsOfMostOfTheFleetAreRefused(t *testing.T) {
	world := &carriersim.World{Open: true, Record: true}
	r := newRig(t, world)
	var b strings.Builder
	b.WriteString(provider)
	for i := range 12 {
		fmt.Fprintf(&b, "card \"c%d\" {\n  iccid  = \"898600000000000000%02d\"\n  active = %t\n}\n", i, i, i >= 5)
	}
	r.write("main.fleet.hcl", b.String())
	got := r.want(0, r.run("plan"))
	assert.Contains(t, got.out, "The limit on stop is passed: 5 planned, 30% of 12 cards allowed")
	got = r.want(3, r.run("apply", "-auto-approve"))
	assert.Contains(t, got.errors, "A policy limit is passed")
	assert.Zero(t, changing(world))
	r.write("policy.fleet.hcl", `fleet {
  policy {
    limit "stop" { count = 5 }
  }
}
`)
	r.want(0, r.run("apply", "-auto-approve"))
}

func TestJSONOfAPlan(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("plan", "-out", "p.fleetplan"))
	var got struct {
		FormatVersion string         `json:"format_version"`
		Digest        string         `json:"digest"`
		Summary       map[string]int `json:"summary"`
		Cards         []struct {
			Address string           `json:"address"`
			Before  map[string]any   `json:"before"`
			After   map[string]any   `json:"after"`
			Actions []map[string]any `json:"actions"`
		} `json:"cards"`
		Numbers []any `json:"privacy_numbers"`
	}
	require.NoError(t, json.Unmarshal([]byte(r.want(0, r.run("show", "-json", "p.fleetplan")).out), &got))
	assert.Equal(t, "1.0", got.FormatVersion)
	assert.True(t, strings.HasPrefix(got.Digest, "sha256:"))
	assert.Equal(t, 1, got.Summary["change_bind"])
	assert.Equal(t, 1, got.Summary["adopt"])
	require.Len(t, got.Cards, 1)
	assert.Equal(t, "card.kiosk", got.Cards[0].Address)
	assert.Equal(t, map[string]any{"active": true, "status": "正常", "lifecycle": "active"}, got.Cards[0].Before, "nobody knows the device, so it is absent")
	assert.Equal(t, map[string]any{"imei": deviceB, "active": true}, got.Cards[0].After)
	assert.Equal(t, map[string]any{"id": "a2", "kind": "change-bind", "from": deviceA, "to": deviceB, "risk": "disruptive", "guarded": false, "approved": false, "needs": []any{}}, got.Cards[0].Actions[1])
	assert.NotNil(t, got.Numbers)
}

func TestJSONOfARun(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind+`output "status" { value = card.kiosk.live.status }`)
	got := r.want(0, r.run("apply", "-auto-approve", "-json"))
	var types []string
	for line := range strings.Lines(got.out) {
		var event map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &event), line)
		for _, key := range []string{"@level", "@message", "@module", "@timestamp", "type"} {
			assert.Contains(t, event, key)
		}
		assert.Equal(t, "cardfleet.ui", event["@module"])
		types = append(types, event["type"].(string))
		if event["type"] == "apply_complete" {
			hook := event["hook"].(map[string]any)
			for _, key := range []string{"address", "iccid", "provider", "action", "elapsed_seconds", "request_id"} {
				assert.Contains(t, hook, key)
			}
		}
	}
	assert.Equal(t, "version", types[0])
	for _, want := range []string{"diagnostic", "progress", "planned_change", "change_summary", "apply_start", "apply_complete", "outputs"} {
		assert.Contains(t, types, want)
	}
}
