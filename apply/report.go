package apply

import (
	"cmp"
	"slices"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Report is what became of a plan. It holds what the plan doesn't know, and reads
// the plan again for the rest.
type Report struct {
	// Broken is set where bookkeeping failed, so that the run started nothing more.
	Broken error
	// Unrecorded is of how many calls the journal has that they left, and not what
	// came of them, since it broke meanwhile. The cards have it.
	Unrecorded int

	plan    plan.Source
	ledger  ledger
	cards   touched
	settled []Result
	order   map[string]int
}

// Len is how many actions the report has.
func (r *Report) Len() int { return len(r.ledger.outcomes) + len(r.settled) }

// Count is how many actions have the outcome.
func (r *Report) Count(o Outcome) int {
	n := r.ledger.counts[o]
	if o == NotStarted {
		n += len(r.ledger.outcomes) - r.ledger.ended
	}
	for i := range r.settled {
		if r.settled[i].Outcome == o {
			n++
		}
	}
	return n
}

// Done is how many actions of a kind were done.
func (r *Report) Done(kind spec.Kind) int {
	n := r.ledger.kinds[kind]
	for i := range r.settled {
		if r.settled[i].Action.Kind == kind && r.settled[i].Outcome == Done {
			n++
		}
	}
	return n
}

// AsWanted reports whether there are actions, and nothing had to be done for any
// of them.
func (r *Report) AsWanted() bool {
	n := r.ledger.asWanted
	for i := range r.settled {
		if r.settled[i].AsWanted {
			n++
		}
	}
	return n > 0 && n == r.Len()
}

// Settle adds what isn't carried out of a saved plan to the report. order is the
// saved plan's order of actions, by their ids, which is the report's from then on.
func (r *Report) Settle(settled []Result, order map[string]int) { r.settled, r.order = settled, order }

// SettleAs adds what another report of the same plan has as settled.
func (r *Report) SettleAs(other *Report) { r.Settle(other.settled, other.order) }

// Each visits what became of each action, in the plan's order. A result is the
// visitor's until it returns, with its card and action.
func (r *Report) Each(visit func(*Result) error) error {
	if len(r.settled) == 0 {
		return r.each(visit)
	}
	all := make([]Result, 0, r.Len())
	err := r.each(func(result *Result) error {
		own := *result
		card := result.Card.Clone()
		at := slices.IndexFunc(card.Actions, func(a plan.Action) bool { return a.ID == result.Action.ID })
		own.Card, own.Action = &card, &card.Actions[at]
		all = append(all, own)
		return nil
	})
	if err != nil {
		return err
	}
	all = append(all, r.settled...)
	slices.SortStableFunc(all, func(a, b Result) int { return cmp.Compare(r.order[a.Action.ID], r.order[b.Action.ID]) })
	for i := range all {
		if err := visit(&all[i]); err != nil {
			return err
		}
	}
	return nil
}

// each is Each for what was carried out.
func (r *Report) each(visit func(*Result) error) error {
	if len(r.ledger.outcomes) == 0 {
		return nil // and no card need be read for that
	}
	number := 0
	return r.plan.Each(func(_ int, c *plan.Card) error {
		for j := range c.Actions {
			result := r.ledger.get(number)
			result.Card, result.Action = c, &c.Actions[j]
			number++
			if err := visit(&result); err != nil {
				return err
			}
		}
		return nil
	})
}

// Cards are the cards that aren't as the run found them, by ICCID.
func (r *Report) Cards() *Cards { return &Cards{t: &r.cards, order: r.cards.byICCID()} }

// Grown is how many cards more the state has than before; fewer where it is less
// than 0.
func (r *Report) Grown() int { return r.cards.grown }

// Edits are these cards as the edits of the state that the run started from.
func (r *Report) Edits() state.Edits {
	var e state.Edits
	for cards := r.Cards(); cards.Next(); {
		if card, kept := cards.Card(); kept {
			e.Put = append(e.Put, *card)
		} else {
			e.Drop = append(e.Drop, card.ID())
		}
	}
	return e
}

// Cards are read one after the other: see [Report.Cards].
type Cards struct {
	t     *touched
	order []int32
	at    int32 // the present card's number
}

// Next goes to the next card; the first call to the first.
func (c *Cards) Next() bool {
	if len(c.order) == 0 {
		return false
	}
	c.at, c.order = c.order[0], c.order[1:]
	return true
}

// Card is the present card as the run left it. Of one that is forgotten, kept is
// false, and no more is there than its identity. It is good until the next call.
func (c *Cards) Card() (card *state.Card, kept bool) {
	return c.t.memories.Card(number(c.at)), c.at > 0
}

// touched is what a run made of cards: most take some 75 bytes.
type touched struct {
	memories plan.Memories
	// at is where a card is kept, by its place among the plan's cards with actions:
	// 0 for one that is as it was, its number from 1 on, or less than 0 for one that
	// is forgotten.
	at    []int32
	grown int // how many cards are new to the state, less those that it forgets
}

// number is the number of a card in memories.
func number(at int32) int32 { return max(at, -at) - 1 }

// set keeps a card as it is now.
func (t *touched) set(n int32, c *state.Card, kept bool) {
	at := t.memories.Keep(c) + 1
	if !kept {
		at = -at
	}
	t.at[n] = at
}

// byICCID are the entries of at that say something.
func (t *touched) byICCID() []int32 {
	order := make([]int32, 0, len(t.at))
	for _, at := range t.at {
		if at != 0 {
			order = append(order, at)
		}
	}
	compare := func(a, b int32) int { return t.memories.Compare(number(a), number(b)) }
	if !slices.IsSortedFunc(order, compare) {
		slices.SortStableFunc(order, compare)
	}
	return order
}
