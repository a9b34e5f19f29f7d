package postgres_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres"
	"github.com/cardfleet/cardfleet/state/postgres/pgtest"
	"github.com/cardfleet/cardfleet/state/seal"
	"github.com/cardfleet/cardfleet/state/statetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		pgtest.Stop()
		os.Exit(code)
	}), goleak.IgnoreAnyFunction("github.com/cardfleet/cardfleet/state/postgres/pgtest.(*server).run.func1"),
		goleak.IgnoreAnyFunction("os/exec.(*Cmd).Start.func2"))
}

func env() state.Env {
	return state.Env{
		Now: time.Now,
		Ticker: func(d time.Duration) (<-chan time.Time, func()) {
			ticker := time.NewTicker(d)
			return ticker.C, ticker.Stop
		},
		Random:  func(p []byte) { _, _ = rand.Read(p) },
		Sleep:   func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		Version: "0.1.0",
	}
}

func open(t testing.TB, conn string) *postgres.Backend {
	t.Helper()
	return opened(t, conn, nil)
}

// opened is a backend that encrypts with sealer, where there is one.
func opened(t testing.TB, conn string, sealer state.Sealer) *postgres.Backend {
	t.Helper()
	e := env()
	e.Sealer = sealer
	b, err := postgres.New(postgres.Config{ConnString: conn}, e)
	require.NoError(t, err)
	return b
}

const aBeat = 10 * time.Second

// ticking is a backend that renews its lease when beat is called.
func ticking(t testing.TB, conn string, sealer state.Sealer) (b *postgres.Backend, beat func()) {
	t.Helper()
	ticks := make(chan time.Time)
	e := env()
	e.Sealer = sealer
	e.Ticker = func(time.Duration) (<-chan time.Time, func()) { return ticks, func() {} }
	var passed atomic.Int64
	start := time.Now()
	e.Now = func() time.Time { return start.Add(time.Duration(passed.Load())) }
	b, err := postgres.New(postgres.Config{ConnString: conn, Beat: aBeat}, e)
	require.NoError(t, err)
	return b, func() {
		passed.Add(int64(aBeat))
		ticks <- time.Time{}
		passed.Add(int64(aBeat))
		select { // the next tick is taken once this one is dealt with
		case ticks <- time.Time{}:
		case <-b.Lost():
		}
	}
}

// query runs a statement as the database's owner, past our program.
func query(t testing.TB, conn, sql string, into ...any) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), conn)
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close(context.WithoutCancel(t.Context()))) }()
	if len(into) > 0 {
		require.NoError(t, c.QueryRow(t.Context(), sql).Scan(into...))
		return
	}
	_, err = c.Exec(t.Context(), sql)
	require.NoError(t, err)
}

// sealers are none, and one whose key all of the binary's processes have.
func sealers(t *testing.T) map[string]state.Sealer {
	return map[string]state.Sealer{"plain": nil, "sealed": keyring(t, seal.Options{Key: fixedKey})}
}

// ways are how a backend comes to its database: to the server itself, and
// through a pooler for which each transaction is another client's.
func ways() map[string]func(t testing.TB, conn string) string {
	return map[string]func(t testing.TB, conn string) string{
		"direct": func(_ testing.TB, conn string) string { return conn },
		"pooled": pgtest.Pooled,
	}
}

// onAllWays runs a test on each way, plain and sealed, beside one another.
func onAllWays(t *testing.T, test func(t *testing.T, way func(t testing.TB, conn string) string, sealer state.Sealer)) {
	for wayName, way := range ways() {
		for name, sealer := range sealers(t) {
			t.Run(wayName+" "+name, func(t *testing.T) {
				t.Parallel()
				test(t, way, sealer)
			})
		}
	}
}

func TestBackendSuite(t *testing.T) {
	onAllWays(t, func(t *testing.T, way func(testing.TB, string) string, sealer state.Sealer) {
		start := func(t *testing.T) func() state.Backend {
			conn := way(t, pgtest.Database(t))
			return func() state.Backend { return opened(t, conn, sealer) }
		}
		statetest.Run(t, start)
		statetest.RunForceUnlock(t, start)
		statetest.RunHistory(t, start)
		statetest.RunEvents(t, start)
		statetest.RunLease(t, func(t *testing.T) statetest.LeaseRig {
			conn := pgtest.Database(t)
			through := way(t, conn)
			return statetest.LeaseRig{
				Open:   func() (state.Backend, func()) { return ticking(t, through, sealer) },
				Expire: func() { query(t, conn, "UPDATE cardfleet.leases SET expires = clock_timestamp() - interval '1 s'") },
			}
		})
	})
}

