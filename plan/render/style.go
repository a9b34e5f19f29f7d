// Package render shows a plan: as text for people, and as JSON for programs.
// It decides nothing: what is shown is in the plan.
package render

import (
	"strings"
	"unicode/utf8"

	"github.com/fatih/color"
	"github.com/sergi/go-diff/diffmatchpatch"

	"github.com/cardfleet/cardfleet/spec/lang"
)

// Style is how text looks. The zero value is plain.
type Style struct {
	Color bool
	// Terminal says that somebody looks at one: counts that are 0 are left out then.
	Terminal bool
	// Width is the terminal's, in columns; 0 where it isn't known, or where
	// nobody looks at a terminal.
	Width int
	// Lang is what the reader reads.
	Lang lang.Language
}

// Paint colours text, where the style has colour and there is an attribute.
func (s Style) Paint(text string, attributes ...color.Attribute) string {
	if !s.Color || text == "" || len(attributes) == 0 {
		return text
	}
	c := color.New(attributes...)
	c.EnableColor()
	return c.Sprint(text)
}

// Bold makes s bold.
func (s Style) Bold(text string) string { return s.Paint(text, color.Bold) }

// symbol is the mark before a line, in its colour.
func (s Style) symbol(mark string) string {
	switch mark {
	case "+":
		return s.Paint(mark, color.FgGreen)
	case "-":
		return s.Paint(mark, color.FgRed)
	case "~":
		return s.Paint(mark, color.FgYellow)
	case "!":
		return s.Paint(mark, color.FgMagenta, color.Bold)
	default:
		return s.Paint(mark, color.Faint)
	}
}

// part is a piece of a value that is the same in the other one, or isn't.
type part struct {
	text    string
	changed bool
}

// changedDigits splits to into the digits that from has at the same place and
// those that it hasn't.
func changedDigits(from, to string) []part {
	diffs := diffmatchpatch.New().DiffMainRunes(placed(from), placed(to), false)
	var parts []part
	at := 0
	for _, d := range diffs {
		if d.Type == diffmatchpatch.DiffDelete {
			continue
		}
		n := utf8.RuneCountInString(d.Text)
		parts = append(parts, part{to[at : at+n], d.Type == diffmatchpatch.DiffInsert})
		at += n
	}
	return parts
}

// placed gives each byte of s a rune that is its own at that place. The places
// of an IMEI's digits have their meaning, so 001 and 019 differ in two digits,
// where a plain comparison would find that a 0 went and a 9 came.
func placed(s string) []rune {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(i<<8 | int(s[i]))
	}
	return runes
}

// mark shows to with its changed digits underlined in colour; in plain text
// carets go on a line of their own, which begins under to.
func (s Style) mark(from, to string) (shown, carets string) {
	var a, b strings.Builder
	for _, p := range changedDigits(from, to) {
		if s.Color && p.changed {
			a.WriteString(s.Paint(p.text, color.Bold, color.Underline))
			continue
		}
		a.WriteString(p.text)
		sign := " "
		if p.changed {
			sign = "^"
		}
		b.WriteString(strings.Repeat(sign, width(p.text)))
	}
	if s.Color {
		return a.String(), ""
	}
	return a.String(), strings.TrimRight(b.String(), " ")
}
