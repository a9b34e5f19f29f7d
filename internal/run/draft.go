package run

import (
	"context"
	"errors"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/state"
)

// Drafted is a plan that is read card by card, and what it was made from where
// that is wanted or was read now.
type Drafted struct {
	Plan plan.Source
	Live Live
}

// Rows are the state that a draft is made from. It is read card by card where the
// backend can do that, and where nothing needs to look a card up in it.
type Rows struct {
	*state.Rows
	whole *state.Snapshot // nil where it wasn't read whole
}

// PriorRows is [Session.Prior] for [Session.Draft]. whole asks for a state that
// [Rows.Whole] has.
func (s *Session) PriorRows(ctx context.Context, accept, whole bool) (rows *Rows, absent *Absence, err error) {
	rows = &Rows{Rows: &state.Rows{Head: &state.Snapshot{}}, whole: &state.Snapshot{}}
	absent, err = s.look(ctx, accept, func() (none bool, err error) {
		rows, err = s.openRows(ctx, whole)
		return err == nil && rows.whole != nil && isNone(rows.whole), err
	})
	if err != nil {
		return nil, nil, err
	}
	return rows, absent, nil
}

func (s *Session) openRows(ctx context.Context, whole bool) (*Rows, error) {
	b, able := s.Backend.(state.RowReader)
	if able && !whole && !s.looksUp() {
		rows, err := b.Rows(ctx)
		switch {
		case errors.Is(err, state.ErrTangled):
		case err != nil:
			return nil, err
		case !rows.Head.Fleet.Leaves(s.Accounts):
			return &Rows{Rows: rows}, nil
		}
	}
	snap, err := s.Read(ctx, s.Fleet)
	if err != nil {
		return nil, err
	}
	return &Rows{Rows: &state.Rows{Head: snap}, whole: snap}, nil
}

// looksUp reports whether the configuration names cards that are looked up in
// the state, in whichever spelling.
func (s *Session) looksUp() bool { return len(s.Fleet.Removed)+len(s.Fleet.Approvals) > 0 }

// Whole is the state as a whole.
func (s *Session) whole(ctx context.Context, rows *Rows) error {
	if rows.whole != nil {
		return nil
	}
	snap, err := s.Read(ctx, s.Fleet)
	if err != nil {
		return err
	}
	rows.Rows, rows.whole = &state.Rows{Head: snap}, snap
	return nil
}

// Draft is [Session.Plan] for a plan that is read card by card: what it holds of
// a card is where the card is declared, and what the state has of it where
// something is planned for it. rows are what [Session.PriorRows] returned.
func (s *Session) Draft(ctx context.Context, rows *Rows, o Options) (*Drafted, error) {
	live := &Live{}
	known := o.asks() || o.Readings
	if known || len(o.Select.Targets) > 0 {
		if err := s.whole(ctx, rows); err != nil {
			return nil, err
		}
	}
	if known {
		var err error
		if live, err = s.read(ctx, rows.whole, o); err != nil {
			return nil, err
		}
	}
	in := s.input(rows.Head, live, o)
	in.Remembered, in.Rows = !known, rows.Each
	d, diags, err := plan.NewDraft(in)
	if errors.Is(err, state.ErrTangled) {
		if err := s.whole(ctx, rows); err != nil {
			return nil, err
		}
		in.Prior, in.Rows = rows.whole, nil
		d, diags, err = plan.NewDraft(in)
	}
	switch {
	case err != nil:
		return nil, err
	case d == nil:
		return nil, &MistakesError{diags}
	}
	o.setVariables(d.Head())
	s.Watcher.Warn(diags)
	return &Drafted{Plan: d, Live: *live}, nil
}
