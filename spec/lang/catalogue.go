package lang

import (
	"cmp"
	"embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// files are the catalogues: en.po has every sentence of the program, and each other one
// the same sentences and how they are told.
//
//go:embed en.po zh.po
var files embed.FS

// catalogue is how one language tells the program's sentences.
type catalogue struct {
	tag string
	// first has the templates by the word that they begin with, in lower case, and
	// open those that begin with an argument; each the most specific ones first.
	first map[string][]*template
	open  []*template
}

var chinese = sync.OnceValue(func() *catalogue {
	entries, err := parse(embedded("zh.po"))
	if err != nil {
		panic(err) // it is embedded, and a test reads it
	}
	return newCatalogue("zh-CN", entries)
})

func embedded(name string) string {
	text, err := files.ReadFile(name)
	if err != nil {
		panic(err) // it is embedded
	}
	return string(text)
}

func newCatalogue(tag string, entries []entry) *catalogue {
	c := &catalogue{tag: tag, first: map[string][]*template{}}
	for _, e := range entries {
		t := newTemplate(e)
		word := firstWord(e.id)
		if word == "" {
			c.open = append(c.open, t)
			continue
		}
		c.first[word] = append(c.first[word], t)
	}
	specific := func(a, b *template) int {
		return cmp.Or(cmp.Compare(b.literal, a.literal), cmp.Compare(len(a.parts), len(b.parts)))
	}
	for _, list := range c.first {
		slices.SortStableFunc(list, specific)
	}
	slices.SortStableFunc(c.open, specific)
	return c
}

// firstWord is the word that a text begins with, in lower case; "" where it doesn't
// begin with a letter.
func firstWord(s string) string {
	end := strings.IndexFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' })
	if end < 0 {
		end = len(s)
	}
	return strings.ToLower(s[:end])
}

// entry is a sentence of a catalogue.
type entry struct {
	id, text string
	// word says that it is too short to be looked for within a text: it might be
	// somebody's label there.
	word bool
	line int
}

// parse reads a catalogue in gettext's format, as far as ours use it: msgid and msgstr,
// each of one quoted string or several, and the flag "word".
func parse(text string) ([]entry, error) {
	var out []entry
	var e entry
	into := (*string)(nil)
	for i, line := range strings.Split(text, "\n") {
		rest, isID := strings.CutPrefix(line, "msgid ")
		told, isText := strings.CutPrefix(line, "msgstr ")
		switch {
		case strings.HasPrefix(line, "#,"):
			e.word = strings.Contains(line, "word")
			continue
		case line == "" || line[0] == '#':
			continue
		case isID:
			e.line, into, e.id = i+1, &e.id, ""
		case isText:
			rest, into, e.text = told, &e.text, ""
		default:
			rest = line
		}
		s, err := strconv.Unquote(rest)
		if err != nil || into == nil {
			return nil, fmt.Errorf("line %d of the catalogue makes no sense: %s", i+1, line)
		}
		*into += s
		if into == &e.text {
			if isText {
				out, e = append(out, e), entry{id: e.id, line: e.line}
			} else {
				out[len(out)-1].text += s
			}
			into = &e.text
		}
	}
	return out, nil
}
