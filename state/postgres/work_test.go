package postgres_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres"
	"github.com/cardfleet/cardfleet/state/postgres/pgtest"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// working is what workers share of a new state, and the backend that it is of.
func working(t testing.TB, conn string, sealer state.Sealer) (*postgres.Work, *postgres.Backend) {
	t.Helper()
	b := opened(t, conn, sealer)
	w, err := b.Work(t.Context())
	require.NoError(t, err)
	t.Cleanup(w.Close)
	return w, b
}

// claimed is the account, which is free.
func claimed(t testing.TB, w *postgres.Work, account string) *postgres.Account {
	t.Helper()
	a, err := w.Claim(t.Context(), account, "worker-1", []byte(`{"host":"a"}`))
	require.NoError(t, err)
	require.NotNil(t, a, "somebody has the account")
	t.Cleanup(func() { require.NoError(t, a.Release(t.Context())) })
	return a
}

var workTime = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// intended is that a call for the card is about to be made.
func intended(c state.Card, action string) state.Record {
	change := spec.Change{Kind: spec.Subscribe, To: action}
	return state.Record{
		Type: state.IntentRecord, At: workTime, Action: action, Provider: c.Provider, ICCID: c.ICCID, Intent: &state.Intent{Change: change},
		Event: &state.Event{Address: c.Address},
	}
}

func told(id string) *state.Run {
	return &state.Run{ID: id, Operation: "apply", Started: workTime.Add(-time.Minute), Who: "wei@hangzhou"}
}

// handedOver hands a run over whose slices are of one action each.
func handedOver(t testing.TB, w *postgres.Work, b *postgres.Backend, run postgres.WorkRun, slices ...*postgres.WorkSlice) int64 {
	t.Helper()
	unlock, err := b.Lock(t.Context(), state.LockInfo{Operation: "apply"})
	require.NoError(t, err)
	number, err := w.HandOver(t.Context(), postgres.HandOver{Run: run, Slices: func(yield func(*postgres.WorkSlice) error) error {
		for _, s := range slices {
			if err := yield(s); err != nil {
				return err
			}
		}
		return nil
	}})
	require.NoError(t, err)
	require.NoError(t, unlock())
	return number
}

func slice(account string, n int) *postgres.WorkSlice {
	return &postgres.WorkSlice{
		Account: account, N: n, Actions: 2, Cards: []byte(fmt.Sprintf(`["89860617030017300390 of %s/%d"]`, account, n)),
		Keys: []string{"iccid:89860617030017300390", "imei:861536030196001"},
	}
}

