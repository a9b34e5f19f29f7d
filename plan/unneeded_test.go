package plan_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// TestAnApprovalThatNobodyNeedsIsToBeDeleted warns where no card of the block
// needs it, and only where that is certain.
func TestAnApprovalThatNobodyNeedsIsToBeDeleted(t *testing.T) {
	done := func() plan.Input { // the card is as wanted: nothing is planned
		return scene{wanted: card(func(c *spec.Card) { c.IMEI = deviceA }), memory: boundTo(deviceA), live: reads(spec.Active, "正常")}.input()
	}
	gone := func() plan.Input { // it was unbound, and forgotten
		in := done()
		in.Fleet.Cards, in.Prior.Cards, in.Live = nil, nil, nil
		return in
	}
	for name, row := range map[string]struct {
		in     func() plan.Input
		change func(in *plan.Input, a *spec.Approval)
		warns  bool
	}{
		"as wanted":                 {done, nil, true},
		"gone":                      {gone, nil, true},
		"expired, as wanted":        {done, func(_ *plan.Input, a *spec.Approval) { a.Expires = now.Add(-time.Hour) }, true},
		"the plan does the removal": {unbinding, nil, false},
		"the device doesn't fit":    {unbinding, func(_ *plan.Input, a *spec.Approval) { a.Cards[0].IMEI = deviceB }, false},
		"the block writes it without its check digit": {unbinding, func(_ *plan.Input, a *spec.Approval) { a.Cards[0].ICCID = kiosk.Stem() }, false},
		"as wanted, in another spelling":              {done, func(_ *plan.Input, a *spec.Approval) { a.Cards[0].ICCID = kiosk.Stem() }, true},
		"of another kind":                             {unbinding, func(_ *plan.Input, a *spec.Approval) { a.Action = spec.Stop }, true},
		"one of two cards is left": {unbinding, func(_ *plan.Input, a *spec.Approval) {
			a.Cards = append(a.Cards, spec.ApprovedCard{ICCID: scale, IMEI: deviceB})
		}, false},
		"a plan of a part":       {done, func(in *plan.Input, _ *spec.Approval) { in.Select.Targets = []string{"card.kiosk"} }, false},
		"a plan that only looks": {done, func(in *plan.Input, _ *spec.Approval) { in.RefreshOnly = true }, false},
		"the card wasn't read": {done, func(in *plan.Input, _ *spec.Approval) {
			in.Live[0] = spec.Reading{Provider: aliyun, ICCID: kiosk, Unread: "no answer"}
		}, false},
		"the card was left": {done, func(in *plan.Input, _ *spec.Approval) {
			in.Live[0] = spec.Reading{Provider: aliyun, ICCID: kiosk, Unread: spec.LeftForLater}
		}, false},
		"the carrier wasn't read": {done, func(in *plan.Input, _ *spec.Approval) {
			in.Incomplete = []plan.Incomplete{{Provider: aliyun, Cards: 1}}
		}, false},
		"the card is in doubt": {done, func(in *plan.Input, _ *spec.Approval) {
			in.Prior.Cards[0].Doubts = []state.Doubt{{Change: spec.Change{Kind: spec.Unbind, From: string(deviceA)}, Since: now.Add(-time.Hour)}}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			in, a := row.in(), approval(nil)
			if row.change != nil {
				row.change(&in, &a)
			}
			in.Fleet.Approvals = []spec.Approval{a}
			_, diags := plan.Make(in)
			require.False(t, diags.HasErrors())
			if row.warns {
				require.Len(t, diags, 1)
				assert.Equal(t, "Approval isn't needed any more", diags[0].Summary)
				assert.Equal(t, spec.Warning, diags[0].Severity)
			} else {
				assert.Empty(t, diags)
			}
		})
	}
}
