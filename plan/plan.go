// Package plan turns what is wanted, what is remembered and what carriers
// report into a plan: the list of actions that bring the fleet to its declared
// state, in their order, guarded, ready to be printed, saved and applied.
//
// It is pure: no I/O, no clock, no context. Start reading at [Make], which is
// [Diff], then [Order], then [Guard]. A [Plan] is a value. Once it is made, only
// [Guard], [Review] and [CheckLimits] judge it anew, by the approvals and the
// accepted counts of the moment.
package plan

import (
	"time"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Plan is what would be done, and why. The zero value does nothing.
type Plan struct {
	Version   string    // of the program that made it
	Timestamp time.Time // when it was made
	Config    string    // the configuration's digest
	Lineage   string    // of the state it was made from; "" for a new one
	Serial    uint64

	// Cards are the cards with an action, an attention or a note, by address.
	Cards []Card
	// Numbers are the privacy numbers that need attention, by address.
	Numbers []Number
	// Total counts every card that is declared or managed, Unchanged those
	// that need nothing, Unread those whose carrier could not be asked at all,
	// and those that are left for a later run.
	Total, Unchanged, Unread int
	Totals                   []Total // by provider
	// Incomplete names the carriers that could not be read at all, and why.
	Incomplete []Incomplete
	// Limits are the policy's limits that the plan passes; apply refuses then.
	Limits []Exceeded
	// Checks are the configuration's checks, and which of them hold; apply refuses
	// where one fails that refuses.
	Checks []spec.Check
	// Policy is what the plan's guarded actions were judged by.
	Policy Policy
	// Carriers are the definitions of carriers that it was made with, by name; those of
	// the program aside. CarriersLeft are those of the last run that the configuration
	// no longer has.
	Carriers     []Definition
	CarriersLeft []string
	// Variables are those that were given on the command line, by name.
	Variables []Variable
	// Costs are the calls that applying takes, by provider.
	Costs []Cost
	// Windows are when actions of the plan may start that the fleet's windows hold.
	Windows []Timing
	// Money is what it adds and saves; nil where the configuration has no prices, or
	// no package changes.
	Money *Money
	// Reads is how the cards were read, by provider.
	Reads []Reads
	// Partial is the selection that the plan is narrowed to, as options; ""
	// for a plan of all cards. Skipped counts the cards that it leaves out.
	Partial string
	Skipped int
	// RefreshOnly plans no change: it shows drift, and apply takes it into the state.
	RefreshOnly bool
	// FirstRun is where a state was looked for, in vain; "" where there was one.
	FirstRun string
	// Origin is whose work it is, where CI tells it.
	Origin Origin
	// Zone is the fleet's time zone, by its IANA name, in which people are told times
	// besides UTC; "" for none.
	Zone string

	// summary is what was counted of a plan whose cards are read one by one, see
	// [Source]; nil for one that has its cards.
	summary *Summary
}

// Card is what the plan says of one card.
type Card struct {
	Address  string            `json:"address"`
	Provider spec.ProviderName `json:"provider"`
	ICCID    spec.ICCID        `json:"iccid"`
	MSISDN   string            `json:"msisdn,omitempty"` // as it is declared; of a card that left, as it was
	Labels   map[string]string `json:"labels,omitempty"`
	File     string            `json:"file,omitempty"` // that declares it: its table, or its configuration file; "" for a card that left
	Line     int               `json:"line,omitempty"` // of File: the card's row, or its block's header; 0 for a card that left

	Before    Values   `json:"before,omitzero"`
	After     Values   `json:"after,omitzero"`
	Actions   []Action `json:"actions,omitempty"` // in the order in which they run
	Attention []Note   `json:"attention,omitempty"`
	Drift     []Drift  `json:"drift,omitempty"` // what changed outside since it was last read
	Notes     []string `json:"notes,omitempty"` // worth knowing, nothing to do

	// Memory is what the state is to remember of the card once it is adopted,
	// and what it remembered when the plan was made otherwise.
	Memory state.Card `json:"memory,omitzero"`
	// Since is since when the card is as the state has it, as an approval names
	// it; zero for a card that is new to the state.
	Since time.Time `json:"since,omitzero"`
	// Account says how the provider block that a card moves to stands to the one
	// that it leaves.
	Account state.Whereabouts `json:"account,omitempty"`
	// Leaving reports that the configuration no longer has the card: once it
	// is unbound or stopped, it is forgotten.
	Leaving bool `json:"leaving,omitempty"`
}

// ID is the card's identity.
func (c *Card) ID() spec.CardID { return spec.CardID{Provider: c.Provider, ICCID: c.ICCID} }

// Clone is the card with lists of its own, for whoever keeps what a [Source]
// shows. Empty lists are nil.
func (c *Card) Clone() Card {
	own := *c
	own.Actions, own.Attention = cloned(c.Actions), cloned(c.Attention)
	own.Drift, own.Notes = cloned(c.Drift), cloned(c.Notes)
	return own
}

func cloned[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return append(make([]T, 0, len(list)), list...)
}

// Action is one step.
type Action struct {
	ID string `json:"id"` // "a1"; unique within the plan
	spec.Change
	Needs []string `json:"needs,omitempty"` // actions that must be done before
	// Key names the change to a carrier that takes an idempotency key.
	Key      string `json:"key,omitempty"`
	Guarded  bool   `json:"guarded"`
	Approved bool   `json:"approved"`
	// Required is how many approvals a guarded action needs; 0 for another.
	Required int `json:"required,omitempty"`
	// Approvals are those that count for a guarded action, even where they
	// aren't enough.
	Approvals []Approved `json:"approvals,omitempty"`
	// Denial says why an action that is guarded and not approved isn't.
	Denial string `json:"denial,omitempty"`
}

// Approved is one approval of an action: who gave it and why.
type Approved struct {
	By     string    `json:"by"` // the name of an approval block, a signer, or the option
	Reason string    `json:"reason,omitempty"`
	Until  time.Time `json:"until,omitzero"` // zero: it doesn't end
	// Fingerprint is that of a signer's key, for the history of what is carried out;
	// "" for another approval. A saved plan doesn't keep it: who signed is judged anew.
	Fingerprint string `json:"-"`
}

// Number is a privacy number that needs attention.
type Number struct {
	Address   string            `json:"address"`
	Provider  spec.ProviderName `json:"provider"`
	PoolKey   string            `json:"pool_key"`
	SubsID    string            `json:"subs_id"`
	Expected  string            `json:"expected,omitempty"`
	Number    string            `json:"number,omitempty"` // what was read; "" where there is none
	Status    int               `json:"status,omitempty"` // 0 where it could not be read
	Attention []Note            `json:"attention,omitempty"`
}

// Note is something that a person has to look at: a constant summary, and what
// is so, why, and what to do.
type Note struct {
	Summary string `json:"summary"`
	Detail  string `json:"detail"`
}

// Incomplete is a carrier that could not be read at all.
type Incomplete struct {
	Provider spec.ProviderName `json:"provider"`
	Reason   string            `json:"reason"`
	Cards    int               `json:"cards"` // how many of its cards are unread
}

// Total counts one provider's cards.
type Total struct {
	Provider spec.ProviderName `json:"provider"`
	Cards    int               `json:"cards"`   // declared or managed
	Managed  int               `json:"managed"` // in the state before
	// Left of those are no longer declared, nor named in a removed block.
	Left int `json:"left,omitempty"`
}

// Cost is what applying the plan costs at one carrier.
type Cost struct {
	Provider spec.ProviderName `json:"provider"`
	Calls    int               `json:"calls"`
	// PerSecond is the rate that the provider keeps to; 0 where it has none.
	PerSecond float64 `json:"requests_per_second,omitempty"`
	// PerDay and PerMonth are the account's quotas that the plan passes, with
	// the calls that reading took; 0 for none.
	PerDay   int `json:"passes_calls_per_day,omitempty"`
	PerMonth int `json:"passes_calls_per_month,omitempty"`
	// With are the other providers with costs that share the account, and so its
	// rate and its quotas.
	With []spec.ProviderName `json:"shares_account_with,omitempty"`
}

// Time is how long the calls take at the configured rate; 0 where none is configured.
func (c Cost) Time() time.Duration {
	if c.PerSecond <= 0 {
		return 0
	}
	return time.Duration(float64(c.Calls) / c.PerSecond * float64(time.Second))
}

// Summary is a plan's counts.
type Summary struct {
	Cards, Unchanged, Attention, Unread int
	Guarded, Approved, Drifted          int
	ByKind                              map[spec.Kind]KindCount
}

// KindCount counts the actions of one kind.
type KindCount struct{ Planned, Guarded, Approved int }

// Changes reports whether the plan has an action at all.
func (p *Plan) Changes() bool {
	if p.summary != nil {
		return len(p.summary.ByKind) > 0
	}
	for i := range p.Cards {
		if len(p.Cards[i].Actions) > 0 {
			return true
		}
	}
	return false
}

// Clean reports whether there is no difference, no drift, no weaker policy and
// nothing that needs attention: the exit code 0 of plan -detailed-exitcode.
func (p *Plan) Clean() bool {
	s := p.Summary()
	return !p.Changes() && s.Attention+s.Drifted+s.Unread == 0 && len(p.Incomplete)+len(p.Policy.Weaker) == 0
}
