package run

import (
	"context"
	"errors"
	"slices"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/state"
)

// RowsToApply is [Session.PriorRows] for [Session.PlanToApply] and [Session.Judge].
// whole asks for a state that is held whole, and after for one that is so after the
// commit too.
func (s *Session) RowsToApply(ctx context.Context, accept, whole, after bool) (rows *Rows, absent *Absence, err error) {
	_, able := s.Backend.(state.RowCommitter)
	rows, absent, err = s.PriorRows(ctx, accept, whole || after || !able || s.keyed())
	if err == nil {
		rows.stays = after
	}
	return rows, absent, err
}

// keyed reports whether a provider looks cards up in the state.
func (s *Session) keyed() bool {
	for _, p := range s.Providers {
		if _, keyed := p.(providers.Keyed); keyed {
			return true
		}
	}
	return false
}

// commit commits what a run made of the state. The plan is read after that too, and
// is made from the state as it was: so that stays as it is.
func (s *Session) commit(ctx context.Context, p *Planned, r *apply.Report) error {
	fleet, err := s.fleetAfter(p, r)
	if err != nil {
		r.Broken = errors.Join(r.Broken, err)
	}
	a := state.Amendment{
		Cards: p.rows.count() + r.Grown(), Fleet: fleet,
		Each: func(visit func(before, after *state.Card) error) error { return p.amend(r.Cards(), visit) },
	}
	after := *p.Prior
	if b, able := s.Backend.(state.RowCommitter); able && p.rows.byRows() {
		after.Cards = nil
		err = b.CommitRows(ctx, &after, a)
	} else {
		err = s.commitWhole(ctx, &after, a, p.rows.count())
	}
	if err == nil {
		p.Prior = &after
	}
	return err
}

// commitWhole commits an amendment of so many cards as edits.
func (s *Session) commitWhole(ctx context.Context, after *state.Snapshot, a state.Amendment, cards int) error {
	e, _, err := a.Edits(a.Cards + cards)
	if err != nil {
		return err
	}
	e = after.Settlement().Then(e)
	if len(e.Put) > 0 { // which may be written over what is there
		after.Cards = slices.Clone(after.Cards)
	}
	return s.Backend.Commit(ctx, after, e)
}

// byRows reports whether a commit may be made card by card: nobody needs the state
// after that, and its rows are as they are stored.
func (r *Rows) byRows() bool {
	w := r.whole
	return w == nil || !r.stays && len(w.Doubled)+len(w.Respelled)+len(w.Strayed) == 0
}

// amend visits the cards of the state, and those that a run made of them. Those that
// the run left alone have the news taken over.
func (p *Planned) amend(cards *apply.Cards, visit func(before, after *state.Card) error) error {
	of, more := p.news.Walk(), cards.Next()
	var now state.Card
	err := p.rows.each(func(before *state.Card) error {
		for ; more; more = cards.Next() {
			after, kept := cards.Card()
			if after.ICCID > before.ICCID {
				break
			}
			if after.ICCID == before.ICCID {
				if !kept {
					after = nil
				}
				err := visit(before, after)
				more = cards.Next()
				return err
			}
			if err := visitNew(after, kept, visit); err != nil {
				return err
			}
		}
		wanted, live := of(before.ICCID)
		if now = p.news.Take(before, wanted, live); now.Equal(before) {
			return visit(before, before)
		}
		return visit(before, &now)
	})
	for ; err == nil && more; more = cards.Next() {
		after, kept := cards.Card()
		err = visitNew(after, kept, visit)
	}
	return err
}

// visitNew visits a card that the state didn't have. A run may have forgotten it
// again.
func visitNew(after *state.Card, kept bool, visit func(before, after *state.Card) error) error {
	if !kept {
		return nil
	}
	return visit(nil, after)
}
