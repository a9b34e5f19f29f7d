package stored_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/statetest"
	"github.com/cardfleet/cardfleet/state/stored"
)

// asFirst makes records of version 1 of a log.
func asFirst(l log) log {
	first := slices.Clone(l)
	for i := range first {
		first[i].Version = state.FirstRecordVersion
	}
	return first
}

// rowsAfter is what version 1 made of rows, written down as simply as it can be.
func rowsAfter(before []state.Card, l log, serial uint64) map[spec.CardID]state.Card {
	rows, open := map[spec.CardID]state.Card{}, map[spec.CardID]log{}
	for _, c := range before {
		rows[c.ID()] = c
	}
	for _, rec := range l {
		id := rec.ID()
		switch {
		case rec.Serial < serial:
		case rec.Type == state.IntentRecord:
			open[id] = append(open[id], rec)
		case rec.Type == state.PutRecord || rec.Type == state.OutcomeRecord && rec.Card != nil:
			rows[id] = *rec.Card
			delete(open, id)
		case rec.Type == state.DropRecord:
			delete(rows, id)
			delete(open, id)
		default:
			last := -1
			for i := range open[id] {
				if open[id][i].Action == rec.Action {
					last = i
				}
			}
			if last >= 0 {
				open[id] = slices.Delete(slices.Clone(open[id]), last, last+1)
			}
		}
	}
	for id, records := range open {
		c, ok := rows[id]
		if !ok && len(records) > 0 {
			c = cardOf(id, "")
		}
		c.Doubts = slices.Clone(c.Doubts)
		for _, rec := range records {
			if !slices.ContainsFunc(c.Doubts, func(d state.Doubt) bool { return d.Change == rec.Intent.Change }) {
				c.Doubts = append(c.Doubts, state.Doubt{Change: rec.Intent.Change, Key: rec.Intent.Key, Since: rec.At, Reason: unknown})
			}
		}
		if ok || len(records) > 0 {
			rows[id] = c
		}
	}
	return rows
}

// TestAJournalOfTheFirstVersionIsOfRows holds for any rows and any journal:
// records of version 1 never touch a card at another provider block.
func TestAJournalOfTheFirstVersionIsOfRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := statetest.DrawSnapshot(t)
		l := asFirst(drawLog(t, s.Serial))
		want := rowsAfter(s.Rows(), l, s.Serial)
		got, err := stored.Replay(s, l)
		require.NoError(t, err)
		require.Len(t, got.Rows(), len(want))
		for _, c := range got.Rows() {
			old := want[c.ID()]
			c.Binding.Unconfirmed, old.Binding.Unconfirmed = 0, 0
			c.Since, old.Since = time.Time{}, time.Time{} // version 1 didn't know it
			require.True(t, old.Equal(&c), "%s:\nwant %+v\ngot  %+v", c.ID(), old, c)
		}
		require.NoError(t, state.CheckDoubled(got.Doubled))
		require.NoError(t, state.Edits{Put: got.Cards}.Check())

		again, err := stored.Replay(got, l)
		require.NoError(t, err)
		require.Equal(t, got, again, "replaying again changes nothing")
	})
}

// TestAJournalThatANewerProgramGoesOnWithIsOneOfCards replays records of both versions.
func TestAJournalThatANewerProgramGoesOnWithIsOneOfCards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := statetest.DrawSnapshot(t)
		first, later := asFirst(drawLog(t, s.Serial)), drawLog(t, s.Serial)
		whole, err := stored.Replay(s, append(slices.Clone(first), later...))
		require.NoError(t, err)
		require.NoError(t, state.CheckDoubled(whole.Doubled))
		require.NoError(t, state.Edits{Put: whole.Cards}.Check())
		for _, rec := range later {
			if rec.Serial == s.Serial {
				require.False(t, slices.ContainsFunc(whole.Doubled, func(c state.Card) bool { return c.ICCID == rec.ID().ICCID }),
					"a card that a record of this version names is one card")
			}
		}
	})
}

// TestACommitOfTheFirstVersionCountsRows replays what an older program
// committed as a line of its journal: a put at one provider block, a drop at another.
func TestACommitOfTheFirstVersionCountsRows(t *testing.T) {
	elsewhere := spec.CardID{Provider: "xuyu", ICCID: bike.ICCID}
	commit := func(serial uint64, cards int, e state.Edits) state.Record {
		return state.Record{Version: state.FirstRecordVersion, Type: state.CommitRecord, Serial: serial, Seq: 1, Commit: &state.Commit{Cards: cards, Edits: e}}
	}
	s := &state.Snapshot{Serial: 3, Cards: []state.Card{cardOf(bike, "")}}
	second := commit(3, 2, state.Edits{Put: []state.Card{cardOf(elsewhere, "card.moved")}})
	got, err := stored.Replay(s, []state.Record{second})
	require.NoError(t, err)
	require.Len(t, got.Doubled, 2)
	got, err = stored.Replay(s, []state.Record{second, commit(4, 1, state.Edits{Drop: []spec.CardID{bike}})})
	require.NoError(t, err)
	require.Equal(t, []state.Card{cardOf(elsewhere, "card.moved")}, got.Cards)
	require.EqualValues(t, 5, got.Serial)
}

func TestAFileOfTheFirstVersionIsReadInItsOrder(t *testing.T) {
	text := `{"format":"cardfleet-state","version":1,"lineage":"a","serial":3,"cards":3,"written_by":"0.1.0"}
{"provider":"aliyun","iccid":"89860617030017300390","address":"card.a","binding":{"known":true,"imei":"861536030196001"}}
{"provider":"aliyun","iccid":"89860617030017300391","address":"card.b"}
{"provider":"xuyu","iccid":"89860617030017300390","address":"card.c"}
{"end":"cardfleet-state","cards":3}
`
	s, err := decode([]byte(text))
	require.NoError(t, err)
	require.Len(t, s.Cards, 1)
	require.Len(t, s.Doubled, 2)
	require.Equal(t, state.OfOlder, s.Doubled[0].Binding.Unconfirmed)
	written := plain(t, encoded(t, s))
	require.Contains(t, written, `"version":2`)
	again, err := decode([]byte(written))
	require.NoError(t, err)
	require.Equal(t, s, again, "rows that nobody has settled are kept")
	require.True(t, slices.IsSortedFunc(s.Rows(), func(a, b state.Card) int {
		return cmp.Or(cmp.Compare(a.ICCID, b.ICCID), cmp.Compare(a.Provider, b.Provider))
	}))
}
