package render

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// Whatever comes from outside (addresses, labels, carriers' messages) may be
// written to break out of where it is shown, to notify people, or to look like
// our words. So it goes into Markdown as code, where nothing means anything:
// by [code], or by [prose], which leaves plain words as they are.

// clipped is how many characters of one value are shown.
const clipped = 300

// clip cuts a long value, and says how much is missing.
func clip(s string, limit int) string {
	n := utf8.RuneCountInString(s)
	if n <= limit {
		return s
	}
	return fmt.Sprintf("%s… (%s more characters)", string([]rune(s)[:limit]), Thousands(n-limit))
}

// code is a text as a span of code.
func code(s string) string { return clippedCode(s, clipped) }

func clippedCode(s string, limit int) string {
	s = clip(safe.Text(s), limit)
	if strings.Trim(s, " ") == "" {
		return "(empty)" // a span of nothing is none, and its fences would join others
	}
	fence := strings.Repeat("`", backticks(s)+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || strings.HasPrefix(s, " ") && strings.HasSuffix(s, " ") {
		s = " " + s + " " // one space at either end is taken away again
	}
	return fence + s + fence
}

// backticks is the longest run of them.
func backticks(s string) int {
	longest, run := 0, 0
	for _, r := range s {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// plainWord has nothing that Markdown, HTML or the platforms read as more than
// a word: no markup, no mention, no reference, no address, no emoji's name.
var plainWord = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\p{L}\p{M}\p{N}.,;:(){}'"/=%?!+-]+$`) })

// notPlain is what the platforms make a link of, though it looks like a word:
// addresses, emoji, GH-7 and issues of other trackers, GitLab's !5, %2 and
// group/project!5, and commits, which are seven hex digits or more ("GitLab
// Flavored Markdown", docs.gitlab.com; "Autolinked references and URLs", docs.github.com).
var notPlain = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)://|www\.|:[\w+-]+:|\b[a-z]\w*-\d|[!%]["'\w]|\b[0-9a-f]{7,}\b`)
})

// prose is a text with everything in code that isn't a plain word.
func prose(s string) string {
	words := strings.Fields(safe.Text(clip(strings.Join(strings.Fields(s), " "), 4*clipped)))
	for i, w := range words {
		if !plainlyRead(w) {
			words[i] = wordCode(w)
		}
	}
	if len(words) == 0 {
		return "(empty)"
	}
	return strings.Join(words, " ")
}

// wordCode is a word as code. The mark of the sentence behind a number or an id, which
// people copy, stays outside, and so does what is written in Chinese around it.
func wordCode(w string) string {
	begin := strings.IndexFunc(w, func(r rune) bool { return !chinese(r) })
	if begin < 0 {
		return code(w)
	}
	end := strings.LastIndexFunc(w, func(r rune) bool { return !chinese(r) })
	_, size := utf8.DecodeRuneInString(w[end:])
	end += size
	return w[:begin] + latinCode(w[begin:end]) + w[end:]
}

// chinese reports a character that Chinese is written with, and that no platform reads as
// more than a word.
func chinese(r rune) bool {
	return unicode.Is(unicode.Han, r) || strings.ContainsRune("，。；：！？（）「」、…", r)
}

func latinCode(w string) string {
	own := strings.TrimRight(w, ",;.")
	isOther := func(r rune) bool { return r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	if own == "" || strings.ContainsFunc(own, isOther) {
		return code(w)
	}
	return code(own) + w[len(own):]
}

func plainlyRead(w string) bool {
	if notPlain().MatchString(w) {
		return false
	}
	for _, r := range w {
		if r >= utf8.RuneSelf && (unicode.IsPunct(r) || unicode.IsSymbol(r)) {
			continue
		}
		if !plainWord().MatchString(string(r)) {
			return false
		}
	}
	return true
}

// htmlCode is a text as code within HTML.
func htmlCode(s string) string {
	return "<code>" + html.EscapeString(clip(safe.Text(s), clipped)) + "</code>"
}

// htmlProse is a text within HTML, as code where it is more than plain words.
func htmlProse(s string) string {
	if s = prose(s); strings.Contains(s, "`") {
		return htmlCode(strings.ReplaceAll(s, "`", ""))
	}
	return html.EscapeString(s)
}

// changedIMEI is a device's number, with the digits that change in bold.
func changedIMEI(from, to string) string {
	if digits(from) != len(from) || digits(to) != len(to) || len(from) != len(to) || len(to) > clipped {
		return code(to)
	}
	var b strings.Builder
	b.WriteString("<code>")
	for _, p := range changedDigits(from, to) {
		if p.changed {
			b.WriteString("<b>" + p.text + "</b>")
			continue
		}
		b.WriteString(p.text)
	}
	return b.String() + "</code>"
}

// changeOf is one action in Markdown.
func changeOf(c *plan.Card, a plan.Action) string {
	s := markdownText(a.Change)
	if a.Guarded {
		s += " — " + approvedBy(a)
	}
	if l := leaving(c, a); l != "" {
		s += "; " + l
	}
	return s
}

// approvedBy says who approved a guarded action and why, or why it isn't approved.
func approvedBy(a plan.Action) string {
	var who []string
	for i, g := range a.Approvals {
		s := code(g.By) + counts(&a, i)
		if g.Reason != "" {
			s += " (" + prose(g.Reason) + ")"
		}
		who = append(who, s)
	}
	switch {
	case a.Approved && len(who) == 0:
		return "approved"
	case a.Approved:
		return "approved by " + strings.Join(who, ", ")
	case len(who) > 0:
		return "**not approved**: " + prose(a.Denial) + "; approved so far by " + strings.Join(who, ", ")
	default:
		return "**not approved**: " + prose(a.Denial)
	}
}

// cardCode is a card's address, with its ICCID where the address hasn't that.
func cardCode(c *plan.Card) string {
	if iccidOf(c) == "" {
		return code(c.Address)
	}
	return code(c.Address) + " (" + code(string(c.ICCID)) + ")"
}
