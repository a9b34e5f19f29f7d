package lang

import (
	"bytes"
	"errors"
	"html"
	"io"
	"regexp"
	"strings"
	"sync"

	nethtml "golang.org/x/net/html"
)

// Markdown tells a text in Markdown as our comments are: code, links and tags stay as
// they are, and so do blocks of code.
func (l Language) Markdown(s string) string {
	if l.English() {
		return s
	}
	lines := strings.SplitAfter(s, "\n")
	fence := ""
	for i, line := range lines {
		mark := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(mark, "```") && fence == "":
			fence = mark
		case mark == "```":
			fence = ""
		case fence == "```mermaid":
			lines[i] = l.boxes(line)
		case fence == "":
			lines[i] = l.markdownLine(line)
		}
	}
	return strings.Join(lines, "")
}

var box = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\["([^"]*)"\]`) })

// boxes tells what stands in the boxes of a line of a picture.
func (l Language) boxes(line string) string {
	return box().ReplaceAllStringFunc(line, func(s string) string {
		return `["` + l.catalogue.text(s[2:len(s)-2], true) + `"]`
	})
}

// lineStart is what makes a line of Markdown an item, a quotation or a title.
var lineStart = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:[ \t]|> ?|- |#+ |\[![A-Z]+\])*`) })

// inline is what of a line of Markdown isn't told: comments, code and tags.
var inline = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile("<!--.*?-->|<code>.*?</code>|``.*?``|`[^`]*`|</?[a-z]+[^>]*>|&#?[0-9a-zA-Z]+;|!?\\[[^\\]]*\\]\\([^)]*\\)")
})

func (l Language) markdownLine(line string) string {
	start := lineStart().FindString(line)
	rest := line[len(start):]
	var kept []string
	hidden := inline().ReplaceAllStringFunc(rest, func(s string) string {
		first := rune(firstCode)
		if strings.HasPrefix(s, "</") || strings.HasPrefix(s, "<") && !strings.HasPrefix(s, "<code>") {
			first = firstTag
		}
		kept = append(kept, s)
		return string(first + rune(len(kept)-1))
	})
	words := strings.HasPrefix(rest, "|") || strings.HasPrefix(start, "#") // the cells' values are code
	return start + unhide(l.catalogue.text(hidden, words), kept)
}

// unhide puts back what was hidden.
func unhide(s string, kept []string) string {
	if len(kept) == 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if at := int(r - firstCode); r >= firstTag && int(r-firstTag) < len(kept) {
			b.WriteString(kept[r-firstTag])
		} else if at >= 0 && at < len(kept) {
			b.WriteString(kept[at])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// HTML tells a part of a page: its texts, but for those in bdi, code, pre, style and
// script, and what assistive technology reads. It is written to w as it is read from r.
func (l Language) HTML(w io.Writer, r io.Reader) error {
	if l.English() {
		_, err := io.Copy(w, r)
		return err
	}
	p := page{Language: l, w: w, in: nethtml.NewTokenizer(r)}
	return p.tell()
}

// page is a page that is told. run is the text under way with its tags, of which a
// sentence may have several: "<b>3</b> in doubt".
type page struct {
	Language
	w    io.Writer
	in   *nethtml.Tokenizer
	run  strings.Builder
	kept []string // the tags of run
	// deep is how deep the tokens are in an element that isn't told, and code the
	// characters of it.
	within string
	code   bytes.Buffer
	// markup says that the next text is one that the tokenizer takes for no markup: that
	// of noscript.
	markup bool
}

func (p *page) tell() error {
	for {
		kind := p.in.Next()
		if kind == nethtml.ErrorToken {
			if err := p.in.Err(); !errors.Is(err, io.EOF) {
				return err
			}
			return p.flush()
		}
		raw := string(p.in.Raw())
		name, has := p.in.TagName()
		tag := string(name)
		if p.within != "" {
			if kind == nethtml.StartTagToken && has {
				raw = p.attributes(raw)
			}
			p.code.WriteString(raw)
			if kind == nethtml.EndTagToken && tag == p.within {
				p.keep(firstCode, p.code.String())
				p.code.Reset()
				p.within = ""
			}
			continue
		}
		if err := p.token(kind, tag, raw, has); err != nil {
			return err
		}
	}
}

// token is one that stands in no element which isn't told.
func (p *page) token(kind nethtml.TokenType, tag, raw string, attributes bool) error {
	switch {
	case kind == nethtml.TextToken && p.markup:
		p.markup = false
		return p.HTML(p.w, strings.NewReader(raw))
	case kind == nethtml.TextToken:
		p.run.WriteString(html.UnescapeString(raw))
	case kind == nethtml.StartTagToken && untold[tag]:
		p.within = tag
		p.code.WriteString(raw)
	case kind != nethtml.CommentToken && inlineTags[tag]:
		if attributes {
			raw = p.attributes(raw)
		}
		p.keep(firstTag, raw)
	default:
		if err := p.flush(); err != nil {
			return err
		}
		if attributes {
			raw = p.attributes(raw)
		}
		p.markup = tag == "noscript" && kind == nethtml.StartTagToken
		_, err := io.WriteString(p.w, raw)
		return err
	}
	return nil
}

// keep hides a piece of markup in the run.
func (p *page) keep(first rune, raw string) {
	p.run.WriteRune(first + rune(len(p.kept)))
	p.kept = append(p.kept, raw)
}

// flush writes the run as it is told.
func (p *page) flush() error {
	text := p.catalogue.text(p.run.String(), true)
	_, err := io.WriteString(p.w, unhide(escaped.Replace(text), p.kept))
	p.run.Reset()
	p.kept = p.kept[:0]
	return err
}

var (
	escaped = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")
	// untold are elements whose text is somebody's own, or a program's.
	untold = map[string]bool{"bdi": true, "code": true, "pre": true, "style": true, "script": true, "time": true, "kbd": true}
	// inlineTags are the elements that a sentence may have.
	inlineTags = map[string]bool{"b": true, "strong": true, "span": true, "em": true, "i": true}
)

var told = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(\s(?:title|aria-label|placeholder)=")([^"]*)(")`)
})

// attributes tells what of a tag people read or hear, and which language that is.
func (p *page) attributes(raw string) string {
	if strings.HasPrefix(raw, "<html ") {
		return `<html lang="` + p.Tag() + `">`
	}
	return told().ReplaceAllStringFunc(raw, func(s string) string {
		m := told().FindStringSubmatch(s)
		return m[1] + escaped.Replace(p.Word(html.UnescapeString(m[2]))) + m[3]
	})
}
