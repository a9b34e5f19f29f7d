package state

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/spec"
)

// Edits are what a commit changes. Both lists are by provider and ICCID, and
// no card is in both. The zero value changes nothing.
type Edits struct {
	Put  []Card        `json:"put,omitempty"`  // cards that are new, or aren't as they were
	Drop []spec.CardID `json:"drop,omitempty"` // cards that are no longer managed; one that wasn't is no error
}

// Len is how many cards the edits name.
func (e Edits) Len() int { return len(e.Put) + len(e.Drop) }

// Check refuses edits that nothing could read back.
func (e Edits) Check() error {
	for i := range e.Put {
		if err := CheckNext(e.Put[:i], &e.Put[i]); err != nil {
			return err
		}
	}
	for i, id := range e.Drop {
		if err := checkID(id); err != nil {
			return err
		}
		if i > 0 && e.Drop[i-1].Compare(id) >= 0 {
			return fmt.Errorf("card %s of %s is dropped out of order, or twice", id.ICCID, id.Provider)
		}
		if _, put := (&Snapshot{Cards: e.Put}).Find(id); put {
			return fmt.Errorf("card %s of %s is put and dropped at once", id.ICCID, id.Provider)
		}
	}
	return nil
}

// CheckNext refuses a card that can't follow the cards before it: the snapshot
// and its edits list each card once, in order.
func CheckNext(before []Card, c *Card) error {
	if err := checkID(c.ID()); err != nil {
		return err
	}
	if len(before) == 0 {
		return nil
	}
	switch last := &before[len(before)-1]; last.ID().Compare(c.ID()) {
	case 0:
		return fmt.Errorf("card %s of %s is listed twice", c.ICCID, c.Provider)
	case 1:
		return fmt.Errorf("card %s of %s stands behind card %s of %s: cards are sorted by provider and ICCID", c.ICCID, c.Provider, last.ICCID, last.Provider)
	}
	return nil
}

func checkID(id spec.CardID) error {
	if id.Provider == "" {
		return fmt.Errorf("card %s has no provider", id.ICCID)
	}
	_, err := spec.ParseICCID(string(id.ICCID))
	if err != nil {
		return fmt.Errorf("a card of %s has no proper ICCID: %w", id.Provider, err)
	}
	if strings.ToUpper(string(id.ICCID)) != string(id.ICCID) { // the filler F of states that the version before wrote stays
		return fmt.Errorf("ICCID %s is written in lower case", id.ICCID)
	}
	return nil
}

// Difference is the edits that make after of before. Both are by provider and
// ICCID; it walks them once, side by side.
func Difference(before, after []Card) Edits {
	var e Edits
	for len(before) > 0 && len(after) > 0 {
		switch order := after[0].ID().Compare(before[0].ID()); {
		case order < 0:
			e.Put = append(e.Put, after[0])
			after = after[1:]
		case order > 0:
			e.Drop = append(e.Drop, before[0].ID())
			before = before[1:]
		default:
			if !after[0].Equal(&before[0]) {
				e.Put = append(e.Put, after[0])
			}
			before, after = before[1:], after[1:]
		}
	}
	e.Put = append(e.Put, after...)
	for i := range before {
		e.Drop = append(e.Drop, before[i].ID())
	}
	return e
}

// Onto returns the cards with the edits made. Where no card comes or goes, they
// are made in place, which costs no more than the edits; else in a new list.
func (e Edits) Onto(cards []Card) []Card {
	s := Snapshot{Cards: cards}
	if !e.sameCards(&s) {
		return e.Merge(cards)
	}
	for i := range e.Put {
		at, _ := s.Find(e.Put[i].ID())
		cards[at] = e.Put[i]
	}
	return cards
}

// sameCards reports whether the edits only change cards that s has.
func (e Edits) sameCards(s *Snapshot) bool {
	for i := range e.Put {
		if _, ok := s.Find(e.Put[i].ID()); !ok {
			return false
		}
	}
	return !slices.ContainsFunc(e.Drop, func(id spec.CardID) bool { _, ok := s.Find(id); return ok })
}

// Merge is the cards with the edits made, in a list of its own; nil for none.
func (e Edits) Merge(old []Card) []Card {
	out := make([]Card, 0, len(old)+len(e.Put))
	put, drop := e.Put, e.Drop
	for i := range old {
		id := old[i].ID()
		for len(put) > 0 && put[0].ID().Compare(id) < 0 {
			out, put = append(out, put[0]), put[1:]
		}
		for len(drop) > 0 && drop[0].Compare(id) < 0 {
			drop = drop[1:]
		}
		switch {
		case len(put) > 0 && put[0].ID() == id:
			out, put = append(out, put[0]), put[1:]
		case len(drop) > 0 && drop[0] == id:
		default:
			out = append(out, old[i])
		}
	}
	if out = append(out, put...); len(out) == 0 {
		return nil
	}
	return out
}

// Then is the edits that have the effect of e and, after them, of later.
func (e Edits) Then(later Edits) Edits {
	if later.Len() == 0 {
		return e
	}
	out := Edits{Put: later.Merge(e.Put)}
	dropped := append(slices.Clone(later.Drop), e.Drop...)
	slices.SortFunc(dropped, spec.CardID.Compare)
	for _, id := range slices.Compact(dropped) {
		if _, put := (&Snapshot{Cards: later.Put}).Find(id); !put {
			out.Drop = append(out.Drop, id)
		}
	}
	return out
}

// Card is the card as the edits leave it, where they name it; nil where they drop it.
func (e Edits) Card(id spec.CardID) (c *Card, named bool) {
	if c := (&Snapshot{Cards: e.Put}).Card(id); c != nil {
		return c, true
	}
	_, dropped := slices.BinarySearchFunc(e.Drop, id, spec.CardID.Compare)
	return nil, dropped
}

// Count is how many cards s has with the edits made.
func (e Edits) Count(s *Snapshot) int {
	n := len(s.Cards)
	for i := range e.Put {
		if _, ok := s.Find(e.Put[i].ID()); !ok {
			n++
		}
	}
	for _, id := range e.Drop {
		if _, ok := s.Find(id); ok {
			n--
		}
	}
	return n
}

// Next is the snapshot that committing the edits to s makes, in a list of its
// own, so that s stays as it is. lineage is taken where s has none.
func (e Edits) Next(s *Snapshot, lineage string) *Snapshot {
	next := &Snapshot{Lineage: s.Lineage, Serial: s.Serial + 1, Cards: e.Merge(s.Cards)}
	if next.Lineage == "" {
		next.Lineage = lineage
	}
	return next
}

// Equal reports whether two cards are kept alike. A test sees to it that no
// field is forgotten.
func (c *Card) Equal(o *Card) bool {
	return c.Provider == o.Provider && c.ICCID == o.ICCID && c.Address == o.Address &&
		c.Binding == o.Binding && c.PreventUnbind == o.PreventUnbind &&
		c.Changed.Equal(o.Changed) && c.Last.equal(&o.Last) &&
		slices.EqualFunc(c.Recent, o.Recent, func(a, b Change) bool {
			return a.Change == b.Change && a.At.Equal(b.At)
		}) &&
		slices.EqualFunc(c.Doubts, o.Doubts, func(a, b Doubt) bool {
			since := a.Since.Equal(b.Since)
			a.Since = b.Since
			return since && a == b
		})
}

func (l *Last) equal(o *Last) bool {
	return l.At.Equal(o.At) && l.Status == o.Status && l.Lifecycle == o.Lifecycle && l.Reason == o.Reason &&
		l.Has == o.Has && l.IMEI == o.IMEI && slices.Equal(l.Packages, o.Packages)
}
