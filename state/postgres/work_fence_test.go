package postgres_test

import (
	"context"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres"
	"github.com/cardfleet/cardfleet/state/postgres/pgtest"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// expire has the lease of an account run out.
func expire(t testing.TB, conn, account string) {
	t.Helper()
	query(t, conn, "UPDATE cardfleet.work_accounts SET expires = clock_timestamp() WHERE account = '"+account+"'")
}

// status is what the state has of card 1.
func status(t *testing.T, m map[spec.ICCID]*state.Card) int {
	t.Helper()
	c := m[statetest.Card(1, "").ICCID]
	if c == nil {
		return 0
	}
	n, err := strconv.Atoi(c.Last.Status)
	require.NoError(t, err)
	return n
}

func TestWhatAnOldHolderWritesIsThereWhenTheNextOneReadsOrNeverComes(t *testing.T) {
	onAllWays(t, func(t *testing.T, way func(t testing.TB, conn string) string, sealer state.Sealer) {
		conn := pgtest.Database(t)
		first, _ := working(t, way(t, conn), sealer)
		second, b := working(t, way(t, conn), sealer)
		workers := []*postgres.Work{first, second}
		iccid := statetest.Card(1, "").ICCID
		holder := claimed(t, first, "aliyun")
		last := 0
		for round := range 12 {
			var acked atomic.Int64
			failed := make(chan struct{})
			old, from := holder, last
			go func() {
				defer close(failed)
				for i := from + 1; old.Append(context.Background(), statetest.Put(statetest.Card(1, strconv.Itoa(i)))) == nil; i++ {
					acked.Store(int64(i))
				}
			}()
			require.Eventually(t, func() bool { return acked.Load() > int64(from+round) }, time.Minute, time.Millisecond)
			expire(t, conn, "aliyun")
			next, err := workers[(round+1)%2].Claim(t.Context(), "aliyun", "next", nil)
			require.NoError(t, err)
			require.NotNil(t, next)
			found, err := next.Memories(t.Context(), []spec.ICCID{iccid})
			require.NoError(t, err)
			last = status(t, found)
			<-failed
			require.GreaterOrEqual(t, last, int(acked.Load()), "round %d: what was acknowledged is missing", round)
			found, err = next.Memories(t.Context(), []spec.ICCID{iccid})
			require.NoError(t, err)
			require.Equal(t, last, status(t, found), "round %d: something came after the account had changed hands", round)
			<-old.Lost() // it was told, without a renewal
			require.Error(t, old.Assure(t.Context()))
			holder = next
			t.Cleanup(func() { require.NoError(t, next.Release(context.Background())) })
		}
		require.Equal(t, strconv.Itoa(last), read(t, b).Card(iccid).Last.Status)
	})
}

// killed is a state as a worker has it, for the suite that kills: its journal is an
// account's, and every other commit a fold.
type killed struct {
	*postgres.Backend
	w       *postgres.Work
	a       *postgres.Account
	journal state.Journal
	commits int
}

func (k *killed) Lock(context.Context, state.LockInfo) (func() error, error) {
	return func() error { return nil }, nil
}

func (k *killed) Journal(ctx context.Context) (state.Journal, error) {
	if k.w == nil {
		w, err := k.Work(ctx)
		if err != nil {
			return nil, err
		}
		k.w = w
	}
	if k.a == nil {
		a, err := k.w.Claim(ctx, "aliyun", "killed", nil)
		if err != nil {
			return nil, err
		}
		k.a, k.journal = a, a
	}
	return k, nil
}

func (k *killed) Append(ctx context.Context, records ...state.Record) error {
	if run := records[0].Run; run != nil {
		k.journal = k.a.ForRun(run, run.ID)
	}
	return k.journal.Append(ctx, records...)
}

func (k *killed) Close() error { return nil }

func (k *killed) Commit(ctx context.Context, s *state.Snapshot, e state.Edits) error {
	if k.commits++; k.commits%2 == 0 {
		return k.Backend.Commit(ctx, s, e)
	}
	if _, err := k.w.Fold(ctx); err != nil {
		return err
	}
	now, err := k.Read(ctx)
	if err == nil {
		s.Serial = now.Serial
	}
	return err
}

func TestNothingThatAWorkerWasToldIsLostWhenItIsKilled(t *testing.T) {
	for _, c := range []struct {
		name, way, sealer string
	}{{"direct", "direct", "plain"}, {"pooled and sealed", "pooled", "sealed"}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sealer := sealers(t)[c.sealer]
			place := ""
			if os.Getenv("CARDFLEET_CRASH_PLACE") == "" { // in the child it is given
				place = ways()[c.way](t, pgtest.Database(t))
				working(t, place, sealer) // makes the tables
			}
			statetest.Crash(t, place, func(place string) state.Backend {
				query(t, place, "DELETE FROM cardfleet.leases") // the dead run's, which expire in a while
				// Taken over: what the dead worker had sent is there by now, or never comes.
				query(t, place, "UPDATE cardfleet.work_accounts SET token = token + 1, expires = NULL")
				return &killed{Backend: opened(t, place, sealer)}
			})
		})
	}
}

