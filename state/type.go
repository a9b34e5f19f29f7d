package state

import (
	"context"
	"net/http"
	"time"

	"github.com/cardfleet/cardfleet/spec"
)

// Type is a kind of backend: what its block may say, and how to open one.
type Type struct {
	Schema spec.Schema
	// Open makes a backend from a block. It touches no state yet. Settings
	// that don't fit give diagnostics with their places. With
	// [Env].OnlyTheBlock there is no backend, only what is wrong with the block.
	Open func(block spec.Backend, env Env) (Backend, spec.Diagnostics)
	// Address is where a valid block keeps the state, for people and without any
	// credentials: bucket and key, schema and name, a URL, or a path that is
	// relative to [Env].Dir where there is a way.
	Address func(block spec.Backend, env Env) string
}

// Env is what a backend takes from the world around it. Every field is needed
// but those that say so.
type Env struct {
	// Dir is the configuration's folder, where relative paths start.
	Dir string
	// Getenv looks a variable of the environment up; "" for none. nil is an
	// empty environment.
	Getenv func(name string) string
	Now    func() time.Time
	// Sleep waits, or returns the context's error.
	Sleep func(ctx context.Context, d time.Duration) error
	// Ticker ticks every d until stop is called. It drives the heartbeat of a
	// lease, which is between processes, so it goes by real time.
	Ticker func(d time.Duration) (ticks <-chan time.Time, stop func())
	// Random fills p with random bytes that nobody can foretell: for lineages,
	// ids, keys and nonces.
	Random func(p []byte)
	// Transport carries the requests.
	Transport http.RoundTripper
	// Version of the program, for what is written and for who finds the state locked.
	Version string
	// Away is told why the store can't be reached while a run waits for it, and
	// nil once it can; see [Leased]. Any goroutine may call it. nil is nobody.
	Away func(err error)
	// Sealer encrypts what is kept; nil leaves it plain.
	Sealer Sealer
	// KeepHistory is for how long at least what was done to cards is kept; 0 is for
	// ever.
	KeepHistory time.Duration
	// Step is called before each step of a write that a crash can part from the
	// next. Tests stop the program there; nil is nobody.
	Step func(name string)
	// Beat is how often a lease is renewed; 0 is as often as the backend does by
	// itself. Tests, which have no minute to wait for its end, make it shorter.
	Beat time.Duration
	// OnlyTheBlock has the block checked and nothing missed that the environment
	// or the machine may say elsewhere. Such a check needs Dir and Getenv alone.
	OnlyTheBlock bool
}

// Settings reads a backend's block by its schema.
func (e Env) Settings(block spec.Backend, schema spec.Schema) *spec.Settings {
	getenv := e.Getenv
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	return block.Read(schema, getenv)
}
