package cli_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/internal/workers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres"
)

// atWork is a worker that has the account, with a slice of the run in its hands.
type atWork struct {
	t       *testing.T
	id      string
	a       *postgres.Account
	slice   []string // the ids of its actions, by card
	work    *postgres.Work
	backend *postgres.Backend
}

func (r *rig) atWork(t *testing.T, id string) *atWork {
	t.Helper()
	b, err := postgres.New(postgres.Config{ConnString: r.env["CARDFLEET_PG_CONN_STR"], Name: "bikes"}, state.Env{
		Now: time.Now, Random: func(p []byte) { _, _ = rand.Read(p) }, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		Ticker: func(time.Duration) (<-chan time.Time, func()) { return nil, func() {} },
	})
	require.NoError(t, err)
	w, err := b.Work(t.Context())
	require.NoError(t, err)
	t.Cleanup(w.Close)
	run, err := w.Run(t.Context(), id)
	require.NoError(t, err)
	a, err := w.Claim(t.Context(), "aliyun", "worker-9", nil)
	require.NoError(t, err)
	require.NotNil(t, a)
	t.Cleanup(func() { _ = a.Release(context.WithoutCancel(t.Context())) })
	s, _, err := a.Next(t.Context(), run.Config, run.Version)
	require.NoError(t, err)
	require.NotNil(t, s)
	return &atWork{t, id, a, actionsOf(t, s), w, b}
}

// actionsOf are the ids of a slice's actions, of which each card has one.
func actionsOf(t *testing.T, s *postgres.WorkSlice) (ids []string) {
	t.Helper()
	for line := range bytes.Lines(s.Cards) {
		var card struct{ Actions []struct{ ID string } }
		require.NoError(t, json.Unmarshal(line, &card))
		require.Len(t, card.Actions, 1)
		ids = append(ids, card.Actions[0].ID)
	}
	return ids
}

// record writes what the worker does to cards, by their numbers.
func (w *atWork) record(records ...state.Record) {
	w.t.Helper()
	told := &state.Run{ID: w.id, Operation: "apply", Started: time.Now().Add(-time.Minute)}
	require.NoError(w.t, w.a.ForRun(told, w.id).Append(w.t.Context(), records...))
}

var aStop = spec.Change{Kind: spec.Stop}

func eventAtWork(card int, outcome, reason string) *state.Event {
	return &state.Event{At: time.Now().UTC(), ICCID: cardNo(card), Provider: "aliyun", Change: aStop, Outcome: outcome, Reason: reason}
}

// begins is that a card is about to be stopped.
func (w *atWork) begins(card int) state.Record {
	return state.Record{
		Type: state.IntentRecord, At: time.Now().UTC(), Action: w.slice[card], Provider: "aliyun", ICCID: cardNo(card),
		Intent: &state.Intent{Change: aStop}, Event: eventAtWork(card, "in-doubt", state.Unanswered),
	}
}

// ends is that this was done, or failed.
func (w *atWork) ends(card int, outcome string) state.Record {
	w.t.Helper()
	memories, err := w.a.Memories(w.t.Context(), []spec.ICCID{cardNo(card)})
	require.NoError(w.t, err)
	memory, now := memories[cardNo(card)], time.Now().UTC()
	require.NotNil(w.t, memory)
	if memory.Doubts = nil; outcome == "done" {
		memory.Done(state.Change{Change: aStop, At: now})
	}
	return state.Record{
		Type: state.OutcomeRecord, At: now, Action: w.slice[card], Provider: "aliyun", ICCID: cardNo(card), Card: memory, Event: eventAtWork(card, outcome, ""),
	}
}

// lostAtWork is as if a worker had begun a slice of the run, in which it stopped the first
// card and had begun to stop the second, when its machine was lost.
func (r *rig) lostAtWork(t *testing.T, id string) {
	t.Helper()
	w := r.atWork(t, id)
	w.record(w.begins(0), w.begins(1))
	w.record(w.ends(0, "done"))
}