func TestNothingAcknowledgedIsLostWhenTheProcessIsKilled(t *testing.T) {
	onAllWays(t, func(t *testing.T, way func(testing.TB, string) string, sealer state.Sealer) {
		place := ""
		if os.Getenv("CARDFLEET_CRASH_PLACE") == "" { // in the child it is given
			place = way(t, pgtest.Database(t))
			unlock, err := opened(t, place, sealer).Lock(t.Context(), state.LockInfo{}) // makes the tables
			require.NoError(t, err)
			require.NoError(t, unlock())
		}
		statetest.Crash(t, place, func(place string) state.Backend {
			query(t, place, "DELETE FROM cardfleet.leases") // the dead run's expires in a while
			return opened(t, place, sealer)
		})
	})
}

func read(t testing.TB, b state.Backend) *state.Snapshot {
	t.Helper()
	s, err := b.Read(t.Context())
	require.NoError(t, err)
	return s
}

// commit makes s what is stored.
func commit(t testing.TB, b state.Backend, s *state.Snapshot) {
	t.Helper()
	require.NoError(t, state.CommitAll(t.Context(), b, read(t, b), s))
}

func fleet(n int) []state.Card {
	var cards []state.Card
	for i := range n {
		cards = append(cards, statetest.Card(i, "正常"))
	}
	return cards
}

func TestACommitWritesOnlyWhatChanged(t *testing.T) {
	for name, sealer := range sealers(t) {
		t.Run(name, func(t *testing.T) {
			conn := pgtest.Database(t)
			b := opened(t, conn, sealer)
			commit(t, b, &state.Snapshot{Cards: fleet(100)})
			s := read(t, b)
			changed, gone, added := s.Cards[3], s.Cards[50].ID(), statetest.Card(100, "new")
			changed.Last.Status = "停机"
			require.NoError(t, b.Commit(t.Context(), s, state.Edits{Put: []state.Card{changed, added}, Drop: []spec.CardID{gone}}))
			require.Len(t, s.Cards, 100)
			require.Equal(t, s, read(t, opened(t, conn, sealer)))
			require.Equal(t, []int{2, 2, 100}, rowsOf(t, conn, s.Serial), "written, ended, present")

			changed.Last.Status = "again" // on what the last commit made of s
			require.NoError(t, b.Commit(t.Context(), s, state.Edits{Put: []state.Card{changed}}))
			require.Equal(t, s, read(t, opened(t, conn, sealer)))
			require.Equal(t, []int{1, 1, 100}, rowsOf(t, conn, s.Serial))
		})
	}
}

// rowsOf counts the rows that the commit of serial wrote, those that it ended,
// and those that hold.
func rowsOf(t testing.TB, conn string, serial uint64) []int {
	t.Helper()
	rows := make([]int, 3)
	query(t, conn, fmt.Sprintf(`SELECT count(*) FILTER (WHERE from_serial = %[1]d), count(*) FILTER (WHERE to_serial = %[1]d),
		count(*) FILTER (WHERE to_serial > %[1]d) FROM cardfleet.cards`, serial), &rows[0], &rows[1], &rows[2])
	return rows
}

// TestACommitHoldsWhatADeadRunRecorded: the journal's cards are in what Read
// returns and in no row, whether the commit's own edits name them or not.
func TestACommitHoldsWhatADeadRunRecorded(t *testing.T) {
	for name, sealer := range sealers(t) {
		t.Run(name, func(t *testing.T) {
			conn := pgtest.Database(t)
			b := opened(t, conn, sealer)
			commit(t, b, &state.Snapshot{Cards: fleet(5)})
			j, err := b.Journal(t.Context())
			require.NoError(t, err)
			gone, doubted := statetest.Card(1, ""), statetest.Card(3, "")
			require.NoError(t, j.Append(t.Context(),
				statetest.Put(statetest.Card(0, "recorded")), statetest.Put(statetest.Card(7, "new")), statetest.Put(statetest.Card(2, "twice")),
				state.Record{Type: state.DropRecord, Provider: gone.Provider, ICCID: gone.ICCID},
				state.Record{Type: state.IntentRecord, Action: "a1", Provider: doubted.Provider, ICCID: doubted.ICCID, Intent: &state.Intent{Change: spec.Change{Kind: spec.Stop}}}))
			require.NoError(t, j.Close())

			next := opened(t, conn, sealer)
			s := read(t, next)
			require.NoError(t, next.Commit(t.Context(), s, state.Edits{Put: []state.Card{statetest.Card(2, "committed")}}))
			var lines int
			query(t, conn, "SELECT count(*) FROM cardfleet.journal", &lines)
			require.Zero(t, lines)
			now := read(t, opened(t, conn, sealer))
			require.Equal(t, s, now)
			require.Equal(t, []string{"recorded", "committed", "正常", "正常", "new"}, statuses(now))
			require.Len(t, now.Cards[2].Doubts, 1)
		})
	}
}

