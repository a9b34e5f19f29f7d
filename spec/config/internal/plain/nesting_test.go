package plain

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
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

// Whatever a text is, it is not taken for shallow where HCL's tokens say that it isn't.
func TestWhatIsTakenForShallowIsNotNested(t *testing.T) {
	pieces := []string{
		"(", ")", "[", "]", "{", "}", "?", ":", "!", "-", "- ", ",", "a", "a-b", "=", "1", " ", "\t", "\n", "\r\n", "\r", `"`, `\`, `\"`, `"a"`, "$", "${", "$${", "%{", "%%{",
		"#", "//", "/", "/*", "*/", "<", "<<", "<<-X\n", "X\n", "'", "é", "\x00", "~}", "`", "=>", "...",
	}
	const most = 4
	shallow := 0
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 40).Draw(t, "text"), ""))
		if !isShallow(text, most) {
			return
		}
		shallow++
		tokens, _ := hclsyntax.LexConfig(text, "x.fleet.hcl", hcl.InitialPos)
		assert.Nil(t, tooDeep(tokens, most), "%q", text)
	})
	assert.Positive(t, shallow)
}

// What people write in large files takes no tokens.
func TestALargeFileIsShallowByItsBytes(t *testing.T) {
	card := "card \"bike\" {\n  iccid = \"89860\" # (the third\n  imei  = -1\n  packages = [\"a\", \"{b\"] // [\n  labels = {\n    a = \"$b\"\n  }\n}\n"
	assert.True(t, isShallow([]byte(strings.Repeat(card, 1000)), 5))
	assert.True(t, isShallow([]byte("a = ["+strings.Repeat("{}, ", 20_000)+"]\n"), 5))
	for _, text := range []string{"a = \"${b}\"\n", "a = <<X\nX\n", "/* ( */\n", "a = \"b\n", "a = ((((b))))\n"} {
		assert.False(t, isShallow([]byte(text), 4), text)
	}
}
