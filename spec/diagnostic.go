package spec

import (
	"cmp"
	"slices"
)

// Severity says whether a diagnostic stops the run.
type Severity int

// The severities.
const (
	Error Severity = iota
	Warning
)

// Diagnostic is a mistake in what the user wrote, with its place: a constant
// summary, then what is wrong, why, and what to do.
type Diagnostic struct {
	Severity Severity
	Summary  string // constant, no stop: "Invalid ICCID"
	Detail   string // sentences
	Address  string // the card it concerns; "" for none
	Subject  *Range // nil where it has no place
	Snippet  *Snippet
}

// Range is a part of a source file.
type Range struct {
	File       string
	Start, End Pos
}

// Pos is a place in a file: Line and Column count from 1, in characters; Byte from 0.
type Pos struct{ Line, Column, Byte int }

// Snippet is the source that a diagnostic underlines.
type Snippet struct {
	Context string // `card "bike"`; "" at the top level
	Code    string // the lines of the subject, at most a few, without the last newline
	Line    int    // the number of Code's first line
	// From and To are the underlined bytes of Code.
	From, To int
	// Values are the expressions' values that explain it, as sentences:
	// `each.value is object with 4 attributes`.
	Values []string
}

// Diagnostics is a list of mistakes. A nil list is none.
type Diagnostics []Diagnostic

// HasErrors reports whether one of them stops the run.
func (d Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(d, func(x Diagnostic) bool { return x.Severity == Error })
}

// Sort puts them in the order of the source: by file, line and column, those
// without a place last. Equal ones keep their order.
func (d Diagnostics) Sort() {
	slices.SortStableFunc(d, func(a, b Diagnostic) int {
		switch {
		case a.Subject == nil && b.Subject == nil:
			return 0
		case a.Subject == nil:
			return 1
		case b.Subject == nil:
			return -1
		}
		return cmp.Or(
			cmp.Compare(a.Subject.File, b.Subject.File),
			cmp.Compare(a.Subject.Start.Line, b.Subject.Start.Line),
			cmp.Compare(a.Subject.Start.Column, b.Subject.Start.Column),
		)
	})
}
