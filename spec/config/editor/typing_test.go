package editor_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec/config/editor"
)

// askAll asks everything that can be asked at a place.
func askAll(t testing.TB, e *editor.Editor, path string, at editor.Position) {
	list, _ := e.Complete(path, at)
	for _, c := range list {
		assert.Equal(t, c.Range.Start.Line, c.Range.End.Line)
		assert.False(t, after(c.Range.Start, at), "an edit begins behind the cursor: %+v at %+v", c, at)
		assert.False(t, after(at, c.Range.End), "an edit ends before the cursor: %+v at %+v", c, at)
	}
	e.Hover(path, at)
	e.Signature(path, at)
	e.Definition(path, at)
}

func after(a, b editor.Position) bool {
	return a.Line > b.Line || a.Line == b.Line && a.Character > b.Character
}

// Each example is typed letter by letter, and each half-typed text is asked
// everything at its end. What was typed is then taken apart as if it had been opened.
func TestAnExampleCanBeTypedLetterByLetter(t *testing.T) {
	names, err := filepath.Glob("../../../examples/*/*.hcl")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			d := newDesk(t)
			path := d.path(filepath.Base(name))
			d.Open(path, "")
			at := editor.Position{}
			for _, r := range string(text) {
				require.True(t, d.Change(path, []editor.Change{{Range: &editor.Range{Start: at, End: at}, Text: string(r)}}))
				at = next(at, r)
				askAll(t, d.Editor, path, at)
			}
			got, _ := d.Text(path)
			require.Equal(t, string(text), got)
			typed := d.Outline(path)
			d.Open(path, got)
			assert.Equal(t, d.Outline(path), typed)
			assert.Zero(t, d.Work().Panics(), "hcl-lang gave up")
		})
	}
}

func next(at editor.Position, r rune) editor.Position {
	if r == '\n' {
		return editor.Position{Line: at.Line + 1}
	}
	at.Character += utf16.RuneLen(r)
	return at
}

// However a text is changed, its blocks, names and places are those of the text
// as if it had been opened so.
func TestAChangedTextIsTakenApartAsIfItHadBeenOpened(t *testing.T) {
	seeds := []string{"card \"a\" {\n  imei = var.x\n}\n", "\n", "variable \"x\" {\n}\n", "locals {\n  a = 1\n}\n", "provider \"aliyun\" {\n  alias = \"b\"\n}\n",
		"}", "{", "card \"", "𝒳", "\r\n", "# ", "/*", "<<EOT\n", "EOT\n", "fleet {}\n", "ca", "rd \"q\" {", "\"", "output \"o\" {\n  value = local.a\n}\n"}
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 1))
		changed, fresh := newDesk(t), newDesk(t)
		path := changed.path("main.fleet.hcl")
		changed.Open(path, "")
		text := ""
		for range 60 {
			from := boundary(text, rng.IntN(len(text)+1))
			to := boundary(text, min(len(text), from+rng.IntN(30)))
			from = min(from, to)
			piece := seeds[rng.IntN(len(seeds))]
			r := editor.Range{Start: placeOf(text, from), End: placeOf(text, to)}
			changed.Change(path, []editor.Change{{Range: &r, Text: piece}})
			text = text[:from] + piece + text[to:]
			got, _ := changed.Text(path)
			require.Equal(t, text, got, "seed %d", seed)
			fresh.Open(path, text)
			require.Equal(t, fresh.Outline(path), changed.Outline(path), "seed %d: %q", seed, text)
			require.Equal(t, fresh.Names(path), changed.Names(path), "seed %d: %q", seed, text)
		}
		askAll(t, changed.Editor, path, placeOf(text, boundary(text, rng.IntN(len(text)+1))))
	}
}

// boundary is the beginning of the character at a byte, never between CR and LF.
func boundary(text string, at int) int {
	for at > 0 && at < len(text) && !utf8.RuneStart(text[at]) {
		at--
	}
	if at > 0 && at < len(text) && text[at] == '\n' && text[at-1] == '\r' {
		at--
	}
	return at
}

func placeOf(text string, at int) editor.Position {
	before := text[:at]
	line := before[strings.LastIndex(before, "\n")+1:]
	return editor.Position{Line: strings.Count(before, "\n"), Character: len(utf16.Encode([]rune(line)))}
}

// A fleet of 100,000 blocks in one file: a key takes apart the block that it stands
// in, and a question parses a few blocks, wherever it is asked.
func TestAKeyAndAQuestionCostWhatTheyTouchInAFleetOf100000(t *testing.T) {
	const cards = 100_000
	var b strings.Builder
	b.WriteString(fleetText)
	for i := range cards {
		fmt.Fprintf(&b, "\ncard \"c%d\" {\n  provider = aliyun.hangzhou\n  iccid    = \"89860617%011d\"\n  packages = [var.package]\n}\n", i, i)
	}
	d := newDesk(t)
	path := d.path("main.fleet.hcl")
	d.Open(path, b.String())
	opened := d.Work().Parsed()
	assert.Less(t, opened, int64(4096), "opening a file parses what gives names")
	for _, n := range []int{18 + 6*(cards-1), 18 + 6*(cards/2), 18} {
		at := editor.Position{Line: n, Character: 2}
		split, parsed := d.Work().Split(), d.Work().Parsed()
		line := editor.Position{Line: at.Line}
		d.Change(path, []editor.Change{{Range: &editor.Range{Start: line, End: line}, Text: "  \n"}})
		for _, key := range "acti" {
			require.True(t, d.Change(path, []editor.Change{{Range: &editor.Range{Start: at, End: at}, Text: string(key)}}))
			at.Character++
		}
		list, _ := d.Complete(path, at)
		require.NotEmpty(t, list)
		require.NotNil(t, d.Hover(path, editor.Position{Line: n + 1, Character: 3}))
		require.NotEmpty(t, d.Definition(path, editor.Position{Line: n + 1, Character: 14}))
		assert.Less(t, d.Work().Split()-split, int64(4096), "what a key takes apart")
		assert.Less(t, d.Work().Parsed()-parsed, int64(16<<10), "what questions parse")
	}
	parsed := d.Work().Parsed()
	found := d.References(t.Context(), path, editor.Position{Line: 6, Character: 12}, false)
	assert.Len(t, found, 10_000, "more references than anybody reads")
	assert.Less(t, d.Work().Parsed()-parsed, int64(2<<20))
}