func statuses(s *state.Snapshot) []string {
	var out []string
	for i := range s.Cards {
		out = append(out, s.Cards[i].Last.Status)
	}
	return out
}

func TestARefusedCommitChangesNothing(t *testing.T) {
	conn := pgtest.Database(t)
	b := open(t, conn)
	commit(t, b, &state.Snapshot{Cards: fleet(3)})
	s, want := read(t, b), read(t, b)
	query(t, conn, "DELETE FROM cardfleet.cards WHERE iccid LIKE '%1'")
	changes := state.Edits{Put: []state.Card{statetest.Card(1, "changed")}}
	require.ErrorContains(t, b.Commit(t.Context(), s, changes), "they were changed by hand")
	require.Equal(t, want, s)
}

func TestTheHistoryHoldsNoMoreRowsThanItNeeds(t *testing.T) {
	conn := pgtest.Database(t)
	b := open(t, conn)
	s := read(t, b)
	s.Cards = fleet(5)
	for n := range 30 {
		s.Cards[0].Last.Status = fmt.Sprint(n)
		commit(t, b, s)
	}
	var rows int
	query(t, conn, "SELECT count(*) FROM cardfleet.cards", &rows)
	require.Equal(t, 4+11, rows, "four cards that never changed, and eleven rows of the one that did")
}

func TestStatesAndSchemasAreApart(t *testing.T) {
	conn := pgtest.Database(t)
	places := []postgres.Config{{}, {Name: "staging"}, {Schema: `odd "schema"; --`}, {Schema: `odd "schema"; --`, Name: "'); --"}}
	for i, c := range places {
		c.ConnString = conn
		b, err := postgres.New(c, env())
		require.NoError(t, err)
		s := read(t, b)
		require.Equal(t, &state.Snapshot{}, s)
		s.Cards = fleet(i + 1)
		unlock, err := b.Lock(t.Context(), state.LockInfo{})
		require.NoError(t, err)
		defer func() { require.NoError(t, unlock()) }()
		commit(t, b, s)
		require.Len(t, read(t, b).Cards, i+1)
	}
}

func TestManyRunsMakeTheSchemaAtOnce(t *testing.T) {
	conn := pgtest.Database(t)
	var wg sync.WaitGroup
	for i := range 8 {
		b, err := postgres.New(postgres.Config{ConnString: conn, Name: fmt.Sprint(i)}, env())
		require.NoError(t, err)
		wg.Go(func() { assert.NoError(t, b.Commit(t.Context(), &state.Snapshot{}, state.Edits{})) })
	}
	wg.Wait()
}

func TestAReaderMakesNothing(t *testing.T) {
	conn := pgtest.Database(t)
	b := open(t, conn)
	read(t, b)
	_, err := b.History(t.Context())
	require.NoError(t, err)
	require.ErrorIs(t, b.ForceUnlock(t.Context(), "1"), state.ErrNotLocked)
	_, err = b.ReadVersion(t.Context(), "1")
	require.ErrorContains(t, err, "isn't kept")
	var schemas int
	query(t, conn, "SELECT count(*) FROM pg_namespace WHERE nspname = 'cardfleet'", &schemas)
	require.Zero(t, schemas)
}

func TestAUserWithoutTheRightToMakeSchemasUsesOneThatIsThere(t *testing.T) {
	conn := pgtest.Database(t)
	query(t, conn, "CREATE ROLE fleet LOGIN; CREATE SCHEMA cardfleet AUTHORIZATION fleet")
	b := open(t, strings.Replace(conn, "user=postgres", "user=fleet", 1))
	commit(t, b, &state.Snapshot{Cards: fleet(1)})
	require.Len(t, read(t, b).Cards, 1)
}

