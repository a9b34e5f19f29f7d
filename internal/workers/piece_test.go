package workers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres"
)

// doubtful is a slice of one action, whose call an earlier worker began.
func doubtful(now time.Time) *piece {
	change := spec.Change{Kind: spec.Stop}
	memory := &state.Card{ICCID: "89860617030017300008", Provider: "aliyun", Doubts: []state.Doubt{{Change: change}}}
	p := &piece{
		w: &holder{
			o:        &Options{Env: run.Env{Now: func() time.Time { return now }}, Fleet: &spec.Fleet{}},
			carriers: run.Carriers{Capabilities: map[spec.ProviderName]spec.Capabilities{"aliyun": {Reads: spec.AttrActive}}},
		},
		slice: &postgres.WorkSlice{Run: "r"}, memories: map[spec.ICCID]*state.Card{memory.ICCID: memory},
		cards: []*card{{Card: plan.Card{ICCID: memory.ICCID, Provider: "aliyun", Actions: []plan.Action{{ID: "a", Change: change}}}}},
	}
	p.own = actionsOf(p.cards)
	return p
}

func TestWhatWaitsForAnEarlierCallToBeShownSaysSo(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	p := doubtful(now)
	r, why := p.verdict(p.cards[0], &p.cards[0].Actions[0], nil, nil, nil, now)
	require.Nil(t, r)
	require.Equal(t, notShownYet, why)
	left, err := p.rest(map[string]bool{"a": true}, false)
	require.NoError(t, err)
	require.Equal(t, notShownYet, left.Waits, "runs show tells it")
	require.Equal(t, now.Add(longest), left.NotBefore)
}

func TestWhatTheCarrierAcceptedOfALostWorkerIsLookedAtAndNeverSentAgain(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	p := doubtful(now)
	c := p.cards[0]
	able := p.w.carriers.Capabilities["aliyun"]
	able.NamesPrior = []spec.Kind{spec.Stop} // so that a call without an answer would be sent again
	p.w.carriers.Capabilities["aliyun"] = able
	p.memories[c.ICCID].Doubts[0].Accepted, p.memories[c.ICCID].Doubts[0].Reason = true, "the carrier accepted it"
	shown := map[spec.ICCID]run.Look{c.ICCID: {Shown: spec.Reading{At: now, Lifecycle: spec.Active, Has: spec.AttrActive}}}
	for range looks(0) {
		r, why := p.verdict(c, &c.Actions[0], nil, shown, nil, now)
		require.Nil(t, r)
		require.Equal(t, notShownYet, why)
	}
	r, _ := p.verdict(c, &c.Actions[0], nil, shown, nil, now)
	require.NotNil(t, r)
	require.Equal(t, apply.InDoubt, r.Outcome)
	require.Equal(t, "the carrier accepted it", r.Reason)
}

func TestWhatIsLeftOfASliceThatWasEndedWaitsForNothing(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	p := doubtful(now)
	left, err := p.rest(map[string]bool{"a": true}, true)
	require.NoError(t, err)
	require.Empty(t, left.Waits)
	require.True(t, left.NotBefore.IsZero())
}

func TestWhatIsHeldWaitsForTheFirstThatEnds(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	p := doubtful(now)
	p.wait(now.Add(time.Hour), "the window night opens 13:00")
	p.wait(now.Add(time.Minute), notShownYet)
	p.wait(now.Add(2*time.Hour), "the window late opens 14:00")
	left, err := p.rest(map[string]bool{"a": true}, false)
	require.NoError(t, err)
	require.Equal(t, notShownYet, left.Waits)
	require.Equal(t, now.Add(time.Minute), left.NotBefore)
}
