package statetest

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// States of version 1 are in each backend's testdata/older, plain and sealed:
// what cardfleet 0.1.0 at commit 1e48b9b wrote there. Two commits were made. A
// run then adopted a card, stopped one and dropped one, and was killed with two
// calls under way: a change-bind of 89860617030017300001, and a stop of
// 89860617030017300002 at xuyu. That card is at aliyun too.

// The key of the sealed ones. It opens nothing else.
const (
	OlderIdentity  = "AGE-SECRET-KEY-1H682HWKY5EC2J8RKV2L00VYUV644Y58T0WZ8LWMHCXLNUTX7ERKSP7ZKN2"
	OlderRecipient = "age18qlt97h66f7fsn4t5n8p5pnjyfz6kq8tfxh3w0cgxvkd5mj0tvgqctmakn"
)

// olderRows is what that version read of them: rows by provider and ICCID.
//
//go:embed older/rows.json
var olderRows []byte

func olderCards(t *testing.T) []state.Card {
	t.Helper()
	var rows []state.Card
	require.NoError(t, json.Unmarshal(olderRows, &rows))
	return rows
}

const doubledCard spec.ICCID = "89860617030017300002"

// RunOlder checks that a state of version 1 is read as that version read it,
// and moved over by the next commit. start puts one where a backend finds it,
// plain or sealed.
func RunOlder(t *testing.T, start func(t *testing.T, sealed bool) (open func() state.Backend)) {
	for _, c := range []struct {
		name  string
		check func(t *testing.T, open func() state.Backend)
	}{
		{"is read as its version read it", olderRead},
		{"is moved over by the next commit", olderMoved},
		{"is moved over with rows that nobody has settled", olderUnsettled},
		{"takes new records behind its own", olderJournal},
	} {
		for name, sealed := range map[string]bool{"plain": false, "sealed": true} {
			t.Run("a state of version 1, "+name+", "+c.name, func(t *testing.T) { c.check(t, start(t, sealed)) })
		}
	}
}

// requireOlder checks the state as it was before it is moved over.
func requireOlder(t *testing.T, s *state.Snapshot) {
	t.Helper()
	require.EqualValues(t, 2, s.Serial)
	want, wantDoubled := state.Undouble(olderCards(t))
	require.Equal(t, want, confirmed(s.Cards))
	require.Equal(t, wantDoubled, confirmed(s.Doubled))
}

// confirmed is the cards without what version 1 didn't know.
func confirmed(cards []state.Card) []state.Card {
	out := append([]state.Card(nil), cards...)
	for i := range out {
		out[i].Binding.Unconfirmed, out[i].Since = state.Confirmed, time.Time{}
	}
	return out
}

func olderRead(t *testing.T, open func() state.Backend) {
	s := read(t, open())
	requireOlder(t, s)
	assert.Equal(t, state.OfOlder, s.Card("89860617030017300001").Binding.Unconfirmed, "nothing shows that it was read or set")
	assert.Equal(t, state.Confirmed, s.Card("89860617030017300004").Binding.Unconfirmed, "the carrier told it")
	require.Equal(t, s, read(t, open()), "a reader changes nothing")
	if h, ok := open().(state.Historian); ok {
		first, err := h.ReadVersion(t.Context(), "1")
		require.NoError(t, err)
		require.Len(t, first.Rows(), 5)
		require.Len(t, first.Doubled, 2)
	}
}

// moveOver settles the doubled card as a configuration that declares it at
// aliyun does, and commits.
func moveOver(ctx context.Context, b state.Backend) error {
	unlock, err := b.Lock(ctx, state.LockInfo{Operation: "apply"})
	if err != nil {
		return err
	}
	defer func() { _ = unlock() }() // what was committed is
	s, err := b.Read(ctx)
	if err != nil {
		return err
	}
	if open := s.Settle(func(row spec.CardID) bool { return row.Provider == "aliyun" }); len(open) > 0 {
		return fmt.Errorf("%d rows are open", len(open))
	}
	return b.Commit(ctx, s, s.Settlement())
}

// requireMoved checks the state after moveOver.
func requireMoved(t *testing.T, s *state.Snapshot) {
	t.Helper()
	require.EqualValues(t, 3, s.Serial)
	require.Empty(t, s.Doubled)
	require.Len(t, s.Cards, 5)
	card := s.Card(doubledCard)
	require.NotNil(t, card)
	require.Equal(t, spec.ProviderName("aliyun"), card.Provider)
	require.Len(t, card.Doubts, 1, "the call at the other block was made to this card")
	require.Equal(t, spec.Stop, card.Doubts[0].Kind)
	require.Equal(t, state.OfOlder, card.Binding.Unconfirmed)
}

