package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/spec"
)

// stranded are the cards of a provider block that is gone from the configuration,
// with none of its blocks to declare them. It takes one look of a person to
// settle them all, so they are one attention: at the first of them by address.
type stranded struct {
	cards int
	named []Card // the first by address, at most samplesStranded
}

const samplesStranded = 3

// strand counts a card to those of its provider block that is gone. No carrier
// can be asked for it.
func (d *Draft) strand(p *pair) {
	s := d.stranded[p.card.Provider]
	if s == nil {
		s = &stranded{}
		if d.stranded == nil {
			d.stranded = map[spec.ProviderName]*stranded{}
		}
		d.stranded[p.card.Provider] = s
	}
	if s.cards++; s.cards > 1 {
		d.head.Unread++
	}
	p.live = spec.Reading{Provider: p.card.Provider, ICCID: p.card.ICCID}
	p.address()
	p.fillValues()
	at, _ := slices.BinarySearchFunc(s.named, p.card.Address, func(c Card, address string) int { return cmp.Compare(c.Address, address) })
	if s.named = slices.Insert(s.named, at, p.card.Clone()); len(s.named) > samplesStranded {
		s.named = s.named[:samplesStranded]
	}
}

// tellStranded puts the stranded cards into the plan.
func (d *Draft) tellStranded() {
	for _, provider := range slices.Sorted(maps.Keys(d.stranded)) {
		s := d.stranded[provider]
		first := s.named[0]
		first.Attention = []Note{{"Provider is gone", s.detail(provider)}}
		r := ref{wanted: -1, memory: -1, live: -1, held: int32(len(d.held))}
		if d.saved != nil {
			r.live = d.saved.find(first.ICCID)
		}
		d.refs = append(d.refs, r)
		d.held = append(d.held, &first)
		d.count(&first, nil)
	}
}

func (s *stranded) detail(provider spec.ProviderName) string {
	names := make([]string, 0, len(s.named))
	for i := range s.named {
		names = append(names, s.named[i].Address)
	}
	of := strings.Join(names, ", ")
	if more := s.cards - len(s.named); more > 0 {
		of += fmt.Sprintf(" and %d more", more)
	}
	many, them := "1 card", "it"
	if s.cards > 1 {
		many, them = fmt.Sprintf("%d cards", s.cards), "them"
	}
	return fmt.Sprintf("The state has %s of provider %s (%s), which no card block declares, and the configuration has no such provider block any more. Nothing is done to %s.\n"+
		"Put the provider block back; or declare %s at the block that took its place, where the state's memory goes along; or name %s in a removed block, to stop managing %s. cardfleet state list '%s/*' shows %s.",
		many, provider, of, them, them, them, them, provider, them)
}