// history are the events of the state, in a line each.
func history(t testing.TB, b *postgres.Backend, q state.EventQuery) []string {
	t.Helper()
	var lines []string
	require.NoError(t, b.Events(t.Context(), q, func(e *state.Entry) error {
		run := "no run"
		if e.Run != nil {
			run = e.Run.ID
		}
		if e.Event == nil {
			lines = append(lines, run+" began")
			return nil
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %s", run, e.Event.ICCID, e.Event.To, e.Event.Outcome))
		return nil
	}))
	return lines
}

// requireNoNumberReadable looks for ICCIDs and IMEIs in all rows of all tables.
func requireNoNumberReadable(t *testing.T, conn string) {
	t.Helper()
	var tables []string
	query(t, conn, "SELECT array_agg(tablename::text) FROM pg_tables WHERE schemaname = 'cardfleet'", &tables)
	require.Greater(t, len(tables), 10)
	for _, table := range tables {
		var text string
		query(t, conn, "SELECT coalesce(string_agg(r::text, ' '), '') || coalesce(string_agg(encode(convert_to(r::text, 'UTF8'), 'escape'), ' '), '') FROM cardfleet."+table+" r", &text)
		for _, number := range []string{"898606", "8615360", fmt.Sprintf("%x", "898606"), fmt.Sprintf("%x", "8615360")} {
			require.NotContains(t, text, number, table)
		}
	}
}

func TestWhatWorkersRecordIsInTheStateBeforeAFoldAndAfterIt(t *testing.T) {
	onAllWays(t, func(t *testing.T, way func(t testing.TB, conn string) string, sealer state.Sealer) {
		conn := pgtest.Database(t)
		w, b := working(t, way(t, conn), sealer)
		reader := opened(t, conn, sealer)
		one, two := statetest.Card(1, "正常"), statetest.Card(2, "停机")
		commit(t, b, &state.Snapshot{Cards: []state.Card{one, two}})
		handedOver(t, w, b, postgres.WorkRun{ID: "run-1", Config: "c", Version: 1, Info: []byte(`{}`)}, slice("aliyun", 0))

		a := claimed(t, w, "aliyun")
		j := a.ForRun(told("run-1"), "run-1")
		changed := one
		changed.Last.Status = "停机"
		require.NoError(t, j.Append(t.Context(), state.Record{Type: state.RunRecord, At: workTime, Run: told("run-1")}, intended(one, "a1")))
		require.Equal(t, "正常", read(t, reader).Card(one.ICCID).Last.Status, "a call is under way")
		require.Empty(t, read(t, reader).Card(one.ICCID).Doubts, "the worker is there")
		calls, err := w.UnderWay(t.Context(), "run-1")
		require.NoError(t, err)
		require.Equal(t, []postgres.UnderWay{{Account: "aliyun", Worker: "worker-1", ICCID: one.ICCID, Action: "a1", Run: "run-1", Change: intended(one, "a1").Intent.Change, Since: workTime}}, calls)

		require.NoError(t, j.Append(t.Context(), statetest.Happened(changed, "a1", workTime), intended(two, "a2")))
		check := func(when string) {
			t.Helper()
			s := read(t, reader)
			require.Equal(t, "停机", s.Card(one.ICCID).Last.Status, when)
			require.Empty(t, s.Card(two.ICCID).Doubts, when)
			require.Equal(t, []string{"run-1 began", "run-1 " + string(one.ICCID) + " a1 done", "run-1 " + string(two.ICCID) + " a2 in-doubt"},
				history(t, reader, state.EventQuery{Run: "run-1"}), when)
			require.Equal(t, []string{"run-1 " + string(one.ICCID) + " a1 done"}, history(t, reader, state.EventQuery{ICCIDs: []spec.ICCID{one.ICCID}}), when)
			found, err := a.Memories(t.Context(), []spec.ICCID{one.ICCID, two.ICCID})
			require.NoError(t, err, when)
			require.Equal(t, "停机", found[one.ICCID].Last.Status, when)
			require.Len(t, found[two.ICCID].Doubts, 1, when)
		}
		check("before a fold")
		folded, err := w.Fold(t.Context())
		require.NoError(t, err)
		require.True(t, folded)
		check("after a fold")
		folded, err = w.Fold(t.Context())
		require.NoError(t, err)
		require.False(t, folded, "there is nothing to fold")
		require.EqualValues(t, 2, read(t, reader).Serial)

		require.NoError(t, j.Append(t.Context(), statetest.Happened(two, "a2", workTime)))
		folded, err = w.Fold(t.Context())
		require.NoError(t, err)
		require.True(t, folded)
		require.Equal(t, []string{"run-1 began", "run-1 " + string(one.ICCID) + " a1 done", "run-1 " + string(two.ICCID) + " a2 done"},
			history(t, reader, state.EventQuery{Run: "run-1"}))
		if sealer != nil {
			requireNoNumberReadable(t, conn)
		}
	})
}

func TestWhatALostWorkerBeganIsOneActionOfItsRunInTheHistory(t *testing.T) {
	conn := pgtest.Database(t)
	w, b := working(t, conn, nil)
	one, two := statetest.Card(1, "正常"), statetest.Card(2, "正常")
	commit(t, b, &state.Snapshot{Cards: []state.Card{one, two}})
	a := claimed(t, w, "aliyun")
	require.NoError(t, a.ForRun(told("run-1"), "run-1").Append(t.Context(), intended(one, "a1"), intended(two, "a2")))
	expire(t, conn, "aliyun")
	next, err := w.Claim(t.Context(), "aliyun", "worker-2", nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, next.Release(t.Context())) })
	j := next.ForRun(told("run-1"), "run-1")
	for i, c := range []state.Card{one, two} {
		action := fmt.Sprintf("a%d", i+1)
		ended := statetest.Happened(c, action, workTime)
		ended.Type, ended.Action = state.PutRecord, ""
		ended.Event.Settles = true
		if c.ICCID == two.ICCID { // it had no effect, and is made again
			ended.Event.Outcome = "failed"
		}
		require.NoError(t, j.Append(t.Context(), ended))
	}
	require.NoError(t, j.Append(t.Context(), intended(two, "a2")))
	require.NoError(t, j.Append(t.Context(), statetest.Happened(two, "a2", workTime)))
	want := []string{"run-1 began", "run-1 " + string(one.ICCID) + " a1 done", "run-1 " + string(two.ICCID) + " a2 done"}
	require.Equal(t, want, history(t, b, state.EventQuery{Run: "run-1"}))
	_, err = w.Fold(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, history(t, b, state.EventQuery{Run: "run-1"}))
}

