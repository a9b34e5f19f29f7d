package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

func TestRemovedForgetsTheCardInWhicheverSpelling(t *testing.T) {
	other := kiosk.Stem() + "1" // another card that agrees in 19
	in := func(named spec.ICCID, managed ...spec.ICCID) plan.Input {
		in := scene{live: reads(spec.Active, "ok")}.input()
		in.Fleet.Removed = []spec.Removed{{ICCID: named, Source: spec.Range{File: "main.fleet.hcl", Start: spec.Pos{Line: 7}}}}
		for _, iccid := range managed {
			in.Prior.Cards = append(in.Prior.Cards, state.Card{Provider: aliyun, ICCID: iccid, Address: "card.n" + string(iccid[19:]), Binding: state.BoundTo(deviceA)})
		}
		return in
	}
	for _, c := range []struct{ named, managed spec.ICCID }{{kiosk, kiosk}, {kiosk.Stem(), kiosk}, {kiosk, kiosk.Stem()}} {
		i := in(c.named, c.managed)
		assert.Empty(t, plan.Targets(i.Fleet, i.Prior, plan.Selection{}), "nobody needs to read it")
		p, diags := plan.Make(i)
		require.Empty(t, diags)
		assert.Equal(t, []spec.Change{{Kind: spec.Forget}}, allChanges(p), "%s names %s", c.named, c.managed)
	}

	p, _ := plan.Make(in(kiosk, kiosk, other))
	assert.Equal(t, []spec.Change{{Kind: spec.Forget}, {Kind: spec.Unbind, From: string(deviceA)}}, allChanges(p), "another card that agrees in 19 isn't named")

	_, diags := plan.Make(in(kiosk.Stem(), kiosk, other))
	require.True(t, diags.HasErrors(), "an error, not a pick")
	assert.Equal(t, 7, diags[0].Subject.Start.Line)
	assert.Contains(t, diags[0].Detail, string(kiosk)+" (card.n0) and "+string(other)+" (card.n1)")
}
