package editor

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// pages is what the documentation says of attributes and blocks: by page, section
// and name. The name "" is the section's first paragraph. A name with a mark in
// front is only mentioned there.
type pages map[entry]string

// mentioned marks the names that a paragraph mentions, in case that nothing else
// says what they are.
const mentioned = "~"

// about marks the types of block that a paragraph names first.
const about = ">"

type entry struct{ page, section, name string }

// readPages reads the pages' tables, and their paragraphs and items that begin
// with a name. A page that can't be read says nothing.
func readPages(from fs.FS) pages {
	out := pages{}
	if from == nil {
		return out
	}
	// What can't be walked has no pages, and an editor works without them.
	_ = fs.WalkDir(from, ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && path.Ext(name) == ".md" {
			if text, err := fs.ReadFile(from, name); err == nil {
				out.read(name, string(text))
			}
		}
		return nil
	})
	return out
}

// pageReader is a page on its way into the pages.
type pageReader struct {
	pages
	page, section string
	header        []string // of the table that is being read; nil outside of one
	code          bool
	para          []string
}

func (p pages) read(page, text string) {
	r := pageReader{pages: p, page: page}
	for line := range strings.SplitSeq(text, "\n") {
		r.line(strings.TrimRight(line, "\r"))
	}
	r.endParagraph()
}

func (r *pageReader) line(line string) {
	switch {
	case strings.HasPrefix(line, "```"):
		r.endParagraph()
		r.code = !r.code
	case r.code:
	case strings.HasPrefix(line, "#"):
		r.endParagraph()
		r.header, r.section = nil, strings.ToLower(strings.TrimSpace(strings.TrimLeft(line, "#")))
	case strings.HasPrefix(line, "|"):
		r.endParagraph()
		r.row(cells(line))
	case strings.TrimSpace(line) == "":
		r.endParagraph()
		r.header = nil
	case strings.HasPrefix(line, "- "):
		r.endParagraph()
		r.para = []string{strings.TrimPrefix(line, "- ")}
	default:
		r.para = append(r.para, strings.TrimSpace(line))
	}
}

// cells are a table row's, without the bars; one that is written `\|` stays.
func cells(line string) []string {
	line = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(line), "|"), "|")
	list := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), "|")
	for i := range list {
		list[i] = strings.TrimSpace(strings.ReplaceAll(list[i], "\x00", "|"))
	}
	return list
}

func (r *pageReader) row(row []string) {
	switch {
	case r.header == nil:
		r.header = row
	case strings.Trim(strings.Join(row, ""), "-: ") == "" || len(row) < 2:
	default:
		text := r.rowText(row)
		for _, code := range inCode.FindAllStringSubmatch(row[0], -1) {
			r.say(code[1], text)
		}
	}
}

// rowText is the column that says what a name means, then the others by their
// headers.
func (r *pageReader) rowText(row []string) string {
	meaning := min(len(row), len(r.header)) - 1
	for i, name := range r.header {
		if i > 0 && i < len(row) && (name == "meaning" || name == "says") {
			meaning = i
		}
	}
	text := []string{}
	if row[meaning] != "" {
		text = append(text, row[meaning])
	}
	for i := 1; i < min(len(row), len(r.header)); i++ {
		if i != meaning && row[i] != "" {
			text = append(text, strings.TrimSpace(r.header[i]+": "+row[i]))
		}
	}
	return strings.Join(text, "\n\n")
}

func (r *pageReader) endParagraph() {
	text := strings.Join(r.para, " ")
	r.para = nil
	switch {
	case text == "" || strings.HasPrefix(text, "!["):
	case strings.HasPrefix(text, "`"):
		if code := inCode.FindStringSubmatch(text); code != nil {
			r.say(code[1], text)
		}
		fallthrough
	default:
		r.keep("", text)
		if code := inCode.FindStringSubmatch(text); code != nil {
			r.keep(about+typeWord.FindString(code[1]+" "), text)
		}
		for _, code := range inCode.FindAllStringSubmatch(text, -1) {
			if name := leadingName.FindString(code[1]); name != "" {
				r.keep(mentioned+name, text)
			}
		}
	}
}

// say keeps what is said of the name that a piece of code begins with.
func (r *pageReader) say(code, text string) {
	if name := leadingName.FindString(code); name != "" {
		r.keep(name, text)
	}
}

// keep keeps what is said first of a name, unless that it is said elsewhere.
func (r *pageReader) keep(name, text string) {
	key := entry{r.page, r.section, name}
	if _, said := r.pages[key]; !said && text != "" && !strings.HasPrefix(text, "see [") {
		r.pages[key] = withoutLinks.ReplaceAllString(text, "$1")
	}
}

var (
	inCode       = regexp.MustCompile("`([^`]+)`")
	typeWord     = regexp.MustCompile(`^[a-z][a-z0-9_]* `)
	leadingName  = regexp.MustCompile(`^[a-z][a-z0-9_]*`)
	withoutLinks = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

// Pages of the documentation and their sections.
const (
	languagePage = "configuration.md"
	backendsPage = "backends.md"
)

// sections are where the blocks are described whose section isn't called by their
// type, by path.
func sections() map[string][]entry {
	return map[string][]entry{
		"variable":                  {{page: languagePage, section: "variables"}},
		"variable.validation":       {{page: languagePage, section: "variables"}},
		"locals":                    {{page: languagePage, section: "locals"}},
		"card":                      {{page: languagePage, section: "card"}, {page: languagePage, section: "many cards"}},
		"card.lifecycle":            {{page: languagePage, section: "lifecycle"}},
		"fleet.history":             {{page: languagePage, section: "history"}},
		"fleet.window":              {{page: languagePage, section: "window, executor, schedule"}},
		"fleet.executor":            {{page: languagePage, section: "window, executor, schedule"}},
		"fleet.schedule":            {{page: languagePage, section: "window, executor, schedule"}},
		"fleet.policy":              {{page: languagePage, section: "policy and limits"}},
		"fleet.policy.limit":        {{page: languagePage, section: "policy and limits"}},
		"fleet.notify":              {{page: languagePage, section: "notify"}},
		"fleet.encryption":          {{page: backendsPage, section: "encryption"}},
		"fleet.encryption.previous": {{page: backendsPage, section: "encryption"}},
		"removed":                   {{page: languagePage, section: "removal"}},
		"carrier":                   {{page: languagePage, section: "files"}},
	}
}

// of is what the documentation says of an attribute of the block at path, whose
// first label is label; of the block itself where name is "".
func (p pages) of(blockPath, label, name string) string {
	names := []string{name, mentioned + name}
	if name == "" {
		typ := blockPath[strings.LastIndexByte(blockPath, '.')+1:]
		names = []string{about + typ + " ", "", mentioned + typ}
	}
	for _, name := range names {
		for _, at := range p.places(blockPath, label) {
			at.name = name
			if text, ok := p[at]; ok {
				return text
			}
		}
	}
	return ""
}

func (p pages) places(blockPath, label string) []entry {
	switch {
	case blockPath == "provider":
		return []entry{{page: "providers/" + label + ".md", section: "settings"}, {page: languagePage, section: "provider"}}
	case blockPath == "fleet.backend":
		return []entry{{page: backendsPage, section: label}, {page: languagePage, section: "fleet"}}
	}
	if places, ok := sections()[blockPath]; ok {
		return places
	}
	return []entry{{page: languagePage, section: blockPath[strings.LastIndexByte(blockPath, '.')+1:]}}
}
