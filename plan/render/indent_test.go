package render

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// drawJSON draws a value of any form.
func drawJSON(t *rapid.T, depth int) any {
	text := rapid.SampledFrom([]string{"", "a", `"`, `\`, `\"`, `\\`, "{", "]", ",", ":", "\n", "正常", "\u2028", " "})
	kind := rapid.IntRange(0, 6).Draw(t, "kind")
	if depth == 0 {
		kind %= 4
	}
	switch kind {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "truth")
	case 2:
		return rapid.Float64().Draw(t, "number")
	case 3:
		return text.Draw(t, "text")
	case 4:
		return []string{} // which is empty, at any depth
	case 5:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "elements") {
			list = append(list, drawJSON(t, depth-1))
		}
		return list
	default:
		object := map[string]any{}
		for range rapid.IntRange(0, 3).Draw(t, "fields") {
			object[text.Draw(t, "name")] = drawJSON(t, depth-1)
		}
		return object
	}
}

func TestJSONIsIndentedAsByTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawJSON(t, 4)
		prefix := rapid.SampledFrom([]string{"", "    "}).Draw(t, "prefix")
		one := newElement(prefix)
		for range 2 { // the second uses what the first left
			compact, err := json.Marshal(v)
			require.NoError(t, err)
			var want bytes.Buffer
			require.NoError(t, json.Indent(&want, compact, prefix, "  "))
			require.Equal(t, want.String(), string(one.indenter.indent(nil, compact)))
			v = []any{v, "and", v}
		}
	})
}
