package state

import (
	"slices"

	"github.com/cardfleet/cardfleet/spec"
)

// One card may be written with its check digit or without it: 20 characters, or
// the first 19 of them. The state has a card as it was declared when it was last
// committed, and the configuration may write it the other way by now.

// Respelled is a card that the state has in one spelling, and the configuration
// declares in another.
type Respelled struct{ Old, New spec.ICCID }

// Respell writes the cards as they are declared: in memory, as Settle does, so
// that whoever joins cards by ICCID needs to know of nothing. A commit has to
// begin with [Snapshot.Settlement], which moves them over.
//
// declared are the ICCIDs of the configuration, ascending; released are those
// that are to be forgotten anyway. open are cards of which nobody can tell which
// one is meant, for a person to settle: the state has two that may be the one
// that is declared, or the configuration has two that may be the one of the state.
func (s *Snapshot) Respell(declared func(yield func(spec.ICCID) bool), released func(spec.ICCID) bool) (open []spec.ICCID) {
	groups := spellings{declared: declared, cards: s.Cards, released: released}
	groups.find()
	for _, r := range groups.respelled {
		i, _ := s.Find(r.Old)
		s.Cards[i] = s.Cards[i].spelled(r.New)
	}
	if len(groups.respelled) > 0 {
		slices.SortFunc(s.Cards, func(a, b Card) int { return a.ID().Compare(b.ID()) })
	}
	s.Respelled = groups.respelled
	return groups.open
}

// spelled is the card in another spelling. The carrier may know it in the one
// that it had, so that is kept.
func (c *Card) spelled(iccid spec.ICCID) Card {
	out := *c
	ids := map[string]string{SpellingID: string(c.ICCID)}
	for name, id := range c.CarrierIDs {
		if name != SpellingID {
			ids[name] = id
		}
	}
	out.ICCID, out.CarrierIDs = iccid, ids
	return out
}

// SpellingID is the name, in [Card.CarrierIDs], of the spelling that the ICCID
// had before: a carrier that doesn't find the card in the declared one may know
// it in that.
const SpellingID = "iccid"

// OtherSpelling is the spelling that the card's ICCID had before; "" for none.
func (c *Card) OtherSpelling() spec.ICCID {
	if c == nil {
		return ""
	}
	return spec.ICCID(c.CarrierIDs[SpellingID])
}

// spellings compares the spellings of declared cards and those of the state,
// in one walk over both.
type spellings struct {
	declared func(yield func(spec.ICCID) bool)
	cards    []Card
	released func(spec.ICCID) bool

	at        int // the first card not passed yet
	respelled []Respelled
	open      []spec.ICCID
}

func (g *spellings) find() {
	var wanted []spec.ICCID // of one stem
	for iccid := range g.declared {
		if len(wanted) > 0 && wanted[0].Stem() != iccid.Stem() {
			g.group(wanted)
			wanted = wanted[:0]
		}
		if len(wanted) == 0 || wanted[len(wanted)-1] != iccid {
			wanted = append(wanted, iccid)
		}
	}
	if len(wanted) > 0 {
		g.group(wanted)
	}
}

// group looks at the declared cards of one stem.
func (g *spellings) group(wanted []spec.ICCID) {
	stem := wanted[0].Stem()
	for g.at < len(g.cards) && g.cards[g.at].ICCID.Stem() < stem {
		g.at++
	}
	from := g.at
	for g.at < len(g.cards) && g.cards[g.at].ICCID.Stem() == stem {
		g.at++
	}
	rows := g.cards[from:g.at]
	if len(rows) == 0 || len(rows) == 1 && len(wanted) == 1 && rows[0].ICCID == wanted[0] {
		return // as nearly always
	}
	g.compare(wanted, rows)
}

// compare pairs the one card of the state that isn't declared as it is written
// with the one that it may be.
func (g *spellings) compare(wanted []spec.ICCID, rows []Card) {
	var left []spec.ICCID // of the state
	var meant []spec.ICCID
	for i := range rows {
		old := rows[i].ICCID
		if slices.Contains(wanted, old) || g.released(old) {
			continue
		}
		may := slices.DeleteFunc(slices.Clone(wanted), func(iccid spec.ICCID) bool { return !iccid.SameCard(old) })
		if len(may) > 0 {
			left, meant = append(left, old), append(meant, may...)
		}
	}
	if len(left) == 0 {
		return
	}
	_, taken := find(rows, meant[0])
	if len(left) == 1 && len(meant) == 1 && !taken {
		g.respelled = append(g.respelled, Respelled{left[0], meant[0]})
		return
	}
	g.open = append(g.open, left...)
	for _, iccid := range meant {
		if _, known := find(rows, iccid); known && !slices.Contains(g.open, iccid) {
			g.open = append(g.open, iccid)
		}
	}
}