func TestARunIsCarriedOutSliceBySliceAndEndsWithItsLast(t *testing.T) {
	onAllWays(t, func(t *testing.T, way func(t testing.TB, conn string) string, sealer state.Sealer) {
		conn := pgtest.Database(t)
		w, b := working(t, way(t, conn), sealer)
		handedOver(t, w, b, postgres.WorkRun{ID: "run-1", Priority: 5, Config: "c", Version: 1, Info: json.RawMessage(`{"who":"wei"}`)},
			slice("aliyun", 0), slice("aliyun", 1), slice("xuyu", 0))
		urgent := handedOver(t, w, b, postgres.WorkRun{ID: "run-2", Priority: 9, Config: "c", Version: 1}, slice("aliyun", 0))

		a := claimed(t, w, "aliyun")
		s, _, err := a.Next(t.Context(), "c", 1)
		require.NoError(t, err)
		require.Equal(t, urgent, s.Number, "the more urgent run goes first")
		require.Equal(t, slice("aliyun", 0).Cards, s.Cards)
		require.Equal(t, slice("aliyun", 0).Keys, s.Keys)
		later, _, err := a.Next(t.Context(), "c", 1)
		require.NoError(t, err)
		require.Equal(t, "run-1", later.Run)
		none, _, err := a.Next(t.Context(), "other", 1)
		require.NoError(t, err)
		require.Nil(t, none, "another configuration")
		none, _, err = a.Next(t.Context(), "c", 0)
		require.NoError(t, err)
		require.Nil(t, none, "slices of a newer form")

		require.NoError(t, a.Finish(t.Context(), s, postgres.Finished{Results: []byte("r1"), Counts: postgres.WorkCounts{Done: 2}, Outcomes: map[string]string{"a1": "done"}}))
		require.NoError(t, a.Finish(t.Context(), s, postgres.Finished{Results: []byte("again")}), "an answer that was lost")
		run, err := w.Run(t.Context(), "run-2")
		require.NoError(t, err)
		require.False(t, run.Ended.IsZero())
		require.Equal(t, []postgres.WorkAccount{{Account: "aliyun", Actions: 2, Done: 2}}, run.Accounts)
		outcomes, err := w.Outcomes(t.Context(), "run-2", []string{"a1", "a2"})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"a1": "done"}, outcomes)

		rest := slice("aliyun", 0)
		rest.Actions, rest.NotBefore, rest.Waits = 1, time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond), "window night"
		require.NoError(t, a.Finish(t.Context(), later, postgres.Finished{Results: []byte("r2"), Counts: postgres.WorkCounts{Failed: 1}, Left: rest}))
		run, err = w.Run(t.Context(), "run-1")
		require.NoError(t, err)
		require.Equal(t, json.RawMessage(`{"who":"wei"}`), json.RawMessage(run.Info))
		require.Equal(t, postgres.WorkAccount{Account: "aliyun", Actions: 4, Failed: 1, Left: 3, Waiting: 1, NotBefore: rest.NotBefore, Waits: "window night"}, run.Accounts[0])
		accounts, err := w.Accounts(t.Context())
		require.NoError(t, err)
		require.Len(t, accounts, 2)
		require.Equal(t, 2, accounts[0].Left)
		require.Equal(t, 1, accounts[0].Waiting)
		require.True(t, accounts[0].Live)
		require.Equal(t, []string{"c"}, accounts[1].Configs)
		require.False(t, accounts[1].Held)

		var results []string
		require.NoError(t, w.Results(t.Context(), "run-1", 0, func(r *postgres.WorkResult) error {
			results = append(results, string(r.Results))
			return nil
		}))
		require.Equal(t, []string{"r2"}, results)
		if sealer != nil {
			requireNoNumberReadable(t, conn)
		}
	})
}

