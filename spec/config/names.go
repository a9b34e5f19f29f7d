package config

import (
	"cmp"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// checkName reports a label that no reference could name.
func (l *loader) checkName(b *hcl.Block) bool {
	if hclsyntax.ValidIdentifier(b.Labels[0]) {
		return true
	}
	l.report.ErrorAt(b.LabelRanges[0], "Invalid name",
		"%q can't be the name of a %s: a name starts with a letter or underscore and holds letters, digits, "+
			"underscores and dashes only.", b.Labels[0], b.Type)
	return false
}

// unique keeps the blocks of a type whose name is not taken by an earlier one.
func (l *loader) unique(typ string) hcl.Blocks {
	names := make(expr.Names, len(l.blocks[typ]))
	kept := make(hcl.Blocks, 0, len(l.blocks[typ]))
	for _, b := range l.blocks[typ] {
		if _, taken := names[b.Labels[0]]; !taken {
			names[b.Labels[0]] = b.DefRange
			kept = append(kept, b)
			continue
		}
		names.Claim(l.report, b.Labels[0], blockTitle(b.Type, b.Labels), b.DefRange)
	}
	return kept
}

func compareStrings[S ~string](a, b S) int { return cmp.Compare(a, b) }

// ValidName reports whether a block, an alias or an attribute may have the name.
func ValidName(name string) bool { return hclsyntax.ValidIdentifier(name) }

// KeyText writes an object's key, in quotes where it needs them. A key "for" does:
// without them it begins a for expression.
func KeyText(name string) string {
	if ValidName(name) && name != "for" {
		return name
	}
	return QuoteText(name)
}

// QuoteText writes a text as an expression that is that text.
func QuoteText(text string) string {
	return string(hclwrite.TokensForValue(cty.StringVal(text)).Bytes())
}
