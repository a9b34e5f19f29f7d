// Package render shows a plan: as text for people, and as JSON for programs.
// It decides nothing: what is shown is in the plan.
package render

import (
	"strings"

	"github.com/fatih/color"
	"github.com/sergi/go-diff/diffmatchpatch"
)

// Style is how text looks. The zero value is plain.
type Style struct {
	Color bool
}

// Paint colours s, where the style has colour.
func (s Style) Paint(text string, attributes ...color.Attribute) string {
	if !s.Color || text == "" {
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

// changedDigits splits to into what it has in common with from and what it
// hasn't.
func changedDigits(from, to string) []part {
	diffs := diffmatchpatch.New().DiffMain(from, to, false)
	var parts []part
	for _, d := range diffs {
		if d.Type != diffmatchpatch.DiffDelete {
			parts = append(parts, part{d.Text, d.Type == diffmatchpatch.DiffInsert})
		}
	}
	return parts
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
		b.WriteString(strings.Repeat(sign, len(p.text)))
	}
	if s.Color {
		return a.String(), ""
	}
	return a.String(), strings.TrimRight(b.String(), " ")
}
