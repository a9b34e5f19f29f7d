package run

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// change changes the state by hand, under its lock, and the history with it: the
// events that the change returns are there once it is committed. committed says whether the change is in the state: also where the
// error is that the lock stayed.
func (s Store) change(ctx context.Context, operation string, change func(next *state.Snapshot, r *state.Run) ([]*state.Event, error)) (committed bool, err error) {
	held, unlock, err := s.Hold(ctx, operation, state.Patience{})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(OrLeaseLost(held, err), unlock()) }()
	prior, err := s.Backend.Read(held)
	if err != nil {
		return false, err
	}
	next := *prior
	next.Cards = slices.Clone(prior.Cards)
	r := s.newRun(operation)
	events, err := change(&next, r)
	if err == nil {
		err = s.write(held, pending(r, events)...)
	}
	if err != nil {
		return false, err
	}
	if err := state.CommitAll(held, s.Backend, prior, &next); err != nil {
		return false, err
	}
	return true, nil
}

// Read reads the state for a plan of the fleet. A card that an older state has
// at several provider blocks is at the block that declares it; where several or
// none of them do, the error is a [Refusal] that names them. A card that is
// declared in another spelling than the state has is in the declared one; where
// it can't be told which card is meant, the error is a [Refusal] too.
func (s Store) Read(ctx context.Context, fleet *spec.Fleet) (*state.Snapshot, error) {
	snap, err := s.Backend.Read(ctx)
	if err != nil {
		return snap, err
	}
	if len(snap.Doubled) > 0 {
		if open := snap.Settle(func(row spec.CardID) bool { return declares(fleet, row) }); len(open) > 0 {
			r := &Refusal{Reason: SeveralRows, Card: open[0].ICCID}
			for i := range open {
				r.Rows = append(r.Rows, open[i].ID())
			}
			return nil, r
		}
	}
	return snap, respell(snap, fleet)
}

// declares reports whether the fleet has the card at that provider block, in
// whichever spelling.
func declares(fleet *spec.Fleet, row spec.CardID) bool {
	at, _ := slices.BinarySearchFunc(fleet.Cards, row.ICCID, func(c spec.Card, iccid spec.ICCID) int { return cmp.Compare(c.ICCID, iccid) })
	for _, c := range fleet.Cards[max(0, at-1):min(at+1, len(fleet.Cards))] {
		if c.ICCID.SameCard(row.ICCID) && c.Provider == row.Provider {
			return true
		}
	}
	return false
}

func respell(snap *state.Snapshot, fleet *spec.Fleet) error {
	declared := func(yield func(spec.ICCID) bool) {
		for i := range fleet.Cards {
			if !yield(fleet.Cards[i].ICCID) {
				return
			}
		}
	}
	released := func(iccid spec.ICCID) bool {
		_, named := slices.BinarySearchFunc(fleet.Removed, iccid, func(r spec.Removed, iccid spec.ICCID) int { return cmp.Compare(r.ICCID, iccid) })
		return named
	}
	open := snap.Respell(declared, released)
	if len(open) == 0 {
		return nil
	}
	r := &Refusal{Reason: SeveralSpellings, Card: open[0]}
	for _, iccid := range open {
		id := spec.CardID{ICCID: iccid}
		if c := snap.Card(iccid); c != nil {
			id = c.ID()
		}
		r.Rows = append(r.Rows, id)
	}
	return r
}

// Forget drops cards from the state, without touching the cards themselves.
// They are named as [Names] has it, and each name has to name some. A card
// without a provider is dropped wherever it stands. What it returns are the rows
// that are no longer there, by ICCID and provider; none where nothing was
// committed.
func (s Store) Forget(ctx context.Context, names []string) ([]state.Card, error) {
	var dropped []state.Card
	committed, err := s.change(ctx, "state rm", func(next *state.Snapshot, r *state.Run) ([]*state.Event, error) {
		rows := next.Rows()
		var err error
		if dropped, err = NamesOf(rows).All(names, notInState); err != nil {
			return nil, err
		}
		events := make([]*state.Event, 0, len(dropped))
		for i := range dropped {
			events = append(events, forgotten(r, &dropped[i]))
		}
		gone := func(c state.Card) bool {
			_, found := slices.BinarySearchFunc(dropped, c.ID(), func(d state.Card, id spec.CardID) int { return d.ID().Compare(id) })
			return found
		}
		next.Cards, next.Doubled = state.Undouble(slices.DeleteFunc(slices.Clone(rows), gone))
		return events, nil
	})
	if !committed {
		return nil, err
	}
	return dropped, err
}

// Resolve takes a person's word for a card's binding, and ends its doubts. A
// doubt that isn't about the binding needs no word, which is the zero Binding:
// readings tell what became of it. Of several cards that are named, those are
// settled of which something is in doubt; a device is said of one card alone.
// What it returns are the cards that are settled, as they are now; none where
// nothing was committed.
func (s Store) Resolve(ctx context.Context, name string, binding state.Binding) ([]state.Card, error) {
	var settled []state.Card
	committed, err := s.change(ctx, "resolve", func(next *state.Snapshot, r *state.Run) ([]*state.Event, error) {
		cards, err := doubtful(next, name, binding.IMEI != "")
		if err != nil {
			return nil, err
		}
		var events []*state.Event
		for _, c := range cards {
			before := *c
			if err := settle(c, binding); err != nil {
				return nil, err
			}
			settled = append(settled, *c)
			events = append(events, resolved(r, &before, c))
		}
		return events, nil
	})
	if !committed {
		return nil, err
	}
	return settled, err
}

