package statetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// RunEvents checks what [state.Chronicler] promises. start is as for [Run].
func RunEvents(t *testing.T, start func(t *testing.T) (open func() state.Backend)) {
	for _, c := range []struct {
		name  string
		check func(t *testing.T, open func() state.Backend)
	}{
		{"a state without runs has no events", noEvents},
		{"an event is there before the commit and after it, once", eventOnce},
		{"a card that is forgotten keeps its events", eventsOfForgotten},
		{"a call that a killed run left is in doubt", eventsOfKilledRun},
		{"what a commit alone does is an event once it is made", pendingEvents},
		{"events are found by card, time and run", eventsFound},
		{"events of many commits keep their order", eventsOfManyCommits},
		{"a reader beside a writer sees each event once", eventsBesideWriter},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, start(t)) })
	}
}

// Begin is the record with which a run begins.
func Begin(id string, at time.Time) state.Record {
	return state.Record{Type: state.RunRecord, At: at, Run: &state.Run{ID: id, Operation: "apply", Started: at, Who: "wei@hangzhou", Commit: "1a2b3c4"}}
}

// Happened is the outcome of a change of the card, with its event.
func Happened(c state.Card, action string, at time.Time) state.Record {
	return state.Record{
		Type: state.OutcomeRecord, At: at, Action: action, Provider: c.Provider, ICCID: c.ICCID, Card: &c,
		Event: &state.Event{
			At: at, ICCID: c.ICCID, Provider: c.Provider, Address: c.Address, Change: spec.Change{Kind: spec.Subscribe, To: action},
			Outcome: "done", RequestID: "8906582E", Approvals: []state.EventApproval{{By: "liu", Fingerprint: "SHA256:47", Reason: "returned <&> 退回"}},
		},
	}
}

func chronicler(t *testing.T, b state.Backend) state.Chronicler {
	t.Helper()
	c, ok := b.(state.Chronicler)
	require.True(t, ok, "the backend keeps no events")
	return c
}

// events are what the query finds, in a line each: "RUN began", "RUN ICCID KIND TO OUTCOME".
func events(t *testing.T, b state.Backend, q state.EventQuery) []string {
	t.Helper()
	var found []string
	require.NoError(t, chronicler(t, b).Events(t.Context(), q, func(e *state.Entry) error {
		found = append(found, eventText(e))
		return nil
	}))
	return found
}

func eventText(e *state.Entry) string {
	run := "no run"
	if e.Run != nil {
		run = e.Run.ID
	}
	if e.Event == nil {
		return run + " began"
	}
	return fmt.Sprintf("%s %s %s %s", run, e.Event.ICCID[12:], e.Event.To, e.Event.Outcome)
}

// recorded appends the records to the journal, under the lock.
func recorded(t *testing.T, b state.Backend, records ...state.Record) {
	t.Helper()
	j := journal(t, b)
	require.NoError(t, j.Append(t.Context(), records...))
	require.NoError(t, j.Close())
}

// committed commits what the journal has.
func committed(t *testing.T, b state.Backend) {
	t.Helper()
	require.NoError(t, b.Commit(t.Context(), read(t, b), state.Edits{}))
}

func noEvents(t *testing.T, open func() state.Backend) {
	require.Empty(t, events(t, open(), state.EventQuery{}))
	b := locked(t, open())
	committed(t, b)
	require.Empty(t, events(t, open(), state.EventQuery{}))
}

func eventOnce(t *testing.T, open func() state.Backend) {
	b := locked(t, open())
	happened := Happened(Card(1, "正常"), "p1", noon)
	happened.Event.Settles, happened.Event.AsFarAsTold = true, true
	recorded(t, b, Begin("r1", noon), happened)
	check := func(when string) {
		t.Helper()
		var got []*state.Entry
		require.NoError(t, chronicler(t, open()).Events(t.Context(), state.EventQuery{}, func(e *state.Entry) error {
			own := *e
			got = append(got, &own)
			return nil
		}))
		require.Len(t, got, 2, when)
		require.Equal(t, Begin("r1", noon).Run, got[0].Run, when)
		require.Nil(t, got[0].Event, when)
		require.Equal(t, happened.Event, got[1].Event, when)
		require.Equal(t, "r1", got[1].Run.ID, when)
		require.Equal(t, "1a2b3c4", got[1].Run.Commit, when)
	}
	check("in the journal")
	committed(t, b)
	check("after the commit")
	committed(t, b)
	check("after another commit")
}

