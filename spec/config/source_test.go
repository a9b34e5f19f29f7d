package config

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
)

// A snippet is found without going through a line of megabytes; it is the one that
// going through it finds.
func TestASnippetOfALongLineIsThatOfTheWholeLine(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		line := rapid.Custom(func(rt *rapid.T) string {
			return strings.Repeat(rapid.SampledFrom([]string{"x", "卡", "\"8615\", "}).Draw(rt, "piece"), rapid.SampledFrom([]int{0, 1, 20, 330, 999, 1000, 1001, 2100, 9000}).Draw(rt, "times"))
		})
		text := strings.Join(rapid.SliceOfN(line, 1, 6).Draw(rt, "lines"), "\n")
		start := rapid.IntRange(0, len(text)).Draw(rt, "start")
		end := min(len(text), start+rapid.SampledFrom([]int{0, 1, 17, 1500, 5000}).Draw(rt, "length"))
		s := &source{text: []byte(text)}
		at := spec.Range{Start: spec.Pos{Line: 1, Byte: start}, End: spec.Pos{Byte: end}}
		from := bytes.LastIndexByte(s.text[:start], '\n') + 1
		to := s.codeEnd(from, end, len(text)+1)
		if to-from > longestCode {
			from, to = window(s.text, from, to, start)
		}
		want := underlineSomething(&spec.Snippet{Line: 1, Code: text[from:to], From: start - from, To: max(min(end, to), start) - from})
		require.Equal(rt, want, s.snippet(at))
	})
}
