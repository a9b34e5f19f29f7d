package described

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// Definer compiles the carriers that a configuration defines, and keeps them. The
// zero value holds each to its samples.
type Definer struct {
	// Unchecked leaves out the samples.
	Unchecked bool
	// Defined are the definitions without mistakes.
	Defined []*Definition
}

// Define compiles a carrier block. It reports what is wrong with it, and then ok is
// false.
func (d *Definer) Define(b *hcl.Block, text []byte, r expr.Report) (schema spec.Schema, ok bool) {
	def := Compile(b, text, r)
	if def == nil || !d.Unchecked && !def.Check(r) {
		return spec.Schema{}, false
	}
	d.Defined = append(d.Defined, def)
	return def.schema(), true
}
