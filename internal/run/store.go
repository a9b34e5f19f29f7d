package run

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// change changes the state by hand, under its lock. committed says whether the
// change is in the state: also where the error is that the lock stayed.
func (s Store) change(ctx context.Context, operation string, change func(*state.Snapshot) error) (committed bool, err error) {
	held, unlock, err := s.Hold(ctx, operation, 0)
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
	if err := change(&next); err != nil {
		return false, err
	}
	if err := state.CommitAll(held, s.Backend, prior, &next); err != nil {
		return false, err
	}
	return true, nil
}

// Forget drops cards from the state, without touching the cards themselves.
// All of them have to be in it. What it returns are the cards that are no
// longer there; none where nothing was committed.
func (s Store) Forget(ctx context.Context, cards []spec.ICCID) ([]spec.CardID, error) {
	var dropped []spec.CardID
	committed, err := s.change(ctx, "state rm", func(next *state.Snapshot) error {
		found := make(map[spec.ICCID]bool, len(cards))
		for _, iccid := range cards {
			found[iccid] = false
		}
		next.Cards = slices.DeleteFunc(next.Cards, func(c state.Card) bool {
			_, named := found[c.ICCID]
			if named {
				found[c.ICCID] = true
				dropped = append(dropped, c.ID())
			}
			return named
		})
		for _, iccid := range cards {
			if !found[iccid] {
				return &Refusal{Reason: NotInState, Card: iccid}
			}
		}
		return nil
	})
	if !committed {
		return nil, err
	}
	return dropped, err
}

// Resolve takes a person's word for a card's binding, and ends its doubts. A
// doubt that isn't about the binding needs no word, which is the zero Binding:
// readings tell what became of it. What it returns are the addresses of the
// cards that are settled, which is one for each provider that has the ICCID;
// none where nothing was committed.
func (s Store) Resolve(ctx context.Context, card spec.ICCID, binding state.Binding) ([]string, error) {
	var settled []string
	committed, err := s.change(ctx, "resolve", func(next *state.Snapshot) error {
		for i := range next.Cards {
			c := &next.Cards[i]
			if c.ICCID != card {
				continue
			}
			if err := settle(c, binding); err != nil {
				return err
			}
			settled = append(settled, c.Address)
		}
		if len(settled) == 0 {
			return &Refusal{Reason: NotInState, Card: card}
		}
		return nil
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
	case len(c.Doubts) == 0:
		return &Refusal{Reason: NothingInDoubt, Card: c.ICCID}
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

// ForceUnlock removes the lock with this id, which a dead run left.
func (s Store) ForceUnlock(ctx context.Context, id string) error {
	unlocker, ok := s.Backend.(state.ForceUnlocker)
	if !ok {
		return &Refusal{Reason: NoLockToRemove}
	}
	err := unlocker.ForceUnlock(ctx, id)
	var other *state.LockedError
	switch {
	case errors.Is(err, state.ErrNotLocked):
		return &Refusal{Reason: NotLocked}
	case errors.As(err, &other):
		return &Refusal{Reason: OtherLock, Name: id, Lock: other.Holder}
	}
	return err
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
