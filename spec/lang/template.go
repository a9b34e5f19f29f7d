package lang

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// template is a sentence with arguments, and how it is told. An argument's name says
// what it may be:
//
//	{n} {n2}   a number, with commas or a fraction
//	{w} {w2}   anything without a blank: an ICCID, an address, a file
//	{~what}    a text that is itself told in the language, and no table's row
//	{name}     any other text within one sentence, without a bracket or a semicolon; it
//	           stays as it is
//	{reason}   likewise, with brackets and semicolons; {time} too, which may have its zone,
//	           and {who}, a card with its ICCID
//	{place}    likewise, up to a colon: what is read, before the reason why it can't be
//	{each}     likewise, a list: its commas, and its last "and" or "or", are told
//	{rest}     any other text
//
// A template that begins with a text to tell fits only where the catalogue knows that
// text: "{~cards} in {~calls}" is no sentence about anything else. One of few letters
// without a colon, such as this, fits only where each of its texts is known.
type template struct {
	parts   []part
	told    []part
	literal int // how many bytes of it are no argument
	word    bool
	lines   bool // it is of several lines; others take no text of several
}

// part is a text, or an argument.
type part struct {
	text string
	name string // "" for a text
	kind kind
}

type kind int

const (
	anything kind = iota
	number
	oneWord
	toTell
	inBrackets
	listed
	upToColon
	everything
)