// doubtful are the named cards of which something is in doubt. one says that
// the name has to be of one card.
func doubtful(s *state.Snapshot, name string, one bool) ([]*state.Card, error) {
	rows, err := NamesOf(s.Rows()).All([]string{name}, notInState)
	if err != nil {
		return nil, err
	}
	var cards []*state.Card
	for i := range rows {
		c := s.Card(rows[i].ICCID)
		switch {
		case c == nil:
			return nil, &Refusal{Reason: SeveralRows, Card: rows[i].ICCID, Rows: rowsOf(s.Doubled, rows[i].ICCID)}
		case one && len(rows) > 1:
			return nil, &Refusal{Reason: SeveralNamed, Name: name, Rows: idsOf(rows)}
		case len(c.Doubts) > 0:
			cards = append(cards, c)
		}
	}
	if len(cards) == 0 {
		return nil, &Refusal{Reason: NothingInDoubt, Name: name}
	}
	return cards, nil
}

func rowsOf(doubled []state.Card, iccid spec.ICCID) []spec.CardID {
	return idsOf(slices.DeleteFunc(slices.Clone(doubled), func(c state.Card) bool { return c.ICCID != iccid }))
}

// Likely are the cards of which a change of the device was likely done, though
// nothing shows it: the carrier refused to repeat it, and the device before it
// was only believed. A card with another doubt besides isn't among them.
func (s Store) Likely(ctx context.Context) ([]state.Card, error) {
	snap, err := s.Backend.Read(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(snap.Cards), func(c state.Card) bool { return !likely(&c) }), nil
}

func likely(c *state.Card) bool { return len(c.Doubts) == 1 && c.Doubts[0].Likely() }

// ResolveLikely takes the changes of the device that [Store.Likely] listed for
// done, as far as the carrier tells. A card that isn't as it was listed stays as
// it is. What it returns are the cards that are settled, as they are now; none
// where nothing was committed.
func (s Store) ResolveLikely(ctx context.Context, listed []state.Card) ([]state.Card, error) {
	var settled []state.Card
	committed, err := s.change(ctx, "resolve -likely", func(next *state.Snapshot, r *state.Run) (events []*state.Event, _ error) {
		for i := range listed {
			at, managed := next.Find(listed[i].ICCID)
			if !managed || !next.Cards[at].Equal(&listed[i]) || !likely(&listed[i]) {
				continue
			}
			c := &next.Cards[at]
			before := *c
			change := state.Change{Change: c.Doubts[0].Change, At: c.Doubts[0].Since, CarrierAt: c.Doubts[0].CarrierSince}
			c.Done(change)
			c.Binding.AsFarAsTold = true
			settled = append(settled, *c)
			events = append(events, resolved(r, &before, c))
		}
		return events, nil
	})
	if !committed {
		return nil, err
	}
	return settled, err
}

// settle ends a card's doubts, by a person's word where that is needed.
func settle(c *state.Card, binding state.Binding) error {
	device := slices.ContainsFunc(c.Doubts, func(d state.Doubt) bool { return d.Kind.Attr() == spec.AttrBinding })
	switch {
	case device && !binding.Known:
		return &Refusal{Reason: BindingInDoubt, Card: c.ICCID}
	case !device && binding.Known:
		return &Refusal{Reason: BindingNotAsked, Card: c.ICCID}
	case device:
		c.Binding = binding
	}
	c.Doubts = nil
	return nil
}

// ForceUnlock removes the lock with this id, which a dead run left, and says so in
// the history. untold is why that could not be; the lock is gone all the same.
func (s Store) ForceUnlock(ctx context.Context, id string) (untold, err error) {
	unlocker, ok := s.Backend.(state.ForceUnlocker)
	if !ok {
		return nil, &Refusal{Reason: NoLockToRemove}
	}
	err = unlocker.ForceUnlock(ctx, id)
	var other *state.LockedError
	switch {
	case errors.Is(err, state.ErrNotLocked):
		return nil, &Refusal{Reason: NotLocked}
	case errors.As(err, &other):
		return nil, &Refusal{Reason: OtherLock, Name: id, Lock: other.Holder}
	case err != nil:
		return nil, err
	}
	return s.tell(ctx, "force-unlock", "removed the lock "+id), nil
}

// Historian is the backend as one that keeps its older snapshots.
func (s Store) Historian() (state.Historian, error) {
	h, ok := s.Backend.(state.Historian)
	if !ok {
		return nil, &Refusal{Reason: NoHistory}
	}
	return h, nil
}

// ReadVersion reads a version of the history.
func (s Store) ReadVersion(ctx context.Context, name string) (*state.Snapshot, error) {
	h, err := s.Historian()
	if err != nil {
		return nil, err
	}
	snap, err := h.ReadVersion(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Refusal{Reason: NoSuchVersion, Name: name}
	}
	return snap, err
}
