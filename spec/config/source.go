package config

import (
	"bytes"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcled"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/internal/plain"
)

// snippetLines is how many lines of source a snippet shows at most.
const snippetLines = 4

// longestCode is the most bytes of source that a snippet shows: a JSON file may
// be one line of megabytes.
const longestCode = 1000

// source is a file's text, for snippets.
type source struct {
	name string
	text []byte
	file *hcl.File // nil for what isn't HCL, and for a file that was taken apart
	// apart is the file where it was taken apart; else nil.
	apart *plain.File
	// parts are what is left of the file once its cards are read; see forgetCards.
	parts []*source
	// base is where text begins in the file.
	base int
	// secret hides the values of a file of variables, since any may be sensitive.
	secret bool
}

// forgetCards keeps of a file that was taken apart only what isn't cards: what
// outputs and the local values for them have to show.
func (s *source) forgetCards() {
	if s.apart == nil {
		return
	}
	for _, p := range s.apart.WithoutCards() {
		s.parts = append(s.parts, &source{name: s.name, text: p.Text, file: p.File, base: p.Base})
	}
	s.text, s.apart = nil, nil
}

// partAt is the part around a byte; a source without text where there is none.
func (s *source) partAt(offset int) *source {
	i := sort.Search(len(s.parts), func(i int) bool { return s.parts[i].base > offset })
	if i == 0 {
		return &source{}
	}
	return s.parts[i-1]
}

// snippet is the source lines around at, with at underlined; nil where the
// text doesn't reach that far.
func (s *source) snippet(at spec.Range) *spec.Snippet {
	if len(s.parts) > 0 {
		s = s.partAt(at.Start.Byte)
	}
	at.Start.Byte -= s.base
	at.End.Byte -= s.base
	if at.Start.Byte < 0 {
		return nil
	}
	if at.Start.Byte > len(s.text) || at.End.Byte > len(s.text) || at.End.Byte < at.Start.Byte {
		return nil
	}
	from := s.codeBegin(at.Start.Byte)
	to := s.codeEnd(from, at.End.Byte, at.Start.Byte+2*longestCode)
	if to-from > longestCode {
		from, to = window(s.text, from, to, at.Start.Byte)
	}
	out := &spec.Snippet{
		Context: s.context(at.Start.Byte + s.base),
		Line:    at.Start.Line,
		From:    at.Start.Byte - from,
		To:      max(min(at.End.Byte, to), at.Start.Byte) - from,
	}
	if s.secret {
		to = nameEnd(s.text, from, to)
		out.From, out.To = min(out.From, to-from), min(out.To, to-from)
	}
	out.Code = string(s.text[from:to])
	return underlineSomething(out)
}

// window cuts long source down to what is around a place, at whole characters.
func window(text []byte, from, to, around int) (int, int) {
	from = max(from, around-longestCode/4)
	to = min(to, from+longestCode)
	for from < around && !utf8.RuneStart(text[from]) {
		from++
	}
	for to > around && to < len(text) && !utf8.RuneStart(text[to]) {
		to--
	}
	return from, to
}

// codeBegin is where the line of a place begins, or a place before it in a line that
// begins more than two snippets before: a line may be megabytes long, and have
// a mistake every few bytes.
func (s *source) codeBegin(at int) int {
	furthest := max(0, at-2*longestCode)
	return furthest + bytes.LastIndexByte(s.text[furthest:at], '\n') + 1
}

// codeEnd is the end of the last line to show of what begins in the line at
// from and ends at end; furthest, where the line goes on from there.
func (s *source) codeEnd(from, end, furthest int) int {
	text := s.text[:min(len(s.text), furthest)]
	to := from
	for range snippetLines {
		n := bytes.IndexByte(text[to:], '\n')
		if n < 0 {
			return len(text)
		}
		to += n + 1
		if to >= end {
			break
		}
	}
	return len(bytes.TrimSuffix(bytes.TrimSuffix(s.text[:to], []byte("\n")), []byte("\r")))
}

// nameEnd is where the attribute name ends in the line from..to; from where there is none.
func nameEnd(text []byte, from, to int) int {
	name, _, ok := bytes.Cut(text[from:to], []byte("="))
	if !ok {
		return from
	}
	return from + len(bytes.TrimRight(name, " \t"))
}

// underlineSomething widens an empty mark to the character after it, or at the
// end of a line (an empty CSV field, say) to the one before.
func underlineSomething(s *spec.Snippet) *spec.Snippet {
	if s.From != s.To {
		return s
	}
	if next, n := utf8.DecodeRuneInString(s.Code[s.To:]); n > 0 && next != '\n' && next != '\r' {
		s.To += n
		return s
	}
	if last, n := utf8.DecodeLastRuneInString(s.Code[:s.From]); n > 0 && last != '\n' {
		s.From -= n
	}
	return s
}

// context names the block around a byte of the file: card "bike".
func (s *source) context(offset int) string {
	file := s.file
	if s.apart != nil {
		file = s.apart.At(offset)
	}
	if file == nil {
		return ""
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return hcled.ContextString(file, offset)
	}
	// hcled walks every block, which is too slow for a thousand mistakes among 100,000 blocks.
	i := sort.Search(len(body.Blocks), func(i int) bool { return body.Blocks[i].Range().End.Byte > offset })
	if i == len(body.Blocks) {
		return ""
	}
	b := body.Blocks[i]
	if whole := hcl.RangeBetween(b.Range(), b.Body.Range()); !whole.ContainsOffset(offset) {
		return ""
	}
	return blockTitle(b.Type, b.Labels)
}

func blockTitle(typ string, labels []string) string {
	var b strings.Builder
	b.WriteString(typ)
	for _, l := range labels {
		fmt.Fprintf(&b, " %q", l)
	}
	return b.String()
}
