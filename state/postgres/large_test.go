package postgres_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres/pgtest"
)

// richFleet is n cards of more than 500 bytes each.
func richFleet(n int) []state.Card {
	cards := largeFleet(n)
	noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for i := range cards {
		c := &cards[i]
		c.Last.Packages = []spec.Package{{ID: "10002", Expires: noon}, {ID: "10003", Expires: noon}}
		c.Recent = []state.Change{{Kind: spec.Subscribe, To: "10003", At: noon}}
		c.Doubts = []state.Doubt{{Kind: spec.Stop, Since: noon, Key: fmt.Sprintf("%032x", i), Reason: "no answer within 25s"}}
	}
	return cards
}

// TestALargeStateIsKept is a megabyte; with CARDFLEET_LARGE set it is 500 MB
// besides, which takes minutes.
func TestALargeStateIsKept(t *testing.T) {
	sizes := map[string]int{"a megabyte": 2000}
	if os.Getenv("CARDFLEET_LARGE") != "" {
		sizes["500 MB"] = 1_000_000
	}
	for size, n := range sizes {
		for name, sealer := range sealers(t) {
			t.Run(size+" "+name, func(t *testing.T) { keepsLarge(t, pgtest.Database(t), sealer, n) })
		}
	}
}

func keepsLarge(t *testing.T, conn string, sealer state.Sealer, n int) {
	b := opened(t, conn, sealer)
	s := &state.Snapshot{}
	require.NoError(t, b.Commit(t.Context(), s, state.Edits{Put: richFleet(n)}))
	text, err := json.Marshal(&s.Cards[n/2])
	require.NoError(t, err)
	require.Greater(t, len(text), 500, "bytes of a card")
	requireSame(t, s, read(t, b))

	changed := s.Cards[n/3]
	changed.Last.Status = "停机"
	require.NoError(t, b.Commit(t.Context(), s, state.Edits{Put: []state.Card{changed}, Drop: []spec.CardID{s.Cards[n/2].ID()}}))
	require.Len(t, s.Cards, n-1)
	requireSame(t, s, read(t, opened(t, conn, sealer)))
}

// requireSame compares without printing a million cards.
func requireSame(t *testing.T, want, got *state.Snapshot) {
	t.Helper()
	require.Equal(t, want.Serial, got.Serial)
	require.Equal(t, want.Lineage, got.Lineage)
	require.Zero(t, state.Difference(want.Cards, got.Cards).Len())
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
