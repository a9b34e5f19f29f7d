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

// settled is a fleet of two cards as they are declared.
func settled(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind+`
card "scale" {
  iccid    = "898600D6991330004146"
  active   = true
  packages = ["10002"]
  labels   = { city = "ningbo" }
}
`)
	r.want(0, r.run("apply", "-auto-approve"))
	r.clock.Advance(time.Hour)
	r.want(0, r.run("plan", "-detailed-exitcode"))
	return r
}

// elsewhere changes a card as somebody else does, at the carrier.
func (r *rig) elsewhere(iccid spec.ICCID, change func(*carriersim.Card)) {
	r.t.Helper()
	_, err := r.world.Change(iccid, func(c *carriersim.Card) bool { change(c); return true })
	require.NoError(r.t, err)
	r.clock.Advance(time.Hour)
}

func TestWhatChangedOutsideIsShownApart(t *testing.T) {
	r := settled(t)
	r.elsewhere(scale, func(c *carriersim.Card) { c.Status = spec.SuspendedByOwner })
	got := r.want(2, r.run("plan", "-detailed-exitcode", "-out=p.fleetplan"))
	assert.Contains(t, got.out, `Changed outside cardfleet, 1 card:

  # card.scale (898600D6991330004146)
    ~ active: true -> false (suspended-by-owner)
      # since the reading of 2026-11-21 20:46 UTC; another tool or a person, at the carrier
      # to keep it, in main.fleet.hcl line 17: active = false
`)
	assert.Contains(t, got.out, "1 to resume")
	var shown struct {
		Summary map[string]int
		Cards   []struct{ Drift []map[string]any }
	}
	require.NoError(t, json.Unmarshal([]byte(r.run("show", "-json", "p.fleetplan").out), &shown))
	assert.Equal(t, 1, shown.Summary["drifted"])
	assert.Equal(t, "active", shown.Cards[0].Drift[0]["attribute"])

	r.want(0, r.run("apply", "-auto-approve"))
	r.want(0, r.run("plan", "-detailed-exitcode"))

	r.elsewhere(scale, func(c *carriersim.Card) { c.Status, c.Words = spec.SuspendedByCarrier, "欠费停机" })
	got = r.want(2, r.run("plan", "-detailed-exitcode"))
	assert.Contains(t, got.out, "the carrier stopped it: ")
	assert.Contains(t, got.out, "! Stopped by the carrier")
}

func TestDriftTowardsWhatIsWantedIsStillDrift(t *testing.T) {
	r := settled(t)
	r.elsewhere(scale, func(c *carriersim.Card) { c.Status = spec.SuspendedByOwner })
	r.write("main.fleet.hcl", strings.Replace(r.read("main.fleet.hcl"), "active   = true", "active   = false", 1))
	got := r.want(2, r.run("plan", "-detailed-exitcode"))
	assert.Contains(t, got.out, "Changed outside cardfleet")
	assert.Contains(t, got.out, "0 to stop, 0 to resume")
	r.want(0, r.run("apply", "-auto-approve"))
	r.want(0, r.run("plan", "-detailed-exitcode"))
}

func TestRefreshOnlyTakesDriftIntoTheStateAndChangesNoCard(t *testing.T) {
	r := settled(t)
	r.elsewhere(scale, func(c *carriersim.Card) { c.Packages = nil })
	effects := changing(r.world)
	got := r.want(2, r.run("plan", "-refresh-only", "-detailed-exitcode"))
	assert.Contains(t, got.out, `packages: ["10002"] -> []`)
	assert.Contains(t, got.out, "0 to subscribe")
	r.want(0, r.run("apply", "-refresh-only", "-auto-approve"))
	r.want(0, r.run("plan", "-refresh-only", "-detailed-exitcode"))
	assert.Equal(t, effects, changing(r.world))
	got = r.want(2, r.run("plan", "-detailed-exitcode"))
	assert.NotContains(t, got.out, "Changed outside")
	assert.Contains(t, got.out, "1 to subscribe", "what is wanted is still wanted")
}

func TestAPlanCanBeNarrowed(t *testing.T) {
	r := newRig(t, describe())
	r.world.Open = true
	r.write("main.fleet.hcl", rebind+`
card "bike" {
  for_each = { "a/1" = "898600D6991330004146", "b/2" = "89860617030017300008" }
  iccid    = each.value
  active   = false
  labels   = { city = each.key == "a/1" ? "ningbo" : "wenzhou" }
}
`)
	for args, want := range map[string]string{
		"":                                     "3 to adopt",
		"-target=card.kiosk":                   "1 to adopt, 1 to change-bind",
		"-target=" + kiosk:                     "1 to adopt, 1 to change-bind",
		"-target=card.bike":                    "2 to adopt, 0 to change-bind",
		`-target=card.bike["a/1"]`:             "1 to adopt, 0 to change-bind",
		"-target=8986*":                        "3 to adopt",
		"-target=card.kiosk -target=card.bike": "3 to adopt",
		"-exclude=card.bike":                   "1 to adopt, 1 to change-bind",
		"-target=card.bike -exclude=898600D*":  "1 to adopt",
		"-select=city=ningbo":                  "1 to adopt, 0 to change-bind",
		"-select=city=w*u":                     "1 to adopt, 0 to change-bind",
	} {
		got := r.want(0, r.run(append([]string{"plan"}, strings.Fields(args)...)...))
		assert.Contains(t, got.out, want, args)
		if args == "" {
			assert.NotContains(t, got.out, "partial")
			continue
		}
		assert.Contains(t, got.out, "This plan is partial ("+args+")", args)
	}
	assert.Contains(t, r.want(1, r.run("plan", "-target=card.kisok")).errors, "Target names no card")
	assert.Contains(t, r.want(1, r.run("plan", "-select=city")).errors, "KEY=VALUE")
	for args, want := range map[string]string{
		"-select=street=*":                             "No card has a label \"street\". The labels are: \"city\".",
		"-select=city=nigbo":                           "Did you mean \"ningbo\"? Its values are: \"ningbo\", \"wenzhou\".",
		"-select=city=nowhere -refresh=false":          "No card is selected",
		"-select=city=ningbo -target=card.kiosk":       "No card is selected",
		"-select=city=ningbo -exclude=898600D* -json ": "No card is selected",
	} {
		for _, command := range []string{"plan", "apply -auto-approve"} {
			got := r.want(1, r.run(strings.Fields(command+" "+args)...))
			assert.Contains(t, strings.ReplaceAll(got.errors+got.out, "\\\"", "\""), want, args)
		}
	}

	r.want(0, r.run("apply", "-auto-approve", "-target=card.kiosk"))
	assert.Equal(t, "card.kiosk  aliyun  "+kiosk+"\n", r.run("state", "list").out, "the rest is left alone")
	r.want(2, r.run("plan", "-detailed-exitcode"))
}

