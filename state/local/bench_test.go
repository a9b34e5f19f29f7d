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
			cards := make([]state.Card, fleet)
			for i := range cards {
				cards[i] = statetest.Card(0, "正常")
				cards[i].ICCID = spec.ICCID(fmt.Sprintf("89860617%012d", i))
			}
			require.NoError(b, backend.Commit(b.Context(), s, state.Edits{Put: cards}))
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
