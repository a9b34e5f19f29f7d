package apply_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// moved is a bench whose only card moves to aliyun from a block that is gone.
func moved(t *testing.T, account state.Whereabouts, remembered func(*state.Card)) *bench {
	t.Helper()
	b := newBench(t, 1, stopped)
	prior := &b.prior.Cards[0]
	prior.Provider = "aliyun.old"
	remembered(prior)
	c := &b.planned.Cards[0]
	c.Account = account
	c.Memory = *prior
	c.Actions = append([]plan.Action{{ID: "m", Change: spec.Change{Kind: spec.Move, From: "aliyun.old", To: string(aliyun)}}}, c.Actions...)
	c.Actions[1].Needs = []string{"m"}
	return b
}

func TestWhatTheStateHasNowGoesAlongWithACardThatMoves(t *testing.T) {
	doubt := state.Doubt{Change: spec.Change{Kind: spec.Subscribe, To: "10002"}, Since: start.Add(-time.Hour), Tried: true}
	b := moved(t, state.OtherAccount, func(c *state.Card) {
		c.Doubts, c.PreventUnbind, c.Labels = []state.Doubt{doubt}, true, map[string]string{"city": "x"}
	})
	b.planned.Cards[0].Memory = state.Card{} // a saved plan's is older
	r := apply.Run(t.Context(), b.options)
	require.Equal(t, apply.Done, resultsOf(r)[0].Outcome, "%s", resultsOf(r)[0].Reason)
	assert.Equal(t, apply.Dropped, resultsOf(r)[1].Outcome, "a card in doubt is left alone")
	got := r.Edits().Put[0]
	assert.Equal(t, aliyun, got.Provider)
	assert.Equal(t, []state.Doubt{doubt}, got.Doubts)
	assert.True(t, got.PreventUnbind)
	assert.Equal(t, map[string]string{"city": "x"}, got.Labels)
	assert.Equal(t, state.MovedHere, got.Binding.Unconfirmed)
	assert.Zero(t, b.effects(""), "a move makes no call")
}

func TestACardThatMovedSinceThePlanWasSavedDoesNotMoveAgain(t *testing.T) {
	b := moved(t, state.SameAccount, func(c *state.Card) { c.Provider = "aliyun.elsewhere" })
	r := apply.Run(t.Context(), b.options)
	assert.Equal(t, apply.Dropped, resultsOf(r)[0].Outcome)
	assert.Contains(t, resultsOf(r)[0].Reason, "the state has the card at aliyun.elsewhere by now")
	assert.Equal(t, apply.Dropped, resultsOf(r)[1].Outcome)
	assert.Zero(t, b.effects(""), "nothing is called at a block that the card has left")
}

func TestACardIsChangedAtTheBlockThatItMovedTo(t *testing.T) {
	b := moved(t, state.SameAccount, func(*state.Card) {})
	r := apply.Run(t.Context(), b.options)
	assert.Equal(t, []apply.Outcome{apply.Done, apply.Done}, outcomes(r))
	assert.Equal(t, aliyun, r.Edits().Put[0].Provider)
	assert.Equal(t, state.Confirmed, r.Edits().Put[0].Binding.Unconfirmed)
}