// What apply would refuse with 3, a merge queue has to hear: none of it would run.
func TestCheckOfARefusedPlanSaysThatNothingWouldRun(t *testing.T) {
	r, _, _ := signing(t, "1")
	r.want(0, r.run("approve", "p.fleetplan", "-key=alice", "-valid-for=1h"))
	assert.Contains(t, r.want(0, r.run("plan", "-check=p.fleetplan")).out, "2 of 2 actions would still run.\n")
	r.clock.Advance(2 * time.Hour)
	got := r.want(5, r.run("plan", "-check=p.fleetplan"))
	assert.Contains(t, got.out, "the signature of alice@example.com ended on 2026-11-21 21:46 UTC")
	assert.Contains(t, got.out, "0 of 2 actions would still run: apply refuses the plan as it is. With -skip-unapproved it would carry out 1.\n")
	r.want(3, r.run("apply", "p.fleetplan"))

	r = newRig(t, describe())
	r.write("main.fleet.hcl", rebind)
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	r.write("main.fleet.hcl", rebind+"\nfleet {\n  policy {\n    limit \"change-bind\" { count = 0 }\n  }\n}\n")
	got = r.want(5, r.run("plan", "-check=p.fleetplan"))
	assert.Contains(t, got.errors, "Warning: A policy limit is passed")
	assert.Contains(t, got.out, "0 of 2 actions would still run: apply refuses the plan as it is.\n")
	r.want(3, r.run("apply", "p.fleetplan"))
}

func TestCheckSaysWhichActionsWouldStillRun(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", rebind+"card \"scale\" {\n  iccid = \""+scale+"\"\n  active = true\n}\n")
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	got := r.want(0, r.run("plan", "-check=p.fleetplan"))
	assert.Equal(t, "4 of 4 actions would still run.\n", got.out)
	r.elsewhere(scale, func(c *carriersim.Card) { c.Status = spec.Active })
	effects := changing(r.world)
	got = r.want(5, r.run("plan", "-check=p.fleetplan"))
	assert.Contains(t, got.out, "resume: dropped: stale: the card is no longer stopped by its owner")
	assert.Contains(t, got.out, "3 of 4 actions would still run.")
	assert.Equal(t, effects, changing(r.world))
}

func TestGraphDrawsTheOrder(t *testing.T) {
	r := newRig(t, describe())
	r.write("main.fleet.hcl", provider+`
card "a" {
  iccid        = "89860617030017300390"
  imei         = "861536030196027"
  current_imei = "861536030196001"
}
card "b" {
  iccid        = "898600D6991330004146"
  imei         = "861536030196035"
  current_imei = "861536030196027"
}
`)
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	got := r.want(0, r.run("show", "-graph", "p.fleetplan"))
	assert.Equal(t, `flowchart LR
  a2["card.a<br>change-bind 861536030196001 → 861536030196027"]
  a4 --> a2
  a4["card.b<br>change-bind 861536030196027 → 861536030196035"]
  alone["2 more actions in any order"]
`, got.out)
	r.want(1, r.run("show", "-graph"))
}

func TestAFleetThatShrankIsRefused(t *testing.T) {
	world := &carriersim.World{Open: true, Record: true}
	r := newRig(t, world)
	r.write("main.fleet.hcl", provider+"card \"bike\" {\n  from_csv = \"bikes.csv\"\n  iccid = each.key\n}\n")
	table := func(n int) string {
		var b strings.Builder
		b.WriteString("iccid\n")
		for i := range n {
			fmt.Fprintf(&b, "898600000000000000%02d\n", i)
		}
		return b.String()
	}
	r.write("bikes.csv", table(20))
	r.want(0, r.run("apply", "-auto-approve"))
	r.write("bikes.csv", table(14))
	r.want(0, r.run("apply", "-auto-approve")) // exactly 30% is not more
	r.write("bikes.csv", table(9))
	got := r.want(3, r.run("apply", "-auto-approve"))
	assert.Contains(t, got.errors, "The configuration lost 5 cards that the state has, 30% of 14 cards allowed")
	got = r.want(3, r.run("apply", "-auto-approve", "-accept-count=remove:4"))
	assert.Contains(t, got.errors, "-accept-count=remove:4 doesn't fit")
	r.want(1, r.run("apply", "-auto-approve", "-accept-count=remove"))
	r.want(0, r.run("apply", "-auto-approve", "-accept-count=remove:5"))
}