var argument = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{~?[a-z][a-z0-9]*\}`) })

func newTemplate(e entry) *template {
	t := &template{parts: partsOf(e.id), told: partsOf(e.text), word: e.word, lines: strings.Contains(e.id, "\n")}
	for _, p := range t.parts {
		t.literal += len(p.text)
	}
	return t
}

func partsOf(s string) []part {
	var out []part
	at := 0
	for _, span := range argument().FindAllStringIndex(s, -1) {
		if span[0] > at {
			out = append(out, part{text: s[at:span[0]]})
		}
		name := s[span[0]+1 : span[1]-1]
		out = append(out, part{name: name, kind: kindOf(name)})
		at = span[1]
	}
	if at < len(s) {
		out = append(out, part{text: s[at:]})
	}
	return out
}

func kindOf(name string) kind {
	digits := strings.TrimRight(name, "0123456789")
	switch {
	case name[0] == '~':
		return toTell
	case digits == "n":
		return number
	case digits == "w":
		return oneWord
	case digits == "rest":
		return everything
	case digits == "reason", digits == "time", digits == "who":
		return inBrackets
	case digits == "each":
		return listed
	case digits == "place":
		return upToColon
	}
	return anything
}

// fit reads the arguments of a text that the template is the sentence of.
func (t *template) fit(s string) (map[string]string, bool) {
	if len(s) < t.literal || !t.mayFit(s) || !t.lines && strings.Contains(s, "\n") {
		return nil, false
	}
	m := matching{parts: t.parts, args: make([]string, len(t.parts)), steps: mostSteps}
	if !m.from(0, s) {
		return nil, false
	}
	args := make(map[string]string, len(t.parts))
	for i, p := range t.parts {
		if p.name != "" {
			args[p.name] = m.args[i]
		}
	}
	return args, true
}

// mayFit is fit of most texts, soon: those that the template's first and last text
// aren't at the ends of.
func (t *template) mayFit(s string) bool {
	first, last := t.parts[0], t.parts[len(t.parts)-1]
	return (first.name != "" || begins(s, first.text)) && (last.name != "" || len(t.parts) == 1 || strings.HasSuffix(s, last.text))
}

// begins reports whether s begins with a text, or with that text and a capital: most
// sentences are also told behind others.
func begins(s, text string) bool {
	if len(s) < len(text) || s[1:len(text)] != text[1:] {
		return false
	}
	return s[0] == text[0] || text[0] >= 'a' && text[0] <= 'z' && s[0] == text[0]-'a'+'A'
}

// matching is one attempt at a template.
type matching struct {
	parts []part
	args  []string
	// steps is how many more ways are tried, so that no text takes long.
	steps int
}

const mostSteps = 2000

// from matches the rest of a text with the parts from place k on: each argument is as
// short as it can be.
func (m *matching) from(k int, s string) bool {
	if k == len(m.parts) {
		return s == ""
	}
	p := m.parts[k]
	if p.name == "" {
		if k == 0 && begins(s, p.text) || strings.HasPrefix(s, p.text) {
			return m.from(k+1, s[len(p.text):])
		}
		return false
	}
	last := k == len(m.parts)-1
	for end := 1; end <= len(s); end++ {
		if m.steps--; m.steps < 0 {
			return false
		}
		switch {
		case last:
			end = len(s)
		case m.parts[k+1].name == "":
			next := strings.Index(s[end:], m.parts[k+1].text)
			if next < 0 {
				return false
			}
			end += next
		}
		if k == 0 && (p.kind == anything && strings.Contains(s[:end], ": ") || p.kind == toTell && endsWithin(s[:end])) {
			return false // what stands before is told by itself
		}
		if !p.kind.takes(s[:end]) {
			if last || p.kind != toTell && !p.kind.mayGrow(s[:end]) {
				return false
			}
			continue
		}
		if m.from(k+1, s[end:]) {
			m.args[k] = s[:end]
			return true
		}
	}
	return false
}

// takes reports whether a text can be an argument.
func (k kind) takes(s string) bool {
	switch k {
	case number:
		for _, r := range s {
			if (r < '0' || r > '9') && r != ',' && r != '.' && !(opaque(r) && r < firstTag) {
				return false
			}
		}
		return s[len(s)-1] != ',' && s[len(s)-1] != '.'
	case oneWord:
		return !strings.ContainsAny(s, " \n") && balanced(s)
	case anything:
		return !endsWithin(s) && balanced(s) && !strings.Contains(s, "; ") && !strings.Contains(s, " (") && !strings.Contains(s, "**")
	case inBrackets, listed:
		return !endsWithin(s) && balanced(s)
	case toTell:
		return !strings.ContainsAny(s, "|\n")
	case upToColon:
		return !endsWithin(s) && balanced(s) && !strings.Contains(s, ": ")
	default:
		return true
	}
}

// mayGrow reports whether a text that can't be an argument could be with more behind it.
func (k kind) mayGrow(s string) bool {
	return k == number && strings.HasSuffix(s, ",") || k == number && strings.HasSuffix(s, ".")
}

// balanced reports whether each bracket of a text has its other one in it.
func balanced(s string) bool {
	open := 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			open++
		case ')':
			if open--; open < 0 {
				return false
			}
		}
	}
	return open == 0
}

// endsWithin reports whether a sentence ends within the text, and another begins.
func endsWithin(s string) bool {
	for i := 0; i+2 < len(s); i++ {
		if (s[i] == '.' || s[i] == '?') && s[i+1] == ' ' {
			if r, _ := utf8.DecodeRuneInString(s[i+2:]); unicode.IsUpper(r) {
				return true
			}
		}
	}
	return false
}

// vague reports whether so little of the sentence is its own that others look like it.
func (t *template) vague() bool {
	return t.literal < 12 && !slices.ContainsFunc(t.parts, func(p part) bool { return strings.Contains(p.text, ":") })
}

// write writes the sentence as it is told; false where it isn't that sentence.
func (t *template) write(args map[string]string, tell func(string) (string, bool)) (string, bool) {
	var b strings.Builder
	for i, p := range t.parts {
		if p.kind != toTell || i > 0 && !t.vague() {
			continue
		}
		if _, known := tell(args[p.name]); !known {
			return "", false
		}
	}
	for _, p := range t.told {
		switch {
		case p.name == "":
			b.WriteString(p.text)
		case p.kind == toTell:
			told, _ := tell(args[p.name])
			b.WriteString(told)
		case p.kind == listed:
			b.WriteString(list(args[p.name]))
		default:
			b.WriteString(args[p.name])
		}
	}
	return b.String(), true
}

// list tells a list: the marks between its names, but not what stands in their quotes.
func list(s string) string {
	var b strings.Builder
	for i, between := range strings.Split(s, "\"") {
		if i > 0 {
			b.WriteByte('"')
		}
		if i%2 == 0 {
			between = listMarks().Replace(between)
		}
		b.WriteString(between)
	}
	return b.String()
}

var listMarks = sync.OnceValue(func() *strings.Replacer {
	return strings.NewReplacer(", ", "、", " and ", " 和 ", " or ", " 或 ")
})
