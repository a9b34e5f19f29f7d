package render

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec/safe"
)

func TestLinesEndBetweenWordsAndBetweenChineseCharacters(t *testing.T) {
	for name, row := range map[string]struct {
		text string
		want []string
	}{
		"words":         {"one two three", []string{"one two", "three"}},
		"chinese":       {"该卡因欠费停机,请先缴费。", []string{"该卡因欠", "费停机,请", "先缴费。"}},
		"iccid":         {"card 89860617030010000000 is lost", []string{"card", "89860617030010000000", "is lost"}},
		"iccid, among":  {"卡89860617030010000000丢失", []string{"卡", "89860617030010000000", "丢失"}},
		"address":       {`at card.bike["a-b"] now`, []string{"at", `card.bike["a-b"]`, "now"}},
		"option":        {"-accept-count=stop:1200", []string{"-accept-count=stop:1200"}},
		"two spaces":    {"a  b   c", []string{"a  b   c"}},
		"nothing":       {"", []string{""}},
		"just as wide":  {"123456789 x", []string{"123456789", "x"}},
		"wide and more": {"杭州杭州 杭", []string{"杭州杭州", "杭"}},
	} {
		assert.Equal(t, row.want, wrap(row.text, 9), name)
	}
}

func TestWrappingLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"a", "停机", "89860617030010000000", " ", "-x", "。", "é", "👍"})).Draw(t, "text"), "")
		columns := rapid.IntRange(1, 30).Draw(t, "columns")
		lines := wrap(text, columns)
		if got := strings.Join(lines, ""); strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(text, " ", "") {
			t.Fatalf("%q became %q", text, lines)
		}
		for _, l := range lines {
			if width(l) > columns && len(pieces(l)) > 1 {
				t.Fatalf("%q is wider than %d", l, columns)
			}
		}
	})
}

func TestWhatCantBeSeenIsWrittenOut(t *testing.T) {
	for in, want := range map[string]string{
		"杭州 100% 👍":        "杭州 100% 👍",
		"a\nb\r\t":         `a\nb\r\t`,
		"\x1b[2J\u202ex":   `\x1b[2J\u202ex`,
		"\xff\ufffd\u2028": "\\xff\ufffd\\u2028",
		"'\"\\":            `'"\`,
	} {
		assert.Equal(t, want, safe.Text(in))
	}
}
