package run

import (
	"context"
	"fmt"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Verified is what reading all of a state came to.
type Verified struct {
	State    *state.Snapshot
	Odd      []Odd   // what can be read, and no run of this program writes
	Versions int     // of the history
	Damaged  []error // the versions of them that can't be read
	Actions  int     // of what was done to cards
	Unread   error   // why these can't all be read
}

// Sound reports whether nothing is wrong with the state and its history.
func (v *Verified) Sound() bool { return len(v.Odd)+len(v.Damaged) == 0 && v.Unread == nil }

// Odd is what a card of the state says and can't be.
type Odd struct {
	Card *state.Card
	What string // a sentence without its first letter's capital and its stop
}

// Verify reads state, journal and history whole. What can't be read of the
// present state is an error.
func (s Store) Verify(ctx context.Context) (*Verified, error) {
	snap, err := s.Backend.Read(ctx) // checks sums, order and numbers
	if err != nil {
		return nil, err
	}
	v := &Verified{State: snap, Odd: oddities(snap)}
	if c, ok := s.Backend.(state.Chronicler); ok {
		v.Unread = c.Events(ctx, state.EventQuery{}, func(e *state.Entry) error {
			if e.Event != nil && e.Event.Kind != drifting {
				v.Actions++
			}
			return nil
		})
	}
	h, ok := s.Backend.(state.Historian)
	if !ok {
		return v, nil
	}
	list, err := h.History(ctx)
	if err != nil {
		return nil, err
	}
	v.Versions = len(list)
	for _, version := range list {
		if _, err := h.ReadVersion(ctx, version.Name); err != nil {
			v.Damaged = append(v.Damaged, err)
		}
	}
	return v, nil
}

func oddities(snap *state.Snapshot) []Odd {
	var odd []Odd
	rows := snap.Rows()
	for i := range rows {
		c := &rows[i]
		if imei := c.Binding.IMEI; imei != "" {
			if _, err := spec.ParseIMEI(string(imei)); err != nil || !c.Binding.Known {
				odd = append(odd, Odd{c, fmt.Sprintf("its binding %q is none", imei)})
			}
		}
		for n, d := range c.Doubts {
			if !d.Kind.CallsCarrier() || d.Since.IsZero() {
				odd = append(odd, Odd{c, fmt.Sprintf("its doubt %d is about no call: kind %q, since %s", n+1, d.Kind, d.Since)})
			}
		}
	}
	return odd
}
