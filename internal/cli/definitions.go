package cli

import (
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/providers/described"
	"github.com/cardfleet/cardfleet/spec/config"
)

// configOptions is what reading the configuration in dir may look at. The carriers
// that it defines are the run's from then on.
func (prog *program) configOptions(dir string) config.Options {
	prog.definer = &described.Definer{}
	return config.Options{
		Dir: dir, Cwd: prog.env.Dir, Env: prog.env.LookupEnv, Schemas: schemas(), Define: prog.definer.Define, Backends: backendSchemas(),
		Now: prog.env.Now, Version: Version,
		Unsaved: prog.unsaved,
	}
}

// types are the kinds of provider that there are, with those that the
// configuration defines.
func (prog *program) types() []providers.Type { return all.With(prog.defined()) }

// defined are the carriers that the configuration defines.
func (prog *program) defined() []*described.Definition {
	if prog.definer == nil {
		return nil
	}
	return prog.definer.Defined
}
