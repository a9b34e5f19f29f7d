package described

import (
	"cmp"
	"fmt"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// Outline is what a provider's block takes from a definition.
type Outline struct {
	Name, Title, Endpoint string
	Settings              []OutlineSetting
	// Facts are whose word the definition's facts are; "" for official documents. It
	// is the registry's alone: the definition doesn't say it.
	Facts string
}

// OutlineSetting is a setting of a definition.
type OutlineSetting struct {
	Name   string
	Env    string // the variable of the environment that it is read from
	Public bool   // it isn't a secret
	Has    bool   // it has a default
}

// Shipped is a definition that the program has. It is compiled when a run first
// needs it, so that those of other carriers cost a run nothing.
type Shipped struct {
	// Outline is the definition's, as a test holds it.
	Outline Outline
	compile func() *Definition
	digest  func() string
}

// Ship has a definition of the program by its text.
func Ship(o Outline, text string) *Shipped {
	return &Shipped{
		Outline: o,
		compile: sync.OnceValue(func() *Definition { return Embedded(o.Name+".carrier.hcl", text) }),
		digest:  sync.OnceValue(func() string { return digestOf([]byte(text)) }),
	}
}

// Definition is the definition, compiled.
func (s *Shipped) Definition() *Definition { return s.compile() }

// Type is the provider type of the definition.
func (s *Shipped) Type() providers.Type {
	open := func(config spec.ProviderConfig, env providers.Env) (providers.Provider, spec.Diagnostics) {
		return s.compile().open(config, env)
	}
	return providers.Type{Schema: s.Outline.schema(s.digest(), true), Open: open, Facts: cmp.Or(s.Outline.Facts, officialFacts)}
}

// Embedded compiles a definition that the program has. It panics where there is
// something wrong with it, which the tests would have told: they compile it as
// one of a configuration, which looks at more, such as outcomes that can't hold.
func Embedded(name, text string) *Definition {
	file, diags := hclsyntax.ParseConfig([]byte(text), name, hcl.InitialPos)
	r := strict{}
	r.HCL(diags)
	content, diags := file.Body.Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "carrier", LabelNames: []string{"name"}}}})
	r.HCL(diags)
	if len(content.Blocks) != 1 {
		panic(name + ": an embedded file defines one carrier")
	}
	d := compile(content.Blocks[0], []byte(text), r, false)
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
