package apply

import (
	"maps"
	"slices"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Refresh takes readings and the configuration's word into what the state
// remembers: the last reading, the address, prevent_unbind, and doubts that a
// reading settles. It changes no card's binding but by what a carrier reports.
// What it returns are the edits to prior, which stays as it is. Readings are by
// ICCID. One that was made at the provider block that a card is to move to is
// left to the action that moves it.
func Refresh(prior *state.Snapshot, fleet *spec.Fleet, live []spec.Reading, caps map[spec.ProviderName]spec.Capabilities) state.Edits {
	var e state.Edits
	if prior == nil {
		return e
	}
	wanted := fleet.Cards
	for i := range prior.Cards {
		memory := &prior.Cards[i]
		c := *memory
		for len(live) > 0 && live[0].ICCID < c.ICCID {
			live = live[1:]
		}
		if len(live) > 0 && live[0].ICCID == c.ICCID && live[0].Provider == c.Provider {
			c, _ = c.SettleDoubts(live[0], caps[live[0].Provider].Settle)
			c.TakeReading(live[0])
		}
		for len(wanted) > 0 && wanted[0].ICCID < c.ICCID {
			wanted = wanted[1:]
		}
		if len(wanted) > 0 && wanted[0].ICCID == c.ICCID {
			c.Address, c.PreventUnbind = wanted[0].Address(), wanted[0].PreventUnbind
		}
		if !c.Equal(memory) {
			e.Put = append(e.Put, c)
		}
	}
	return prior.Settlement().Then(e)
}

// edits is what the run makes of the state that it started from: what was read
// before, and the cards of the plan as they are now.
func (r *run) edits() state.Edits {
	e := state.Edits{Put: make([]state.Card, 0, len(r.cards))}
	for _, id := range slices.SortedFunc(maps.Keys(r.cards), spec.CardID.Compare) {
		if c := r.cards[id]; c != nil {
			e.Put = append(e.Put, *c)
		} else {
			e.Drop = append(e.Drop, id)
		}
	}
	return r.o.Refreshed.Then(e)
}
