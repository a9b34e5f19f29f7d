package apply

import (
	"slices"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Refresh takes readings and the configuration's word into what the state
// remembers: the last reading, the address, prevent_unbind, and doubts that a
// reading settles. It changes no card's binding but by what a carrier reports,
// and returns a new snapshot. Readings are by provider and ICCID.
func Refresh(prior *state.Snapshot, fleet *spec.Fleet, live []spec.Reading, caps map[spec.ProviderName]spec.Capabilities) *state.Snapshot {
	if prior == nil {
		return &state.Snapshot{}
	}
	next := *prior
	next.Cards = slices.Clone(prior.Cards)
	wanted, read := 0, 0
	for i := range next.Cards {
		c := &next.Cards[i]
		for read < len(live) && live[read].ID().Compare(c.ID()) < 0 {
			read++
		}
		if read < len(live) && live[read].ID() == c.ID() {
			*c, _ = c.SettleDoubts(live[read], caps[c.Provider].Settle)
			c.TakeReading(live[read])
		}
		for wanted < len(fleet.Cards) && fleet.Cards[wanted].ID().Compare(c.ID()) < 0 {
			wanted++
		}
		if wanted < len(fleet.Cards) && fleet.Cards[wanted].ID() == c.ID() {
			c.Address, c.PreventUnbind = fleet.Cards[wanted].Address(), fleet.Cards[wanted].PreventUnbind
		}
	}
	return &next
}

// snapshot is the state after the run: the prior one with the cards of the
// plan as they are now.
func (r *run) snapshot() *state.Snapshot {
	next := &state.Snapshot{}
	if r.o.Prior != nil {
		*next = *r.o.Prior
	}
	cards := make([]state.Card, 0, len(next.Cards)+len(r.cards))
	for id, c := range r.cards {
		if c != nil && r.o.Prior.Card(id) == nil {
			cards = append(cards, *c)
		}
	}
	for i := range next.Cards {
		c, touched := r.cards[next.Cards[i].ID()]
		switch {
		case !touched:
			cards = append(cards, next.Cards[i])
		case c != nil:
			cards = append(cards, *c)
		}
	}
	next.Cards = cards
	slices.SortFunc(next.Cards, func(a, b state.Card) int { return a.ID().Compare(b.ID()) })
	return next
}
