package apply

import (
	"cmp"
	"slices"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// News is what readings and the configuration say of cards that the state
// remembers. Both are by ICCID. The zero value says nothing.
type News struct {
	Wanted       []spec.Card
	Live         []spec.Reading // that were made now
	Capabilities map[spec.ProviderName]spec.Capabilities
}

// Of finds what is said of a card; nil for nothing.
func (n *News) Of(iccid spec.ICCID) (wanted *spec.Card, live *spec.Reading) {
	i, declared := slices.BinarySearchFunc(n.Wanted, iccid, func(c spec.Card, iccid spec.ICCID) int { return cmp.Compare(c.ICCID, iccid) })
	if declared {
		wanted = &n.Wanted[i]
	}
	j, read := slices.BinarySearchFunc(n.Live, iccid, func(r spec.Reading, iccid spec.ICCID) int { return cmp.Compare(r.ICCID, iccid) })
	if read {
		live = &n.Live[j]
	}
	return wanted, live
}

// Walk is Of for cards of ascending ICCIDs, in one pass.
func (n *News) Walk() func(iccid spec.ICCID) (wanted *spec.Card, live *spec.Reading) {
	cards, readings := n.Wanted, n.Live
	return func(iccid spec.ICCID) (wanted *spec.Card, live *spec.Reading) {
		for len(cards) > 0 && cards[0].ICCID < iccid {
			cards = cards[1:]
		}
		if len(cards) > 0 && cards[0].ICCID == iccid {
			wanted = &cards[0]
		}
		for len(readings) > 0 && readings[0].ICCID < iccid {
			readings = readings[1:]
		}
		if len(readings) > 0 && readings[0].ICCID == iccid {
			live = &readings[0]
		}
		return wanted, live
	}
}

// Take is the card that the state remembers with what is said of it taken over: the
// last reading, the address, the labels, prevent_unbind, and doubts that a reading settles. It
// changes no binding but by what a carrier reports. A reading that was made at the
// provider block that the card is to move to is left to the action that moves it.
func (n *News) Take(memory *state.Card, wanted *spec.Card, live *spec.Reading) state.Card {
	c := *memory
	if live != nil && live.Provider == c.Provider {
		able := n.Capabilities[live.Provider]
		c, _ = c.SettleDoubts(*live, &able)
		c.TakeReading(*live)
	}
	if wanted != nil {
		c.Address, c.PreventUnbind, c.MSISDN, c.Labels = wanted.Address(), wanted.PreventUnbind, wanted.MSISDN, wanted.Labels
	}
	return c
}

// Refresh takes readings and the configuration's word into what the state
// remembers, as [News.Take] does. What it returns are the edits to prior, which
// stays as it is. Readings are by ICCID.
func Refresh(prior *state.Snapshot, fleet *spec.Fleet, live []spec.Reading, caps map[spec.ProviderName]spec.Capabilities) state.Edits {
	var e state.Edits
	if prior == nil {
		return e
	}
	news := News{Wanted: fleet.Cards, Live: live, Capabilities: caps}
	of := news.Walk()
	for i := range prior.Cards {
		memory := &prior.Cards[i]
		wanted, live := of(memory.ICCID)
		if c := news.Take(memory, wanted, live); !c.Equal(memory) {
			e.Put = append(e.Put, c)
		}
	}
	return prior.Settlement().Then(e)
}

// MemoryIn is [Options].Memory for a state that is held whole, with edits that are
// to be made to it.
func MemoryIn(prior *state.Snapshot, refreshed state.Edits) func(place int, c *plan.Card) *state.Card {
	return func(_ int, c *plan.Card) *state.Card {
		if now, named := refreshed.Card(c.ICCID); named {
			return now
		}
		return prior.Card(c.ICCID)
	}
}
