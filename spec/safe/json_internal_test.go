package safe

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestWhatCantBeSeenIsFoundWhereverItStands(t *testing.T) {
	pieces := rapid.SliceOf(rapid.SampledFrom([]string{"a", "eight or more ~~~~~~", "\"", "\n", "\x7f", "正常", "\u202e", "\u0085", "\xff", "\xe6\xad", "🙂", "\U000e0001"}))
	rapid.Check(t, func(t *rapid.T) {
		var text []byte
		for _, s := range pieces.Draw(t, "pieces") {
			text = append(text, s...)
		}
		require.Equal(t, bytes.ContainsFunc(text, unseen), hasUnseen(text), "%q", text)
	})
}
