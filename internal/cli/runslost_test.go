package cli_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres"
)

// atWork is a worker that has the account, with a slice of the run in its hands.
type atWork struct {
	t  *testing.T
	id string
	a  *postgres.Account
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
	return &atWork{t, id, a}
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
		Type: state.IntentRecord, At: time.Now().UTC(), Action: fmt.Sprintf("at-work-%d", card), Provider: "aliyun", ICCID: cardNo(card),
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
		Type: state.OutcomeRecord, At: now, Action: fmt.Sprintf("at-work-%d", card), Provider: "aliyun", ICCID: cardNo(card), Card: memory, Event: eventAtWork(card, outcome, ""),
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

func TestAnApplyThatStopsFollowingSaysWhatIsUnderWay(t *testing.T) {
	r := handing(t, 4)
	asks := *r
	var mu sync.Mutex
	begun := false
	r.sleeps = func() { // once the run is handed over, a worker begins it
		mu.Lock()
		defer mu.Unlock()
		if runs := asks.shown("list", "-going"); !begun && len(runs) > 0 {
			begun = true
			w := asks.atWork(t, runs[0].ID)
			w.record(w.begins(0), w.begins(1))
			w.record(w.ends(0, "done"))
		}
	}
	got := r.want(0, r.run("apply", "-auto-approve", "-for=10s"))
	assert.Contains(t, got.out, "1 action under way: a worker goes on.\n")
	assert.Contains(t, got.out, "2 actions not started: no worker has begun it yet.\n")
	assert.Contains(t, got.out, "card.c00 ("+string(cardNo(0))+"): stop: done\n")
}
