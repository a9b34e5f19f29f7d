package postgres_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres"
	"github.com/cardfleet/cardfleet/state/postgres/pgtest"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// walk makes a backend send every statement that it has, and looks that what is
// kept is read back as it was, by a run that sends its own as usual.
func walk(t *testing.T, b, usual *postgres.Backend) {
	t.Helper()
	odd := "'\\x00' \\x41 停机 \"$1\" -- /* "
	policy := state.Fleet{Policy: &state.Policy{Guard: []spec.Kind{spec.Stop}}, Signers: []state.Signer{{Name: odd, Fingerprint: "SHA256:x"}}}
	unlock, err := b.Lock(t.Context(), state.LockInfo{Who: odd})
	require.NoError(t, err)
	for n := range 13 { // the history is full by then
		j, err := b.Journal(t.Context())
		require.NoError(t, err)
		recorded := statetest.Card(n, odd+"\x00")
		require.NoError(t, j.Append(t.Context(), statetest.Put(recorded)))
		require.NoError(t, j.Append(t.Context(), statetest.Put(statetest.Card(n+1, "second"))))
		require.NoError(t, j.Close())
		s := read(t, usual)
		require.Equal(t, &recorded, s.Card(recorded.ICCID))
		require.Equal(t, s, read(t, b))
		e := state.Edits{Put: []state.Card{statetest.Card(n+2, "put")}, Drop: []spec.CardID{{Provider: "aliyun", ICCID: statetest.Card(n+1, "").ICCID}}}
		if n == 5 {
			e.Fleet = &policy
		}
		require.NoError(t, b.Commit(t.Context(), s, e))
		require.Equal(t, s, read(t, usual))
		require.Equal(t, s, read(t, b))
	}
	require.Equal(t, policy, read(t, b).Fleet)
	versions, err := b.History(t.Context())
	require.NoError(t, err)
	want, err := usual.History(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, versions)
	require.Len(t, versions, 10)
	old, err := b.ReadVersion(t.Context(), versions[9].Name)
	require.NoError(t, err)
	oldToo, err := usual.ReadVersion(t.Context(), versions[9].Name)
	require.NoError(t, err)
	require.Equal(t, oldToo, old)
	require.NoError(t, unlock())

	unlock, err = b.Lock(t.Context(), state.LockInfo{ID: "left"})
	require.NoError(t, err)
	var locked *state.LockedError
	require.ErrorAs(t, b.ForceUnlock(t.Context(), "other"), &locked)
	require.Equal(t, "left", locked.Holder.ID)
	require.NoError(t, b.ForceUnlock(t.Context(), "left"))
	require.ErrorContains(t, unlock(), "was removed")
}

// TestEveryWayOfSendingAStatementKeepsWhatItIsGiven: pgx types a value by the
// statement, by the value, or leaves that to the server.
func TestEveryWayOfSendingAStatementKeepsWhatItIsGiven(t *testing.T) {
	for _, c := range []struct {
		mode string
		way  func(t testing.TB, conn string) string
	}{
		{"cache_statement", ways()["direct"]}, // names outlive a transaction, and a pool's session may not
		{"exec", pgtest.Pooled},
		{"simple_protocol", pgtest.Pooled},
	} {
		for name, sealer := range sealers(t) {
			t.Run(c.mode+" "+name, func(t *testing.T) {
				t.Parallel()
				conn := pgtest.Database(t)
				walk(t, opened(t, c.way(t, conn)+" default_query_exec_mode="+c.mode, sealer), opened(t, conn, sealer))
			})
		}
	}
}

