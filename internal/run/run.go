// Package run is what the program does, without a command line: it reads
// carriers, plans, checks, applies, and changes the state under its lock.
// Values go in and come out. What a person may want to see meanwhile goes to a
// [Watcher], and a run that isn't allowed ends with a [Refusal].
//
// It knows no terminal, option, file, variable or exit code: its caller opens
// what is to be read, and chooses the words. Start reading at [Session], then
// [Session.Plan] and [Session.Apply]; the changes of the state start at [Store].
package run

import (
	"context"
	"time"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/state"
)

// Env is what a run takes from the world around it. Each field is needed, but
// for Info and Origin.
type Env struct {
	Now func() time.Time
	// Sleep waits, or returns the context's error.
	Sleep func(ctx context.Context, d time.Duration) error
	// Random fills p with random bytes, for the lock's id.
	Random  func(p []byte)
	Version string      // of the program
	Who     string      // user@host, as the lock names its holder
	Info    string      // where the run can be seen in CI; "" for nowhere
	Origin  plan.Origin // whose work it is, where CI tells it
}

// Store is a state that a run reads and changes.
type Store struct {
	Backend state.Backend
	Env     Env
}
