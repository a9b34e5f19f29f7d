package state

import (
	"fmt"
	"maps"
	"slices"

	"github.com/cardfleet/cardfleet/spec"
)

// Edits are what a commit changes. The zero value changes nothing.
type Edits struct {
	// Put are the cards that are new, or aren't as they were, by ICCID. A card
	// that is put stands at its provider block, and nowhere else any more.
	Put []Card `json:"put,omitempty"`
	// Drop are the cards that are no longer managed, by ICCID, and not in Put.
	// The provider is for messages; a card that wasn't managed is no error.
	Drop []spec.CardID `json:"drop,omitempty"`
	// Fleet takes the place of [Snapshot.Fleet]; nil leaves it.
	Fleet *Fleet `json:"fleet,omitempty"`
	// Doubled takes the place of [Snapshot.Doubled]; nil leaves it, but for the
	// rows of cards that are put or dropped.
	Doubled *[]Card `json:"doubled,omitempty"`
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
		if err := CheckID(id); err != nil {
			return err
		}
		if i > 0 && e.Drop[i-1].ICCID >= id.ICCID {
			return fmt.Errorf("card %s of %s is dropped out of order, or twice", id.ICCID, id.Provider)
		}
		if _, put := find(e.Put, id.ICCID); put {
			return fmt.Errorf("card %s of %s is put and dropped at once", id.ICCID, id.Provider)
		}
	}
	return e.checkDoubled()
}

func (e Edits) checkDoubled() error {
	if e.Doubled == nil {
		return nil
	}
	if err := CheckDoubled(*e.Doubled); err != nil {
		return err
	}
	for i := range *e.Doubled {
		c := &(*e.Doubled)[i]
		if _, named := e.Card(c.ICCID); named {
			return fmt.Errorf("card %s is put or dropped, and kept at several provider blocks at once", c.ICCID)
		}
	}
	return nil
}

// CheckNext refuses a card that can't follow the cards before it: a snapshot
// and its edits list each card once, in order.
func CheckNext(before []Card, c *Card) error {
	if err := CheckID(c.ID()); err != nil {
		return err
	}
	if len(before) == 0 {
		return nil
	}
	switch last := &before[len(before)-1]; {
	case last.ICCID == c.ICCID:
		return fmt.Errorf("card %s is listed twice, of %s and of %s", c.ICCID, last.Provider, c.Provider)
	case last.ICCID > c.ICCID:
		return fmt.Errorf("card %s of %s stands behind card %s of %s: cards are sorted by ICCID", c.ICCID, c.Provider, last.ICCID, last.Provider)
	}
	return nil
}

// CheckDoubled refuses rows that aren't those of [Snapshot.Doubled].
func CheckDoubled(rows []Card) error {
	for i := range rows {
		if err := CheckID(rows[i].ID()); err != nil {
			return err
		}
		if i > 0 && rows[i-1].ID().Compare(rows[i].ID()) >= 0 {
			return fmt.Errorf("card %s of %s stands out of order among the cards with several rows, or twice", rows[i].ICCID, rows[i].Provider)
		}
		before := i > 0 && rows[i-1].ICCID == rows[i].ICCID
		after := i+1 < len(rows) && rows[i+1].ICCID == rows[i].ICCID
		if !before && !after {
			return fmt.Errorf("card %s of %s stands alone among the cards with several rows", rows[i].ICCID, rows[i].Provider)
		}
	}
	return nil
}

// CheckID refuses what names no card: it has a provider, and an ICCID as
// [spec.ParseICCID] writes it.
func CheckID(id spec.CardID) error {
	if id.Provider == "" {
		return fmt.Errorf("card %s has no provider", id.ICCID)
	}
	iccid, err := spec.ParseICCID(string(id.ICCID))
	if err != nil {
		return fmt.Errorf("a card of %s has no proper ICCID: %w", id.Provider, err)
	}
	if iccid != id.ICCID {
		return fmt.Errorf("ICCID %s is written in another way than %s", id.ICCID, iccid)
	}
	return nil
}

// Difference is the edits that make after of before, whatever their lineage and
// serial. It walks the cards of both once, side by side.
func Difference(before, after *Snapshot) Edits {
	e := difference(before.Cards, after.Cards)
	if !before.Fleet.Equal(&after.Fleet) {
		fleet := after.Fleet
		e.Fleet = &fleet
	}
	if !slices.EqualFunc(before.Doubled, after.Doubled, func(a, b Card) bool { return a.Equal(&b) }) {
		e.Doubled = rowsOf(after.Doubled)
		e.Drop = slices.DeleteFunc(e.Drop, func(id spec.CardID) bool { _, doubled := find(after.Doubled, id.ICCID); return doubled })
	}
	return e
}

