package local_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// BenchmarkCommit is a commit of 100 changed cards, in fleets of any size. Now
// and then the journal is long enough for another snapshot, which is in it.
func BenchmarkCommit(b *testing.B) {
	for _, fleet := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(fleet), func(b *testing.B) {
			backend := openAt(filepath.Join(b.TempDir(), "fleet.state"))
			s := &state.Snapshot{}
			require.NoError(b, backend.Commit(b.Context(), s, state.Edits{Put: manyCards(fleet)}))
			var sum, longest time.Duration
			unlock, err := backend.Lock(b.Context(), state.LockInfo{})
			require.NoError(b, err)
			for b.Loop() {
				_, err := backend.Journal(b.Context()) // as an apply does
				require.NoError(b, err)
				start := time.Now()
				var e state.Edits
				for i := range 100 {
					c := s.Cards[i*fleet/100]
					c.Last.Status = fmt.Sprint(s.Serial)
					e.Put = append(e.Put, c)
				}
				require.NoError(b, backend.Commit(b.Context(), s, e))
				took := time.Since(start)
				sum, longest = sum+took, max(longest, took)
			}
			require.NoError(b, unlock())
			b.ReportMetric(float64(sum.Microseconds())/1000/float64(b.N), "commit-ms")
			b.ReportMetric(float64(longest.Microseconds())/1000, "longest-ms")
		})
	}
}

// BenchmarkCommitOfAll is a commit that changes every card, as the first one
// and an apply of all do.
func BenchmarkCommitOfAll(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			cards := manyCards(n)
			b.ReportAllocs()
			for b.Loop() {
				backend := openAt(filepath.Join(b.TempDir(), "fleet.state"))
				require.NoError(b, backend.Commit(b.Context(), &state.Snapshot{}, state.Edits{Put: cards}))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/card")
		})
	}
}

// BenchmarkRead is what every command begins with.
func BenchmarkRead(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			backend := openAt(filepath.Join(b.TempDir(), "fleet.state"))
			require.NoError(b, backend.Commit(b.Context(), &state.Snapshot{}, state.Edits{Put: manyCards(n)}))
			b.ReportAllocs()
			for b.Loop() {
				s, err := backend.Read(b.Context())
				require.NoError(b, err)
				require.Len(b, s.Cards, n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/card")
		})
	}
}

func manyCards(n int) []state.Card {
	cards := make([]state.Card, n)
	for i := range cards {
		cards[i] = statetest.Card(0, "正常")
		cards[i].ICCID = spec.ICCID(fmt.Sprintf("89860617%012d", i))
	}
	return cards
}