func TestALockTimeoutWaitsForTheCallsOfTheMomentAndNoLaterOnes(t *testing.T) {
	const cards = 3
	r := handing(t, cards)
	w := r.atWork(t, r.hand())
	var mu sync.Mutex
	at := 0
	w.record(w.begins(at))
	r.sleeps = func() { // a call of the run is always under way, each time on another card
		mu.Lock()
		defer mu.Unlock()
		w.record(w.ends(at, "failed"))
		at = (at + 1) % cards
		w.record(w.begins(at))
	}
	got := r.want(0, r.run("apply", "-auto-approve", "-refresh=false", "-detach", "-lock-timeout=1m", "-priority=9"))
	assert.Contains(t, got.errors, "Waiting, up to 1m0s, for run ")
	assert.Contains(t, got.errors, "Handed over to workers: 3 actions")
}

func TestACancelledRunSaysWhatBecameOfWhatALostWorkerBegan(t *testing.T) {
	r := handing(t, 4)
	id := r.hand()
	r.lostAtWork(t, id)
	r.sql("UPDATE cardfleet.work_accounts SET expires = clock_timestamp()")
	r.want(0, r.run("runs", "cancel", id))
	run := r.shown("show", id)[0]
	assert.Equal(t, "cancelled", run.Status)
	assert.False(t, run.Ended.IsZero())
	assert.Equal(t, []int{4, 1, 1, 2}, []int{run.Counts.Actions, run.Counts.Done, run.Counts.InDoubt, run.Counts.NotStarted})
	got := r.want(5, r.run("runs", "watch", id))
	assert.Contains(t, got.out, "1 done, 0 failed, 0 dropped, 2 not started, 1 in doubt.")
	assert.Contains(t, r.want(0, r.run("history", "-run="+id)).out, "6 actions in 1 run: 5 done, 1 in doubt.", "and four adoptions")
	assert.Empty(t, r.stopped(), "nothing was begun")
}

func TestAWorkerSaysWhatBecameOfWhatWasBegunOfACancelledRun(t *testing.T) {
	r := handing(t, 4)
	id := r.hand()
	r.lostAtWork(t, id)
	r.want(0, r.run("runs", "cancel", id))
	run := r.shown("show", id)[0]
	assert.True(t, run.Ended.IsZero(), "its worker may be there")
	other := r.hand("-refresh=false", "-target=card.c03")
	assert.Equal(t, 1, r.shown("show", other)[0].Counts.Actions, "what was cancelled stays with nobody")
	r.want(0, r.run("runs", "cancel", other))
	r.sql("UPDATE cardfleet.work_accounts SET expires = clock_timestamp()")
	r.works()
	run = r.shown("show", id)[0]
	assert.False(t, run.Ended.IsZero())
	assert.Equal(t, 1, run.Counts.Done)
	assert.Equal(t, 3, run.Counts.InDoubt+run.Counts.NotStarted)
	r.want(5, r.run("runs", "watch", id))
	assert.Empty(t, r.stopped(), "nothing is begun")
}

func TestARunSaysWhatIsDoneWhileItsSliceGoesOn(t *testing.T) {
	r := handing(t, 4)
	id := r.hand()
	w := r.atWork(t, id)
	w.record(w.begins(0), w.begins(1))
	w.record(w.ends(0, "done"))
	run := r.shown("show", id)[0]
	assert.Equal(t, []int{4, 1, 3}, []int{run.Counts.Actions, run.Counts.Done, run.Counts.NotStarted})
	assert.Equal(t, run.Counts, r.shown("list")[0].Counts)
	assert.Contains(t, r.want(0, r.run("runs", "list")).out, "1 of 4 done, 3 not started")
}

func TestWhatIsLeftOfARunIsToldFromWhatIsDoneAndUnderWay(t *testing.T) {
	r := handing(t, 4)
	id := r.hand()
	w := r.atWork(t, id)
	w.record(w.begins(0), w.begins(1))
	w.record(w.ends(0, "done"))
	calls, err := w.work.UnderWay(t.Context(), id)
	require.NoError(t, err)
	require.Len(t, calls, 1)
	run, err := w.work.Run(t.Context(), id)
	require.NoError(t, err)
	told := map[spec.ICCID]string{}
	require.NoError(t, workers.Rest(t.Context(), w.work, w.backend, run, func(one *workers.Result) {
		told[one.Card.ICCID] = string(one.Outcome) + ": " + one.Reason
	}))
	const notBegun = "not started: no worker has begun it yet"
	assert.Equal(t, map[spec.ICCID]string{cardNo(0): "done: ", cardNo(1): "not started: under way", cardNo(2): notBegun, cardNo(3): notBegun}, told)
}