func eventsOfForgotten(t *testing.T, open func() state.Backend) {
	b := locked(t, open())
	card := Card(1, "正常")
	recorded(t, b, Begin("r1", noon), Happened(card, "p1", noon))
	committed(t, b)
	gone := state.Record{Type: state.DropRecord, At: noon, Provider: card.Provider, ICCID: card.ICCID, Event: &state.Event{
		At: noon, ICCID: card.ICCID, Provider: card.Provider, Change: spec.Change{Kind: spec.Forget}, Outcome: "done",
	}}
	recorded(t, b, Begin("r2", noon), gone)
	committed(t, b)
	require.Empty(t, read(t, open()).Cards)
	require.Equal(t, []string{"r1 17300001 p1 done", "r2 17300001  done"}, events(t, open(), state.EventQuery{ICCIDs: []spec.ICCID{card.ICCID}}))
}

func eventsOfKilledRun(t *testing.T, open func() state.Backend) {
	b := locked(t, open())
	card := Card(1, "正常")
	intent := state.Record{Type: state.IntentRecord, Action: "a1", At: noon, Provider: card.Provider, ICCID: card.ICCID, Intent: &state.Intent{Change: spec.Change{Kind: spec.Subscribe, To: "p9"}}}
	recorded(t, b, Begin("killed", noon), Happened(card, "p1", noon), intent)
	want := []string{"killed began", "killed 17300001 p1 done", "killed 17300001 p9 in-doubt"}
	require.Equal(t, want, events(t, open(), state.EventQuery{}), "before another run")
	recorded(t, b, Begin("next", noon), Happened(card, "p9", noon))
	want = append(want, "next began", "next 17300001 p9 done")
	require.Equal(t, want, events(t, open(), state.EventQuery{}))
	committed(t, b)
	require.Equal(t, sorted(want), sorted(events(t, open(), state.EventQuery{})))
	require.Equal(t, want[:3], events(t, open(), state.EventQuery{Run: "killed"}))
}

func pendingEvents(t *testing.T, open func() state.Backend) {
	b := locked(t, open())
	card := Card(1, "正常")
	pending := func(run string) []state.Record {
		event := Happened(card, run, noon).Event
		return []state.Record{
			{Type: state.RunRecord, At: noon, Run: Begin(run, noon).Run, Pending: true},
			{Type: state.RunRecord, At: noon, Run: &state.Run{ID: run}, Event: event, Pending: true},
		}
	}
	recorded(t, b, pending("failed")...)
	require.Empty(t, events(t, open(), state.EventQuery{}), "it isn't committed")
	recorded(t, b, Begin("r1", noon), Happened(card, "p1", noon))
	committed(t, b)
	want := []string{"r1 began", "r1 17300001 p1 done"}
	require.Equal(t, want, events(t, open(), state.EventQuery{}), "its commit was never made")
	recorded(t, b, pending("made")...)
	require.Equal(t, want, events(t, open(), state.EventQuery{}), "it isn't committed yet")
	committed(t, b)
	want = append(want, "made began", "made 17300001 made done")
	require.Equal(t, want, events(t, open(), state.EventQuery{}))
	require.Equal(t, want[2:], events(t, open(), state.EventQuery{Run: "made"}))
	require.Equal(t, []string{want[1], want[3]}, events(t, open(), state.EventQuery{ICCIDs: []spec.ICCID{card.ICCID}}))
	recorded(t, b, Begin("r2", noon))
	committed(t, b)
	require.Equal(t, append(want, "r2 began"), events(t, open(), state.EventQuery{}))
}

