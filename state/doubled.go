package state

import (
	"slices"

	"github.com/cardfleet/cardfleet/spec"
)

// A state of version 1 may have a card at several provider blocks. A card is
// one card, so one of its rows is to be kept.

// Settle adds to Cards, of each doubled card, the row whose provider block
// declares it; open are the rows of cards that several or none of their blocks
// declare, for a person to settle: cardfleet state rm PROVIDER/ICCID.
//
// Doubled stays as it is stored. So a commit has to put what was added, which
// ends the rows: its edits begin with [Snapshot.Settlement]. The row that is kept takes over the
// others' doubts: the calls were made to the same card.
func (s *Snapshot) Settle(declares func(spec.CardID) bool) (open []Card) {
	var settled []Card
	for _, rows := range s.doubledCards() {
		declared := slices.DeleteFunc(slices.Clone(rows), func(c Card) bool { return !declares(c.ID()) })
		if len(declared) != 1 {
			open = append(open, rows...)
			continue
		}
		kept := declared[0]
		for i := range rows {
			if rows[i].Provider != kept.Provider {
				kept.takeDoubts(&rows[i])
			}
		}
		settled = append(settled, kept)
	}
	if len(settled) > 0 {
		s.Cards = Edits{Put: settled}.merge(s.Cards)
	}
	return open
}

// Settlement is the edits that make what [Snapshot.Settle] added the only rows,
// and that move over what [Snapshot.Respell] wrote in another way.
func (s *Snapshot) Settlement() Edits {
	e := s.respelling()
	for _, iccid := range s.Strayed {
		if c := s.Card(iccid); c != nil && !slices.ContainsFunc(s.Respelled, func(r Respelled) bool { return r.New == iccid }) {
			e.Put = append(e.Put, *c)
		}
	}
	for _, rows := range s.doubledCards() {
		if c := s.Card(rows[0].ICCID); c != nil {
			e.Put = append(e.Put, *c)
		}
	}
	slices.SortFunc(e.Put, func(a, b Card) int { return a.ID().Compare(b.ID()) })
	return e
}

func (s *Snapshot) respelling() Edits {
	var e Edits
	for _, r := range s.Respelled {
		if c := s.Card(r.New); c != nil {
			e.Put, e.Drop = append(e.Put, *c), append(e.Drop, spec.CardID{Provider: c.Provider, ICCID: r.Old})
		}
	}
	slices.SortFunc(e.Drop, spec.CardID.Compare)
	return e
}

// doubledCards are the rows of Doubled by their card.
func (s *Snapshot) doubledCards() [][]Card {
	var cards [][]Card
	for rest := s.Doubled; len(rest) > 0; {
		n := slices.IndexFunc(rest, func(c Card) bool { return c.ICCID != rest[0].ICCID })
		if n < 0 {
			n = len(rest)
		}
		cards, rest = append(cards, rest[:n:n]), rest[n:]
	}
	return cards
}

// takeDoubts adds the other row's doubts that c hasn't.
func (c *Card) takeDoubts(other *Card) {
	doubts := slices.Clone(c.Doubts)
	for _, d := range other.Doubts {
		if !slices.ContainsFunc(doubts, func(o Doubt) bool { return o.Change == d.Change }) {
			doubts = append(doubts, d)
		}
	}
	c.Doubts = doubts
}

// Undouble sorts rows by ICCID and provider, and parts the cards that stand
// there once from the rows of those that stand there several times.
func Undouble(rows []Card) (cards, doubled []Card) {
	if !slices.IsSortedFunc(rows, func(a, b Card) int { return a.ID().Compare(b.ID()) }) {
		slices.SortFunc(rows, func(a, b Card) int { return a.ID().Compare(b.ID()) })
	}
	again := func(i int) bool { return i > 0 && i < len(rows) && rows[i-1].ICCID == rows[i].ICCID }
	twice := false
	for i := range rows {
		twice = twice || again(i)
	}
	if !twice {
		return rows, nil // as nearly always
	}
	for i := range rows {
		if again(i) || again(i+1) {
			doubled = append(doubled, rows[i])
		} else {
			cards = append(cards, rows[i])
		}
	}
	return cards, doubled
}

// Rows is a snapshot's cards with the rows of Doubled among them, by ICCID and
// provider: what [Undouble] takes apart.
func (s *Snapshot) Rows() []Card {
	if len(s.Doubled) == 0 {
		return s.Cards
	}
	rows := append(slices.Clone(s.Cards), s.Doubled...)
	slices.SortFunc(rows, func(a, b Card) int { return a.ID().Compare(b.ID()) })
	return rows
}
