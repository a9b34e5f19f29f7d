package safe_test

import (
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec/safe"
)

func TestAHarmlessTextStaysAsItIs(t *testing.T) {
	for _, s := range []string{"", "card.bike[\"898606\"]", "欠费停机 – “停机”", `C:\fleet\n`, "a::b", "## title", "[::1]:8080", "section 3: start"} {
		assert.Equal(t, s, safe.Text(s))
		assert.Equal(t, s, safe.Lines(s))
		assert.Equal(t, s, safe.Screen(s, true))
	}
}

func TestWhatCantBeSeenIsShownAsGoWritesIt(t *testing.T) {
	for in, want := range map[string]string{
		"a\nb\r":                   `a\nb\r`,
		"\x1b[2J\x1b]0;owned\x07":  `\x1b[2J\x1b]0;owned\a`,
		"\u009b31m":                `\u009b31m`,
		"861\u202e536":             `861\u202e536`,
		"\u2028\u200b\ufeff":       `\u2028\u200b\ufeff`,
		"\xff\x9b":                 `\xff\x9b`,
		"::warning::x":             `\u003a:warning::x`,
		"said:\u00a0::add-mask::x": "said:\u00a0" + `\u003a:add-mask::x`,
		"x ##[group]y ##vso[task]": `x ##\u005bgroup]y ##vso\u005btask]`,
		"section_start:17:a\r\x1b": `section_start\u003a17:a\r\x1b`,
		"\n::stop-commands::x":     `\n::stop-commands::x`,
	} {
		assert.Equal(t, want, safe.Text(in))
		assert.Equal(t, want, safe.Text(want), "once is enough")
	}
}

func TestAScreenHasOurColoursAndNothingElse(t *testing.T) {
	ours := "\x1b[31;1mError:\x1b[0;22m \x1b[1mx\x1b[22m\n\tcode\n"
	assert.Equal(t, ours, safe.Screen(ours, true))
	assert.Equal(t, `\x1b[31mred`, safe.Screen("\x1b[31mred", false), "no colour was wanted")
	for in, want := range map[string]string{
		"\x1b[8mhidden":        `\x1b[8mhidden`,
		"\x1b[2J":              `\x1b[2J`,
		"\x1b[1;8m":            `\x1b[1;8m`,
		"\x1b]8;;http://x\x07": `\x1b]8;;http://x\a`,
		"50%\rdone":            `50%\rdone`,
		"a\n  ::error::b\n":    "a\n  " + `\u003a:error::b` + "\n",
	} {
		assert.Equal(t, want, safe.Screen(in, true))
	}
}

func TestJSONKeepsItsValuesAndShowsNothingUnseen(t *testing.T) {
	values := []string{"\u009b31m", "\x7f", "a\u202eb", "\U000e0001", "##[error]x", "section_end:1:a\r", `\##[x`, "plain 停机", "\x1b::x"}
	text, err := json.MarshalIndent(values, "", " ")
	require.NoError(t, err)
	for _, chunk := range []int{1, 2, 3, 7, len(text)} {
		var b strings.Builder
		w := safe.JSON(&b)
		for rest := text; len(rest) > 0; rest = rest[min(chunk, len(rest)):] {
			_, err := w.Write(rest[:min(chunk, len(rest))])
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		assertHarmless(t, b.String())
		var back []string
		require.NoError(t, json.Unmarshal([]byte(b.String()), &back))
		assert.Equal(t, values, back)
	}
}

func TestAFailedWriteOfJSONIsTold(t *testing.T) {
	w := safe.JSON(failing{})
	_, err := w.Write([]byte(`{"a":`))
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.ErrorIs(t, w.Close(), io.ErrClosedPipe)
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// command is what a CI's log obeys, written apart from the package's own rules.
var command = regexp.MustCompile(`(?m)^[\s\p{Z}]*::|##(vso)?\[|section_(start|end):\d`)

func assertHarmless(t *testing.T, s string) {
	t.Helper()
	assert.NotRegexp(t, command, s)
	for _, r := range s {
		if r != '\n' && !unicode.IsGraphic(r) {
			t.Errorf("%U can't be seen, in %q", r, s)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "\x1b[2J", "::x", " ::x\n##[y]", "section_start:1:x\r", "\u202e\xff", "##\x1b[1mx"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := safe.Text(s)
		assertHarmless(t, once)
		assert.NotContains(t, once, "\n")
		assert.Equal(t, once, safe.Text(once))
		assertHarmless(t, safe.Lines(s))
		assertHarmless(t, strings.ReplaceAll(safe.Screen(s, false), "\t", " "))
	})
}
