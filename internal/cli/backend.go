package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/local"
	"github.com/cardfleet/cardfleet/state/s3"
)

// stateFile is where the local backend keeps the state.
func stateFile(dir string, b spec.Backend) string {
	if path, ok := b.Settings["path"].(string); ok && path != "" {
		return within(dir, path)
	}
	return filepath.Join(dir, "fleet.state")
}

// sealingBackends are those that keep what the encryption block asks for.
func sealingBackends() []string { return []string{"", "local", "s3"} }

// backendOf opens the backend that the configuration names, with its encryption.
func backendOf(env *Env, dir string, fleet *spec.Fleet) (state.Backend, error) {
	b := fleet.Backend
	sealer, err := sealerOf(env, fleet)
	if err != nil {
		return nil, err
	}
	if sealer != nil && !slices.Contains(sealingBackends(), b.Type) {
		return nil, backendError(b, "Backend can't encrypt",
			fmt.Sprintf("The configuration has an encryption block, and backend %q would keep the state plain. Use backend \"local\" or \"s3\", or take the block out.", b.Type))
	}
	switch b.Type {
	case "", "local":
		return local.New(stateFile(dir, b), local.Env{Random: env.Random, Version: Version, Sealer: sealer}), nil
	case "s3":
		return s3Backend(env, b, sealer)
	}
	return nil, backendError(b, "Backend is not available",
		fmt.Sprintf("This version keeps no state in backend %q; it comes with a later one. Use backend \"local\" or \"s3\".", b.Type))
}

func s3Backend(env *Env, b spec.Backend, sealer state.Sealer) (state.Backend, error) {
	settings, err := s3.ParseSettings(b.Settings)
	if err != nil {
		return nil, backendError(b, "Invalid backend", capital(err.Error())+".")
	}
	backend, err := s3.New(settings, s3.Env{
		Random: env.Random, Version: Version, Sealer: sealer, Now: env.Now, Ticker: ticker, Transport: env.Transport,
	})
	if err != nil {
		return nil, backendError(b, "Invalid backend", capital(err.Error())+".")
	}
	return backend, nil
}

// ticker ticks in real time, whatever clock the rest goes by: what it drives,
// a lease's heartbeat, is between processes.
func ticker(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTicker(d)
	return t.C, t.Stop
}

func backendError(b spec.Backend, summary, detail string) error {
	return &exitError{code: exitFailed, diags: spec.Diagnostics{{Summary: summary, Detail: detail, Subject: b.Source}}}
}
