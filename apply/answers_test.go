package apply_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

const bindCall = "DoIotChgBindOrUnBind"

func rebound(i int, c *spec.Card) { c.IMEI = device(i + 50) }

func unbound(_ int, c *spec.Card) { c.Bound = spec.Off }

// refused is a fleet of one card, of which the answer to the first call is
// lost, and every later one refused since the carrier has the card elsewhere.
func refused(t *testing.T, want func(int, *spec.Card)) *bench {
	t.Helper()
	b := newBench(t, 1, want)
	b.world.Cards[0].IMEI = device(99) // moved by hand, say
	b.world.Faults = []carriersim.Fault{{Action: bindCall, Times: 1, Kind: carriersim.LostBefore}}
	approveAll(b)
	return b
}

func approveAll(b *bench) {
	for i := range b.planned.Cards[0].Actions {
		b.planned.Cards[0].Actions[i].Approved = true
	}
}

func TestARefusedRepetitionIsDoneAsFarAsToldWhereTheOldDeviceIsCertain(t *testing.T) {
	b := refused(t, rebound)
	report := apply.Run(t.Context(), b.options)
	require.Equal(t, []apply.Outcome{apply.Done}, outcomes(report), resultsOf(report)[0].Reason)
	assert.True(t, resultsOf(report)[0].AsFarAsTold)
	card := b.after(report).Cards[0]
	assert.Equal(t, state.Binding{Known: true, IMEI: device(50), AsFarAsTold: true}, card.Binding)
	assert.Empty(t, card.Doubts)
}

func TestARefusedRepetitionIsInDoubtWhereTheOldDeviceWasOnlyBelieved(t *testing.T) {
	for name, believed := range map[string]state.Binding{
		"on trust":       {Known: true, IMEI: device(0), Unconfirmed: state.OnTrust},
		"moved":          {Known: true, IMEI: device(0), Unconfirmed: state.MovedHere},
		"older":          {Known: true, IMEI: device(0), Unconfirmed: state.OfOlder},
		"as far as told": {Known: true, IMEI: device(0), AsFarAsTold: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := refused(t, rebound)
			b.prior.Cards[0].Binding = believed
			report := apply.Run(t.Context(), b.options)
			require.Equal(t, []apply.Outcome{apply.InDoubt}, outcomes(report), resultsOf(report)[0].Reason)
			assert.Contains(t, resultsOf(report)[0].Reason, string(device(0)))
			assert.Contains(t, resultsOf(report)[0].Reason, string(device(50)))
			card := b.after(report).Cards[0]
			assert.Equal(t, believed, card.Binding, "the state believes what it did")
			require.Len(t, card.Doubts, 1)
			assert.True(t, card.Doubts[0].Likely())
		})
	}
}

func TestARefusedRepetitionOfAnUnbindIsInDoubtAndForgetsNothing(t *testing.T) {
	for _, leaving := range []bool{false, true} {
		b := refused(t, unbound)
		b.planned.Cards[0].Leaving = leaving
		report := apply.Run(t.Context(), b.options)
		require.Equal(t, []apply.Outcome{apply.InDoubt}, outcomes(report), resultsOf(report)[0].Reason)
		after := b.after(report)
		require.Len(t, after.Cards, 1, "nothing is forgotten on a refusal")
		require.Len(t, after.Cards[0].Doubts, 1)
		assert.False(t, after.Cards[0].Doubts[0].Likely())
		assert.Equal(t, state.BoundTo(device(0)), after.Cards[0].Binding)
	}
}

func TestAnUnbindIsDoneOnceTheCarrierShowsIt(t *testing.T) {
	b := newBench(t, 1, unbound)
	b.world.Faults = []carriersim.Fault{{Action: bindCall, Times: 1, Kind: carriersim.LostAfter}}
	approveAll(b)
	report := apply.Run(t.Context(), b.options)
	assert.Equal(t, []apply.Outcome{apply.Done}, outcomes(report), resultsOf(report)[0].Reason)
	assert.False(t, resultsOf(report)[0].AsFarAsTold, "the carrier shows it")
}

// underWay is a bench of which an earlier run sent the card's call and ended.
func underWay(b *bench) {
	c := b.planned.Cards[0].Actions[0].Change
	b.prior.Cards[0].Doubts = []state.Doubt{{Change: c, Since: start, Reason: "the run ended before an answer came"}}
}

func TestACallThatARunLeftIsJudgedAsOneOfThisRun(t *testing.T) {
	for name, row := range map[string]struct {
		want     func(int, *spec.Card)
		believed state.Unconfirmed
		fault    carriersim.FaultKind // of the one call that is made
		outcome  apply.Outcome
		told     bool // as far as
		likely   bool
		tried    bool
	}{
		"change, certain":  {want: rebound, outcome: apply.Done, told: true},
		"change, believed": {want: rebound, believed: state.OnTrust, outcome: apply.InDoubt, likely: true, tried: true},
		"unbind":           {want: unbound, outcome: apply.InDoubt, tried: true},
		// What refuses it may be what the first sending did.
		"refused otherwise": {want: unbound, fault: carriersim.CodeFault("isv.ERROR_IOT_UNBINDED_ERROR"), outcome: apply.InDoubt, tried: true},
		// It never came to the product, so it may be sent once more by a later run.
		"not seen": {want: unbound, fault: carriersim.CodeFault("InvalidAccessKeyId.NotFound"), outcome: apply.InDoubt},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 1, row.want)
			b.world.Cards[0].IMEI = device(99)
			b.prior.Cards[0].Binding.Unconfirmed = row.believed
			if row.fault != "" {
				b.world.Faults = []carriersim.Fault{{Action: bindCall, Kind: row.fault}}
			}
			approveAll(b)
			underWay(b)
			report := apply.Run(t.Context(), b.options)
			require.Equal(t, []apply.Outcome{row.outcome}, outcomes(report), resultsOf(report)[0].Reason)
			assert.Equal(t, row.told, resultsOf(report)[0].AsFarAsTold)
			card := b.after(report).Cards[0]
			require.Equal(t, row.outcome == apply.InDoubt, len(card.Doubts) == 1)
			if len(card.Doubts) > 0 {
				assert.Equal(t, row.likely, card.Doubts[0].Likely())
				assert.Equal(t, row.tried, card.Doubts[0].Tried)
			}
		})
	}
}
