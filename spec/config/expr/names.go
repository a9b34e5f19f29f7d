package expr

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
)

// Names finds blocks of one kind that have the same name: it holds where each
// name was declared first.
type Names map[string]hcl.Range

// Claim takes a name, and reports the block where another has it already.
func (u Names) Claim(r Report, name, title string, at hcl.Range) bool {
	first, taken := u[name]
	if !taken {
		u[name] = at
		return true
	}
	r.ErrorAt(at, "Duplicate name", "%s is declared twice: here and at %s. Rename one of them, or delete it.",
		title, Place(first))
	return false
}

// Place writes where something stands, for a sentence: main.fleet.hcl line 3.
func Place(r hcl.Range) string { return fmt.Sprintf("%s line %d", r.Filename, r.Start.Line) }
