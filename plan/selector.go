package plan

import (
	"strings"

	"github.com/cardfleet/cardfleet/plan/signers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// selector looks cards up in a selection. Names without * and ? are found at
// once, however many there are.
type selector struct {
	Selection
	targets, excludes names
}

func newSelector(s Selection) selector {
	return selector{s, newNames(s.Targets), newNames(s.Excludes)}
}

// names are globs over addresses and ICCIDs, sorted by how they are looked up.
type names struct {
	count   int
	whole   map[string]bool             // those without * and ?
	iccids  map[spec.ICCID][]spec.ICCID // of these, by ICCID without a check digit
	pattern []string                    // the others
}

func newNames(globs []string) names {
	n := names{count: len(globs), whole: map[string]bool{}, iccids: map[spec.ICCID][]spec.ICCID{}}
	for _, glob := range globs {
		switch {
		case strings.ContainsAny(glob, "*?"):
			n.pattern = append(n.pattern, glob)
		case !n.whole[glob]:
			n.whole[glob] = true
			iccid := spec.ICCID(glob)
			n.iccids[iccid.Stem()] = append(n.iccids[iccid.Stem()], iccid)
		}
	}
	return n
}

// each hands on the globs that name a card, until it is told to stop; those
// with * and ? only where skip doesn't know them.
func (n *names) each(address string, iccid spec.ICCID, skip map[string]bool, yield func(glob string) bool) {
	if n.whole[address] && !yield(address) {
		return
	}
	for i := range len(address) { // a block's address stands for each card of it
		if address[i] == '[' && n.whole[address[:i]] && !yield(address[:i]) {
			return
		}
	}
	for _, other := range n.iccids[iccid.Stem()] {
		if other.SameCard(iccid) && !yield(string(other)) {
			return
		}
	}
	for _, glob := range n.pattern {
		if !skip[glob] && named(glob, address, iccid) && !yield(glob) {
			return
		}
	}
}

func (n *names) has(address string, iccid spec.ICCID) (found bool) {
	n.each(address, iccid, nil, func(string) bool { found = true; return false })
	return found
}

// LabelsMatch reports whether labels have each of those that are wanted, whose
// values may be globs.
func LabelsMatch(wanted, labels map[string]string) bool {
	for k, glob := range wanted {
		if v, ok := labels[k]; !ok || !signers.Matches(glob, v) {
			return false
		}
	}
	return true
}

// has reports whether the options select a card, whatever Cards says.
func (s *selector) has(address string, iccid spec.ICCID, labels map[string]string) bool {
	if !LabelsMatch(s.Labels, labels) {
		return false
	}
	return (s.targets.count == 0 || s.targets.has(address, iccid)) && !s.excludes.has(address, iccid)
}

// card reports whether the options select a card. wanted is nil for a card that
// left the configuration, memory for one that is new to the state.
func (s *selector) card(wanted *spec.Card, memory *state.Card) bool {
	switch {
	case !s.Partial():
		return true // without the cost of an address
	case (s.Retry != "" || s.Cards != nil) && !s.Cards[idOf(wanted, memory).ICCID]:
		return false
	case wanted != nil:
		return s.has(wanted.Address(), wanted.ICCID, wanted.Labels)
	default:
		return s.has(memory.Address, memory.ICCID, memory.Labels)
	}
}

// found are the targets that name a card or a number.
func (s *selector) found(fleet *spec.Fleet, prior *state.Snapshot) map[string]bool {
	found := make(map[string]bool, s.targets.count)
	look := func(address string, iccid spec.ICCID) {
		s.targets.each(address, iccid, found, func(glob string) bool { found[glob] = true; return true })
	}
	for i := range fleet.Numbers {
		look(fleet.Numbers[i].Address(), "")
	}
	merge(fleet, prior, func(wanted *spec.Card, memory *state.Card) {
		if wanted != nil {
			look(wanted.Address(), wanted.ICCID)
			return
		}
		look(memory.Address, memory.ICCID)
	})
	return found
}
