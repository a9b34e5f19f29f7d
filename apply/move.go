package apply

import (
	"fmt"
	"slices"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// moves reports whether the plan takes the card to another provider block.
func moves(c *plan.Card) bool {
	return slices.ContainsFunc(c.Actions, func(a plan.Action) bool { return a.Kind == spec.Move })
}

// moved is the card at the provider block that it moves to, with what the plan
// read of it there; stale says why the state no longer allows the move.
func (r *run) moved(s *step, memory *state.Card) (moved *state.Card, stale string) {
	switch {
	case memory == nil:
		return nil, "the state no longer has the card"
	case string(memory.Provider) != s.action.From:
		return nil, fmt.Sprintf("the state has the card at %s by now", memory.Provider)
	}
	card := *memory
	card.MoveTo(spec.ProviderName(s.action.To), s.card.Account)
	card.Address = s.card.Address
	reading := s.card.Memory.Reading()
	if p := r.o.Providers[s.card.Provider]; p != nil {
		able := p.Capabilities()
		card, _ = card.SettleDoubts(reading, &able)
	}
	card.TakeReading(reading)
	return &card, ""
}