func olderMoved(t *testing.T, open func() state.Backend) {
	require.NoError(t, moveOver(t.Context(), open()))
	moved := read(t, open())
	requireMoved(t, moved)
	b := locked(t, open())
	for n := range 3 { // as any state from then on
		s := read(t, b)
		card := *s.Card(doubledCard)
		card.Provider, card.Address = "aliyun.other", fmt.Sprint("card.n", n)
		require.NoError(t, b.Commit(t.Context(), s, state.Edits{Put: []state.Card{card}}))
		require.Equal(t, s, read(t, open()))
		require.Equal(t, spec.ProviderName("aliyun.other"), s.Card(doubledCard).Provider)
	}
	if h, ok := b.(state.Historian); ok {
		for name, rows := range map[string]int{"1": 5, "2": 6, "3": 5} {
			s, err := h.ReadVersion(t.Context(), name)
			require.NoError(t, err, "version %s", name)
			require.Len(t, s.Rows(), rows, "version %s", name)
		}
	}
}

// olderUnsettled commits past the doubled card, and then drops a row of it.
func olderUnsettled(t *testing.T, open func() state.Backend) {
	b := locked(t, open())
	for n := range 3 {
		s := read(t, b)
		require.NoError(t, b.Commit(t.Context(), s, state.Edits{Put: []state.Card{Card(7, fmt.Sprint("put ", n))}}))
		require.Equal(t, s, read(t, open()))
		require.Len(t, s.Doubled, 2)
	}
	s := read(t, b)
	next := *s
	next.Cards, next.Doubled = state.Undouble([]state.Card{s.Doubled[1]})
	next.Cards = append(next.Cards, s.Cards...)
	next.Cards, next.Doubled = state.Undouble(next.Cards)
	require.NoError(t, b.Commit(t.Context(), s, state.Difference(s, &next)))
	require.Equal(t, s, read(t, open()))
	require.Empty(t, s.Doubled)
	require.Equal(t, spec.ProviderName("xuyu"), s.Card(doubledCard).Provider)
}

// olderJournal appends to the journal that an older program left.
func olderJournal(t *testing.T, open func() state.Backend) {
	b := locked(t, open())
	j := journal(t, b)
	settled := Card(1, "settled")
	require.NoError(t, j.Append(t.Context(), Put(settled),
		state.Record{Type: state.RunRecord, At: noon, Run: &state.Run{ID: "r1", Operation: "apply", Started: noon}},
		state.Record{Type: state.IntentRecord, At: noon.Add(2 * time.Hour), Action: "a1", Provider: "aliyun", ICCID: doubledCard, Intent: &state.Intent{Change: spec.Change{Kind: spec.Resume}}},
	))
	s := read(t, open())
	require.Equal(t, &settled, s.Card(settled.ICCID))
	require.Empty(t, s.Doubled, "a record of this version is about the card, wherever it stands")
	require.Len(t, s.Card(doubledCard).Doubts, 2)
	require.NoError(t, j.Close())
	s = read(t, b)
	require.NoError(t, b.Commit(t.Context(), s, state.Edits{}))
	require.Equal(t, s, read(t, open()))
}

// CutOlder stops the move of a state of version 1 at each of its steps, plain
// and sealed, and looks that the state is then the old one or the new one, and
// can be moved over. start puts a state where a backend finds it, and returns
// how to open it; its parameter is the step at which the program, or the world
// around it, stops: write is what is to be stopped, and stopped says whether
// it was.
func CutOlder(t *testing.T, start func(t *testing.T, sealed bool) (open func() state.Backend, stopAt func(step int, write func(b state.Backend)) (stopped bool))) {
	for name, sealed := range map[string]bool{"plain": false, "sealed": true} {
		t.Run(name, func(t *testing.T) {
			stops, moved := 0, 0
			for step := 0; ; step++ {
				open, stopAt := start(t, sealed)
				stopped := stopAt(step, func(b state.Backend) { _ = moveOver(t.Context(), b) })
				s := read(t, open())
				if s.Serial == 2 {
					requireOlder(t, s)
					require.NoError(t, moveOver(t.Context(), open()))
					s = read(t, open())
				} else {
					moved++
				}
				requireMoved(t, s)
				if !stopped {
					break
				}
				stops++
			}
			require.Greater(t, stops, 1, "a commit has more steps")
			require.Positive(t, moved)
		})
	}
}