// rowsOf is what [Edits.Doubled] is for these rows. No rows are a list too, in
// memory and on disk.
func rowsOf(rows []Card) *[]Card {
	list := append([]Card{}, rows...)
	return &list
}

func difference(before, after []Card) Edits {
	var e Edits
	for len(before) > 0 && len(after) > 0 {
		switch {
		case after[0].ICCID < before[0].ICCID:
			e.Put = append(e.Put, after[0])
			after = after[1:]
		case after[0].ICCID > before[0].ICCID:
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

// Onto makes the edits to the snapshot, whose lineage and serial stay. Where no
// card comes or goes, they are made in its list of cards, which costs no more
// than the edits; else in a new list.
func (e Edits) Onto(s *Snapshot) {
	if e.sameCards(s) {
		for i := range e.Put {
			at, _ := s.Find(e.Put[i].ICCID)
			s.Cards[at] = e.Put[i]
		}
	} else {
		s.Cards = e.merge(s.Cards)
	}
	s.Doubled = e.DoubledOf(s)
	if e.Fleet != nil {
		s.Fleet = *e.Fleet
	}
}

// sameCards reports whether the edits only change cards that s has.
func (e Edits) sameCards(s *Snapshot) bool {
	for i := range e.Put {
		if _, ok := s.Find(e.Put[i].ICCID); !ok {
			return false
		}
	}
	if e.Doubled != nil && len(*e.Doubled) > 0 {
		return false
	}
	return !slices.ContainsFunc(e.Drop, func(id spec.CardID) bool { _, ok := s.Find(id.ICCID); return ok })
}

// merge is a new list; nil for none.
func (e Edits) merge(old []Card) []Card {
	out := make([]Card, 0, e.mergedLen(old))
	put, drop := e.Put, e.Drop
	for i := range old {
		iccid := old[i].ICCID
		for len(put) > 0 && put[0].ICCID < iccid {
			out, put = append(out, put[0]), put[1:]
		}
		for len(drop) > 0 && drop[0].ICCID < iccid {
			drop = drop[1:]
		}
		switch {
		case len(put) > 0 && put[0].ICCID == iccid:
			out, put = append(out, put[0]), put[1:]
		case len(drop) > 0 && drop[0].ICCID == iccid:
		case e.doubles(iccid):
		default:
			out = append(out, old[i])
		}
	}
	if out = append(out, put...); len(out) == 0 {
		return nil
	}
	return out
}

// mergedLen is how long the list is at most that merge makes: of a million cards
// that are all put, room for a second million would be 300 MiB.
func (e Edits) mergedLen(old []Card) int {
	n, put := len(old)+len(e.Put), e.Put
	for i := range old {
		for len(put) > 0 && put[0].ICCID < old[i].ICCID {
			put = put[1:]
		}
		if len(put) > 0 && put[0].ICCID == old[i].ICCID {
			n--
		}
	}
	return n
}

// doubles reports whether the edits keep the card at several provider blocks.
func (e Edits) doubles(iccid spec.ICCID) bool {
	if e.Doubled == nil {
		return false
	}
	_, doubled := find(*e.Doubled, iccid)
	return doubled
}

// DoubledOf is what the edits leave of the snapshot's doubled rows.
func (e Edits) DoubledOf(s *Snapshot) []Card {
	if e.Doubled != nil {
		return append([]Card(nil), *e.Doubled...)
	}
	return without(s.Doubled, func(c Card) bool { _, named := e.Card(c.ICCID); return named })
}

func (e Edits) nothing() bool { return e.Len() == 0 && e.Fleet == nil && e.Doubled == nil }

// Then is the edits that have the effect of e and, after them, of later.
func (e Edits) Then(later Edits) Edits {
	if later.nothing() {
		return e
	}
	if e.nothing() {
		return later
	}
	out := Edits{Put: later.merge(e.Put), Fleet: later.Fleet, Doubled: later.Doubled}
	if out.Fleet == nil {
		out.Fleet = e.Fleet
	}
	if out.Doubled == nil && e.Doubled != nil {
		out.Doubled = rowsOf(later.DoubledOf(&Snapshot{Doubled: *e.Doubled}))
	}
	dropped := append(slices.Clone(later.Drop), e.Drop...)
	if e.Doubled != nil && later.Doubled != nil {
		for i := range *e.Doubled { // those that later leaves out are no cards before e either
			dropped = append(dropped, (*e.Doubled)[i].ID())
		}
	}
	slices.SortFunc(dropped, spec.CardID.Compare)
	for _, id := range slices.CompactFunc(dropped, func(a, b spec.CardID) bool { return a.ICCID == b.ICCID }) {
		if _, put := find(later.Put, id.ICCID); !put && !later.doubles(id.ICCID) {
			out.Drop = append(out.Drop, id)
		}
	}
	return out
}

// Card is the card as the edits leave it, where they name it; nil where they drop it.
func (e Edits) Card(iccid spec.ICCID) (c *Card, named bool) {
	if i, put := find(e.Put, iccid); put {
		return &e.Put[i], true
	}
	_, dropped := slices.BinarySearchFunc(e.Drop, iccid, func(id spec.CardID, iccid spec.ICCID) int {
		return id.Compare(spec.CardID{Provider: id.Provider, ICCID: iccid})
	})
	return nil, dropped
}

// Count is how many rows s has with the edits made: its cards, and those of
// [Snapshot.Doubled].
func (e Edits) Count(s *Snapshot) int {
	n := len(s.Cards) + len(e.DoubledOf(s))
	for i := range e.Put {
		if _, ok := s.Find(e.Put[i].ICCID); !ok {
			n++
		}
	}
	for _, id := range e.Drop {
		if _, ok := s.Find(id.ICCID); ok {
			n--
		}
	}
	if e.Doubled != nil {
		n -= e.countMoved(s)
	}
	return n
}

// countMoved counts the cards of s that the edits make rows of Doubled.
func (e Edits) countMoved(s *Snapshot) int {
	n := 0
	for i := range *e.Doubled {
		if i > 0 && (*e.Doubled)[i-1].ICCID == (*e.Doubled)[i].ICCID {
			continue
		}
		if _, ok := s.Find((*e.Doubled)[i].ICCID); ok {
			n++
		}
	}
	return n
}

// Next is the snapshot that committing the edits to s makes, with lists of its
// own, so that s stays as it is. lineage is taken where s has none.
func (e Edits) Next(s *Snapshot, lineage string) *Snapshot {
	next := &Snapshot{Lineage: s.Lineage, Serial: s.Serial + 1, Workers: s.Workers, Cards: e.merge(s.Cards), Doubled: e.DoubledOf(s), Fleet: s.Fleet}
	if next.Lineage == "" {
		next.Lineage = lineage
	}
	if e.Fleet != nil {
		next.Fleet = *e.Fleet
	}
	return next
}

// Equal reports whether two cards are kept alike. A test sees to it that no
// field is forgotten.
func (c *Card) Equal(o *Card) bool {
	return c.Provider == o.Provider && c.ICCID == o.ICCID && c.Address == o.Address &&
		c.Binding == o.Binding && c.PreventUnbind == o.PreventUnbind &&
		c.Changed.Equal(o.Changed) && c.Since.Equal(o.Since) && c.Last.equal(&o.Last) &&
		c.MSISDN == o.MSISDN && maps.Equal(c.Labels, o.Labels) && maps.Equal(c.CarrierIDs, o.CarrierIDs) &&
		slices.EqualFunc(c.Recent, o.Recent, func(a, b Change) bool {
			return a.Change == b.Change && a.At.Equal(b.At) && a.CarrierAt.Equal(b.CarrierAt) && a.Accepted == b.Accepted
		}) &&
		slices.EqualFunc(c.Doubts, o.Doubts, func(a, b Doubt) bool {
			since := a.Since.Equal(b.Since) && a.CarrierSince.Equal(b.CarrierSince)
			a.Since, a.CarrierSince = b.Since, b.CarrierSince
			return since && a == b
		})
}

func (l *Last) equal(o *Last) bool {
	return l.At.Equal(o.At) && l.Status == o.Status && l.Lifecycle == o.Lifecycle && l.Reason == o.Reason && l.ForDevice == o.ForDevice &&
		l.Has == o.Has && l.IMEI == o.IMEI && slices.Equal(l.Packages, o.Packages)
}
