package postgres_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres"
	"github.com/cardfleet/cardfleet/state/postgres/pgtest"
	"github.com/cardfleet/cardfleet/state/seal"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// fixedKey is the same in the two processes that some tests have.
var fixedKey = seal.Key{Passphrase: "bicycle of the tests"}

func keyring(t testing.TB, o seal.Options) *seal.Keyring {
	t.Helper()
	o.Random, o.WorkFactor = func(p []byte) { _, _ = rand.Read(p) }, 4
	k, err := seal.New(o)
	require.NoError(t, err)
	return k
}

// pair is a new key that seals and opens.
func pair(t testing.TB) seal.Key {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	return seal.Key{Recipients: []string{id.Recipient().String()}, Identities: []seal.Identity{{Name: "new.txt", Text: id.String()}}}
}

// named is a backend with a state of that name.
func named(t testing.TB, conn, name string, sealer state.Sealer) *postgres.Backend {
	t.Helper()
	e := env()
	e.Sealer = sealer
	b, err := postgres.New(postgres.Config{ConnString: conn, Name: name}, e)
	require.NoError(t, err)
	return b
}

// change commits one change of card n.
func change(t testing.TB, b state.Backend, n int, status string) {
	t.Helper()
	s := read(t, b)
	require.NoError(t, b.Commit(t.Context(), s, state.Edits{Put: []state.Card{statetest.Card(n, status)}}))
}

// record leaves a line for each card in the journal.
func record(t testing.TB, b state.Backend, cards ...state.Card) {
	t.Helper()
	j, err := b.Journal(t.Context())
	require.NoError(t, err)
	for _, c := range cards {
		require.NoError(t, j.Append(t.Context(), statetest.Put(c)))
	}
	require.NoError(t, j.Close())
}

// rig is a sealed state with a history and a journal, two others beside it with
// the same cards, and a connection past our program.
type rig struct {
	conn  string
	ring  *seal.Keyring
	state *postgres.Backend
	db    *pgx.Conn

	now      *state.Snapshot
	versions []state.Version
	old      []*state.Snapshot
}

const rigCommits = 4

func newRig(t *testing.T) *rig {
	r := &rig{conn: pgtest.Database(t), ring: keyring(t, seal.Options{Key: pair(t)})}
	for _, name := range []string{"default", "other", "third"} {
		b := named(t, r.conn, name, r.ring)
		s := &state.Snapshot{}
		require.NoError(t, b.Commit(t.Context(), s, state.Edits{Put: fleet(5)}))
		for n := range rigCommits - 1 {
			change(t, b, n, fmt.Sprint("changed ", n))
		}
		record(t, b, statetest.Card(3, "recorded"), statetest.Card(4, "recorded"))
	}
	r.state = opened(t, r.conn, r.ring)
	r.now = read(t, r.state)
	var err error
	r.versions, err = r.state.History(t.Context())
	require.NoError(t, err)
	for _, v := range r.versions {
		s, err := r.state.ReadVersion(t.Context(), v.Name)
		require.NoError(t, err)
		r.old = append(r.old, s)
	}
	require.Len(t, r.old, rigCommits-1)
	r.db, err = pgx.Connect(t.Context(), r.conn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.db.Close(context.WithoutCancel(t.Context()))) })
	return r
}

// judge reads everything, and returns what was refused: each refusal names the
// state. What is read must be right.
func (r *rig) judge(t *testing.T, damage string) (refused []string) {
	t.Helper()
	take := func(err error) bool {
		if err != nil {
			assert.ErrorContains(t, err, "the state default in "+strings.Split(r.conn, " ")[0][len("host="):], damage)
			refused = append(refused, err.Error())
		}
		return err == nil
	}
	if s, err := r.state.Read(t.Context()); take(err) {
		assert.Equal(t, r.now, s, damage)
	}
	if versions, err := r.state.History(t.Context()); take(err) {
		assert.Equal(t, r.versions, versions, damage)
	}
	for i, v := range r.versions {
		if s, err := r.state.ReadVersion(t.Context(), v.Name); take(err) {
			assert.Equal(t, r.old[i], s, damage)
		}
	}
	return refused
}