func TestADatabaseThatIsAwayForAWhileEndsNoWorker(t *testing.T) {
	conn, e, said, restart := restarting(t)
	b, err := postgres.New(postgres.Config{ConnString: conn, Group: time.Nanosecond}, e)
	require.NoError(t, err)
	w, err := b.Work(t.Context())
	require.NoError(t, err)
	defer w.Close()
	a, err := w.Claim(t.Context(), "aliyun", "worker", nil)
	require.NoError(t, err)
	handedOver(t, w, b, postgres.WorkRun{ID: "run-1", Config: "c"}, slice("aliyun", 0))
	restart()
	require.NoError(t, a.Append(t.Context(), statetest.Put(statetest.Card(1, "while it restarts"))))
	restart()
	s, _, err := a.Next(t.Context(), "c", 0)
	require.NoError(t, err)
	restart()
	require.NoError(t, a.Finish(t.Context(), s, postgres.Finished{Counts: postgres.WorkCounts{Done: 2}}))
	require.Equal(t, []string{"away", "back", "away", "back", "away", "back"}, *said)
	require.Len(t, read(t, b).Cards, 1)
	run, err := w.Run(t.Context(), "run-1")
	require.NoError(t, err)
	require.Equal(t, 2, run.Accounts[0].Done)
	require.NoError(t, a.Release(t.Context()))
}

func TestAnAccountWhoseLeaseCannotBeRenewedIsLost(t *testing.T) {
	ticks := make(chan time.Time)
	var passed atomic.Int64
	start := time.Now()
	e := env()
	e.Ticker = func(time.Duration) (<-chan time.Time, func()) { return ticks, func() {} }
	e.Now = func() time.Time { return start.Add(time.Duration(passed.Load())) }
	b, err := postgres.New(postgres.Config{ConnString: pgtest.Database(t), Beat: 10 * time.Second}, e)
	require.NoError(t, err)
	w, err := b.Work(t.Context())
	require.NoError(t, err)
	defer w.Close()
	a, err := w.Claim(t.Context(), "aliyun", "worker", nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, a.Release(context.Background())) }()
	passed.Store(int64(26 * time.Second))
	require.NoError(t, a.Assure(t.Context()))
	passed.Store(int64(27 * time.Second))
	over, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, a.Assure(over), context.Canceled, "a lease of 30 s is counted on for 27 s from before it was asked for")
	require.Error(t, a.Append(t.Context(), statetest.Put(statetest.Card(1, ""))), "nothing is written that another may not read")
	ticks <- time.Time{}
	require.NoError(t, a.Assure(t.Context()), "nobody has taken it, and it is renewed")
	passed.Store(int64(54 * time.Second))
	_, err = w.Pool().Exec(t.Context(), "UPDATE cardfleet.work_accounts SET token = token + 1")
	require.NoError(t, err)
	ticks <- time.Time{}
	<-a.Lost()
	require.Error(t, a.Assure(t.Context()))
}
