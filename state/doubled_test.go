package state_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// doubled is a state with one card at two provider blocks, each in doubt of
// something, and another card beside it.
func doubled() *state.Snapshot {
	at := func(provider spec.ProviderName, doubts ...state.Doubt) state.Card {
		c := cardOf(spec.CardID{Provider: provider, ICCID: bike.ICCID}, "card.bike")
		c.Doubts = doubts
		return c
	}
	stopped := state.Doubt{Change: stop.Change, Since: noon}
	resumed := state.Doubt{Change: spec.Change{Kind: spec.Resume}, Since: noon}
	s := &state.Snapshot{Lineage: "a", Serial: 3}
	s.Cards, s.Doubled = state.Undouble([]state.Card{
		at("xuyu", stopped, resumed), cardOf(spec.CardID{Provider: "aliyun", ICCID: "89860617030017300391"}, "card.other"), at("aliyun", stopped),
	})
	return s
}

func TestRowsOfOneCardAreNoCards(t *testing.T) {
	s := doubled()
	require.Len(t, s.Cards, 1)
	require.Len(t, s.Doubled, 2)
	assert.Nil(t, s.Card(bike.ICCID))
	assert.Len(t, s.Rows(), 3)
}

func TestTheRowWhoseBlockDeclaresTheCardIsKeptWithTheOthersDoubts(t *testing.T) {
	s := doubled()
	require.Empty(t, s.Settle(func(row spec.CardID) bool { return row.Provider == "aliyun" }))
	kept := s.Card(bike.ICCID)
	require.NotNil(t, kept)
	assert.Equal(t, spec.ProviderName("aliyun"), kept.Provider)
	assert.Len(t, kept.Doubts, 2, "no doubt is lost, and none is there twice")

	e := s.Settlement()
	require.NoError(t, e.Check())
	require.Equal(t, 2, e.Count(s))
	next := e.Next(s, "")
	assert.Empty(t, next.Doubled)
	assert.Len(t, next.Cards, 2)
}

func TestWhatSeveralBlocksOrNoneDeclareIsLeftToAPerson(t *testing.T) {
	for _, declared := range []bool{true, false} {
		s := doubled()
		open := s.Settle(func(spec.CardID) bool { return declared })
		require.Len(t, open, 2)
		assert.Nil(t, s.Card(bike.ICCID))
		assert.Equal(t, state.Edits{}, s.Settlement())
	}
}

// TestRowsAreTakenApartAndPutTogether holds for any state.
func TestRowsAreTakenApartAndPutTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := statetest.DrawSnapshot(t)
		again := *s
		again.Cards, again.Doubled = state.Undouble(statetest.Clone(s).Rows())
		requireSame(t, s, &again)
		require.NoError(t, state.CheckDoubled(s.Doubled))
		require.NoError(t, state.Edits{Put: s.Cards}.Check())
	})
}

func TestTheLastFiftyPlansAreRemembered(t *testing.T) {
	var f state.Fleet
	for i := range 120 {
		before := f
		f.Carried(state.CarriedOut{Digest: string(rune('a' + i%26)), At: noon})
		require.LessOrEqual(t, len(f.Plans), state.MostPlans)
		require.False(t, before.Equal(&f))
	}
	require.Len(t, f.Plans, 50)
	require.Equal(t, string(rune('a'+119%26)), f.Plans[49].Digest, "the newest is the last")
}