// cells are the columns of the tables that hold a state, with an expression
// that flips a bit of a value, %[1]s, where %[2]d is random. The lease isn't
// sealed, a state by another name isn't this one, and what workers share has
// TestWhatWorkersShareIsRefusedOnceItWasChanged.
func (r *rig) cells(t *testing.T) map[string]string {
	flips := map[string]string{
		"bigint":                   "%[1]s # (1::bigint << (%[2]d %% 64))",
		"bytea":                    "set_bit(%[1]s, %[2]d %% (8 * length(%[1]s)), 1 - get_bit(%[1]s, %[2]d %% (8 * length(%[1]s))))",
		"text":                     "CASE WHEN %[1]s = '' THEN 'x' ELSE overlay(%[1]s PLACING chr(ascii(substr(%[1]s, 1 + %[2]d %% length(%[1]s))) # 1) FROM 1 + %[2]d %% length(%[1]s) FOR 1) END",
		"timestamp with time zone": "%[1]s + (1 << (%[2]d %% 30)) * interval '1 microsecond'",
		"json":                     "'{}'",
		"boolean":                  "NOT %[1]s",
	}
	rows, err := r.db.Query(t.Context(), `SELECT table_name || '.' || column_name, data_type FROM information_schema.columns
		WHERE table_schema = 'cardfleet' AND table_name NOT IN ('leases', 'version') AND table_name NOT LIKE 'work\_%' AND (table_name, column_name) <> ('states', 'name')`)
	require.NoError(t, err)
	cells := map[string]string{}
	var cell, kind string
	_, err = pgx.ForEachRow(rows, []any{&cell, &kind}, func() error {
		require.Contains(t, flips, kind, cell)
		cells[cell] = flips[kind]
		return nil
	})
	require.NoError(t, err)
	return cells
}

// TestAFlippedBitInAnyColumnIsReadRightOrRefused flips bits of the first
// state's rows, one at a time.
func TestAFlippedBitInAnyColumnIsReadRightOrRefused(t *testing.T) {
	const flips = 5
	r := newRig(t)
	refused := map[string]int{}
	for cell, flip := range r.cells(t) {
		for n := range flips {
			refused[cell] += r.flip(t, cell, flip, n)
		}
	}
	t.Log("refused of each column's flips:", refused)
	for _, cell := range []string{
		"states.lineage", "states.serial", "states.cards", "states.key", "states.seal", "cards.iccid", "cards.from_serial", "cards.sealed",
		"journal.records",
	} {
		require.Equal(t, flips, refused[cell], cell)
	}
	for _, cell := range []string{"versions.cards", "versions.written", "versions.seal"} {
		require.Equal(t, flips-1, refused[cell], "%s: of the %d rows only the present version's is read by nobody", cell, rigCommits)
	}
	require.Empty(t, r.judge(t, "all is as it was"))
}

// flip changes one value, that of the nth row where rows are counted round and
// round, looks, and restores it. It returns 1 where something was refused, be it
// by the database.
func (r *rig) flip(t *testing.T, cell, flip string, n int) int {
	t.Helper()
	table, column, _ := strings.Cut(cell, ".")
	var random [2]byte
	_, _ = rand.Read(random[:])
	owner := "state_id"
	if table == "states" {
		owner = "id"
	}
	var at, old, kind string
	row := r.db.QueryRow(t.Context(), fmt.Sprintf(`
		WITH rows AS (SELECT ctid, %[1]s, t::text AS whole FROM cardfleet.%[2]s t WHERE %[3]s = 1 AND %[1]s IS NOT NULL)
		SELECT ctid::text, %[1]s::text, pg_typeof(%[1]s)::text FROM rows
		ORDER BY whole OFFSET (SELECT %[4]d %% greatest(count(*), 1) FROM rows) LIMIT 1`, column, table, owner, n))
	if err := row.Scan(&at, &old, &kind); err != nil {
		require.ErrorIs(t, err, pgx.ErrNoRows) // nothing there to be damaged
		return 0
	}
	set := fmt.Sprintf(flip, column, 256*int(random[0])+int(random[1]))
	damage := fmt.Sprintf("UPDATE cardfleet.%s SET %s = %s, where it was %s", table, column, set, old)
	err := r.db.QueryRow(t.Context(), fmt.Sprintf("UPDATE cardfleet.%s SET %s = %s WHERE ctid = $1::text::tid RETURNING ctid::text", table, column, set), at).Scan(&at)
	if err != nil {
		return 1
	}
	refused := r.judge(t, damage)
	_, err = r.db.Exec(t.Context(), fmt.Sprintf("UPDATE cardfleet.%s SET %s = $2::text::%s WHERE ctid = $1::text::tid", table, column, kind), at, old)
	require.NoError(t, err)
	return min(1, len(refused))
}

