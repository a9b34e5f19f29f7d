package render

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fatih/color"
	"github.com/rivo/uniseg"
)

const (
	faint = color.Faint
	green = color.FgGreen
	red   = color.FgRed
)

// Thousands writes n with commas: 18,240.
func Thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Thousands(n) + " " + many
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func wereCards(n int) string { return count(n, "card was", "cards were") }

// AreCards is "1 card is" or "18,240 cards are".
func AreCards(n int) string { return count(n, "card is", "cards are") }

// Duration is a duration as people say it: 31 min, 4 s, 2 h 5 min.
func Duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return "1 s"
	case d < 90*time.Second:
		return fmt.Sprintf("%d s", int(d.Round(time.Second).Seconds()))
	case d < 90*time.Minute:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	default:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
}

// width is how many columns of a terminal s takes.
func width(s string) int { return uniseg.StringWidth(s) }

// wrap breaks a text into lines of at most columns, between words and between
// Chinese characters. An ICCID, an address, a command's option stays whole,
// also where it is longer than a line.
func wrap(s string, columns int) []string {
	var lines []string
	from, at, used := 0, 0, 0 // the line under way is s[from:at]
	for _, piece := range pieces(s) {
		if used > 0 && used+width(strings.TrimRight(piece, " ")) > columns {
			lines = append(lines, strings.TrimRight(s[from:at], " "))
			from, used = at, 0
		}
		at += len(piece)
		used += width(piece)
	}
	return append(lines, strings.TrimRight(s[from:at], " "))
}

// pieces cuts a text where a line may end. Unicode's rules would also end one
// after the hyphen of an option or before the bracket of an address.
func pieces(s string) []string {
	var out []string
	from, at, state := 0, 0, -1 // the piece under way is s[from:at]
	for rest := s; rest != ""; {
		var segment string
		segment, rest, _, state = uniseg.FirstLineSegmentInString(rest, state)
		at += len(segment)
		last, _ := utf8.DecodeLastRuneInString(segment)
		next, _ := utf8.DecodeRuneInString(rest)
		if rest == "" || last == ' ' || wide(last) || wide(next) {
			out = append(out, s[from:at])
			from = at
		}
	}
	return out
}

func wide(r rune) bool { return r > unicode.MaxLatin1 && width(string(r)) > 1 }