func eventsFound(t *testing.T, open func() state.Backend) {
	b := locked(t, open())
	at := noon
	for n := range 4 {
		run := "r" + strconv.Itoa(n)
		recorded(t, b, Begin(run, at), Happened(Card(10*n, ""), "p", at), Happened(Card(90, ""), "p", at))
		if n < 3 {
			committed(t, b)
		}
		at = at.Add(time.Hour)
	}
	iccid := Card(20, "").ICCID
	require.Equal(t, []string{"r2 17300020 p done"}, events(t, open(), state.EventQuery{ICCIDs: []spec.ICCID{iccid}}))
	require.Equal(t, []string{"r2 17300020 p done"}, events(t, open(), state.EventQuery{ICCIDs: []spec.ICCID{iccid[:19]}}), "without its check digit")
	require.Equal(t, []string{"r2 17300090 p done", "r3 17300090 p done"}, events(t, open(), state.EventQuery{ICCIDs: []spec.ICCID{Card(90, "").ICCID}, Since: noon.Add(2 * time.Hour)}))
	require.Equal(t, []string{"r1 began", "r1 17300010 p done", "r1 17300090 p done"}, events(t, open(), state.EventQuery{Run: "r1"}))
	require.Equal(t, []string{"r3 began", "r3 17300030 p done", "r3 17300090 p done"}, events(t, open(), state.EventQuery{Since: noon.Add(3 * time.Hour)}))
	require.Equal(t, []string{"r1 17300010 p done"}, events(t, open(), state.EventQuery{Run: "r1", ICCIDs: []spec.ICCID{Card(10, "").ICCID}}))
	require.Empty(t, events(t, open(), state.EventQuery{Run: "r7"}))
	require.Empty(t, events(t, open(), state.EventQuery{ICCIDs: []spec.ICCID{Card(77, "").ICCID}}))
	require.ErrorIs(t, chronicler(t, b).Events(t.Context(), state.EventQuery{}, func(*state.Entry) error { return errStop }), errStop)
}

var errStop = errors.New("seen enough")

func eventsOfManyCommits(t *testing.T, open func() state.Backend) {
	const commits = 40
	b := locked(t, open())
	var all, card []string
	for n := range commits {
		run := fmt.Sprintf("r%02d", n)
		recorded(t, b, Begin(run, noon.Add(time.Duration(n)*time.Minute)), Happened(Card(n%7, ""), "p"+strconv.Itoa(n), noon.Add(time.Duration(n)*time.Minute)))
		committed(t, b)
		line := fmt.Sprintf("%s 1730%04d p%d done", run, n%7, n)
		all = append(all, run+" began", line)
		if n%7 == 3 {
			card = append(card, line)
		}
	}
	require.Equal(t, all, events(t, open(), state.EventQuery{}))
	require.Equal(t, card, events(t, open(), state.EventQuery{ICCIDs: []spec.ICCID{Card(3, "").ICCID}}))
}

// eventsBesideWriter reads while commits move events from the journal to where
// they stay.
func eventsBesideWriter(t *testing.T, open func() state.Backend) {
	const rounds = 15
	b := locked(t, open())
	written := make(chan int)
	done := make(chan struct{})
	reader := chronicler(t, open())
	go func() {
		defer close(done)
		seen := 0
		for n := range written {
			var got []string
			assert.NoError(t, reader.Events(context.Background(), state.EventQuery{ICCIDs: []spec.ICCID{Card(1, "").ICCID}}, func(e *state.Entry) error {
				got = append(got, e.Event.To)
				return nil
			}))
			for i, to := range got {
				assert.Equal(t, strconv.Itoa(i), to)
			}
			assert.GreaterOrEqual(t, len(got), max(seen, n), "an event is lost")
			seen = len(got)
		}
	}()
	for n := range rounds {
		recorded(t, b, Begin("r"+strconv.Itoa(n), noon), Happened(Card(1, ""), strconv.Itoa(n), noon))
		written <- n + 1 // and the reader goes on beside the commit
		committed(t, b)
	}
	close(written)
	<-done
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