// tables that hold states, those first that others refer to.
var tables = []string{"states", "cards", "versions", "journal"}

// keep copies the tables; restore brings them back to that.
func (r *rig) keep(t *testing.T) (restore func()) {
	t.Helper()
	keep, restoring := "CREATE SCHEMA copy;", "DELETE FROM cardfleet.states;"
	for _, table := range tables {
		keep += fmt.Sprintf("CREATE TABLE copy.%[1]s AS TABLE cardfleet.%[1]s;", table)
		restoring += fmt.Sprintf("INSERT INTO cardfleet.%[1]s OVERRIDING SYSTEM VALUE TABLE copy.%[1]s;", table)
	}
	_, err := r.db.Exec(t.Context(), keep)
	require.NoError(t, err)
	return func() {
		_, err := r.db.Exec(t.Context(), restoring)
		require.NoError(t, err)
	}
}

func TestRowsThatWerePutElsewhereOrBackAreRefused(t *testing.T) {
	r := newRig(t)
	restore := r.keep(t)
	for name, c := range map[string]struct{ damage, says string }{
		"two rows swapped": {`UPDATE cardfleet.cards a SET sealed = b.sealed FROM cardfleet.cards b
			WHERE a.state_id = 1 AND b.state_id = 1 AND a.from_serial = 1 AND b.from_serial = 1 AND a.iccid <> b.iccid`, "comes from elsewhere"},
		"an old row in the newer one's place": {`UPDATE cardfleet.cards c SET to_serial = CASE WHEN to_serial = 2 THEN 9223372036854775807 ELSE 2 END
			WHERE state_id = 1 AND iccid IN (SELECT iccid FROM cardfleet.cards WHERE state_id = 1 AND from_serial = 2)`, "put back"},
		"an old row beside the newer one": {"UPDATE cardfleet.cards SET to_serial = 9223372036854775807 WHERE state_id = 1 AND to_serial = 3", "of which there are 5, and now 6"},
		"a row removed":                   {"DELETE FROM cardfleet.cards WHERE state_id = 1 AND from_serial = 4", "of which there are 5, and now 4"},
		"a row ended":                     {"UPDATE cardfleet.cards SET to_serial = 4 WHERE state_id = 1 AND from_serial = 3", "rows were removed"},
		"a plain row":                     {`UPDATE cardfleet.cards SET sealed = NULL, card = '{}' WHERE state_id = 1 AND from_serial = 4`, "was changed"},
		"another state's rows": {`DELETE FROM cardfleet.cards WHERE state_id = 1; UPDATE cardfleet.cards SET state_id = 1 WHERE state_id = OTHER`,
			"comes from elsewhere"},
		"another state's head": {`UPDATE cardfleet.states a SET (lineage, key, seal) = (b.lineage, b.key, b.seal) FROM cardfleet.states b
			WHERE a.id = 1 AND b.id = OTHER`, "comes from elsewhere"},
		"another state's seal": {`UPDATE cardfleet.states a SET seal = b.seal FROM cardfleet.states b WHERE a.id = 1 AND b.id = OTHER`, "its seal can't be opened"},
		"another lineage":      {"UPDATE cardfleet.states SET lineage = 'x' WHERE id = 1", `its row says serial 4 of lineage "x"`},
		"an old head": {`DELETE FROM cardfleet.journal WHERE state_id = 1;
			UPDATE cardfleet.states s SET (serial, cards, seal) = (v.serial, v.cards, v.seal) FROM cardfleet.versions v WHERE s.id = 1 AND v.state_id = 1 AND v.serial = 2`,
			"it has serial 2, but its history has serial 4: an older state was put in its place"},
		"a plain head":    {"UPDATE cardfleet.states SET key = NULL, seal = NULL WHERE id = 1", "it isn't encrypted, but serial 4 in its history is"},
		"no data key":     {"UPDATE cardfleet.states SET key = NULL WHERE id = 1", "it can't be decrypted"},
		"no seal":         {"UPDATE cardfleet.states SET seal = NULL WHERE id = 1", "its seal can't be opened"},
		"a plain version": {"UPDATE cardfleet.versions SET seal = NULL WHERE state_id = 1 AND serial = 1", "version 1 in the history: its seal can't be opened"},
		"versions swapped": {`UPDATE cardfleet.versions a SET seal = b.seal FROM cardfleet.versions b
			WHERE a.state_id = 1 AND b.state_id = 1 AND a.serial + b.serial = 3`, "its row says serial 2"},
		"a journal cut inside a row":  {"UPDATE cardfleet.journal SET records = substr(records, 1, length(records) - 5) WHERE state_id = 1 AND line = 2", "cut off"},
		"a journal without its start": {"DELETE FROM cardfleet.journal WHERE state_id = 1 AND line = 1", "is missing"},
		"another state's journal": {`UPDATE cardfleet.journal a SET records = b.records FROM cardfleet.journal b
			WHERE a.state_id = 1 AND b.state_id = OTHER AND a.line = b.line`, "it was put here from elsewhere"},
	} {
		t.Run(name, func(t *testing.T) {
			defer restore()
			_, err := r.db.Exec(t.Context(), strings.ReplaceAll(c.damage, "OTHER", "(SELECT id FROM cardfleet.states WHERE name = 'other')"))
			require.NoError(t, err)
			refused := r.judge(t, name)
			require.True(t, slices.ContainsFunc(refused, func(text string) bool { return strings.Contains(text, c.says) }), "%q", refused)
		})
	}
}

