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
	cards int             // how many there were when all were visited last, where it wasn't
	doubt bool            // something was in doubt then
	stays bool            // it is wanted whole after a commit too
}

// RowsOf are the rows of a state that is held.
func RowsOf(s *state.Snapshot) *Rows { return &Rows{Rows: &state.Rows{Head: s}, whole: s} }

// of are the same rows, of a copy of the state that is held.
func (r *Rows) of(s *state.Snapshot) *Rows {
	own := *r
	own.Rows, own.whole = &state.Rows{Head: s}, s
	return &own
}

// counted has the rows count themselves.
func counted(rows *state.Rows) *Rows {
	r, each := &Rows{Rows: rows}, rows.Each
	rows.Each = func(visit func(*state.Card) error) error {
		n, doubt := 0, false
		err := each(func(c *state.Card) error {
			n++
			doubt = doubt || len(c.Doubts) > 0
			return visit(c)
		})
		if err == nil {
			r.cards, r.doubt = n, doubt
		}
		return err
	}
	return r
}

// each visits the cards by ICCID, however the state was read.
func (r *Rows) each(visit func(*state.Card) error) error {
	if r.whole == nil {
		return r.Each(visit)
	}
	for i := range r.whole.Cards {
		if err := visit(&r.whole.Cards[i]); err != nil {
			return err
		}
	}
	return nil
}

// hasDoubts reports whether something may be in doubt, once all were visited.
func (r *Rows) hasDoubts() bool { return r.whole != nil || r.doubt }

// count is how many cards there are, once they were visited.
func (r *Rows) count() int {
	if r.whole == nil {
		return r.cards
	}
	return len(r.whole.Cards)
}

// PriorRows is [Session.Prior] for [Session.Draft]. whole asks for a state that
// [Rows.Whole] has.
func (s *Session) PriorRows(ctx context.Context, accept, whole bool) (rows *Rows, absent *Absence, err error) {
	rows = RowsOf(&state.Snapshot{})
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
			return counted(rows), nil
		}
	}
	snap, err := s.Read(ctx, s.Fleet)
	if err != nil {
		return nil, err
	}
	return RowsOf(snap), nil
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

// Draft reads what is live and makes a plan that is read card by card: what it holds
// of a card is where the card is declared, and what the state has of it where
// something is planned for it. It changes nothing. rows are what [Session.PriorRows]
// returned. Mistakes give a [*MistakesError].
func (s *Session) Draft(ctx context.Context, rows *Rows, o Options) (*Drafted, error) {
	live, err := s.known(ctx, rows, o)
	if err != nil {
		return nil, err
	}
	d, _, err := s.draft(ctx, rows, live, o)
	if err != nil {
		return nil, err
	}
	return &Drafted{Plan: d, Live: *live}, nil
}

// known is what a plan is made from besides the state. With an error, it is what was
// read until then.
func (s *Session) known(ctx context.Context, rows *Rows, o Options) (*Live, error) {
	known := o.asks() || s.readings(o)
	if known || len(o.Select.Targets) > 0 {
		if err := s.whole(ctx, rows); err != nil {
			return &Live{}, err
		}
	}
	if !known {
		return &Live{}, nil
	}
	return s.read(ctx, rows.whole, o)
}

func (s *Session) draft(ctx context.Context, rows *Rows, live *Live, o Options) (*plan.Draft, plan.Input, error) {
	in := s.input(rows.Head, live, o)
	in.Remembered, in.Rows = !o.asks() && !s.readings(o), rows.Each
	d, diags, err := plan.NewDraft(in)
	if errors.Is(err, state.ErrTangled) {
		if err := s.whole(ctx, rows); err != nil {
			return nil, in, err
		}
		in.Prior, in.Rows = rows.whole, nil
		d, diags, err = plan.NewDraft(in)
	}
	switch {
	case err != nil:
		return nil, in, err
	case d == nil:
		return nil, in, &MistakesError{diags}
	}
	o.setVariables(d.Head())
	if err := s.judgeChecks(d.Head(), live); err != nil {
		return nil, in, err
	}
	s.Watcher.Warn(diags)
	return d, in, nil
}
