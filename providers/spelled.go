package providers

import (
	"context"

	"github.com/cardfleet/cardfleet/spec"
)

// ReadSpelled reads a card as it is declared, and in another spelling, with its
// check digit or without, where the carrier doesn't find it so. What it returns
// is of the declared one; other is "" where there is no other.
func ReadSpelled(ctx context.Context, p Provider, card, other spec.ICCID, attrs spec.Attr) (spec.Reading, error) {
	reading, err := p.Read(ctx, card, attrs)
	if err != nil || other == "" || reading.Lifecycle != spec.NotFound {
		return reading, err
	}
	found, err := p.Read(ctx, other, attrs)
	if err != nil || found.Lifecycle == spec.NotFound {
		return reading, err
	}
	found.ICCID = card
	return found, nil
}
