package stored_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// Several runs may have been killed over one snapshot; their journal goes on,
// and the ids of actions are each plan's own.

func runsOf(records ...state.Record) []state.Record {
	at := time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)
	for i := range records {
		r := &records[i]
		r.Version, r.Serial, r.Seq, r.At = state.RecordVersion, 1, uint64(i+1), at.Add(time.Duration(i)*time.Second)
		r.Provider, r.ICCID = "aliyun", "89860617030017300390"
	}
	return records
}

func rebinding(action string) state.Record {
	return state.Record{Type: state.IntentRecord, Action: action, Intent: &state.Intent{Change: spec.Change{Kind: spec.ChangeBind, From: "861536030196001", To: "861536030196019"}}}
}

func TestAnOutcomeEndsTheIntentsOfEarlierRunsToo(t *testing.T) {
	done := &state.Card{Provider: "aliyun", ICCID: "89860617030017300390", Binding: state.BoundTo("861536030196019")}
	got, err := stored.Replay(&state.Snapshot{Serial: 1}, runsOf(
		rebinding("a5"), // killed
		rebinding("a2"), state.Record{Type: state.OutcomeRecord, Action: "a2", Card: done},
	))
	require.NoError(t, err)
	assert.Equal(t, []state.Card{*done}, got.Cards)
}

func TestACallThatWasRepeatedIsInDoubtOnce(t *testing.T) {
	got, err := stored.Replay(&state.Snapshot{Serial: 1}, runsOf(rebinding("a5"), rebinding("a2"))) // killed twice
	require.NoError(t, err)
	require.Len(t, got.Cards[0].Doubts, 1)
	assert.Equal(t, time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC), got.Cards[0].Doubts[0].Since, "since it was first made")
}
