// Package safe makes texts from outside harmless where people see them. A plan
// file, the state, a carrier, a lock and a webhook's answer may hold anything:
// codes that clear a terminal or change its title, marks that turn a line
// round, line feeds with words that look like ours, and lines that a CI's log
// takes as a command.
//
// What can't be shown is shown as Go writes it in a string: \n, \u202e, \x1b.
// Nothing is left out, and a text that is harmless stays as it is. Each value
// goes through [Text] where it becomes part of a sentence; a whole output goes
// through [Screen] at last, in case a value was forgotten; JSON goes through
// [JSON]. It never looks at what a text means.
package safe

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Text is one value as a part of a line: no line feed, no control character, no
// mark of direction, nothing that ends up in a log as a command. A text that
// went through it before stays as it is.
func Text(s string) string {
	if !plain(s) {
		s = visible(s, nil)
	}
	return Commands(s)
}

// Lines is a text of several lines, each of them as [Text] has it.
func Lines(s string) string { return Commands(visible(s, lineEnd)) }

// Screen is a whole output on its way to a terminal or a log: lines with
// nothing that can't be seen but tabs and, where colour says so, the sequences
// that [github.com/fatih/color] writes for us.
func Screen(s string, colour bool) string {
	allowed := tabbed
	if colour {
		allowed = coloured
	}
	return Commands(visible(s, allowed))
}

// allowance is how many bytes at the beginning of a text pass as they are,
// though they hold what can't be seen; 0 for none.
type allowance func(s string) int

func lineEnd(s string) int {
	if s[0] == '\n' {
		return 1
	}
	return 0
}

func tabbed(s string) int {
	if s[0] == '\t' {
		return 1
	}
	return lineEnd(s)
}

// paint is a sequence of ours: reset, bold, faint, underlined, their ends, and
// the eight colours. None of them hides a text.
var paint = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\x1b\[(?:0|1|2|4|22|24|3[0-7]|39)(?:;(?:0|1|2|4|22|24|3[0-7]|39))*m`)
})

func coloured(s string) int {
	if s[0] == '\x1b' {
		return len(paint().FindString(s))
	}
	return tabbed(s)
}

// plain reports whether all of s is printable ASCII, as nearly all values are.
func plain(s string) bool { return printable(s) == len(s) }

// printable is how many bytes at the beginning of a text are printable ASCII.
func printable(s string) int {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return i
		}
	}
	return len(s)
}

// visible shows what can't be seen, but for what is allowed.
func visible(s string, allowed allowance) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		if n := printable(s[i:]); n > 0 {
			b.WriteString(s[i : i+n])
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsGraphic(r):
			b.WriteString(s[i : i+n])
		default:
			if pass := passes(s[i:], allowed); pass > 0 {
				n = pass
				b.WriteString(s[i : i+n])
				break
			}
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
		i += n
	}
	return b.String()
}

func passes(s string, allowed allowance) int {
	if allowed == nil {
		return 0
	}
	return allowed(s)
}

// What a CI's log takes as a command:
//   - GitHub's runner, "::warning::" and the like, at the beginning of a line and
//     after any white space there; a line may be broken at any space, so after
//     white space anywhere (actions/runner, ActionCommand.TryParseV2);
//   - the runner's older form, "##[group]", and Azure's "##vso[", anywhere in a
//     line (ActionCommand.TryParse);
//   - GitLab's "section_start:1700000000:name", anywhere in a line (docs.gitlab.com,
//     "Custom collapsible sections").
var (
	colons   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)(^|[\s\p{Z}])::`) })
	hashes   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`##(\w*)\[`) })
	sections = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`section_(start|end):`) })
)

// Commands breaks up what a log takes as a command, and leaves the rest: for a
// page, which shows by itself what can't be seen.
func Commands(s string) string {
	if strings.Contains(s, "::") {
		s = colons().ReplaceAllString(s, `${1}\u003a:`)
	}
	if strings.Contains(s, "##") {
		s = hashes().ReplaceAllString(s, `##${1}\u005b`)
	}
	if strings.Contains(s, "section_") {
		s = sections().ReplaceAllString(s, `section_${1}\u003a`)
	}
	return s
}
