package config

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// wholeText finds places in a text that is held whole.
type wholeText struct {
	text  []byte
	lines []int
}

func holdWhole(text []byte) wholeText {
	w := wholeText{text, []int{0}}
	for i, b := range text {
		if b == '\n' {
			w.lines = append(w.lines, i+1)
		}
	}
	return w
}

func (w wholeText) place(line, column int) spec.Range {
	start, end := w.lines[line-1], len(w.text)
	if line == 1 {
		start = len(w.text) - len(bytes.TrimPrefix(w.text, []byte(expr.BOM)))
	}
	if line < len(w.lines) {
		end = w.lines[line]
	}
	from, to := start, start+len(bytes.TrimRight(w.text[start:end], "\r\n"))
	r := csv.NewReader(bytes.NewReader(w.text[start:]))
	r.FieldsPerRecord = -1
	if fields, err := r.Read(); column >= 0 && err == nil && column < len(fields) {
		at := func(column int) int {
			l, col := r.FieldPos(column)
			if l == 1 {
				return start + col - 1
			}
			return w.lines[line-1+l-1] + col - 1
		}
		from, to = at(column), start+len(bytes.TrimRight(w.text[start:start+int(r.InputOffset())], "\r\n"))
		if column+1 < len(fields) {
			to = at(column+1) - 1
		}
		to = max(from, to)
	}
	return spec.Range{File: "t.csv", Start: w.position(from), End: w.position(to)}
}

func (w wholeText) position(at int) spec.Pos {
	i, found := slices.BinarySearch(w.lines, at)
	if !found {
		i--
	}
	return spec.Pos{Line: i + 1, Column: utf8.RuneCount(w.text[w.lines[i]:at]) + 1, Byte: at}
}

// A mistake in a table is shown where it stands, and nothing of the table is held
// for that but the rows that are shown.
func TestPlacesInATableAreThoseOfItsWholeText(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		field := rapid.SampledFrom([]string{"", "a", "卡", `"x,y"`, "\"of\nlines\"", `"twice "" so"`, `broken"`, "89860617030017300390", "1234567890123456789012345678901234567890"})
		var text []byte
		if rapid.Bool().Draw(t, "marked") {
			text = append(text, expr.BOM...)
		}
		end := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end")
		for range rapid.IntRange(0, 40).Draw(t, "rows") {
			for i, f := range rapid.SliceOfN(field, 1, 5).Draw(t, "fields") {
				if i > 0 {
					text = append(text, ',')
				}
				text = append(text, f...)
			}
			text = append(text, end...)
		}
		if rapid.Bool().Draw(t, "long") {
			text = append(bytes.Repeat([]byte("89860617030017300390,x"+end), 3*linesAMark), text...)
		}
		text = text[:len(text)-min(len(text), rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, "cut"))]
		path := filepath.Join(dir, "t.csv")
		require.NoError(t, os.WriteFile(path, text, 0o600))
		f, r, whole := &csvFile{name: "t.csv", path: path}, &report{sources: map[string]*source{}}, holdWhole(text)
		held := &source{text: text}
		for range 5 {
			line := rapid.IntRange(1, len(whole.lines)).Draw(t, "line")
			column := rapid.IntRange(-1, 5).Draw(t, "column")
			got, ok := f.place(r, line, column)
			require.True(t, ok)
			want := whole.place(line, column)
			require.Equal(t, want, got)
			require.Equal(t, held.snippet(want), r.sources["t.csv"].snippet(got))
		}
		_, ok := f.place(r, len(whole.lines)+1, 0)
		assert.False(t, ok)
		kept := 0
		for _, p := range r.sources["t.csv"].parts {
			kept += len(p.text)
		}
		assert.LessOrEqual(t, kept, 5*2*longestCode)
	})
}
