package apply

import (
	"slices"

	"github.com/cardfleet/cardfleet/plan"
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
			c.Address, c.PreventUnbind, c.MSISDN = wanted[0].Address(), wanted[0].PreventUnbind, wanted[0].MSISDN
		}
		if !c.Equal(memory) {
			e.Put = append(e.Put, c)
		}
	}
	return prior.Settlement().Then(e)
}

// remember takes the cards of the plan that have actions as the state has them,
// and returns the place of each of the plan's cards among them.
func (r *run) remember() (places []int32) {
	planned := r.o.Plan.Cards
	var acting []int32
	for i := range planned {
		if len(planned[i].Actions) > 0 {
			acting = append(acting, int32(i))
		}
	}
	slices.SortStableFunc(acting, func(a, b int32) int { return planned[a].ID().Compare(planned[b].ID()) })
	places = make([]int32, len(planned))
	r.cards, r.known = make([]state.Card, 0, len(acting)), make([]bool, 0, len(acting))
	for k, i := range acting {
		if k == 0 || planned[acting[k-1]].ID() != planned[i].ID() {
			c, known := r.o.startingCard(&planned[i])
			r.cards, r.known = append(r.cards, c), append(r.known, known)
		}
		places[i] = int32(len(r.cards) - 1)
	}
	return places
}

// startingCard is what the state remembers of the card, at the provider block
// that the plan has it at unless the plan moves it; not known where it is still
// to be adopted.
func (o *Options) startingCard(c *plan.Card) (_ state.Card, known bool) {
	before, named := o.Refreshed.Card(c.ICCID)
	if !named {
		before = o.Prior.Card(c.ICCID)
	}
	if before == nil {
		return state.Card{Provider: c.Provider, ICCID: c.ICCID}, false
	}
	start := *before
	if !moves(c) {
		start.Provider = c.Provider
	}
	return start, true
}

// card is what the state has of a step's card by now; nil for nothing.
func (r *run) card(s *step) *state.Card {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.known[s.place] {
		return nil
	}
	c := r.cards[s.place]
	return &c
}

// setCard has the state remember a step's card so; nil forgets it.
func (r *run) setCard(s *step, c *state.Card) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known[s.place] = c != nil; c == nil {
		c = &state.Card{Provider: s.card.Provider, ICCID: s.card.ICCID}
	}
	r.cards[s.place] = *c
}

// edits is what the run makes of the state that it started from: what was read
// before, and the cards of the plan as they are now, whose list it takes.
func (r *run) edits() state.Edits {
	e := state.Edits{Put: r.cards[:0]}
	for i := range r.cards {
		if r.known[i] {
			e.Put = append(e.Put, r.cards[i])
		} else {
			e.Drop = append(e.Drop, r.cards[i].ID())
		}
	}
	clear(r.cards[len(e.Put):])
	r.cards = nil
	return r.o.Refreshed.Then(e)
}