func TestAnAccountThatIsStuckKeepsNoRunFromEndingAndIsTakenUpAgain(t *testing.T) {
	w, b := working(t, pgtest.Database(t), nil)
	handedOver(t, w, b, postgres.WorkRun{ID: "run-1", Config: "c"}, slice("aliyun", 0), slice("xuyu", 0))
	a, x := claimed(t, w, "aliyun"), claimed(t, w, "xuyu")
	s, _, err := a.Next(t.Context(), "c", 0)
	require.NoError(t, err)
	require.NoError(t, a.Park(t.Context(), "run-1", "the key has expired"))
	none, _, err := a.Next(t.Context(), "c", 0)
	require.NoError(t, err)
	require.Nil(t, none)
	other, _, err := x.Next(t.Context(), "c", 0)
	require.NoError(t, err)
	require.NoError(t, x.Finish(t.Context(), other, postgres.Finished{Counts: postgres.WorkCounts{Done: 2}}))
	run, err := w.Run(t.Context(), "run")
	require.NoError(t, err)
	require.False(t, run.Ended.IsZero())
	require.Equal(t, "aliyun: the key has expired", run.Failed)

	require.NoError(t, w.Retry(t.Context(), "run-1", "aliyun"))
	again, _, err := a.Next(t.Context(), "c", 0)
	require.NoError(t, err)
	require.Equal(t, s.Cards, again.Cards)
	require.NoError(t, a.Finish(t.Context(), again, postgres.Finished{Counts: postgres.WorkCounts{Done: 2}}))
	run, err = w.Run(t.Context(), "run-1")
	require.NoError(t, err)
	require.False(t, run.Ended.IsZero())
	require.Empty(t, run.Failed)
}

func TestACancelledRunEndsWithWhatIsUnderWay(t *testing.T) {
	w, b := working(t, pgtest.Database(t), nil)
	handedOver(t, w, b, postgres.WorkRun{ID: "run-1", Config: "c"}, slice("aliyun", 0), slice("aliyun", 1), slice("xuyu", 0))
	a := claimed(t, w, "aliyun")
	s, _, err := a.Next(t.Context(), "c", 0)
	require.NoError(t, err)
	require.NoError(t, w.Cancel(t.Context(), "run-1", "liu"))
	run, err := w.Run(t.Context(), "run-1")
	require.NoError(t, err)
	require.True(t, run.Ended.IsZero(), "a slice is under way")
	require.Equal(t, "liu", run.CancelledBy)
	require.Equal(t, []string{"run-1"}, accountOf(t, w, "aliyun").Cancelled, "who does the slice is to end it")
	none, _, err := a.Next(t.Context(), "c", 0)
	require.NoError(t, err)
	require.Nil(t, none)
	require.NoError(t, a.Finish(t.Context(), s, postgres.Finished{Counts: postgres.WorkCounts{Done: 1, NotStarted: 1}}))
	run, err = w.Run(t.Context(), "run-1")
	require.NoError(t, err)
	require.False(t, run.Ended.IsZero())
	require.Empty(t, accountOf(t, w, "aliyun").Cancelled)
	require.Equal(t, []postgres.WorkAccount{{Account: "aliyun", Actions: 4, Done: 1, NotStarted: 3}, {Account: "xuyu", Actions: 2, NotStarted: 2}}, run.Accounts)
}

