package apply_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// A saved plan, edited or not, makes the same calls and leaves the same cards and the
// same report, whether it is read card by card or held whole.
func TestASavedPlanIsCarriedOutAlikeCardByCardAndHeldWhole(t *testing.T) {
	byCard := 0
	rapid.Check(t, func(t *rapid.T) {
		in, carrier, saved := drawSaved(t)
		text := edit(t, saved, len(carrier.cards))
		whole, _, err := plan.Read(bytes.NewReader(text))
		f, openErr := plan.Open(bytes.NewReader(text))
		require.Equal(t, err, openErr)
		if err != nil {
			return // refused as a whole
		}
		want, wantDiags := plan.Keep(whole, in)
		got, diags, err := plan.KeepFile(f, in)
		if errors.Is(err, plan.ErrHeldWhole) {
			return
		}
		require.NoError(t, err)
		require.Equal(t, wantDiags, diags)
		require.Equal(t, want.Left == nil, got.Left == nil)
		for i := range want.Left {
			require.Equal(t, want.Left[i].Action, got.Left[i].Action)
			require.Equal(t, want.Left[i].Reason, got.Left[i].Reason)
		}
		again := &recorder{able: carrier.able, cards: maps.Clone(carrier.cards)}
		wanted := carryOut(want.Plan, apply.MemoryIn(in.Prior, state.Edits{}), carrier)
		done := carryOut(got, func(place int, _ *plan.Card) *state.Card { _, memory := got.Before(place); return memory }, again)
		require.Equal(t, carrier.calls, again.calls)
		require.Equal(t, wanted.Edits(), done.Edits())
		require.Equal(t, told(t, wanted), told(t, done))
		byCard += len(again.calls)
	})
	require.Positive(t, byCard, "calls that were made card by card")
}

// carryOut carries out a plan at a carrier, one action after the other.
func carryOut(p plan.Source, memoryOf func(int, *plan.Card) *state.Card, carrier *recorder) *apply.Report {
	return apply.Run(context.Background(), apply.Options{
		Plan: p, Memory: memoryOf, Providers: map[spec.ProviderName]providers.Provider{aliyun: carrier}, Journal: &memory{}, Parallel: 1,
		Now: func() time.Time { return start }, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
}

// told is what a report has.
func told(t require.TestingT, r *apply.Report) (lines []string) {
	require.NoError(t, r.Each(func(one *apply.Result) error {
		lines = append(lines, fmt.Sprintf("%s %s %s: %s %s %v %v", one.Card.Address, one.Action.ID, one.Action.Change, one.Outcome, one.Reason, one.AsWanted, one.Action.Needs))
		return nil
	}))
	return lines
}
