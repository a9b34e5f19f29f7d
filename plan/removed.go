package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// removedCards finds the entries of removed blocks by the ICCIDs that the state
// has: an entry in another spelling, with its check digit or without it, is the
// same card. The mistakes are entries that may be two cards of the state.
func removedCards(fleet *spec.Fleet, prior *state.Snapshot) (map[spec.ICCID]*spec.Removed, spec.Diagnostics) {
	removed := make(map[spec.ICCID]*spec.Removed, len(fleet.Removed))
	for i := range fleet.Removed {
		removed[fleet.Removed[i].ICCID] = &fleet.Removed[i]
	}
	var diags spec.Diagnostics
	for i := range fleet.Removed {
		r := &fleet.Removed[i]
		if prior.Card(r.ICCID) != nil {
			continue // as it is written, whatever looks like it
		}
		may := slices.DeleteFunc(prior.Alike(r.ICCID), func(c state.Card) bool {
			return removed[c.ICCID] != nil || declared(fleet, c.ICCID) != nil
		})
		switch len(may) {
		case 0:
		case 1:
			removed[may[0].ICCID] = r
		default:
			diags = append(diags, severalRemoved(r, may))
		}
	}
	return removed, diags
}

func severalRemoved(r *spec.Removed, may []state.Card) spec.Diagnostic {
	names := make([]string, 0, len(may))
	for i := range may {
		names = append(names, fmt.Sprintf("%s (%s)", may[i].ICCID, may[i].Address))
	}
	place := r.Source
	return spec.Diagnostic{
		Summary: "Which card is removed?", Subject: &place,
		Detail: fmt.Sprintf("%s agrees in 19 characters with %d cards of the state: %s. Write those that are meant as the state has them.",
			r.ICCID, len(may), strings.Join(names, " and ")),
	}
}
