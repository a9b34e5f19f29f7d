package stored_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/statetest"
	"github.com/cardfleet/cardfleet/state/stored"
)

// log is a journal as a test writes it.
type log []state.Record

func (l log) add(r state.Record) log {
	r.Version, r.Seq, r.At = state.RecordVersion, uint64(len(l)+1), noon
	return append(l, r)
}

func (l log) put(c state.Card) log {
	return l.add(state.Record{Type: state.PutRecord, Provider: c.Provider, ICCID: c.ICCID, Card: &c})
}

func (l log) drop(id spec.CardID) log {
	return l.add(state.Record{Type: state.DropRecord, Provider: id.Provider, ICCID: id.ICCID})
}

func (l log) intent(id spec.CardID, action string, c state.Change) log {
	return l.add(state.Record{
		Type: state.IntentRecord, Action: action, Provider: id.Provider, ICCID: id.ICCID,
		Intent: &state.Intent{Change: spec.Change{Kind: c.Kind, From: c.From, To: c.To}, Key: "0c1f"},
	})
}

func (l log) outcome(id spec.CardID, action string, c *state.Card) log {
	return l.add(state.Record{Type: state.OutcomeRecord, Action: action, Provider: id.Provider, ICCID: id.ICCID, Card: c})
}

func replay(t testing.TB, s *state.Snapshot, l log) *state.Snapshot {
	t.Helper()
	after, err := stored.Replay(s, l)
	require.NoError(t, err)
	return after
}

var (
	bike    = spec.CardID{Provider: "aliyun", ICCID: "89860617030017300390"}
	stop    = state.Change{Change: spec.Change{Kind: spec.Stop}, At: noon}
	rebind  = state.Change{Change: spec.Change{Kind: spec.ChangeBind, From: "861536030196001", To: "861536030196019"}, At: noon}
	unknown = "no answer is recorded: the run is under way, or it ended before one came"
)

func cardOf(id spec.CardID, address string) state.Card {
	return state.Card{Provider: id.Provider, ICCID: id.ICCID, Address: address}
}

func TestAnIntentWithoutAnOutcomeIsADoubt(t *testing.T) {
	s := &state.Snapshot{Cards: []state.Card{cardOf(bike, "card.bike")}}
	want := []state.Doubt{{Change: spec.Change{Kind: spec.ChangeBind, From: rebind.From, To: rebind.To}, Key: "0c1f", Since: noon, Reason: unknown}}
	got := replay(t, s, log{}.intent(bike, "a1", rebind))
	require.Equal(t, want, got.Card(bike.ICCID).Doubts)
	require.Equal(t, "card.bike", got.Card(bike.ICCID).Address)
	require.Empty(t, s.Card(bike.ICCID).Doubts, "the snapshot before is left as it was")

	ended := replay(t, s, log{}.intent(bike, "a1", rebind).outcome(bike, "a1", nil))
	require.Empty(t, ended.Card(bike.ICCID).Doubts)
}

func TestAnIntentForACardThatIsNotThereStillShows(t *testing.T) {
	got := replay(t, nil, log{}.intent(bike, "a1", stop))
	require.Len(t, got.Card(bike.ICCID).Doubts, 1)

	adopted := replay(t, nil, log{}.put(cardOf(bike, "card.bike")).intent(bike, "a1", stop))
	require.Len(t, adopted.Card(bike.ICCID).Doubts, 1)
	require.Equal(t, "card.bike", adopted.Card(bike.ICCID).Address)
}

func TestAnOutcomeEndsItsOwnIntentOnly(t *testing.T) {
	// Two runs wrote this journal, and both called their first action a1.
	l := log{}.intent(bike, "a1", stop).intent(bike, "a1", rebind).outcome(bike, "a1", nil)
	got := replay(t, nil, l)
	require.Len(t, got.Card(bike.ICCID).Doubts, 1)
	require.Equal(t, spec.Stop, got.Card(bike.ICCID).Doubts[0].Kind)
}

func TestAPutEndsTheIntentsBeforeIt(t *testing.T) {
	settled := cardOf(bike, "settled")
	got := replay(t, nil, log{}.intent(bike, "a1", stop).put(settled))
	require.Equal(t, []state.Card{settled}, got.Cards)
}

func TestADropForgetsTheCard(t *testing.T) {
	s := &state.Snapshot{Cards: []state.Card{cardOf(bike, "card.bike")}}
	require.Empty(t, replay(t, s, log{}.intent(bike, "a1", stop).drop(bike)).Cards)
	require.Len(t, s.Cards, 1)
}

func TestRecordsOfAnOlderSerialAreInTheSnapshotAlready(t *testing.T) {
	s := &state.Snapshot{Serial: 4, Cards: []state.Card{cardOf(bike, "now")}}
	require.Equal(t, s, replay(t, s, log{}.put(cardOf(bike, "before")).intent(bike, "a1", stop)))
}

func TestARecordThatCannotBeUnderstoodIsAnError(t *testing.T) {
	other := cardOf(spec.CardID{Provider: "xuyu", ICCID: bike.ICCID}, "")
	rows := []struct {
		record state.Record
		want   string
	}{
		{state.Record{Version: 3, Seq: 1}, "replay record 1 of serial 0: it has version 3, and this program knows versions 1 to 2"},
		{log{}.put(cardOf(spec.CardID{}, ""))[0], "the put names no card"},
		{log{}.add(state.Record{Type: state.IntentRecord, Provider: "aliyun", ICCID: bike.ICCID})[0], "the intent for card 89860617030017300390 doesn't say what"},
		{log{}.add(state.Record{Type: state.PutRecord, Provider: "aliyun", ICCID: bike.ICCID})[0], "the put of card 89860617030017300390 holds no card"},
		{log{}.outcome(bike, "a1", &other)[0], "the outcome of aliyun/89860617030017300390 holds xuyu/89860617030017300390"},
		{log{}.add(state.Record{Type: "vow", Provider: "aliyun", ICCID: bike.ICCID})[0], `its type "vow" is unknown`},
	}
	for _, row := range rows {
		_, err := stored.Replay(&state.Snapshot{}, []state.Record{row.record})
		require.ErrorContains(t, err, row.want)
	}
}

