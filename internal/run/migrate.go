package run

import (
	"context"
	"errors"
	"fmt"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// Migrate copies a state with its history into s, and reads the copy back. The copy
// keeps the lineage and takes the journal over; its serial starts anew. Both states are
// locked meanwhile, and the old one stays as it is. force replaces a state
// that isn't empty. What it returns is the copy; nil where there is none that
// was found to be the same.
func (s Store) Migrate(ctx context.Context, from Store, force bool) (copied *state.Snapshot, err error) {
	held := ctx
	for _, each := range []Store{from, s} {
		locked, unlock, lockErr := each.Hold(held, "state migrate", state.Patience{})
		if lockErr != nil {
			return nil, lockErr
		}
		defer func() { err = errors.Join(OrLeaseLost(locked, err), unlock()) }()
		held = locked
	}
	source, err := from.Backend.Read(held)
	if err != nil {
		return nil, err
	}
	target, err := s.Backend.Read(held)
	if err != nil {
		return nil, err
	}
	switch {
	case source.Lineage == "" && len(source.Cards) == 0:
		return nil, &Refusal{Reason: NothingToMigrate}
	case (target.Serial > 0 || len(target.Cards) > 0) && !force:
		return nil, &Refusal{Reason: StateNotEmpty, Found: identityOf(target)}
	}
	if err := s.takeHistory(held, from, source); err != nil {
		return nil, err
	}
	next := &state.Snapshot{Lineage: source.Lineage, Cards: source.Cards, Doubled: source.Doubled, Fleet: source.Fleet}
	if err := state.CommitAll(held, s.Backend, target, next); err != nil {
		return nil, err
	}
	if err := s.same(held, next); err != nil {
		return nil, err
	}
	return next, nil
}

// takeHistory writes the history of the other state into the journal, and that it
// was copied, once it is.
func (s Store) takeHistory(ctx context.Context, from Store, source *state.Snapshot) error {
	j, err := s.Backend.Journal(ctx)
	if err != nil {
		return err
	}
	r := s.newRun("state migrate")
	r.Detail = fmt.Sprintf("copied the state of serial %d with %d cards from another backend", source.Serial, len(source.Cards))
	err = s.copyHistory(ctx, from, j)
	if err == nil {
		err = j.Append(ctx, pending(r, nil)...)
	}
	return errors.Join(err, j.Close())
}

// same reads the state back, and compares it byte for byte by its digest.
func (s Store) same(ctx context.Context, want *state.Snapshot) error {
	got, err := s.Backend.Read(ctx)
	if err != nil {
		return err
	}
	gotDigest, err := stored.Digest(got)
	if err != nil {
		return err
	}
	wantDigest, err := stored.Digest(want)
	if err != nil {
		return err
	}
	if gotDigest != wantDigest {
		return &Refusal{Reason: CopyDiffers, Given: Identity{Digest: wantDigest}, Found: Identity{Digest: gotDigest}}
	}
	return nil
}
