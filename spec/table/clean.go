package table

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/cardfleet/cardfleet/spec"
)

// deed is what was done to a cell.
type deed string

// The deeds, in the words of a note.
const (
	trimmed    deed = "white space and characters that can't be seen are taken away"
	unguarded  deed = `guards (="…", ') are taken away`
	narrowed   deed = "full-width digits are written as 0-9"
	ungrouped  deed = "blanks and hyphens between digits are taken away"
	written    deed = "numbers are written out (such as 861536030196001.0)"
	unfilled   deed = "the filler F behind 19 digits is dropped"
	raised     deed = "letters of ICCIDs are written in upper case"
	translated deed = "words are written as true and false"
)

// unseen are characters that nobody sees, and programs leave in cells.
func unseen(r rune) bool {
	return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || r == '\uFEFF' || unicode.IsControl(r)
}

// bare is a cell without white space and unseen characters around it.
func bare(cell string) string { return strings.TrimFunc(cell, unseen) }

// identifier is what is left of a number of a card or device once the dress is
// off, and the deeds that took it off. Lost says which digits are missing, where
// some are: such a number can't be known.
func identifier(cell string) (text string, deeds []deed, lost string) {
	do := func(next string, d deed) {
		if next != text {
			text, deeds = next, append(deeds, d)
		}
	}
	text = cell
	do(withoutUnseen(text), trimmed)
	do(withoutGuard(text), unguarded)
	do(narrow(text), narrowed)
	switch {
	case isHex(text):
		return text, deeds, ""
	case spec.LooksNumeric(text) && !grouped().MatchString(text), exponential().MatchString(text), thousands().MatchString(text):
		digits, lost := writtenOut(text)
		if lost == "" {
			do(digits, written)
		}
		return text, deeds, lost
	case grouped().MatchString(text):
		do(strings.NewReplacer(" ", "", "-", "").Replace(text), ungrouped)
	}
	return text, deeds, ""
}

// withoutUnseen takes what can't be seen away from around a cell, and format
// characters (zero width, direction) from within.
func withoutUnseen(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		if unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, bare(s))
}

// withoutGuard takes ="…", =… and a leading apostrophe away.
func withoutGuard(s string) string {
	if inner, ok := strings.CutPrefix(s, "="); ok {
		s = strings.TrimSpace(inner)
	}
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	return bare(strings.Trim(s, "'’‘`"))
}

var (
	exponential = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9](?:[.,]([0-9]+))?[eE]\+?([0-9]+)$`) })
	fraction    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9]+)[.,]0*$`) })
	thousands   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9]{1,3}(?:[,.' _][0-9]{3})+)(?:[.,]0+)?$`) })
	// grouped is digits and letters in groups that no number has, as printed on cards: 8986 0617 0300 1730 0390.
	grouped = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9A-Fa-f]+(?:[ -][0-9A-Fa-f]+)+$`) })
)

const (
	// spreadsheetDigits is how many digits of a number a spreadsheet keeps.
	spreadsheetDigits = 15
	// largestExact is the largest whole number below which a double holds all.
	largestExact = 1 << 53
)

// writtenOut is a number as its digits, where all of them are there.
func writtenOut(s string) (digits, lost string) {
	switch {
	case exponential().MatchString(s):
		return expanded(s)
	case fraction().MatchString(s):
		digits = fraction().FindStringSubmatch(s)[1]
	case thousands().MatchString(s):
		digits = strings.NewReplacer(",", "", ".", "", "'", "", " ", "", "_", "").Replace(thousands().FindStringSubmatch(s)[1])
	default:
		return "", "it is no whole number"
	}
	if n, err := strconv.ParseUint(digits, 10, 64); err != nil || n >= largestExact {
		return "", "a number of so many digits is rounded"
	}
	return digits, ""
}

// expanded writes 8.61536030196001E+14 out, where no digit is missing.
func expanded(s string) (digits, lost string) {
	m := exponential().FindStringSubmatch(s)
	exponent, err := strconv.Atoi(m[2])
	if err != nil || exponent+1 > spreadsheetDigits {
		return "", "a spreadsheet keeps 15 digits"
	}
	if len(m[1]) != exponent {
		return "", "it shows " + strconv.Itoa(len(m[1])+1) + " of its " + strconv.Itoa(exponent+1) + " digits"
	}
	return s[:1] + m[1], ""
}

func isHex(s string) bool {
	return s != "" && strings.Trim(s, "0123456789ABCDEFabcdef") == ""
}

// truth is a word for active: "true" or "false"; "" for none.
func truth(cell string) string {
	switch strings.ToLower(narrow(bare(cell))) {
	case "true", "1", "是":
		return "true"
	case "false", "0", "否":
		return "false"
	}
	return ""
}

// Mends reports whether a cell is the number of a card or a device in a dress
// that [New] takes off.
func Mends(cell string) bool {
	text, deeds, lost := identifier(cell)
	if len(deeds) == 0 || lost != "" {
		return false
	}
	if _, err := spec.ParseICCID(text); err == nil {
		return true
	}
	_, err := spec.ParseIMEI(text)
	return err == nil
}
