package plan

import (
	"cmp"
	"time"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Input is all that a plan is made from.
type Input struct {
	Fleet *spec.Fleet
	// Prior is the state; nil is the state of a fleet that was never applied.
	Prior *state.Snapshot
	// Live are the readings, by ICCID. A card that isn't in it, or
	// whose reading has no time, was not asked for: only what the state
	// remembers is known of it.
	Live []spec.Reading
	// Numbers are the readings of the fleet's privacy numbers, in their order;
	// nil where they were not asked for.
	Numbers []spec.NumberReading
	// Incomplete are the carriers that could not be read at all.
	Incomplete []Incomplete
	// Reads is how the cards were read, by provider.
	Reads []Reads

	Capabilities map[spec.ProviderName]spec.Capabilities
	// Accounts are those that the provider blocks stand for.
	Accounts map[spec.ProviderName]spec.Account
	// Paces are how many calls the providers may make, for what the plan costs.
	Paces       map[spec.ProviderName]spec.Pace
	Approvals   Approvals
	Accepted    map[spec.Kind]int // -accept-count
	Select      Selection
	RefreshOnly bool
	// FirstRun is where a state was looked for, in vain; "" where there is one.
	FirstRun string
	// Lost says that the fleet had a state, which isn't there: what is adopted on
	// trust then is limited as removals are.
	Lost    bool
	Now     time.Time
	Version string
	// saved says that a saved plan is held against all this: a mistake at a card
	// is why nothing comes out for it.
	saved bool
}

// Make is the whole way from what is wanted and known to a plan. The
// diagnostics are mistakes in the configuration that only show against the
// state: an unbind of a card that prevents it, a cycle of swaps that can't run.
// With an error among them the plan is nil.
func Make(in Input) (*Plan, spec.Diagnostics) {
	if diags := in.Select.unmatched(in.Fleet, in.Prior); diags.HasErrors() {
		return nil, diags
	}
	p, diags := Diff(in)
	diags = append(diags, Order(p, in)...)
	if diags.HasErrors() {
		diags.Sort()
		return nil, diags
	}
	giveKeys(p, in.Prior)
	Guard(p, in.Fleet, in.Prior, in.Approvals, in.Now)
	diags = append(diags, unneeded(p, in)...)
	p.judgeLimits(in)
	p.Reads = in.Reads
	p.Costs = costs(p, in.Capabilities, in.Paces)
	return p, diags
}

// Target is a card to be read, with the attributes that are needed of it.
type Target struct {
	ID    spec.CardID
	Other spec.ICCID // another spelling that the carrier may know it in; "" for none
	Attrs spec.Attr
}

// Targets lists the cards that a plan needs read, by ICCID: of
// those selected, all that are declared, and all that are managed and won't
// simply be forgotten.
func Targets(fleet *spec.Fleet, prior *state.Snapshot, selected Selection) []Target {
	targets := make([]Target, 0, len(fleet.Cards))
	removed, _ := removedCards(fleet, prior) // its mistakes come out with the plan
	merge(fleet, prior, func(wanted *spec.Card, memory *state.Card) {
		switch {
		case !selected.card(wanted, memory):
		case wanted != nil:
			targets = append(targets, Target{wanted.ID(), memory.OtherSpelling(), wanted.Wants()})
		case removed[memory.ICCID] != nil || fleet.Policy.OnRemove == spec.Forget:
		case fleet.Provider(memory.Provider) != nil:
			targets = append(targets, Target{memory.ID(), memory.OtherSpelling(), spec.AttrBinding | spec.AttrActive})
		}
	})
	return targets
}

// merge walks the declared and the managed cards in their common order. Of the
// two given to visit, one may be nil.
func merge(fleet *spec.Fleet, prior *state.Snapshot, visit func(*spec.Card, *state.Card)) {
	var managed []state.Card
	if prior != nil {
		managed = prior.Cards
	}
	i, j := 0, 0
	for i < len(fleet.Cards) || j < len(managed) {
		order := 0
		switch {
		case i == len(fleet.Cards):
			order = 1
		case j == len(managed):
			order = -1
		default:
			order = cmp.Compare(fleet.Cards[i].ICCID, managed[j].ICCID)
		}
		switch {
		case order < 0:
			visit(&fleet.Cards[i], nil)
			i++
		case order > 0:
			visit(nil, &managed[j])
			j++
		default:
			visit(&fleet.Cards[i], &managed[j])
			i++
			j++
		}
	}
}
