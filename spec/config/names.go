package config

import (
	"cmp"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// checkName reports a label that no reference could name.
func (l *loader) checkName(b *hcl.Block) bool {
	if hclsyntax.ValidIdentifier(b.Labels[0]) {
		return true
	}
	l.report.errorAt(b.LabelRanges[0], "Invalid name",
		"%q can't be the name of a %s: a name starts with a letter or underscore and holds letters, digits, "+
			"underscores and dashes only.", b.Labels[0], b.Type)
	return false
}

// uniqueNames finds blocks of one kind that have the same name.
type uniqueNames map[string]hcl.Range

// claim takes a name, and reports the block where another has it already.
func (u uniqueNames) claim(r *report, name, title string, at hcl.Range) bool {
	first, taken := u[name]
	if !taken {
		u[name] = at
		return true
	}
	r.errorAt(at, "Duplicate name", "%s is declared twice: here and at %s. Rename one of them, or delete it.",
		title, place(first))
	return false
}

// unique keeps the blocks of a type whose name is not taken by an earlier one.
func (l *loader) unique(typ string) hcl.Blocks {
	names := make(uniqueNames, len(l.blocks[typ]))
	kept := make(hcl.Blocks, 0, len(l.blocks[typ]))
	for _, b := range l.blocks[typ] {
		if _, taken := names[b.Labels[0]]; !taken {
			names[b.Labels[0]] = b.DefRange
			kept = append(kept, b)
			continue
		}
		names.claim(l.report, b.Labels[0], blockTitle(b.Type, b.Labels), b.DefRange)
	}
	return kept
}

// place writes where something stands, for a sentence: main.fleet.hcl line 3.
func place(r hcl.Range) string { return fmt.Sprintf("%s line %d", r.Filename, r.Start.Line) }

func compareStrings[S ~string](a, b S) int { return cmp.Compare(a, b) }
