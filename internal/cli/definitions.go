package cli

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/providers/described"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// configOptions is what reading the configuration in dir may look at.
func (prog *program) configOptions(dir string) config.Options {
	prog.defined = nil
	return config.Options{
		Dir: dir, Cwd: prog.env.Dir, Env: prog.env.LookupEnv, Schemas: schemas(), Define: prog.define, Backends: backendSchemas(),
		Now: prog.env.Now, Version: Version,
	}
}

// define compiles a carrier that the configuration defines, and holds it to its
// samples.
func (prog *program) define(b *hcl.Block, text []byte, r expr.Report) (spec.Schema, bool) {
	d := described.Compile(b, text, r)
	if d == nil || !d.Check(r) {
		return spec.Schema{}, false
	}
	prog.defined = append(prog.defined, d)
	return d.Type().Schema, true
}

// types are the kinds of provider that there are, with those that the
// configuration defines.
func (prog *program) types() []providers.Type { return all.With(prog.defined) }
