package cli

import (
	"cmp"
	"time"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/all"
)

// backendSchemas are the settings of every backend type.
func backendSchemas() []spec.Schema {
	var out []spec.Schema
	for _, t := range all.Types() {
		out = append(out, t.Schema)
	}
	return out
}

// backendOf opens the backend that the configuration in dir names, with its
// encryption. away is [state.Env].Away.
func backendOf(env *Env, dir string, fleet *spec.Fleet, away func(error)) (state.Backend, error) {
	sealer, diags := sealerOf(env, fleet)
	diags = append(diags, fleet.UnsetFor(spec.ForState)...)
	if diags.HasErrors() {
		return nil, mistakes(diags)
	}
	e := stateEnv(env, dir, sealer)
	e.Away = away
	e.KeepHistory = keptHistory(fleet)
	opened, more := backendType(fleet).Open(fleet.Backend, e)
	if diags = append(diags, more...); diags.HasErrors() {
		return nil, mistakes(diags)
	}
	return opened, nil
}

// checkBackend is what is wrong with the backend block and the encryption
// block. What the environment or the machine may yet say isn't missed.
func checkBackend(env *Env, dir string, fleet *spec.Fleet) spec.Diagnostics {
	var diags spec.Diagnostics
	if len(fleet.UnsetFor(spec.ForEncryption)) == 0 {
		_, diags = sealerOf(env, fleet)
	}
	if len(fleet.UnsetFor(spec.ForState)) > 0 {
		return diags
	}
	e := stateEnv(env, dir, nil)
	e.OnlyTheBlock = true
	_, more := backendType(fleet).Open(fleet.Backend, e)
	return append(diags, more...)
}

// placeOf is where the configuration in dir keeps its state.
func placeOf(env *Env, dir string, fleet *spec.Fleet) run.Place {
	t := backendType(fleet)
	return run.Place{Type: t.Schema.Type, Address: t.Address(fleet.Backend, stateEnv(env, dir, nil))}
}

// backendType is the kind of backend that the configuration names, which was
// checked against the schemas.
func backendType(fleet *spec.Fleet) state.Type {
	for _, t := range all.Types() {
		if t.Schema.Type == cmp.Or(fleet.Backend.Type, "local") {
			return t
		}
	}
	panic("there is no backend " + fleet.Backend.Type)
}

func stateEnv(env *Env, dir string, sealer state.Sealer) state.Env {
	return state.Env{
		Dir: dir, Getenv: env.getenv, Now: env.Now, Sleep: env.Sleep, Ticker: ticker, Random: env.Random,
		Transport: env.Transport, Version: Version, Sealer: sealer, Step: env.Step, Beat: env.Beat,
	}
}

// ticker ticks in real time, whatever clock the rest goes by: what it drives,
// a lease's heartbeat, is between processes.
func ticker(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTicker(d)
	return t.C, t.Stop
}

// keptHistory is for how long what was done is kept; 0 is for ever.
func keptHistory(fleet *spec.Fleet) time.Duration {
	return max(0, cmp.Or(fleet.KeepHistory, spec.KeptFor))
}
