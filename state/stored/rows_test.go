package stored

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// readRows reads a state card by card.
func readRows(t require.TestingT, r *state.Rows) *state.Snapshot {
	s := *r.Head
	require.Empty(t, s.Cards)
	require.NoError(t, r.Each(func(c *state.Card) error {
		s.Cards = append(s.Cards, *c)
		return nil
	}))
	return &s
}

func TestAStateIsTheSameCardByCardWhateverItsJournalHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := &state.Snapshot{Lineage: "l", Serial: 3}
		for i := range rapid.IntRange(0, 12).Draw(t, "cards") {
			if rapid.Bool().Draw(t, "is managed") {
				before.Cards = append(before.Cards, statetest.Card(i, "before"))
			}
		}
		var records []state.Record
		for n := range rapid.IntRange(0, 6).Draw(t, "records") {
			c := statetest.Card(rapid.IntRange(0, 14).Draw(t, "card"), "after")
			r := statetest.Put(c)
			if rapid.Bool().Draw(t, "dropped") {
				r = state.Record{Type: state.DropRecord, Provider: c.Provider, ICCID: c.ICCID}
			}
			r.Version, r.Serial, r.Seq = state.RecordVersion, 3, uint64(n+1)
			records = append(records, r)
		}
		want, err := Replay(before, records)
		require.NoError(t, err)
		var text bytes.Buffer
		require.NoError(t, Encode(&text, before, "test"))
		f, err := Codec{}.Open(text.Bytes())
		require.NoError(t, err)
		rows, err := f.Rows(context.Background(), records)
		require.NoError(t, err)
		for range 2 { // it can be read again
			got := readRows(t, rows)
			require.Equal(t, want.Serial, got.Serial)
			require.Equal(t, append([]state.Card{}, want.Cards...), append([]state.Card{}, got.Cards...))
		}
	})
}

func TestADamagedStateIsNotReadCardByCard(t *testing.T) {
	s := &state.Snapshot{Lineage: "l", Serial: 3, Cards: []state.Card{statetest.Card(1, "a"), statetest.Card(2, "b")}}
	var text bytes.Buffer
	require.NoError(t, encodeLines(&text, s, Header{}))
	for at := range text.Len() {
		damaged := bytes.Clone(text.Bytes())
		damaged[at] ^= 1
		_, whole := Decode(bytes.NewReader(damaged), "x")
		f, err := Codec{}.Open(damaged)
		if err == nil {
			var rows *state.Rows
			rows, err = f.Rows(context.Background(), nil)
			require.NoError(t, err)
			err = rows.Each(func(*state.Card) error { return nil })
		}
		require.Equal(t, whole != nil, err != nil, "byte %d: %v against %v", at, whole, err)
	}
}

func TestReadingCardByCardEndsWithTheRun(t *testing.T) {
	s := &state.Snapshot{Lineage: "l", Serial: 3, Cards: []state.Card{statetest.Card(1, "a")}}
	var text bytes.Buffer
	require.NoError(t, Encode(&text, s, ""))
	f, err := Codec{}.Open(text.Bytes())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	rows, err := f.Rows(ctx, nil)
	require.NoError(t, err)
	cancel()
	require.ErrorIs(t, rows.Each(func(*state.Card) error { return nil }), context.Canceled)
	stop := errors.New("stop")
	rows, err = f.Rows(t.Context(), nil)
	require.NoError(t, err)
	require.ErrorIs(t, rows.Each(func(*state.Card) error { return stop }), stop)
}
