// Package providers is what the program knows of any carrier: the [Provider]
// interface, an [Error] that says what happened to the card, and reading many
// cards at once within a carrier's limits.
//
// Each carrier lives in a package of its own below this one. A provider never
// sees a plan or the state: it reads one card, or makes one change.
package providers

import (
	"context"
	"net/http"
	"time"

	"github.com/cardfleet/cardfleet/providers/internal/carrierhttp"
	"github.com/cardfleet/cardfleet/spec"
)

// Provider is one configured carrier account. It is used by many goroutines,
// and keeps to its account's limits by itself.
type Provider interface {
	// Capabilities never calls the carrier.
	Capabilities() spec.Capabilities
	// Read asks for the card's status and for the attributes in attrs that
	// the provider can read. A card that the carrier doesn't know is a reading
	// with lifecycle NotFound, not an error. Reading changes nothing, and is
	// repeated within where it fails for a passing reason.
	Read(ctx context.Context, card spec.ICCID, attrs spec.Attr) (spec.Reading, error)
	// Do makes one change. It never sends the changing call again once that
	// may have had an effect: it then returns an [*Error] with EffectUnknown,
	// and the caller decides by looking. "Already in that state" is done.
	//
	// Where ctx ends before the changing call has left, it isn't sent, however
	// long it was to wait: the error has EffectNone and the cause Stopped. Once it
	// has left, it comes to its end whatever becomes of ctx.
	Do(ctx context.Context, change Change) (Receipt, error)
}

// Clocked is a provider that knows its carrier's clock.
type Clocked interface {
	// CarrierTime is the time of a moment by the carrier's clock; zero while no
	// answer told it.
	CarrierTime(at time.Time) time.Time
}

// CarrierTime is the time of a moment by the clock of the provider's carrier; zero
// where nobody knows it.
func CarrierTime(p Provider, at time.Time) time.Time {
	if clocked, ok := p.(Clocked); ok {
		return clocked.CarrierTime(at)
	}
	return time.Time{}
}

// Described is a provider that goes by a definition, which somebody may have got
// wrong.
type Described interface{ Described() bool }

// NumberReader is a provider that can read privacy numbers.
type NumberReader interface {
	ReadNumber(ctx context.Context, number *spec.PrivacyNumber) (spec.NumberReading, error)
}

// Lister is a provider that can list its account's cards.
type Lister interface {
	// List calls yield with each card once, in no order, with what the list
	// tells of it; an error from yield ends it. What a list doesn't tell
	// (packages, often the status) is left out of Has.
	List(ctx context.Context, yield func(spec.Reading) error) error
}

// Pager is a [Lister] that lists by pages, any of which can be asked for.
type Pager interface {
	// Page is the list's page of that number, from 1 on.
	Page(ctx context.Context, number int) (Page, error)
}

// Page is a page of a list. The last one may have fewer cards than the others;
// one beyond it has none.
type Page struct {
	// Cards are what the list tells of each; see [Lister].
	Cards []spec.Reading
	Total int // cards on all pages; below 0 where the carrier doesn't say
}

// Completer is a [Pager] or a [Follower] that can ask for just what a list doesn't tell.
type Completer interface {
	// Complete adds to what a list told of a card those of attrs that it didn't
	// tell and that [spec.Capabilities].AfterList has.
	Complete(ctx context.Context, listed spec.Reading, attrs spec.Attr) (spec.Reading, error)
}

// Change is one change of one card.
type Change struct {
	spec.Change
	ICCID spec.ICCID
	// Key names this change for a carrier that takes an idempotency key: at
	// most 32 characters of 0-9 and a-f, the same for each attempt.
	Key string
	// Ticket is what the carrier gave an earlier run that sent this change: it is
	// waited for, and not sent. "" sends it.
	Ticket string
	// Accepted, where set, is told the ticket of a change that the carrier has
	// accepted and not yet made, before it is waited for; "" of a carrier that gives
	// none. It returns once that is durable.
	Accepted func(ctx context.Context, ticket string) error
}

// Receipt is the carrier's answer to a change that is done.
type Receipt struct {
	RequestID string
	// Already reports that the card was in the wanted state before.
	Already bool
	// Accepted reports that the carrier makes the change in its own time, and that
	// nothing says how long that may take.
	Accepted bool
}

// Type is a kind of provider: what its block may say, and how to open one.
type Type struct {
	Schema spec.Schema
	// Facts says where the provider's facts come from, in a word or two.
	Facts string
	// Open makes a provider from a block's settings. It makes no call. Settings
	// that don't fit give diagnostics with their places.
	Open func(config spec.ProviderConfig, env Env) (Provider, spec.Diagnostics)
}

// Accounts are the carriers' accounts of a run. Provider blocks of one account
// share its limits; the zero value is ready to use.
type Accounts = carrierhttp.Accounts

// Env is what a provider takes from the world around it. Its zero value is not
// usable: every field is needed, but for Accounts, Gate, Throttled, Provider and
// Observer.
type Env struct {
	Getenv func(name string) string
	Now    func() time.Time
	// Sleep waits, or returns the context's error.
	Sleep func(ctx context.Context, d time.Duration) error
	// Random fills p with random bytes, for nonces and jitter.
	Random func(p []byte)
	// Transport carries the requests. Of an [http.Transport] the settings count,
	// its proxies among them; direct connections are then held by the providers.
	Transport http.RoundTripper
	// Version of the program, for the User-Agent header.
	Version string
	// Accounts is what the run's other providers have too. Without it a provider
	// shares its account with none.
	Accounts *Accounts
	// Gate is asked at the last moment before a call that changes something
	// leaves, and before each repetition, after every wait: an error says that it
	// may not, which makes it one with EffectNone and the cause Stopped. It may
	// wait. nil lets every call leave.
	Gate func(ctx context.Context) error
	// Throttled is told of each call that the carrier refused because there were
	// too many, by many goroutines at once. It must be quick. nil is nobody.
	Throttled func(Throttle)
	// Provider is the block that is opened, for the observer.
	Provider spec.ProviderName
	// Observer looks on at each request. nil is nobody, and costs nothing.
	Observer Observer
}

// Throttle is a call that the carrier refused because there were too many. It
// had no effect, and is repeated, though not for ever.
type Throttle struct {
	// PerSecond is the rate that the account keeps to from now on, and Full the one
	// that it recovers to, step by step; 0 for none.
	PerSecond, Full float64
	Err             error // the carrier's words
}
