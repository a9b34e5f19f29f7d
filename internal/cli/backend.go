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

// backendOf opens the backend that the configuration names, with its encryption.
func backendOf(env *Env, dir string, fleet *spec.Fleet) (state.Backend, error) {
	b := fleet.Backend
	sealer, err := sealerOf(env, fleet)
	if err != nil {
		return nil, err
	}
	switch b.Type {
	case "", "local":
		return local.New(stateFile(dir, b), local.Env{Random: env.Random, Version: Version, Sealer: sealer}), nil
	}
	return nil, backendError(b, "Backend is not available",
		fmt.Sprintf("This version keeps its state in a local file only; backend %q comes with a later one. Use backend \"local\".", b.Type))
}

func backendError(b spec.Backend, summary, detail string) error {
	return &exitError{code: exitFailed, diags: spec.Diagnostics{{Summary: summary, Detail: detail, Subject: b.Source}}}
}
