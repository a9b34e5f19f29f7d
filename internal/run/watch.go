package run

import (
	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
)

// Watcher is told what a run does while it does it. Nothing that it does
// changes the run. Read, Costs, Throttled, Started and Finished are called by many
// goroutines at once, between Begin and End; the others are not.
type Watcher interface {
	// Begin says that a phase begins, and how much there is to do at each
	// provider: cards to read, or calls to make.
	Begin(phase Phase, shares []Share)
	// Read says how many of its share of cards a provider has read. Numbers may
	// come out of order.
	Read(provider spec.ProviderName, done int)
	// Costs says by which calls cards are read, once that is chosen: of all the
	// providers that share an account, whose rate is the same.
	Costs(reads []plan.Reads)
	// Throttled says that a provider's carrier refused a call because there were
	// too many. It must be quick.
	Throttled(provider spec.ProviderName, throttle providers.Throttle)
	// Started says that an action's turn has come.
	Started(card *plan.Card, action *plan.Action)
	// Finished says what became of an action, also of one that never started.
	Finished(result apply.Result)
	// Waits says for which calls a run waits that was told to stop a second ago:
	// they had left by then, and come to their end. It is called between Begin and
	// End, at most once.
	Waits(calls []Call)
	// End says that the phase is over, whether or not all of it was done.
	End(phase Phase)
	// Warn shows what is no reason to stop.
	Warn(diags spec.Diagnostics)
	// Kept says that reading was interrupted, and how many readings the state
	// has of it.
	Kept(readings int)
}

// Phase is a part of a run that takes long.
type Phase int

// The phases.
const (
	Reading  Phase = iota // cards are read
	Changing              // actions are carried out
)

// Share is what a phase has to do at one provider.
type Share struct {
	Provider spec.ProviderName
	Count    int
	Calls    int // to the carrier that the changes take at most; 0 of a reading, see [Watcher].Costs
}

// Call is an action whose call is under way.
type Call struct {
	Card   *plan.Card
	Action *plan.Action
}

// Nobody is a [Watcher] that looks away.
type Nobody struct{}

// Begin implements [Watcher].
func (Nobody) Begin(Phase, []Share) {}

// Read implements [Watcher].
func (Nobody) Read(spec.ProviderName, int) {}

// Costs implements [Watcher].
func (Nobody) Costs([]plan.Reads) {}

// Throttled implements [Watcher].
func (Nobody) Throttled(spec.ProviderName, providers.Throttle) {}

// Started implements [Watcher].
func (Nobody) Started(*plan.Card, *plan.Action) {}

// Finished implements [Watcher].
func (Nobody) Finished(apply.Result) {}

// Waits implements [Watcher].
func (Nobody) Waits([]Call) {}

// End implements [Watcher].
func (Nobody) End(Phase) {}

// Warn implements [Watcher].
func (Nobody) Warn(spec.Diagnostics) {}

// Kept implements [Watcher].
func (Nobody) Kept(int) {}
