package cli

import (
	"fmt"
	"path/filepath"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/local"
)

// stateFile is where the local backend keeps the state.
func stateFile(dir string, b spec.Backend) string {
	if path, ok := b.Settings["path"].(string); ok && path != "" {
		return within(dir, path)
	}
	return filepath.Join(dir, "fleet.state")
}

func backendOf(env *Env, dir string, b spec.Backend) (state.Backend, error) {
	if b.Type != "" && b.Type != "local" {
		return nil, &exitError{code: exitFailed, diags: spec.Diagnostics{{
			Summary: "Backend is not available", Subject: b.Source,
			Detail: fmt.Sprintf("This version keeps its state in a local file only; backend %q comes with a later one. Use backend \"local\".", b.Type),
		}}}
	}
	return local.New(stateFile(dir, b), local.Env{Random: env.Random, Version: Version}), nil
}
