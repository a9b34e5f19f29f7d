package plan

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAnActionsIDIsKnownOnceItWasTaken(t *testing.T) {
	id := rapid.OneOf(rapid.StringMatching(`a[0-9]{1,9}p?`), rapid.StringMatching(`a(0|1|01|2047|2048|4096|999999999)p?`))
	rapid.Check(t, func(t *rapid.T) {
		var ids actionIDs
		want := map[string]bool{}
		for _, id := range rapid.SliceOf(id).Draw(t, "ids") {
			require.Equal(t, want[id], ids.has(id), id)
			ids.add(id)
			want[id] = true
			require.True(t, ids.has(id), id)
		}
		for _, none := range []string{"", "a", "p", "ap", "1", "a1q", "a1234567890"} {
			require.False(t, ids.has(none), none)
		}
	})
}