func TestASealedStateNeedsItsKey(t *testing.T) {
	r := newRig(t)
	for name, c := range map[string]struct {
		sealer state.Sealer
		says   string
	}{
		"none":    {nil, "it is encrypted, and the configuration has no key for it"},
		"another": {keyring(t, seal.Options{Key: pair(t)}), "none of the identities"},
	} {
		t.Run(name, func(t *testing.T) {
			b := opened(t, r.conn, c.sealer)
			_, readErr := b.Read(t.Context())
			_, journalErr := b.Journal(t.Context())
			_, historyErr := b.History(t.Context())
			_, versionErr := b.ReadVersion(t.Context(), "1")
			s := &state.Snapshot{Lineage: r.now.Lineage, Serial: r.now.Serial}
			for _, err := range []error{readErr, journalErr, historyErr, versionErr, b.Commit(t.Context(), s, state.Edits{Put: fleet(1)})} {
				require.ErrorContains(t, err, c.says)
				require.ErrorContains(t, err, "the state default in ")
			}
			if c.sealer == nil {
				require.ErrorIs(t, readErr, state.ErrSealed)
			}
		})
	}
	require.Empty(t, r.judge(t, "nothing was changed"))
}

func TestAStateIsSealedForTheNewKeyByTheNextCommit(t *testing.T) {
	conn, old, key := pgtest.Database(t), pair(t), pair(t)
	commit(t, opened(t, conn, keyring(t, seal.Options{Key: old})), &state.Snapshot{Cards: fleet(3)})
	change(t, opened(t, conn, keyring(t, seal.Options{Key: key, Previous: []seal.Key{old}})), 1, "by the new key")

	b := opened(t, conn, keyring(t, seal.Options{Key: key}))
	require.Equal(t, []string{"正常", "by the new key", "正常"}, statuses(read(t, b)))
	first, err := b.ReadVersion(t.Context(), "1")
	require.NoError(t, err, "the history opens with it too")
	require.Equal(t, fleet(3), first.Cards)
	_, err = opened(t, conn, keyring(t, seal.Options{Key: old})).Read(t.Context())
	require.ErrorContains(t, err, "none of the identities")
}

func TestAPlainStateIsSealedByTheNextCommit(t *testing.T) {
	conn, ring := pgtest.Database(t), keyring(t, seal.Options{Key: pair(t)})
	plain := open(t, conn)
	commit(t, plain, &state.Snapshot{Cards: fleet(3)})
	change(t, plain, 0, "plain")
	record(t, plain, statetest.Card(1, "recorded"))

	b := opened(t, conn, ring)
	require.Equal(t, []string{"plain", "recorded", "正常"}, statuses(read(t, b)))
	record(t, b, statetest.Card(3, "recorded sealed"))
	change(t, b, 2, "sealed")
	require.Equal(t, []string{"plain", "recorded", "sealed", "recorded sealed"}, statuses(read(t, b)))
	_, err := plain.Read(t.Context())
	require.ErrorIs(t, err, state.ErrSealed)
	versions, err := b.History(t.Context())
	require.NoError(t, err)
	require.Len(t, versions, 2)
	first, err := b.ReadVersion(t.Context(), "1")
	require.NoError(t, err, "what was plain stays so until the history drops it")
	require.Equal(t, fleet(3), first.Cards)

	for n := range 11 {
		change(t, b, 0, fmt.Sprint("after ", n))
	}
	record(t, b, statetest.Card(1, "at the end"))
	requireNothingReadable(t, conn)
}

