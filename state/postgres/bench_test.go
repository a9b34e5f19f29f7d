package postgres_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres"
	"github.com/cardfleet/cardfleet/state/postgres/pgtest"
	"github.com/cardfleet/cardfleet/state/seal"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// sizes of the fleet; CARDFLEET_BENCH_CARDS adds one.
func sizes() []int {
	sizes := []int{10_000, 100_000}
	if n, err := strconv.Atoi(os.Getenv("CARDFLEET_BENCH_CARDS")); err == nil {
		sizes = append(sizes, n)
	}
	return sizes
}

func largeFleet(n int) []state.Card {
	cards := make([]state.Card, n)
	for i := range cards {
		cards[i] = largeCard(i)
	}
	return cards
}

func largeCard(i int) state.Card {
	c := statetest.Card(0, "正常")
	c.ICCID = spec.ICCID(fmt.Sprintf("89860617%012d", i))
	c.Address = fmt.Sprintf("card.bike[%q]", c.ICCID)
	c.Binding = state.BoundTo(spec.IMEI(fmt.Sprintf("86153603%07d", i)))
	return c
}

// kinds of state: plain, and encrypted.
func kinds(b *testing.B) map[string]state.Sealer {
	return map[string]state.Sealer{"plain": nil, "sealed": keyring(b, seal.Options{Key: fixedKey})}
}

// held is a backend with a fleet of n cards, locked, and the snapshot.
func held(b *testing.B, n int, sealer state.Sealer) (*postgres.Backend, *state.Snapshot) {
	backend := opened(b, pgtest.Database(b), sealer)
	unlock, err := backend.Lock(b.Context(), state.LockInfo{})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, unlock()) })
	s := &state.Snapshot{}
	require.NoError(b, backend.Commit(b.Context(), s, state.Edits{Put: largeFleet(n)}))
	return backend, s
}

// BenchmarkCommitOf100Changes takes the time of 100 changes, whatever the fleet's size.
func BenchmarkCommitOf100Changes(b *testing.B) {
	for kind, sealer := range kinds(b) {
		for _, n := range sizes() {
			b.Run(kind+"/"+strconv.Itoa(n), func(b *testing.B) {
				backend, s := held(b, n, sealer)
				round := 0
				for b.Loop() {
					round++
					var e state.Edits
					for i := range 100 {
						c := s.Cards[i*(n/100)]
						c.Last.Status = strconv.Itoa(round)
						e.Put = append(e.Put, c)
					}
					require.NoError(b, backend.Commit(b.Context(), s, e))
				}
			})
		}
	}
}

func BenchmarkRead(b *testing.B) {
	for kind, sealer := range kinds(b) {
		for _, n := range sizes() {
			b.Run(kind+"/"+strconv.Itoa(n), func(b *testing.B) {
				backend, _ := held(b, n, sealer)
				for b.Loop() {
					require.Len(b, read(b, backend).Cards, n)
				}
			})
		}
	}
}

// BenchmarkFirstCommit writes the whole fleet.
func BenchmarkFirstCommit(b *testing.B) {
	for kind, sealer := range kinds(b) {
		for _, n := range sizes() {
			cards := largeFleet(n)
			b.Run(kind+"/"+strconv.Itoa(n), func(b *testing.B) {
				for b.Loop() {
					backend := opened(b, pgtest.Database(b), sealer)
					require.NoError(b, backend.Commit(b.Context(), &state.Snapshot{}, state.Edits{Put: cards}))
				}
			})
		}
	}
}

// BenchmarkAppend is the journal with 64 actions under way at once.
func BenchmarkAppend(b *testing.B) {
	for kind, sealer := range kinds(b) {
		b.Run(kind, func(b *testing.B) {
			backend, _ := held(b, 1000, sealer)
			j, err := backend.Journal(b.Context())
			require.NoError(b, err)
			b.SetParallelism(32)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := j.Append(b.Context(), statetest.Put(statetest.Card(1, "正常"))); err != nil {
						b.Error(err)
					}
				}
			})
			require.NoError(b, j.Close())
		})
	}
}
