package plain

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A stack that overflows ends the process, whatever is recovered: what could make it
// do so is a mistake with a place.
func TestWhatIsNestedTooDeeplyIsAMistake(t *testing.T) {
	const n = 5_001 // one more than may be
	for name, text := range map[string]string{
		"parentheses":  "a = " + strings.Repeat("(", n),
		"brackets":     "a = " + strings.Repeat("[", n),
		"braces":       "a = " + strings.Repeat("{a=", n),
		"blocks":       strings.Repeat("a {\n", n),
		"operators":    "a = " + strings.Repeat("!", n) + "b",
		"minus":        "a = " + strings.Repeat("- ", n) + "b",
		"conditions":   "a = " + strings.Repeat("b ? c : ", n) + "d",
		"lines of it":  "a = (" + strings.Repeat("b ? c :\n", n) + "d)",
		"templates":    "a = " + strings.Repeat(`"${`, n),
		"closed again": "a = " + strings.Repeat("(", n) + "1" + strings.Repeat(")", n) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			file, diags := Parse([]byte(text), "x.fleet.hcl", hcl.InitialPos)
			require.True(t, diags.HasErrors())
			assert.Equal(t, "Nested too deeply", diags[0].Summary)
			assert.NotNil(t, diags[0].Subject)
			assert.NotNil(t, file.Body)
		})
	}
	for name, text := range map[string]string{"lists": strings.Repeat("[", n), "objects": strings.Repeat(`{"a":`, n)} {
		t.Run("JSON "+name, func(t *testing.T) {
			_, diags := ParseJSON([]byte(text), "x.fleet.json")
			require.True(t, diags.HasErrors())
			assert.Equal(t, "Nested too deeply", diags[0].Summary)
		})
	}
}

// A large file nests no deeper for being large.
func TestALargeFileIsNotNestedTooDeeply(t *testing.T) {
	const n = 20_000
	for name, text := range map[string]string{
		"a map":           "a = {\n" + strings.Repeat("  b = c ? -1 : [!d]\n", n) + "}\n",
		"a list":          "a = [" + strings.Repeat("b ? c : d, ", n) + "]\n",
		"blocks":          strings.Repeat("a {\n  b = \"(([[{{ ${c ? d : e}\"\n}\n", n),
		"open in texts":   "a = \"" + strings.Repeat("([{!-?", n) + "\"\n",
		"open in comment": "# " + strings.Repeat("([{!-?", n) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, diags := Parse([]byte(text), "x.fleet.hcl", hcl.InitialPos)
			for _, d := range diags { // an attribute that stands there twice, say
				assert.NotEqual(t, "Nested too deeply", d.Summary)
			}
		})
	}
	_, diags := ParseJSON([]byte(`{"a": [`+strings.Repeat(`{"b": "[[{{\""}, `, n)+`{}]}`), "x.fleet.json")
	assert.False(t, diags.HasErrors())
}