func TestANewerSchemaIsRefused(t *testing.T) {
	conn := pgtest.Database(t)
	b := open(t, conn)
	commit(t, b, &state.Snapshot{})
	query(t, conn, "UPDATE cardfleet.version SET version = 99")
	_, err := b.Read(t.Context())
	require.ErrorContains(t, err, "version 99")
	require.ErrorContains(t, b.Commit(t.Context(), &state.Snapshot{}, state.Edits{}), "version 99")
}

func TestWhatWasChangedByHandIsReadRightOrRefused(t *testing.T) {
	conn := pgtest.Database(t)
	b := open(t, conn)
	s := &state.Snapshot{Cards: fleet(3)}
	commit(t, b, s)
	j, err := b.Journal(t.Context())
	require.NoError(t, err)
	require.NoError(t, j.Append(t.Context(), statetest.Put(statetest.Card(1, "停机"))))
	require.NoError(t, j.Append(t.Context(), statetest.Put(statetest.Card(2, "停机"))))
	require.NoError(t, j.Close())

	query(t, conn, `UPDATE cardfleet.cards SET card = replace(card::text, ',', E',\n')::json`)
	require.Equal(t, "停机", read(t, b).Cards[2].Last.Status, "a person's layout is no damage")
	for damage, says := range map[string]string{
		"DELETE FROM cardfleet.cards WHERE iccid LIKE '%1'":                                             "between them are 2",
		`UPDATE cardfleet.cards SET card = '{"new": 1}' WHERE iccid LIKE '%1'`:                          "line 3",
		"UPDATE cardfleet.cards SET iccid = '89860617030017309999' WHERE iccid LIKE '%0'":               "stands behind",
		"UPDATE cardfleet.journal SET records = substr(records, 1, length(records) - 5) WHERE line = 2": "cut off",
		"UPDATE cardfleet.journal SET records = overlay(records PLACING 'x' FROM 30) WHERE line = 1":    "damaged",
		"DELETE FROM cardfleet.journal WHERE line = 1":                                                  "record 1 of serial 1 is missing",
		"UPDATE cardfleet.states SET serial = 0, cards = 0":                                             "serial",
	} {
		query(t, conn, "CREATE TABLE copy_cards AS TABLE cardfleet.cards; CREATE TABLE copy_journal AS TABLE cardfleet.journal; CREATE TABLE copy_states AS TABLE cardfleet.states")
		query(t, conn, damage)
		_, err := b.Read(t.Context())
		assert.ErrorContains(t, err, says, damage)
		query(t, conn, `DELETE FROM cardfleet.cards; DELETE FROM cardfleet.journal;
			INSERT INTO cardfleet.cards TABLE copy_cards; INSERT INTO cardfleet.journal TABLE copy_journal;
			UPDATE cardfleet.states s SET serial = c.serial, cards = c.cards FROM copy_states c WHERE c.id = s.id;
			DROP TABLE copy_cards; DROP TABLE copy_journal; DROP TABLE copy_states`)
		require.Len(t, read(t, b).Cards, 3)
	}
}

func TestAnyTextOfACarrierIsKept(t *testing.T) {
	b := open(t, pgtest.Database(t))
	s := &state.Snapshot{Cards: []state.Card{statetest.Card(1, "a\x00b\n\t\"\\ \u2028 <&> 停机 🐟")}}
	commit(t, b, s)
	require.Equal(t, s, read(t, b))
}

func TestCardsThatNothingCouldReadBackAreRefused(t *testing.T) {
	b := open(t, pgtest.Database(t))
	lower := statetest.Card(1, "")
	lower.ICCID = "898600d6991330004146"
	for name, cards := range map[string][]state.Card{
		"unsorted":    {statetest.Card(2, ""), statetest.Card(1, "")},
		"twice":       {statetest.Card(1, ""), statetest.Card(1, "")},
		"lower case":  {lower},
		"no provider": {{ICCID: statetest.Card(1, "").ICCID}},
	} {
		assert.Error(t, b.Commit(t.Context(), &state.Snapshot{}, state.Edits{Put: cards}), name)
	}
	require.Equal(t, &state.Snapshot{}, read(t, b))
}

