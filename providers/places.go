package providers

import (
	"sync"

	"github.com/cardfleet/cardfleet/spec"
)

// places finds wanted cards by the ICCIDs of a carrier's list, which may lack the
// check digit that a configuration has.
type places struct {
	exact map[spec.ICCID]int
	// stems are the cards of 20 digits by their first 19, which most lists never ask
	// for; -1 where several share them.
	stems func() map[spec.ICCID]int
}

func newPlaces(wants []Want) *places {
	p := &places{exact: make(map[spec.ICCID]int, len(wants))}
	for i := range wants {
		p.exact[wants[i].ICCID] = i
	}
	p.stems = sync.OnceValue(func() map[spec.ICCID]int {
		stems := map[spec.ICCID]int{}
		for i := range wants {
			iccid := wants[i].ICCID
			if stem := iccid.Stem(); stem != iccid {
				if _, shared := stems[stem]; shared {
					i = -1
				}
				stems[stem] = i
			}
		}
		return stems
	})
	return p
}

// of is the place of the card that a list calls so. A card that is wanted under
// these very digits has them; else it is the one whose check digit the list leaves
// out, where that is one alone.
func (p *places) of(listed spec.ICCID) (i int, wanted bool) {
	if i, wanted = p.exact[listed]; wanted {
		return i, true
	}
	if listed.Stem() != listed {
		return 0, false
	}
	i, wanted = p.stems()[listed]
	return i, wanted && i >= 0
}
