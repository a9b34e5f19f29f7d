package spec

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/agext/levenshtein"
)

// Closest is the name that given is most likely a misspelling of; "" where none
// is near enough. It is as near as Terraform wants it: fewer than three letters
// differ, and at least one is the same.
func Closest(given string, names []string) string {
	best, bestDistance := "", 3
	for _, name := range names {
		if d := levenshtein.Distance(given, name, nil); d < bestDistance && d < max(len(name), len(given)) {
			best, bestDistance = name, d
		}
	}
	return best
}

// DidYouMean ends a sentence about an unknown name: ` Did you mean "imei"?`, or
// "" where no name is close.
func DidYouMean(given string, names []string) string {
	if s := Closest(given, names); s != "" {
		return fmt.Sprintf(" Did you mean %q?", s)
	}
	return ""
}

// QuoteList writes names for a sentence: "a", "b" or "c".
func QuoteList(names []string, conjunction string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	last := len(quoted) - 1
	return strings.Join(quoted[:last], ", ") + " " + conjunction + " " + quoted[last]
}

// Capital begins a sentence.
func Capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return ""
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// Count writes a number with its noun: "1 attribute", "4 attributes".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Sentence is an error as a sentence of a [Diagnostic].
func Sentence(err error) string { return Capital(err.Error()) + "." }