// TestACommitIsDurableWhateverTheServersStandardAndLeavesNothingInItsSession:
// the database's own settings are those that other clients of a pooler may have
// left in a session. Triggers note, at the end of a transaction, what counts in it.
func TestACommitIsDurableWhateverTheServersStandardAndLeavesNothingInItsSession(t *testing.T) {
	for wayName, way := range ways() {
		t.Run(wayName, func(t *testing.T) {
			conn := pgtest.Database(t)
			b := opened(t, conn, nil)
			commit(t, b, &state.Snapshot{Cards: fleet(1)})
			query(t, conn, `
				CREATE TABLE seen (place text, said text);
				CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
					INSERT INTO seen VALUES (TG_TABLE_NAME, current_setting('synchronous_commit')); RETURN NULL; END $$;
				CREATE CONSTRAINT TRIGGER s AFTER INSERT ON cardfleet.journal DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION see();
				CREATE CONSTRAINT TRIGGER s AFTER INSERT ON cardfleet.cards DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION see();
				CREATE CONSTRAINT TRIGGER s AFTER INSERT OR UPDATE ON cardfleet.leases DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION see();
				CREATE CONSTRAINT TRIGGER s AFTER UPDATE ON cardfleet.states DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION see();
				DO $$ BEGIN
					EXECUTE 'ALTER DATABASE ' || current_database() || ' SET synchronous_commit = off';
					EXECUTE 'ALTER DATABASE ' || current_database() || ' SET bytea_output = escape';
					EXECUTE 'ALTER DATABASE ' || current_database() || ' SET default_transaction_isolation = serializable';
				END $$`)
			through := way(t, conn)
			walk(t, opened(t, through, nil), opened(t, conn+" default_query_exec_mode=simple_protocol", nil))
			var places int
			var off bool
			query(t, conn, "SELECT count(DISTINCT place), bool_or(said <> 'on') FROM seen", &places, &off)
			require.Equal(t, 4, places)
			require.False(t, off, "a write would be lost with the server's machine")
			for range 8 { // each session of the pool
				var said string
				var left int
				query(t, through+" default_query_exec_mode=exec", `SELECT concat_ws(' ', current_setting('synchronous_commit'), current_setting('bytea_output'), current_setting('jit')),
					(SELECT count(*) FROM pg_prepared_statements) + (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')`, &said, &left)
				require.Equal(t, "off escape on", said)
				require.Zero(t, left)
			}
		})
	}
}

func TestAStatementIsSentAsThePoolerBeforeTheDatabaseNeedsIt(t *testing.T) {
	conn := pgtest.Database(t)
	for _, refused := range []string{conn + " default_query_exec_mode=describe_exec", "postgres://h/db?default_query_exec_mode=describe_exec"} {
		_, err := postgres.New(postgres.Config{ConnString: refused}, env())
		require.ErrorContains(t, err, "whose rows are then the answer; leave it out, or write cache_describe")
	}
	for _, taken := range []string{"", " description_cache_capacity=0"} {
		require.Equal(t, &state.Snapshot{}, read(t, open(t, pgtest.Pooled(t, conn)+taken)))
	}
}

func TestASettingThatThePoolerRefusesIsNamedWithWhatToDo(t *testing.T) {
	_, err := open(t, pgtest.Pooled(t, pgtest.Database(t))+" search_path=fleets").Read(t.Context())
	require.ErrorContains(t, err, "unsupported startup parameter: search_path")
	require.ErrorContains(t, err, "leave it out of conn_str")
}

// TestTransactionsOfAPoolGoToDifferentSessions: else the pooler of these tests
// would show nothing.
func TestTransactionsOfAPoolGoToDifferentSessions(t *testing.T) {
	conn := pgtest.Pooled(t, pgtest.Database(t))
	sessions := map[int]bool{}
	var open []*pgx.Conn
	for range 4 {
		c, err := pgx.Connect(t.Context(), conn+" default_query_exec_mode=exec")
		require.NoError(t, err)
		defer func() { assert.NoError(t, c.Close(t.Context())) }()
		_, err = c.Exec(t.Context(), "BEGIN")
		require.NoError(t, err)
		open = append(open, c)
	}
	for _, c := range open { // so that the pool has them all
		_, err := c.Exec(t.Context(), "COMMIT")
		require.NoError(t, err)
	}
	for n := range 8 {
		var pid int
		require.NoError(t, open[0].QueryRow(t.Context(), fmt.Sprintf("SELECT pg_backend_pid() /* %d */", n)).Scan(&pid))
		sessions[pid] = true
	}
	require.Len(t, sessions, 4)
}