// drawLog draws records of that serial and of the one before it.
func drawLog(t *rapid.T, serial uint64) log {
	var l log
	for range rapid.IntRange(0, 12).Draw(t, "records") {
		id := statetest.DrawID(t)
		action := rapid.SampledFrom([]string{"a1", "a2"}).Draw(t, "action")
		card := statetest.DrawCard(t, id)
		switch rapid.SampledFrom([]state.RecordType{state.IntentRecord, state.OutcomeRecord, state.PutRecord, state.DropRecord, ""}).Draw(t, "type") {
		case state.IntentRecord:
			l = l.intent(id, action, statetest.DrawChange(t))
		case state.OutcomeRecord:
			l = l.outcome(id, action, &card)
		case state.PutRecord:
			l = l.put(card)
		case state.DropRecord:
			l = l.drop(id)
		default:
			l = l.outcome(id, action, nil)
		}
		l[len(l)-1].Serial = rapid.Uint64Range(max(serial, 1)-1, serial).Draw(t, "serial")
	}
	return l
}

func TestReplayIsPureSortedAndIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := statetest.DrawSnapshot(t)
		l := drawLog(t, s.Serial)
		before := statetest.Clone(s)
		once, err := stored.Replay(s, l)
		require.NoError(t, err)
		require.Equal(t, before, s, "the snapshot was changed")
		require.True(t, slices.IsSortedFunc(once.Cards, func(a, b state.Card) int { return a.ID().Compare(b.ID()) }))
		twice, err := stored.Replay(once, l)
		require.NoError(t, err)
		if diff := cmp.Diff(once, twice); diff != "" {
			t.Fatalf("replayed again (-once +twice):\n%s", diff)
		}
	})
}

func TestACardIsWhatItsLastRecordSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := statetest.DrawSnapshot(t)
		l := drawLog(t, s.Serial)
		got, err := stored.Replay(s, l)
		require.NoError(t, err)
		for _, rec := range slices.Backward(l) {
			if rec.Serial != s.Serial || rec.Type == state.IntentRecord || rec.Type == state.OutcomeRecord {
				continue
			}
			later := slices.ContainsFunc(l[rec.Seq:], func(o state.Record) bool { return o.ID().ICCID == rec.ID().ICCID && o.Serial == s.Serial })
			if later {
				continue
			}
			if rec.Type == state.DropRecord {
				require.Nil(t, got.Card(rec.ID().ICCID))
			} else {
				require.Equal(t, rec.Card, got.Card(rec.ID().ICCID))
			}
		}
	})
}

// TestACommitInTheJournalIsACommit replays a journal with commits in it, and
// makes the same commits one after the other.
func TestACommitInTheJournalIsACommit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := statetest.DrawSnapshot(t)
		want := statetest.Clone(s)
		var journal []state.Record
		for range rapid.IntRange(0, 3).Draw(t, "commits") {
			l := drawLog(t, want.Serial)
			for i := range l {
				l[i].Serial = want.Serial
			}
			e := statetest.DrawEdits(t)
			replayed, err := stored.Replay(want, l)
			require.NoError(t, err)
			next := e.Next(replayed, "")
			commit := state.Record{Version: state.RecordVersion, Type: state.CommitRecord, Serial: want.Serial, Seq: uint64(len(l) + 1), Commit: &state.Commit{Cards: len(next.Rows()), Edits: e}}
			journal = append(append(journal, l...), commit)
			inPlace := statetest.Clone(replayed)
			e.Onto(inPlace)
			require.Empty(t, cmp.Diff(next.Cards, inPlace.Cards, cmpopts.EquateEmpty()))
			require.Empty(t, cmp.Diff(next.Doubled, inPlace.Doubled, cmpopts.EquateEmpty()))
			want = next
		}
		got, err := stored.Replay(s, journal)
		require.NoError(t, err)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("replayed (-want +got):\n%s", diff)
		}
		again, err := stored.Replay(got, journal)
		require.NoError(t, err)
		require.Equal(t, got, again)
	})
}

func TestACommitOfAnotherStateIsRefused(t *testing.T) {
	commit := state.Record{Version: state.RecordVersion, Type: state.CommitRecord, Serial: 3, Seq: 1, Commit: &state.Commit{Cards: 2}}
	_, err := stored.Replay(&state.Snapshot{Serial: 3, Cards: []state.Card{cardOf(bike, "")}}, []state.Record{commit})
	require.ErrorContains(t, err, "it says that the state has 2 cards then, and it has 1")
	_, err = stored.Replay(&state.Snapshot{Serial: 2}, []state.Record{commit})
	require.ErrorContains(t, err, "it follows serial 3, and no commit before it makes that of serial 2")
}

func BenchmarkReplay(b *testing.B) {
	s := fleet(100_000)
	for _, records := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprint(records), func(b *testing.B) {
			var l log
			for i := range records {
				c := s.Cards[i*len(s.Cards)/records]
				l = l.put(c)
				l[i].Serial = s.Serial
			}
			for b.Loop() {
				replay(b, s, l)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(records), "ns/record")
		})
	}
}
