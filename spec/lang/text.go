package lang

import (
	"strings"
	"unicode"
)

// text tells a text: as a whole where it is a sentence of the catalogue, otherwise
// sentence by sentence and part by part. words says that it is the program's own.
func (c *catalogue) text(s string, words bool) string {
	lead, s, tail := margins(s)
	if len(s) > longestText || !hasLetter(s) {
		return lead + s + tail
	}
	if told, ok := c.find(s, words); ok {
		return lead + told + tail
	}
	told, _ := c.pieces(s, words)
	return lead + told + tail
}

// longestText is how many bytes a sentence may have: one of a carrier may have any number.
const longestText = 16 << 10

// margins are the blanks around a text, and the mark before a line of a plan.
func margins(s string) (lead, inner, tail string) {
	inner = strings.TrimLeft(s, " \t\n")
	if len(inner) > 2 && strings.IndexByte("#!~+-", inner[0]) >= 0 && inner[1] == ' ' {
		inner = strings.TrimLeft(inner[2:], " ")
	}
	lead = s[:len(s)-len(inner)]
	trimmed := strings.TrimRight(inner, " \t\n")
	return lead, trimmed, inner[len(trimmed):]
}

func hasLetter(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' })
}

// stops are the marks that may end a text which the catalogue has without, and how
// Chinese writes them.
var stops = []struct{ mark, told string }{{"...", "……"}, {"…", "……"}, {".", "。"}, {":", "："}, {"!", "！"}, {"?", "？"}}

// find tells a text that a template is the whole of, but for a mark at its end. A stop, a
// colon and a question mark are the sentence's rather than those of an argument at its end.
func (c *catalogue) find(s string, words bool) (string, bool) {
	own := s != "" && strings.IndexByte(".:?", s[len(s)-1]) >= 0
	if told, ok := c.exactly(s, words, own); ok {
		return told, true
	}
	for _, stop := range stops {
		if inner, ok := strings.CutSuffix(s, stop.mark); ok && inner != "" {
			if told, ok := c.exactly(inner, words, false); ok {
				return told + stop.told, true
			}
		}
	}
	if own {
		return c.exactly(s, words, false)
	}
	return s, false
}

// exactly tells a text that a template is the whole of; ends says that the template has the
// text's last mark itself.
func (c *catalogue) exactly(s string, words, ends bool) (string, bool) {
	if s == "" {
		return s, false
	}
	if word := firstWord(s); word != "" {
		if told, ok := c.among(c.first[word], s, words, ends); ok {
			return told, true
		}
	}
	return c.among(c.open, s, words, ends)
}

func (c *catalogue) among(list []*template, s string, words, ends bool) (string, bool) {
	for _, t := range list {
		if t.word && !words || ends && t.parts[len(t.parts)-1].name != "" {
			continue
		}
		if args, ok := t.fit(s); ok {
			if told, ok := t.write(args, c.argument); ok {
				return told, true
			}
		}
	}
	return s, false
}

// argument tells an argument; known says that the whole of it was, or each of its parts.
func (c *catalogue) argument(s string) (told string, known bool) {
	lead, inner, tail := margins(s)
	if len(s) > longestText {
		return s, false
	}
	if told, known = c.find(inner, true); !known {
		told, known = c.pieces(inner, true)
	}
	return lead + told + tail, known
}

// mostPieces is how many pieces of a text a sentence is looked for in.
const mostPieces = 24

// pieces tells what of a text is known, the longest sentences first, with the marks
// between them as the language writes them; all says that each piece is.
func (c *catalogue) pieces(s string, words bool) (told string, all bool) {
	cuts := cutsOf(s)
	var out []piece
	all = true
	for i := 0; i < len(cuts); {
		took, p := c.longest(s, cuts[i:min(len(cuts), i+mostPieces)], words)
		out = append(out, p)
		all = all && p.told
		i += took
	}
	return join(out), all
}

