package plan_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/plan"
)

func TestWhatIsStuckIsWhatNoOrderCanDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(t, "actions")
		needs, waiting, open := make([][]int, n), make([][]int, n), make([]int32, n)
		for i := range n {
			needs[i] = rapid.SliceOfN(rapid.IntRange(0, n-1), 0, 3).Draw(t, "needs")
			for _, k := range needs[i] {
				waiting[k] = append(waiting[k], i)
			}
			open[i] = int32(len(needs[i]))
		}
		done := make([]bool, n) // whatever can be done is, over and over
		for range n {
			for i := range n {
				done[i] = !slices.ContainsFunc(needs[i], func(k int) bool { return !done[k] })
			}
		}
		var left []int
		for i := range n {
			if !done[i] {
				left = append(left, i)
			}
		}
		assert.Equal(t, left, plan.Stuck(open, func(i int) []int { return waiting[i] }))
	})
}
