package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres/pgtest"
	"github.com/cardfleet/cardfleet/state/statetest"
)

func TestStatesOfAMegabyteAndOf500(t *testing.T) {
	for name, sealer := range sealers(t) {
		t.Run(name, func(t *testing.T) {
			statetest.RunSizes(t, func(t *testing.T) func() state.Backend {
				conn := pgtest.Database(t)
				return func() state.Backend { return opened(t, conn, sealer) }
			})
		})
	}
}

// TestACommitLooksAtNoOtherCards: the database counts what it reads by scanning
// a table, and by an index.
func TestACommitLooksAtNoOtherCards(t *testing.T) {
	const cards, changes = 20_000, 100
	for name, sealer := range sealers(t) {
		t.Run(name, func(t *testing.T) {
			conn := pgtest.Database(t)
			b := opened(t, conn, sealer)
			s := &state.Snapshot{}
			require.NoError(t, b.Commit(t.Context(), s, state.Edits{Put: largeFleet(cards)}))
			db, err := pgx.Connect(t.Context(), conn)
			require.NoError(t, err)
			defer func() { require.NoError(t, db.Close(t.Context())) }()
			reads := func() (scanned, fetched int) {
				require.NoError(t, db.QueryRow(t.Context(), "SELECT seq_tup_read, idx_tup_fetch FROM pg_stat_user_tables WHERE schemaname = 'cardfleet' AND relname = 'cards'").
					Scan(&scanned, &fetched))
				return scanned, fetched
			}
			for round := range 15 { // so many that the history is full, and drops rows
				_, before := reads()
				var e state.Edits
				for i := range changes {
					c := s.Cards[i*(cards/changes)]
					c.Last.Status = fmt.Sprint(round)
					e.Put = append(e.Put, c)
				}
				require.NoError(t, b.Commit(t.Context(), s, e))
				require.Eventually(t, func() bool { _, now := reads(); return now >= before+changes }, time.Minute, time.Millisecond,
					"the database counts once the commit's session has ended")
			}
			scanned, fetched := reads()
			require.Zero(t, scanned)
			require.Less(t, fetched, cards)
		})
	}
}
