package plan_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// read reads a plan card by card into a value.
func read(t require.TestingT, s plan.Source) *plan.Plan {
	p := plan.Plan{}
	require.NoError(t, s.Each(func(n int, c *plan.Card) error {
		require.Len(t, p.Cards, n)
		p.Cards = append(p.Cards, c.Clone())
		return nil
	}))
	return &p
}

func TestADraftHasTheCardsOfThePlanInAnyOrderInWhichTheyAreRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawEdited(t).input()
		want, wantDiags := plan.Make(in)
		d, diags, err := plan.NewDraft(in)
		require.NoError(t, err)
		require.Equal(t, wantDiags, diags)
		if want == nil {
			require.Nil(t, d)
			return
		}
		require.Equal(t, want.Cards, append([]plan.Card{}, read(t, d).Cards...))
		require.Equal(t, want.Summary(), d.Head().Summary(), "counted without the cards")
		require.Equal(t, want.Changes(), d.Head().Changes())
		require.Equal(t, want.Clean(), d.Head().Clean())
		require.Equal(t, plan.Digest(want), plan.Digest(d))

		compareWithRows(t, want, in)

		var places []int32
		for i := range want.Cards {
			if rapid.Bool().Draw(t, "is looked at") {
				places = append(places, int32(i))
			}
		}
		next := 0
		require.NoError(t, d.Visit(places, func(n int, c *plan.Card) error {
			require.EqualValues(t, places[next], n)
			require.Equal(t, want.Cards[n], c.Clone())
			next++
			return nil
		}))
		require.Len(t, places, next)
	})
}

// compareWithRows makes the plan from a state that is read card by card, where
// that can be done.
func compareWithRows(t *rapid.T, want *plan.Plan, in plan.Input) {
	if len(in.Fleet.Removed) > 0 {
		return
	}
	cards := in.Prior.Cards
	head := *in.Prior
	head.Cards, in.Prior = nil, &head
	in.Rows = func(visit func(*state.Card) error) error {
		var one state.Card // which is another one by the next
		for i := range cards {
			one = cards[i]
			if err := visit(&one); err != nil {
				return err
			}
		}
		return nil
	}
	d, _, err := plan.NewDraft(in)
	if errors.Is(err, state.ErrTangled) {
		return
	}
	require.NoError(t, err)
	require.Equal(t, want.Cards, append([]plan.Card{}, read(t, d).Cards...))
	require.Equal(t, want.Summary(), d.Head().Summary())
	require.Equal(t, want.Limits, d.Head().Limits)
}

func TestWhatIsRememberedStandsInForReadings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawEdited(t).input()
		in.Live, in.Reads = nil, nil
		for _, target := range plan.Targets(in.Fleet, in.Prior, in.Select) {
			r := spec.Reading{}
			if memory := in.Prior.Card(target.ID.ICCID); memory != nil {
				r = memory.Reading()
			}
			r.Provider, r.ICCID = target.ID.Provider, target.ID.ICCID
			in.Live = append(in.Live, r)
		}
		want, wantDiags := plan.Make(in)
		in.Live, in.Remembered = nil, true
		got, diags := plan.Make(in)
		require.Equal(t, wantDiags, diags)
		if want != nil {
			require.Equal(t, want.Cards, got.Cards)
			require.Equal(t, want.Summary(), got.Summary())
		}
	})
}
