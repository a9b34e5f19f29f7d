package plain

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTextsStayWhatTheyWere(t *testing.T) {
	var store Texts
	var want, got []string
	for i := range 5000 {
		text := strings.Repeat(string(rune('a'+i%26)), i%97)
		want, got = append(want, text), append(got, store.KeepString(text))
	}
	long := strings.Repeat("x", 3*chunkSize)
	want, got = append(want, long), append(got, store.Keep([]byte(long)))
	require.Equal(t, want, got)
}