// accountOf is what the database says of an account that somebody holds.
func accountOf(t *testing.T, w *postgres.Work, name string) postgres.AccountState {
	t.Helper()
	accounts, err := w.Accounts(t.Context())
	require.NoError(t, err)
	i := slices.IndexFunc(accounts, func(a postgres.AccountState) bool { return a.Account == name })
	require.GreaterOrEqual(t, i, 0)
	return accounts[i]
}

func TestAnAccountIsOneWorkersAtATime(t *testing.T) {
	w, _ := working(t, pgtest.Database(t), nil)
	a := claimed(t, w, "aliyun")
	other, err := w.Claim(t.Context(), "aliyun", "worker-2", nil)
	require.NoError(t, err)
	require.Nil(t, other)
	require.NoError(t, a.Assure(t.Context()))
	require.NoError(t, a.Release(t.Context()))
	require.Error(t, a.Assure(t.Context()))
	require.NoError(t, w.Pause(t.Context(), "aliyun", "liu", true))
	other, err = w.Claim(t.Context(), "aliyun", "worker-2", nil)
	require.NoError(t, err)
	require.Nil(t, other, "it is paused")
	require.NoError(t, w.Pause(t.Context(), "aliyun", "liu", false))
	next := claimed(t, w, "aliyun")
	require.Equal(t, a.Token()+1, next.Token())
	require.Error(t, a.Append(t.Context(), statetest.Put(statetest.Card(1, ""))))
}

func TestACheckIsRunOnceEachTimeItIsDue(t *testing.T) {
	w, _ := working(t, pgtest.Database(t), nil)
	last, err := w.LastDue(t.Context(), "drift")
	require.NoError(t, err)
	require.True(t, last.IsZero())
	var mine []bool
	for _, due := range []time.Duration{1, 1, 2, 1, 2} {
		one, err := w.Due(t.Context(), "drift", workTime.Add(due*time.Hour))
		require.NoError(t, err)
		mine = append(mine, one)
	}
	require.Equal(t, []bool{true, false, true, false, false}, mine)
	last, err = w.LastDue(t.Context(), "drift")
	require.NoError(t, err)
	require.Equal(t, workTime.Add(2*time.Hour), last)
}

