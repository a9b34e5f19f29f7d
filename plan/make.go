package plan

import (
	"time"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Input is all that a plan is made from.
type Input struct {
	Fleet *spec.Fleet
	// Prior is the state; nil is the state of a fleet that was never applied.
	Prior *state.Snapshot
	// Rows are the cards of Prior where it hasn't them itself: see [state.Rows]. It
	// takes no blocks that name cards of the state, and no targets.
	Rows func(visit func(*state.Card) error) error
	// Live are the readings, by ICCID. A card that isn't in it, or
	// whose reading has no time, was not asked for: only what the state
	// remembers is known of it.
	Live []spec.Reading
	// Remembered says that what the state has of a card stands in for a reading
	// that isn't in Live.
	Remembered bool
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
	Origin  Origin // whose work the plan is, where CI tells it
	// saved says that a saved plan is held against all this: a mistake at a card
	// is why nothing comes out for it.
	saved bool
}

// Make is the whole way from what is wanted and known to a plan. The
// diagnostics are mistakes in the configuration that only show against the
// state: an unbind of a card that prevents it, a cycle of swaps that can't run.
// With an error among them the plan is nil. [NewDraft] makes the same plan, to be
// read card by card.
func Make(in Input) (*Plan, spec.Diagnostics) {
	d, diags, err := NewDraft(in)
	if err != nil {
		panic(err) // only reading a state card by card can fail
	}
	if d == nil {
		return nil, diags
	}
	return d.value(), diags
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
	selects := newSelector(selected)
	merge(fleet, prior, func(wanted *spec.Card, memory *state.Card) {
		switch {
		case !selects.card(wanted, memory):
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
	m := merging{cards: fleet.Cards, visit: func(i, j int) {
		var wanted *spec.Card
		var memory *state.Card
		if i >= 0 {
			wanted = &fleet.Cards[i]
		}
		if j >= 0 {
			memory = &managed[j]
		}
		visit(wanted, memory)
	}}
	for j := range managed {
		m.managed(j, managed[j].ICCID)
	}
	m.end()
}

// prior visits the cards of the state by ICCID, with their places.
func (in *Input) prior(visit func(j int, c *state.Card) error) error {
	if in.Rows != nil {
		j := -1
		return in.Rows(func(c *state.Card) error {
			j++
			return visit(j, c)
		})
	}
	if in.Prior == nil {
		return nil
	}
	for j := range in.Prior.Cards {
		if err := visit(j, &in.Prior.Cards[j]); err != nil {
			return err
		}
	}
	return nil
}

// merging takes the managed cards one after the other, and walks the declared
// cards along with them. Of the places given to visit, one may be -1.
type merging struct {
	cards []spec.Card
	visit func(i, j int)
	next  int // the first declared card not passed yet
}

// respelled reports whether a card of the state may be declared in another
// spelling: with its check digit, or without it.
func (m *merging) respelled(iccid spec.ICCID) bool {
	for m.next < len(m.cards) && m.cards[m.next].ICCID < iccid {
		m.visit(m.next, -1)
		m.next++
	}
	if m.next < len(m.cards) && m.cards[m.next].ICCID == iccid {
		return false // as nearly always
	}
	stem := iccid.Stem() // cards that begin with it stand next to each other
	for i := m.next; i < len(m.cards) && m.cards[i].ICCID.Stem() == stem; i++ {
		if m.cards[i].ICCID.SameCard(iccid) {
			return true
		}
	}
	for i := m.next - 1; i >= 0 && m.cards[i].ICCID.Stem() == stem; i-- {
		if m.cards[i].ICCID.SameCard(iccid) {
			return true
		}
	}
	return false
}

// managed takes the managed card at a place.
func (m *merging) managed(j int, iccid spec.ICCID) {
	for m.next < len(m.cards) && m.cards[m.next].ICCID < iccid {
		m.visit(m.next, -1)
		m.next++
	}
	if m.next < len(m.cards) && m.cards[m.next].ICCID == iccid {
		m.visit(m.next, j)
		m.next++
		return
	}
	m.visit(-1, j)
}

// end walks the declared cards that are left.
func (m *merging) end() {
	for ; m.next < len(m.cards); m.next++ {
		m.visit(m.next, -1)
	}
}
