package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/text/unicode/norm"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// comparison is a column that a cell's expression compares with a text:
// each.value.active == "true". Where the column holds another spelling of the
// text, the expression takes the row for the opposite, and a card in service is
// stopped for it.
type comparison struct {
	column string
	text   string

	// known holds the verdicts on the column's contents, which repeat.
	known map[string]bool
	found map[string]int // how often each other spelling was met
	first *spec.Diagnostic
}

// comparisonsIn finds the comparisons of an expression. A text that the
// expression itself compares with is no other spelling of the next one.
func comparisonsIn(e hclsyntax.Expression) []*comparison {
	var list []*comparison
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics { // the callback never fails
		op, ok := n.(*hclsyntax.BinaryOpExpr)
		if !ok || op.Op != hclsyntax.OpEqual && op.Op != hclsyntax.OpNotEqual {
			return nil
		}
		column, text := comparedColumn(op.LHS), op.RHS
		if column == "" {
			column, text = comparedColumn(op.RHS), op.LHS
		}
		if v, ok := expr.Literal(text); ok && column != "" && v.Type() == cty.String && !v.IsNull() && v.IsKnown() {
			list = append(list, &comparison{column: column, text: v.AsString(), known: map[string]bool{}, found: map[string]int{}})
		}
		return nil
	})
	for _, c := range list {
		for _, other := range list {
			if c.column == other.column {
				c.known[other.text] = false
			}
		}
	}
	return list
}

// comparedColumn is NAME where e is each.value.NAME, in brackets or not.
func comparedColumn(e hclsyntax.Expression) string {
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return comparedColumn(e.Expression)
	case *hclsyntax.ScopeTraversalExpr:
		if len(e.Traversal) == 3 && e.Traversal.RootName() == expr.RootEach {
			return columnName(e.Traversal)
		}
	}
	return ""
}

// look counts a row whose column has another spelling of the text, and says at
// the first one what is wrong with it; "" for any other row.
func (c *comparison) look(r *row) (detail string) {
	given, ok := r.field(c.column)
	if !ok || given == c.text {
		return ""
	}
	other, met := c.known[given]
	if !met {
		other = otherSpelling(given, c.text)
		if len(c.known) < memoSize {
			c.known[given] = other
		}
	}
	if !other {
		return ""
	}
	c.found[given]++
	if c.first != nil {
		return ""
	}
	return fmt.Sprintf("%q is another spelling of %q, and the expression compares letter by letter: it takes this row for the opposite.", given, c.text)
}

// report shows the first row with another spelling, and how many there are.
func (c *comparison) report(r *report, attribute string) {
	if c.first == nil {
		return
	}
	total := 0
	spellings := slices.SortedFunc(maps.Keys(c.found), func(a, b string) int {
		return cmp.Or(cmp.Compare(c.found[b], c.found[a]), cmp.Compare(a, b))
	})
	counts := make([]string, 0, len(spellings))
	for _, s := range spellings {
		total += c.found[s]
		if len(counts) < maxRepeats {
			counts = append(counts, fmt.Sprintf("%q in %s", s, spec.Count(c.found[s], "row")))
		}
	}
	c.first.Detail += fmt.Sprintf(" The column has such texts in %s: %s. Write %s = each.value.%s, which takes true and false in any case, 1 and 0; or write the column in one spelling.",
		spec.Count(total, "row"), strings.Join(counts, ", "), attribute, c.column)
	r.add(*c.first)
}

// otherSpelling reports whether given is text in another case, width or white
// space, or another word for the truth that text names.
func otherSpelling(given, text string) bool {
	a, b := bareWord(given), bareWord(text)
	if a == b {
		return true
	}
	truth, ok := truthOf(b)
	other, also := truthOf(a)
	return ok && also && truth == other
}

// bareWord is a text without case, width and white space, also such as can't be seen.
func bareWord(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.In(r, unicode.Cf, unicode.Zs) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKC.String(s))
}

// truthOf is what a word says; false where it says neither.
func truthOf(word string) (truth, ok bool) {
	switch word {
	case "true", "1", "1.0", "yes", "y", "t", "on", "是", "真", "对", "√", "✓", "✔":
		return true, true
	case "false", "0", "0.0", "no", "n", "f", "off", "否", "假", "不是", "×", "✗", "✘":
		return false, true
	}
	return false, false
}
