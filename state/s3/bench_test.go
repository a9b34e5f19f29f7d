package s3

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/statetest"
)

// BenchmarkJournal appends from many goroutines at once, as an apply does: what
// a record costs is a share of a request.
func BenchmarkJournal(b *testing.B) {
	for _, appenders := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("%d at once", appenders), func(b *testing.B) {
			backend := gateway(b).open(b)
			unlock, err := backend.Lock(b.Context(), state.LockInfo{})
			require.NoError(b, err)
			j, err := backend.Journal(b.Context())
			require.NoError(b, err)
			b.ResetTimer()
			var wg sync.WaitGroup
			for a := range appenders {
				wg.Go(func() {
					for i := a; i < b.N; i += appenders {
						if err := j.Append(b.Context(), statetest.Put(statetest.Card(a, ""))); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
			require.NoError(b, unlock())
		})
	}
}

// BenchmarkCommit changes a card of 100,000: the snapshot is replaced as a whole.
func BenchmarkCommit(b *testing.B) {
	backend := gateway(b).open(b)
	s := &state.Snapshot{}
	for n := range 100_000 {
		c := statetest.Card(0, "正常")
		c.ICCID = spec.ICCID(fmt.Sprintf("89860617030%09d", n))
		s.Cards = append(s.Cards, c)
	}
	for b.Loop() {
		require.NoError(b, backend.Commit(b.Context(), s, state.Edits{Put: s.Cards[:1]}))
	}
}