func TestWhatIsPlainIsRefusedWhereEncryptionIsEnforced(t *testing.T) {
	conn, key := pgtest.Database(t), pair(t)
	plain, lax := open(t, conn), opened(t, conn, keyring(t, seal.Options{Key: key}))
	strict := opened(t, conn, keyring(t, seal.Options{Key: key, Enforced: true}))
	require.Equal(t, &state.Snapshot{}, read(t, strict), "there is nothing yet")
	commit(t, plain, &state.Snapshot{Cards: fleet(3)})
	_, err := strict.Read(t.Context())
	require.ErrorIs(t, err, state.ErrPlain)
	require.ErrorIs(t, strict.Commit(t.Context(), read(t, plain), state.Edits{}), state.ErrPlain)

	change(t, lax, 1, "sealed")
	change(t, strict, 2, "enforced")
	_, err = strict.ReadVersion(t.Context(), "1")
	require.ErrorIs(t, err, state.ErrPlain)
	_, err = strict.History(t.Context())
	require.ErrorIs(t, err, state.ErrPlain)
	second, err := strict.ReadVersion(t.Context(), "2")
	require.NoError(t, err)
	require.Equal(t, []string{"正常", "sealed", "正常"}, statuses(second))
}

// requireNothingReadable looks for what a card says in all that the database has of it.
func requireNothingReadable(t *testing.T, conn string) {
	t.Helper()
	c := statetest.Card(1, "")
	for _, table := range tables {
		var text string
		query(t, conn, fmt.Sprintf("SELECT string_agg(row::text, ' ') FROM cardfleet.%s row", table), &text)
		for _, secret := range []string{string(c.Provider), string(c.ICCID), c.Address, "after", "at the end"} {
			require.NotContains(t, text, secret, table)
			require.NotContains(t, text, fmt.Sprintf("%x", secret), table)
		}
	}
}

func TestASchemaOfTheFirstVersionIsReadAndBroughtUpToDate(t *testing.T) {
	for name, sealer := range sealers(t) {
		t.Run(name, func(t *testing.T) {
			conn := pgtest.Database(t)
			query(t, conn, postgres.SchemaOf(1))
			query(t, conn, `INSERT INTO cardfleet.states (name, lineage, serial, cards) VALUES ('default', 'old', 2, 1);
				INSERT INTO cardfleet.versions VALUES (1, 1, 1, now()), (1, 2, 1, now());
				INSERT INTO cardfleet.cards VALUES (1, 'aliyun', '89860617030017300001', 1, 2, '{"provider":"aliyun","iccid":"89860617030017300001","address":"old"}'),
					(1, 'aliyun', '89860617030017300001', 2, DEFAULT, '{"provider":"aliyun","iccid":"89860617030017300001","address":"new"}')`)
			b := opened(t, conn, sealer)
			s := read(t, b)
			card := state.Card{Provider: "aliyun", ICCID: spec.ICCID("89860617030017300001"), Address: "new"}
			require.Equal(t, &state.Snapshot{Lineage: "old", Serial: 2, Cards: []state.Card{card}}, s)
			versions, err := b.History(t.Context())
			require.NoError(t, err)
			require.Len(t, versions, 1)
			first, err := b.ReadVersion(t.Context(), "1")
			require.NoError(t, err)
			require.Equal(t, "old", first.Cards[0].Address)
			var version int
			query(t, conn, "SELECT version FROM cardfleet.version", &version)
			require.Equal(t, 1, version, "a reader changes nothing")

			require.NoError(t, b.Commit(t.Context(), s, state.Edits{Put: []state.Card{statetest.Card(2, "added")}}))
			require.Equal(t, s, read(t, opened(t, conn, sealer)))
			query(t, conn, "SELECT version FROM cardfleet.version", &version)
			require.Equal(t, 5, version)
		})
	}
}