// longest is the longest sentence that begins with the first of some pieces, and how many
// of them it takes; where none does, that piece as it is.
func (c *catalogue) longest(s string, cuts []cut, words bool) (took int, p piece) {
	for j := len(cuts); j > 0; j-- {
		last := cuts[j-1]
		for _, end := range []int{last.to + 1, last.to} { // a bracket or a question mark may be the sentence's own
			if end > last.to && (end > last.next || s[last.to] != ')' && s[last.to] != '?') {
				continue
			}
			lead, inner, tail := margins(s[cuts[0].from:end])
			if told, ok := c.find(inner, words); ok {
				return j, piece{lead + told + tail, s[end:last.next], true}
			}
		}
	}
	return 1, piece{text: s[cuts[0].from:cuts[0].to], mark: s[cuts[0].to:cuts[0].next]}
}

// piece is a part of a text, and the mark behind it.
type piece struct {
	text, mark string
	told       bool
}

// between are the marks between pieces, and how Chinese writes them.
var between = map[string]string{
	". ": "。", ".": "。", "? ": "？", "; ": "；", ": ": "：", ":": "：", ", ": "，", " (": "（", "(": "（", " — ": "——", " and ": "和",
}

// join puts pieces together. A mark is written in the language's way where what stands
// before or behind it was told, a bracket as the one that it closes.
func join(pieces []piece) string {
	var b strings.Builder
	wide, before := false, false // the open bracket is, and what stands before it was told
	for i, p := range pieces {
		b.WriteString(p.text)
		next := i+1 < len(pieces) && pieces[i+1].told
		mark := p.mark
		told := p.told || next
		if rest, closes := strings.CutPrefix(mark, ")"); closes {
			b.WriteString(bracket(wide, "）", ")"))
			if mark = rest; wide && (rest == " " || rest == " (") {
				mark = strings.TrimPrefix(rest, " ")
			}
			told, wide = wide || before || next, false
		}
		if mark == " " && strings.HasSuffix(p.text, "？") {
			continue // a wide mark has its own room
		}
		if strings.HasSuffix(mark, "(") {
			wide, before = next, p.told
			told = next
		}
		if t, ok := between[mark]; ok && told {
			mark = t
		}
		b.WriteString(mark)
	}
	return b.String()
}

func bracket(wide bool, told, mark string) string {
	if wide {
		return told
	}
	return mark
}

// cut is a piece of a text, s[from:to], and the mark s[to:next] behind it.
type cut struct{ from, to, next int }

// cutsOf cuts a text where a sentence or a part of one may end.
func cutsOf(s string) []cut {
	var out []cut
	from := 0
	for i := 0; i < len(s); {
		n := markAt(s, i)
		if n == 0 {
			i++
			continue
		}
		out = append(out, cut{from, i, i + n})
		i += n
		from = i
	}
	if from < len(s) {
		out = append(out, cut{from, len(s), len(s)})
	}
	return out
}

// marks end a piece. The longer ones stand before those that they begin with.
var marks = []string{") (", "): ", "); ", "), ", "). ", ").", ") ", " (", " — ", " · ", " and ", " | ", "| ", " |", "**", ". ", "? ", "; ", ": ", ", ", "\n", "\t"}

// markAt is the length of the mark at a place of the text; 0 where there is none.
func markAt(s string, i int) int {
	switch s[i] {
	case ')', ' ', '|', '*', '.', '?', ';', ':', ',', '\n', '\t':
		for _, mark := range marks {
			if strings.HasPrefix(s[i:], mark) {
				return len(mark)
			}
		}
		if (s[i] == ')' || s[i] == ':' || s[i] == '.') && i == len(s)-1 {
			return 1
		}
	case 0x1b: // a colour
		if end := strings.IndexByte(s[i:], 'm'); end > 0 {
			return end + 1
		}
	case opaqueByte:
		r := []rune(s[i:min(i+4, len(s))])[0]
		if r >= firstTag && opaque(r) {
			return len(string(r))
		}
	}
	return 0
}

// What stands for a piece of markup while a text is told: code, which may be an argument,
// from firstCode on, and tags, which end a piece, from firstTag on. They are of Unicode's
// private planes, which no text of ours has; what others wrote there is left alone.
const (
	firstCode  = 0xF0000
	firstTag   = 0x100000
	opaqueByte = 0xF4 // the first byte of tags in UTF-8
)

func opaque(r rune) bool { return r >= firstCode && unicode.Is(unicode.Co, r) }
