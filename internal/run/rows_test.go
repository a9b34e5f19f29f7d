package run_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// drawnCard is what is declared and remembered of a card.
type drawnCard struct{ declared, managed, stopped, moved, wantsStop bool }

// drawn is a session of such cards, and the state that it begins with.
func drawn(t *testing.T, cards []drawnCard) (*run.Session, *sealable) {
	s, backend, _, _ := session(t, len(cards))
	s.Fleet.Policy.OnRemove = spec.Forget
	all, prior := s.Fleet.Cards, &state.Snapshot{}
	s.Fleet.Cards = nil
	for i, drawn := range cards {
		c := all[i]
		if drawn.declared {
			if !drawn.wantsStop {
				c.Active = spec.On
			}
			s.Fleet.Cards = append(s.Fleet.Cards, c)
		}
		if !drawn.managed {
			continue
		}
		memory := state.Card{Provider: aliyun, ICCID: c.ICCID, Address: c.Address()}
		if drawn.moved {
			memory.Address = fmt.Sprintf("card.before[%q]", c.ICCID)
		}
		reading := spec.Reading{Provider: aliyun, ICCID: c.ICCID, At: start, Lifecycle: spec.Active, Status: "正常", Has: spec.AttrActive}
		if drawn.stopped {
			reading.Lifecycle, reading.Status = spec.SuspendedByOwner, "停机"
		}
		memory.TakeReading(reading)
		prior.Cards = append(prior.Cards, memory)
	}
	if len(prior.Cards) > 0 {
		require.NoError(t, backend.Commit(t.Context(), &state.Snapshot{}, state.Edits{Put: prior.Cards}))
	}
	return s, backend
}

// applied applies a session's fleet without asking a carrier before, and returns
// the state that this leaves.
func applied(t *testing.T, s *run.Session, whole, after bool) (*run.Applied, *state.Snapshot) {
	ctx, unlock, err := s.Hold(t.Context(), "apply", state.Patience{})
	require.NoError(t, err)
	rows, absent, err := s.RowsToApply(ctx, true, whole, after)
	require.NoError(t, err)
	p, err := s.PlanToApply(ctx, rows, run.Options{Absent: absent}, true)
	require.NoError(t, err)
	done, err := s.Apply(ctx, p, 0)
	require.NoError(t, err)
	require.NoError(t, unlock())
	var reported []string
	require.NoError(t, done.Report.Each(func(r *apply.Result) error {
		reported = append(reported, fmt.Sprintf("%s %s %s", r.Card.ICCID, r.Action.Kind, r.Outcome))
		return nil
	}))
	require.ElementsMatch(t, s.Watcher.(*witness).finished, reported, "the report is of the run also once that is committed")
	return done, prior(t, s)
}

// A backend that can't do so has the state read whole, and its edits collected.
func TestARunLeavesTheSameStateWhereThatIsReadCardByCard(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		some := func(what string) bool { return rapid.Bool().Draw(rt, what) }
		cards := make([]drawnCard, rapid.IntRange(0, 8).Draw(rt, "cards"))
		for i := range cards {
			cards[i] = drawnCard{some("declared"), some("managed"), some("stopped"), some("moved"), some("wants stop")}
		}
		byCard, backend := drawn(t, cards)
		byCard.Backend = backend.Backend
		done, got := applied(t, byCard, some("read whole"), some("wanted after"))
		whole, _ := drawn(t, cards)
		wholly, want := applied(t, whole, false, false)

		require.Equal(t, wholly.Report.Len(), done.Report.Len())
		require.Equal(t, want.Serial, got.Serial)
		require.Equal(t, got.Serial, done.Prior.Serial)
		require.Equal(t, got.Lineage, done.Prior.Lineage)
		require.True(t, slices.EqualFunc(want.Cards, got.Cards, func(a, b state.Card) bool { return a.Equal(&b) }), "%v\n%v", want.Cards, got.Cards)
		require.Equal(t, got.Fleet, done.Prior.Fleet)
	})
}

// appliedSaved carries out a saved plan, and returns what became of its actions and the
// state that this leaves.
func appliedSaved(t *testing.T, s *run.Session, saved *run.Saved, whole bool) (told []string, carried bool, after *state.Snapshot) {
	ctx, unlock, err := s.Hold(t.Context(), "apply", state.Patience{})
	require.NoError(t, err)
	rows, absent, err := s.RowsToApply(ctx, true, whole, false)
	require.NoError(t, err)
	p, err := s.Judge(ctx, saved, rows, run.Options{Absent: absent})
	require.NoError(t, err)
	done, err := s.Apply(ctx, p, 1)
	require.NoError(t, err)
	require.NoError(t, unlock())
	require.NoError(t, done.Report.Each(func(r *apply.Result) error {
		told = append(told, fmt.Sprintf("%s %s %s: %s %s", r.Card.Address, r.Action.ID, r.Action.Change, r.Outcome, r.Reason))
		return nil
	}))
	return told, p.Carried != nil, prior(t, s)
}

func TestASavedPlanLeavesTheSameStateCardByCardAndHeldWhole(t *testing.T) {
	again := 0
	rapid.Check(t, func(rt *rapid.T) {
		some := func(what string) bool { return rapid.Bool().Draw(rt, what) }
		cards := make([]drawnCard, rapid.IntRange(1, 8).Draw(rt, "cards"))
		for i := range cards {
			cards[i] = drawnCard{some("declared"), some("managed"), some("stopped"), some("moved"), some("wants stop")}
		}
		s, backend := drawn(t, cards)
		made, err := s.Draft(t.Context(), run.RowsOf(prior(t, s)), run.Options{})
		require.NoError(t, err)
		var text bytes.Buffer
		require.NoError(t, run.WritePlan(&text, made.Plan, nil))
		file, err := run.ReadPlan(bytes.NewReader(text.Bytes()), nil, false)
		require.NoError(t, err)
		held, err := file.Plan.(*plan.File).Whole()
		require.NoError(t, err)

		for i := range cards { // meanwhile
			if rapid.IntRange(0, 3).Draw(rt, "another configuration was merged") == 0 {
				cards[i].declared, cards[i].wantsStop = some("still declared"), some("still wants stop")
			}
		}
		then, _ := drawn(t, cards)
		s.Fleet = then.Fleet
		s.Backend = backend.Backend
		whole, _ := drawn(t, cards)
		held.Lineage = prior(t, whole).Lineage
		for range 2 { // the second time, all that could be is done
			got, carried, after := appliedSaved(t, s, file, some("read whole"))
			want, wantCarried, wantAfter := appliedSaved(t, whole, &run.Saved{Plan: held, Digest: file.Digest}, false)
			require.Equal(t, want, got)
			require.Equal(t, wantCarried, carried)
			require.True(t, slices.EqualFunc(wantAfter.Cards, after.Cards, func(a, b state.Card) bool { return a.Equal(&b) }), "%v\n%v", wantAfter.Cards, after.Cards)
			require.Equal(t, wantAfter.Fleet, after.Fleet)
			if carried {
				again++
			}
		}
	})
	require.Positive(t, again, "plans that were carried out before")
}
