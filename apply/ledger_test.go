package apply

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
)

func TestResultsAreAsTheyWereNoted(t *testing.T) {
	ids := []string{
		"", "8906", "正常", "01234567-89ab-cdef-0123-456789abcdef", "01234567-89AB-CDEF-0123-456789ABCDEF", "01234567-89aB-cdef-0123-456789abcdef",
		"0123456789ab-cdef-0123-4567-89abcdef", "------------------------------------", "0123456789abcdef0123456789abcdef0123",
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "actions")
		l, want := newLedger(n), make([]Result, n)
		action := &plan.Action{Change: spec.Change{Kind: spec.Stop}}
		for _, i := range rapid.Permutation([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}).Draw(t, "order") {
			if i >= n {
				continue
			}
			want[i] = Result{
				Outcome: rapid.SampledFrom(Outcomes()).Draw(t, "outcome"), Reason: rapid.SampledFrom([]string{"", "it is so", string(make([]byte, blockSize))}).Draw(t, "why"),
				AsWanted: rapid.Bool().Draw(t, "as wanted"), AsFarAsTold: rapid.Bool().Draw(t, "as far as told"), Denied: rapid.Bool().Draw(t, "denied"),
				RequestID: rapid.SampledFrom(ids).Draw(t, "request"), Elapsed: time.Duration(rapid.Int64().Draw(t, "elapsed")),
			}
			noted := want[i]
			noted.Action = action
			l.put(i, &noted)
		}
		counts := map[Outcome]int{}
		for i := range want {
			require.Equal(t, want[i], l.get(i))
			counts[want[i].Outcome]++
		}
		require.Equal(t, counts, l.counts)
		require.Equal(t, counts[Done], l.kinds[spec.Stop])
	})
}

func TestAUUIDTakesSixteenBytes(t *testing.T) {
	packed, bits := packUUID("01234567-89ab-cdef-0123-456789abcdef")
	require.Len(t, packed, 16)
	require.Equal(t, byte(uuidBit), bits)
}
