package providers

import (
	"context"

	"github.com/cardfleet/cardfleet/spec"
)

// Preparer is a provider that has to look something up of a card before it can read
// it, and can do so for many cards at once.
type Preparer interface {
	// Prepare looks up what reading the cards will take. What it can't get is looked
	// up card by card as they are read, and shows then.
	Prepare(ctx context.Context, cards []spec.ICCID)
}

// prepare has the cards looked up that no list told. Calls that are rationed are
// counted card by card, so that each card then looks up its own.
func (r *reader) prepare(ctx context.Context) {
	p, ok := r.provider.(Preparer)
	if !ok || r.options.MostCalls > 0 {
		return
	}
	var cards []spec.ICCID
	for i := range r.wants {
		if r.readings[i].ICCID == "" {
			cards = append(cards, r.wants[i].ICCID)
		}
	}
	if len(cards) > 1 {
		p.Prepare(ctx, cards)
	}
}
