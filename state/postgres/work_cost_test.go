package postgres_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres"
	"github.com/cardfleet/cardfleet/state/postgres/pgtest"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// serverTime is the CPU time that the database server has taken, with the sessions
// that have ended.
func serverTime(t testing.TB, conn string) time.Duration {
	t.Helper()
	host, _, _ := strings.Cut(strings.TrimPrefix(conn, "host="), " ")
	text, err := os.ReadFile(filepath.Join(host, "data", "postmaster.pid"))
	require.NoError(t, err)
	first, _, _ := bytes.Cut(text, []byte("\n"))
	postmaster := string(first)
	ticks := 0
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended, and its parent has its time
		}
		f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		own := filepath.Base(filepath.Dir(path)) == postmaster
		if !own && f[1] != postmaster {
			continue
		}
		columns := []int{11, 12} // utime, stime
		if own {
			columns = append(columns, 13, 14) // of those that ended
		}
		for _, c := range columns {
			n, err := strconv.Atoi(f[c])
			require.NoError(t, err)
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// costly is an env with real pauses.
func costly() state.Env {
	e := env()
	e.Sleep = func(ctx context.Context, d time.Duration) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return e
}

// BenchmarkWorkers is three workers with twelve accounts, each at 50 calls a second
// that take 20 ms: what an action costs the database, with its intent and outcome,
// its share of a slice of 250 and of a fold each two seconds.
func BenchmarkWorkers(b *testing.B) {
	for kind, sealer := range kinds(b) {
		for _, group := range []time.Duration{20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond} {
			b.Run(fmt.Sprintf("%s/%s", kind, group), func(b *testing.B) { benchmarkWorkers(b, sealer, group) })
		}
	}
}

const (
	benchAccounts = 12
	benchActions  = 500 // of an account
	benchSlice    = 250
)

func benchmarkWorkers(b *testing.B, sealer state.Sealer, group time.Duration) {
	conn := pgtest.Database(b)
	e := costly()
	e.Sealer = sealer
	backend, err := postgres.New(postgres.Config{ConnString: conn, Group: group}, e)
	require.NoError(b, err)
	commit(b, backend, &state.Snapshot{Cards: largeFleet(benchAccounts * benchActions)})
	var workers []*postgres.Work
	for range 3 {
		w, err := backend.Work(b.Context())
		require.NoError(b, err)
		defer w.Close()
		workers = append(workers, w)
	}
	for round := 0; b.Loop(); round++ {
		b.StopTimer()
		id := fmt.Sprint("run-", round)
		var slices []*postgres.WorkSlice
		for account := range benchAccounts {
			for n := range benchActions / benchSlice {
				slices = append(slices, &postgres.WorkSlice{Account: fmt.Sprint("account", account), N: n, Actions: benchSlice, Cards: bytes.Repeat([]byte("card"), 250*100)})
			}
		}
		handedOver(b, workers[0], backend, postgres.WorkRun{ID: id, Config: "c"}, slices...)
		before, begun := serverTime(b, conn), time.Now()
		b.StartTimer()
		var wg sync.WaitGroup
		for account := range benchAccounts {
			wg.Go(func() { carryOut(b, workers[account%len(workers)], id, account) })
		}
		done := make(chan struct{})
		go func() { wg.Wait(); close(done) }()
		for going := true; going; {
			select {
			case <-done:
				going = false
			case <-time.After(2 * time.Second):
			}
			_, err := workers[0].Fold(b.Context())
			require.NoError(b, err)
		}
		b.StopTimer()
		actions := float64(benchAccounts * benchActions)
		b.ReportMetric(float64((serverTime(b, conn)-before).Microseconds())/actions, "µs-of-database/action")
		b.ReportMetric(actions/time.Since(begun).Seconds(), "actions/s")
		b.StartTimer()
	}
}

// carryOut does an account's part of a run.
func carryOut(b *testing.B, w *postgres.Work, run string, account int) {
	a, err := w.Claim(b.Context(), fmt.Sprint("account", account), "worker", nil)
	if err != nil || a == nil {
		b.Errorf("no account: %v", err)
		return
	}
	defer func() { _ = a.Release(context.Background()) }()
	j := a.ForRun(told(run), run)
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for n := range benchActions / benchSlice {
		s, _, err := a.Next(b.Context(), "c", 0)
		if err != nil || s == nil {
			b.Errorf("no slice: %v", err)
			return
		}
		var wg sync.WaitGroup
		for i := range benchSlice {
			<-pace.C
			c := largeCard(account*benchActions + n*benchSlice + i)
			wg.Go(func() {
				action := fmt.Sprint("a", i)
				if err := j.Append(b.Context(), intended(c, action)); err != nil {
					b.Error(err)
				}
				time.Sleep(20 * time.Millisecond)
				if err := j.Append(b.Context(), statetest.Happened(c, action, workTime)); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
		if err := a.Finish(b.Context(), s, postgres.Finished{Results: bytes.Repeat([]byte(`{"action":"a1","outcome":"done"}`), benchSlice), Counts: postgres.WorkCounts{Done: benchSlice}}); err != nil {
			b.Error(err)
		}
	}
}

// BenchmarkHandOver is a million actions.
func BenchmarkHandOver(b *testing.B) {
	backend, err := postgres.New(postgres.Config{ConnString: pgtest.Database(b)}, costly())
	require.NoError(b, err)
	w, err := backend.Work(b.Context())
	require.NoError(b, err)
	defer w.Close()
	unlock, err := backend.Lock(b.Context(), state.LockInfo{})
	require.NoError(b, err)
	defer func() { require.NoError(b, unlock()) }()
	for round := 0; b.Loop(); round++ {
		_, err := w.HandOver(b.Context(), postgres.HandOver{Run: postgres.WorkRun{ID: fmt.Sprint("run-", round)}, Slices: func(yield func(*postgres.WorkSlice) error) error {
			var text bytes.Buffer
			for n := range 4000 {
				text.Reset()
				s := &postgres.WorkSlice{Account: "aliyun", N: n, Actions: 250}
				for i := range 250 {
					iccid := fmt.Sprintf("89860617%012d", n*250+i)
					fmt.Fprintf(&text, `{"iccid":"%s","address":"sim.row[\"%s\"]","actions":[{"id":"a%d","kind":"change-bind","to":"86153603%07d"}]}`+"\n", iccid, iccid, n*250+i, n*250+i)
					s.Keys = append(s.Keys, "iccid:"+iccid)
				}
				s.Cards = text.Bytes()
				if err := yield(s); err != nil {
					return err
				}
			}
			return nil
		}})
		require.NoError(b, err)
	}
}

func TestAHandOverHoldsNoMoreThanItsSlices(t *testing.T) {
	w, b := working(t, pgtest.Database(t), nil)
	unlock, err := b.Lock(t.Context(), state.LockInfo{})
	require.NoError(t, err)
	live := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc) //nolint:gosec // no heap has 2^63 bytes
	}
	before, most := 0, 0
	_, err = w.HandOver(t.Context(), postgres.HandOver{Run: postgres.WorkRun{ID: "run-1"}, Slices: func(yield func(*postgres.WorkSlice) error) error {
		for n := range 1000 {
			cards := make([]byte, 50_000) // 50 MB in all, which don't pack
			_, _ = rand.Read(cards)
			if err := yield(&postgres.WorkSlice{Account: "aliyun", N: n, Actions: 250, Cards: cards}); err != nil {
				return err
			}
			switch {
			case n == 50:
				before = live()
			case n%300 == 299:
				most = max(most, live())
			}
		}
		return nil
	}})
	require.NoError(t, err)
	require.NoError(t, unlock())
	require.Less(t, most, before+8<<20, "bytes of slices that were taken are still held")
	run, err := w.Run(t.Context(), "run-1")
	require.NoError(t, err)
	require.Equal(t, 250_000, run.Accounts[0].Left)
}
