package described

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// Embedded compiles a definition that the program has. It panics where there is
// something wrong with it, which the tests would have told.
func Embedded(name, text string) *Definition {
	file, diags := hclsyntax.ParseConfig([]byte(text), name, hcl.InitialPos)
	r := &strict{}
	r.HCL(diags)
	content, diags := file.Body.Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "carrier", LabelNames: []string{"name"}}}})
	r.HCL(diags)
	if len(content.Blocks) != 1 {
		panic(name + ": an embedded file defines one carrier")
	}
	d := Compile(content.Blocks[0], []byte(text), r)
	d.Embedded = true
	return d
}

// strict is a report that takes no mistake.
type strict struct{}

// ErrorAt implements [expr.Report].
func (strict) ErrorAt(at hcl.Range, summary, format string, args ...any) {
	panic(fmt.Sprintf("%s: %s: %s", at, summary, fmt.Sprintf(format, args...)))
}

// HCL implements [expr.Report].
func (strict) HCL(diags hcl.Diagnostics) bool {
	if diags.HasErrors() {
		panic(diags)
	}
	return false
}

// Broken implements [expr.Report].
func (strict) Broken() bool { return false }

var _ expr.Report = strict{}

// Check holds a definition to its samples, and reports those that fail.
func (d *Definition) Check(r expr.Report) bool {
	ok := true
	for _, s := range d.samples {
		for _, problem := range d.trySample(s, false) {
			ok = false
			r.ErrorAt(s.at, "Sample that fails", "The sample %q: %s.", s.name, problem)
		}
	}
	return ok
}
