package local

import (
	"crypto/rand"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/statetest"
)

func opened(path string) *Backend {
	return New(path, state.Env{Now: time.Now, Random: func(p []byte) { _, _ = rand.Read(p) }, Version: "0.1.0"})
}

// amendment is the commit of edits to a snapshot, to be read card by card.
func amendment(s *state.Snapshot, e state.Edits) state.Amendment {
	next := e.Next(s, "")
	return state.Amendment{Cards: len(next.Cards), Fleet: e.Fleet, Each: func(visit func(before, after *state.Card) error) error {
		for i := range 20 {
			iccid := statetest.Card(i, "").ICCID
			before, after := s.Card(iccid), next.Card(iccid)
			if before == nil && after == nil {
				continue
			}
			if err := visit(before, after); err != nil {
				return err
			}
		}
		return nil
	}}
}

// Commits are lines of the journal, or snapshots.
func TestACommitIsTheSameCardByCard(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		value, rows := opened(filepath.Join(dir, "value")), opened(filepath.Join(dir, "rows"))
		if rapid.Bool().Draw(rt, "snapshots") {
			rows.longest = func(int64) int64 { return -1 }
		}
		s, head := &state.Snapshot{}, &state.Snapshot{}
		for range rapid.IntRange(1, 2).Draw(rt, "commits") {
			e := drawEdits(rt, s)
			a := amendment(&state.Snapshot{Cards: slices.Clone(s.Cards), Fleet: s.Fleet}, e)
			require.NoError(rt, value.Commit(t.Context(), s, e))
			require.NoError(rt, rows.CommitRows(t.Context(), head, a))
			got, err := rows.Read(t.Context())
			require.NoError(rt, err)
			require.Equal(rt, s.Serial, got.Serial)
			require.Equal(rt, s.Fleet, got.Fleet)
			require.True(rt, slices.EqualFunc(s.Cards, got.Cards, func(a, b state.Card) bool { return a.Equal(&b) }), "%v\n%v", s.Cards, got.Cards)
			require.Equal(rt, [2]any{got.Lineage, got.Serial}, [2]any{head.Lineage, head.Serial})
			require.Empty(rt, head.Cards)
		}
	})
}

func drawEdits(t *rapid.T, s *state.Snapshot) state.Edits {
	var e state.Edits
	for i := range 20 {
		c := statetest.Card(i, rapid.SampledFrom([]string{"a", "b"}).Draw(t, "address"))
		switch managed := s.Card(c.ICCID) != nil; {
		case managed && rapid.IntRange(0, 3).Draw(t, "drop") == 0:
			e.Drop = append(e.Drop, c.ID())
		case rapid.Bool().Draw(t, "put"):
			e.Put = append(e.Put, c)
		}
	}
	if rapid.Bool().Draw(t, "fleet") {
		e.Fleet = &state.Fleet{Carriers: map[string]string{"a": rapid.SampledFrom([]string{"1", "2"}).Draw(t, "digest")}}
	}
	return e
}

func TestACommitWithAnotherCountOfCardsIsRefusedAndChangesNothing(t *testing.T) {
	b := opened(filepath.Join(t.TempDir(), "fleet.state"))
	s := &state.Snapshot{}
	a := amendment(s, state.Edits{Put: []state.Card{statetest.Card(1, "a"), statetest.Card(2, "a")}})
	a.Cards = 3
	require.ErrorContains(t, b.CommitRows(t.Context(), s, a), "it was to have 3 cards, and has 2")
	require.Equal(t, &state.Snapshot{}, s)
	got, err := b.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, &state.Snapshot{}, got)
}
