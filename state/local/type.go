package local

import (
	"path/filepath"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Type is the backend as a configuration names it.
func Type() state.Type { return state.Type{Schema: schema(), Open: open, Address: address} }

func schema() spec.Schema {
	return spec.Schema{Type: "local", Exact: true, Settings: []spec.Setting{
		{Name: "path", Doc: "file that holds the state, fleet.state unless said; a relative path starts in the configuration's folder"},
	}}
}

func open(block spec.Backend, env state.Env) (state.Backend, spec.Diagnostics) {
	path := Path(env.Dir, block)
	if env.OnlyTheBlock {
		return nil, nil
	}
	return New(path, env), nil
}

// Path is where the block keeps the state, for a configuration in the folder
// dir. A block of another backend names no file; then it is the file that this
// backend would take.
func Path(dir string, block spec.Backend) string {
	path := "fleet.state"
	if block.Type == schema().Type {
		path = block.Read(schema(), func(string) string { return "" }).String("path", path)
	}
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func address(block spec.Backend, env state.Env) string {
	path := Path(env.Dir, block)
	if rel, err := filepath.Rel(env.Dir, path); err == nil {
		path = rel
	}
	return filepath.ToSlash(path)
}