func TestOldRunsAreForgottenAndTheirHistoryIsKept(t *testing.T) {
	w, b := working(t, pgtest.Database(t), nil)
	handedOver(t, w, b, postgres.WorkRun{ID: "run-1", Config: "c"}, slice("aliyun", 0))
	handedOver(t, w, b, postgres.WorkRun{ID: "run-2", Config: "c"}, slice("aliyun", 0))
	a := claimed(t, w, "aliyun")
	s, _, err := a.Next(t.Context(), "c", 0)
	require.NoError(t, err)
	require.NoError(t, a.ForRun(told("run-1"), "run-1").Append(t.Context(), statetest.Happened(statetest.Card(1, ""), "a1", workTime)))
	require.NoError(t, a.Finish(t.Context(), s, postgres.Finished{Counts: postgres.WorkCounts{Done: 2}}))
	n, err := w.Prune(t.Context(), time.Now().Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	runs, err := w.Runs(t.Context(), true)
	require.NoError(t, err)
	require.Len(t, runs, 1)
	require.Equal(t, "run-2", runs[0].ID)
	_, err = w.Run(t.Context(), "run-1")
	require.ErrorIs(t, err, postgres.ErrNoRun)
	folded, err := w.Fold(t.Context())
	require.NoError(t, err)
	require.True(t, folded)
	require.True(t, slices.Contains(history(t, b, state.EventQuery{}), "run-1 began"))
}

func TestWorkersMeetEveryWayOfSendingAStatement(t *testing.T) {
	for _, mode := range []string{"cache_describe", "cache_statement", "exec", "simple_protocol"} {
		for name, sealer := range sealers(t) {
			t.Run(mode+" "+name, func(t *testing.T) {
				t.Parallel()
				w, b := working(t, pgtest.Database(t)+" default_query_exec_mode="+mode+" pool_max_conns=3", sealer)
				require.EqualValues(t, 3, w.Pool().Config().MaxConns)
				info := []byte(`{"who":"卫 \u0000 \\x61"}`)
				handedOver(t, w, b, postgres.WorkRun{ID: "run-1", Config: "c", Version: 1, Info: info}, slice("aliyun", 0), slice("aliyun", 1))
				handedOver(t, w, b, postgres.WorkRun{ID: "run-2", Config: "c", Version: 1, Priority: 1}, slice("aliyun", 0))
				supersede(t, w, b, postgres.Superseded{Run: "run-1", Action: "a7", By: "run-3"})
				a := claimed(t, w, "aliyun")
				c := statetest.Card(1, "停机 \\x61")
				j := a.ForRun(told("run-2"), "run-2")
				require.NoError(t, j.Append(t.Context(), intended(c, "a1")))
				under, err := w.Touching(t.Context(), []string{"imei:861536030196001", "iccid:" + string(c.ICCID)})
				require.NoError(t, err)
				require.Len(t, under, 1)
				require.NoError(t, j.Append(t.Context(), statetest.Happened(c, "a1", workTime)))
				doubts, err := a.Doubts(t.Context())
				require.NoError(t, err)
				require.Empty(t, doubts)
				found, err := a.Memories(t.Context(), []spec.ICCID{c.ICCID})
				require.NoError(t, err)
				require.Equal(t, c.Last.Status, found[c.ICCID].Last.Status)

				s, _, err := a.Next(t.Context(), "c", 1)
				require.NoError(t, err)
				require.Equal(t, "run-2", s.Run)
				rest := slice("aliyun", 0)
				rest.NotBefore, rest.Waits = time.Now().Add(time.Hour), "window"
				require.NoError(t, a.Finish(t.Context(), s, postgres.Finished{Results: []byte{0, 1, '\\', 255}, Left: rest, Outcomes: map[string]string{"a1": "done"}}))
				require.NoError(t, w.Results(t.Context(), "run-2", 0, func(r *postgres.WorkResult) error {
					require.Equal(t, []byte{0, 1, '\\', 255}, r.Results)
					return nil
				}))
				one, superseded, err := a.Next(t.Context(), "c", 1)
				require.NoError(t, err)
				require.Equal(t, "run-1", one.Run)
				require.Equal(t, []postgres.Superseded{{Run: "run-1", Action: "a7", By: "run-3"}}, superseded)
				require.NoError(t, a.Park(t.Context(), "run-1", "no key"))
				require.NoError(t, w.Retry(t.Context(), "run-1", ""))
				require.NoError(t, w.Cancel(t.Context(), "run-1", "liu"))
				runs, err := w.Runs(t.Context(), true)
				require.NoError(t, err)
				require.Len(t, runs, 3)
				require.Equal(t, info, runs[2].Info)
				require.Equal(t, 4, runs[2].Accounts[0].NotStarted)
				outcomes, err := w.Outcomes(t.Context(), "run-2", []string{"a1"})
				require.NoError(t, err)
				require.Equal(t, map[string]string{"a1": "done"}, outcomes)
				open := 0
				require.NoError(t, w.OpenSlices(t.Context(), "", func(s *postgres.WorkSlice) error {
					open++
					require.Equal(t, rest.Cards, s.Cards)
					return nil
				}))
				require.Equal(t, 1, open)
				accounts, err := w.Accounts(t.Context())
				require.NoError(t, err)
				require.Len(t, accounts, 1)
				require.Equal(t, []byte(`{"host":"a"}`), accounts[0].WorkerInfo)
				mine, err := w.Due(t.Context(), "drift", workTime)
				require.NoError(t, err)
				require.True(t, mine)
				require.NoError(t, w.Pause(t.Context(), "aliyun", "liu", true))
				folded, err := w.Fold(t.Context())
				require.NoError(t, err)
				require.True(t, folded)
				require.Equal(t, []string{"run-2 began", "run-2 " + string(c.ICCID) + " a1 done"}, history(t, b, state.EventQuery{}))
				_, err = w.Prune(t.Context(), workTime)
				require.NoError(t, err)
			})
		}
	}
}

// supersede hands a run over that no longer wants actions of earlier ones.
func supersede(t *testing.T, w *postgres.Work, b *postgres.Backend, list ...postgres.Superseded) {
	t.Helper()
	_, err := w.HandOver(t.Context(), postgres.HandOver{Run: postgres.WorkRun{ID: "run-3"}})
	require.ErrorContains(t, err, "lock", "without the state's lock nothing is handed over")
	unlock, err := b.Lock(t.Context(), state.LockInfo{Operation: "apply"})
	require.NoError(t, err)
	_, err = w.HandOver(t.Context(), postgres.HandOver{Run: postgres.WorkRun{ID: "run-3"}, Superseded: list})
	require.NoError(t, err)
	require.NoError(t, unlock())
}

func TestAFoldLeavesWhatIsAnotherRuns(t *testing.T) {
	w, b := working(t, pgtest.Database(t), nil)
	fold := func() bool {
		t.Helper()
		folded, err := w.Fold(t.Context())
		require.NoError(t, err)
		return folded
	}
	require.False(t, fold(), "nothing was recorded")
	a := claimed(t, w, "aliyun")
	require.NoError(t, a.Append(t.Context(), statetest.Put(statetest.Card(1, "one"))))
	unlock, err := b.Lock(t.Context(), state.LockInfo{})
	require.NoError(t, err)
	require.False(t, fold(), "a run has the state")
	j, err := b.Journal(t.Context())
	require.NoError(t, err)
	require.NoError(t, j.Append(t.Context(), statetest.Put(statetest.Card(2, "two"))))
	require.NoError(t, unlock())
	require.False(t, fold(), "a run has left its journal")
	require.Len(t, read(t, b).Cards, 2)
	require.NoError(t, b.Commit(t.Context(), read(t, b), state.Edits{}))
	require.False(t, fold(), "the run's next commit took all of it")
	require.NoError(t, a.Append(t.Context(), statetest.Put(statetest.Card(1, "again"))))
	require.True(t, fold())
	require.Equal(t, []string{"again", "two"}, statuses(read(t, b)))
}

func TestFoldsLeaveTheLastTenVersionsAndNoRowsOfNone(t *testing.T) {
	conn := pgtest.Database(t)
	w, b := working(t, conn, nil)
	for n := range 12 {
		commit(t, b, &state.Snapshot{Cards: fleet(3 + n)})
	}
	a := claimed(t, w, "aliyun")
	for n := range 30 {
		require.NoError(t, a.Append(t.Context(), statetest.Put(statetest.Card(1, fmt.Sprint("fold ", n)))))
		folded, err := w.Fold(t.Context())
		require.NoError(t, err)
		require.True(t, folded)
	}
	versions, err := b.History(t.Context())
	require.NoError(t, err)
	require.Len(t, versions, 10)
	require.EqualValues(t, 12, versions[0].Serial, "thirty folds are one version")
	for _, v := range versions {
		s, err := b.ReadVersion(t.Context(), v.Name)
		require.NoError(t, err)
		require.Len(t, s.Cards, v.Cards)
	}
	var rows int
	query(t, conn, "SELECT count(*) FROM cardfleet.cards WHERE iccid = '"+string(statetest.Card(1, "").ICCID)+"'", &rows)
	require.Equal(t, 2, rows, "the card as the runs left it, and as the last fold did")
}

func TestThePrintedSchemaIsAllThatAWorkerNeeds(t *testing.T) {
	conn := pgtest.Database(t)
	b := open(t, conn)
	query(t, conn, b.PrintSchema(0))
	query(t, conn, "CREATE ROLE printed LOGIN; GRANT USAGE ON SCHEMA cardfleet TO printed; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA cardfleet TO printed")
	w, b := working(t, strings.Replace(conn, "user=postgres", "user=printed", 1), nil)
	handedOver(t, w, b, postgres.WorkRun{ID: "run-1", Config: "c"}, slice("aliyun", 0))
	a := claimed(t, w, "aliyun")
	require.NoError(t, a.Append(t.Context(), statetest.Put(statetest.Card(1, "one"))))
	s, _, err := a.Next(t.Context(), "c", 0)
	require.NoError(t, err)
	require.NoError(t, a.Finish(t.Context(), s, postgres.Finished{}))
	folded, err := w.Fold(t.Context())
	require.NoError(t, err)
	require.True(t, folded)
	older := pgtest.Database(t)
	query(t, older, postgres.SchemaOf(3))
	query(t, older, open(t, older).PrintSchema(3))
	working(t, older, nil)
}

func TestWhatWorkersShareIsRefusedOnceItWasChanged(t *testing.T) {
	conn := pgtest.Database(t)
	w, b := working(t, conn, sealers(t)["sealed"])
	handedOver(t, w, b, postgres.WorkRun{ID: "run-1", Config: "c", Info: []byte("{}")}, slice("aliyun", 0))
	a := claimed(t, w, "aliyun")
	require.NoError(t, a.ForRun(told("run-1"), "run-1").Append(t.Context(), statetest.Happened(statetest.Card(1, "one"), "a1", workTime)))
	readState := func() error { _, err := b.Read(t.Context()); return err }
	readEvents := func() error {
		return b.Events(t.Context(), state.EventQuery{}, func(*state.Entry) error { return nil })
	}
	readSlices := func() error {
		return w.OpenSlices(t.Context(), "", func(*postgres.WorkSlice) error { return nil })
	}
	readRuns := func() error { _, err := w.Runs(t.Context(), true); return err }
	flipped := "set_bit(CELL, 8 * (length(CELL) / 2), 1 - get_bit(CELL, 8 * (length(CELL) / 2)))"
	for _, c := range []struct {
		cell, change string
		read         func() error
	}{
		{"work_records.record", flipped, readState},
		{"work_records.card", "CELL || 'x'", readState},
		{"work_records.account", "'xuyu'", readState},
		{"work_records.token", "CELL + 1", readState},
		{"work_told.run", flipped, readEvents},
		{"work_slices.body", flipped, readSlices},
		{"work_slices.n", "CELL + 1", readSlices},
		{"work_slices.account", "'xuyu'", readSlices},
		{"work_runs.info", flipped, readRuns},
		{"states.work_key", flipped, readState},
	} {
		table, column, _ := strings.Cut(c.cell, ".")
		require.NoError(t, c.read(), c.cell)
		query(t, conn, "CREATE TABLE cardfleet.kept AS SELECT "+column+" AS was FROM cardfleet."+table)
		query(t, conn, "UPDATE cardfleet."+table+" SET "+column+" = "+strings.ReplaceAll(c.change, "CELL", column))
		require.Error(t, c.read(), c.cell)
		query(t, conn, "UPDATE cardfleet."+table+" SET "+column+" = (SELECT was FROM cardfleet.kept); DROP TABLE cardfleet.kept")
	}
}