func TestAJournalOutlivesItsConnection(t *testing.T) {
	conn := pgtest.Database(t)
	b := open(t, conn)
	j, err := b.Journal(t.Context())
	require.NoError(t, err)
	for n := range 3 {
		require.NoError(t, j.Append(t.Context(), statetest.Put(statetest.Card(n, ""))))
		var ended int
		query(t, conn, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'cardfleet' AND datname = current_database()", &ended)
		require.Equal(t, 1, ended)
	}
	require.NoError(t, j.Close())
	require.Len(t, read(t, b).Cards, 3)
	var lines int
	query(t, conn, "SELECT count(*) FROM cardfleet.journal", &lines)
	require.Equal(t, 3, lines)
}

func TestALeaseThatCannotBeRenewedIsGivenUp(t *testing.T) {
	conn := pgtest.Database(t)
	b, beat := ticking(t, conn, nil)
	unlock, err := b.Lock(t.Context(), state.LockInfo{ID: "5f1c"})
	require.NoError(t, err)
	query(t, conn, "ALTER TABLE cardfleet.leases RENAME TO away") // no renewal succeeds
	lost := b.Lost()
	beat() // two ticks: the second one gives up
	select {
	case <-lost:
	case <-time.After(time.Minute): // only a failure waits for it
		require.Fail(t, "the run isn't told")
	}
	require.ErrorContains(t, unlock(), "the lock runs out by itself within 30s: cardfleet force-unlock 5f1c removes it before")
}

func TestNoErrorHoldsASecret(t *testing.T) {
	for _, conn := range []string{
		"postgres://u:sEcReT@127.0.0.1:1/db?sslmode=disable", "host=127.0.0.1 port=1 user=u password=sEcReT",
		"postgres://u:sEcReT@127.0.0.1:notaport/db", "host=x password=sEcReT sslmode=nonsense", "password='sEcReT",
	} {
		b, err := postgres.New(postgres.Config{ConnString: conn}, env())
		if err == nil {
			_, err = b.Read(t.Context())
		}
		require.Error(t, err, conn)
		require.NotContains(t, err.Error(), "sEcReT")
		var parse *pgconn.ParseConfigError
		require.False(t, errors.As(err, &parse), "it holds the string")
	}
}

// restarting is a database that is away, once it restarts, until a backend has waited
// four times. said is what the backend says of it.
func restarting(t *testing.T) (conn string, e state.Env, said *[]string, restart func()) {
	t.Helper()
	direct := pgtest.Database(t)
	host, _, _ := strings.Cut(strings.TrimPrefix(direct, "host="), " ")
	dir, err := os.MkdirTemp("", "cfpg") // short: a socket's path has 107 bytes at most
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	socket := filepath.Join(dir, ".s.PGSQL.5432")
	there := func() { require.NoError(t, os.Symlink(filepath.Join(host, ".s.PGSQL.5432"), socket)) }
	there()
	said, e = &[]string{}, env()
	pauses := 0
	e.Sleep = func(ctx context.Context, _ time.Duration) error {
		if pauses++; pauses%4 == 0 {
			there()
		}
		return ctx.Err()
	}
	e.Away = func(err error) { *said = append(*said, map[bool]string{true: "back", false: "away"}[err == nil]) }
	return strings.Replace(direct, host, dir, 1), e, said, func() {
		require.NoError(t, os.Remove(socket))
		query(t, direct, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'cardfleet' AND datname = current_database()", new(int))
	}
}

// A database that restarts, for less than the lease may be counted on, ends
// nothing: journal and commit wait for it, and say so.
func TestADatabaseThatIsAwayForAWhileEndsNoRun(t *testing.T) {
	conn, e, said, restart := restarting(t)
	b, err := postgres.New(postgres.Config{ConnString: conn}, e)
	require.NoError(t, err)
	unlock, err := b.Lock(t.Context(), state.LockInfo{})
	require.NoError(t, err)
	j, err := b.Journal(t.Context())
	require.NoError(t, err)
	require.NoError(t, j.Append(t.Context(), statetest.Put(statetest.Card(1, "before"))))
	restart()
	require.NoError(t, j.Append(t.Context(), statetest.Put(statetest.Card(2, "while it restarts"))))
	s := read(t, b)
	require.Len(t, s.Cards, 2)
	restart()
	require.NoError(t, b.Commit(t.Context(), s, state.Edits{}))
	require.Equal(t, []string{"away", "back", "away", "back"}, *said)
	require.EqualValues(t, 1, read(t, b).Serial)
	require.NoError(t, unlock())
}
