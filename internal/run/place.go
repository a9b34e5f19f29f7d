package run

import (
	"context"
	"strings"

	"github.com/cardfleet/cardfleet/state"
)

// Place is where a state is kept. The zero value is nowhere.
type Place struct {
	Type    string // of the backend
	Address string // within it, without credentials; of a file, its path
}

// String is the place as people read it: a path alone is a local file's.
func (p Place) String() string {
	if p.Type == "local" {
		return p.Address
	}
	return strings.TrimSpace(p.Type + " " + p.Address)
}

// Places remembers, apart from the state, where the fleet's state is: a fleet
// whose state is gone is told by it from one that never had any.
type Places interface {
	// Known is the place of the last apply that committed; the zero place where
	// no apply did.
	Known() (Place, error)
	// Note remembers the place.
	Note(Place) error
}

// Absence is that there is no state.
type Absence struct {
	Looked Place
	Known  Place    // where the fleet had a state; the zero place where nobody knows of any
	Left   []string // what is beside a missing state and belongs to it
}

// lost reports whether the fleet had a state before.
func (a *Absence) lost() bool { return a != nil && (a.Known != Place{} || len(a.Left) > 0) }

// looked is where the state was looked for; "" where there is one.
func (a *Absence) looked() string {
	if a == nil {
		return ""
	}
	return a.Looked.String()
}

// Prior reads the state for a plan, as [Store.Read] does. Where there is none,
// that comes with it; absent is nil otherwise. If the fleet had a state, the
// error is a [*Refusal], unless accept says that a new one is meant.
func (s *Session) Prior(ctx context.Context, accept bool) (prior *state.Snapshot, absent *Absence, err error) {
	prior = &state.Snapshot{}
	absent, err = s.look(ctx, accept, func() (none bool, err error) {
		prior, err = s.Read(ctx, s.Fleet)
		return err == nil && isNone(prior), err
	})
	if err != nil {
		return nil, nil, err
	}
	return prior, absent, nil
}

// look reads a state where there may be one, and looks where it is otherwise.
func (s *Session) look(ctx context.Context, accept bool, read func() (none bool, err error)) (absent *Absence, err error) {
	a := &Absence{Looked: s.Place}
	if b, ok := s.Backend.(state.Remainder); ok {
		if a.Left, err = b.Remains(ctx); err != nil {
			return nil, err
		}
	}
	if len(a.Left) == 0 { // what is left of a lost state can't be read without its snapshot
		if none, err := read(); err != nil || !none {
			return nil, err
		}
	}
	if a.Known, err = s.Places.Known(); err != nil {
		return nil, err
	}
	if a.lost() && !accept {
		return nil, &Refusal{Reason: StateGone, Absent: a}
	}
	return a, nil
}

// isNone reports whether it is the state of a fleet that was never applied.
func isNone(s *state.Snapshot) bool {
	return s.Lineage == "" && s.Serial == 0 && len(s.Cards)+len(s.Doubled) == 0
}

// makeRoom puts away what is left of a lost state, before the first commit of a new one.
func (s *Session) makeRoom(ctx context.Context, absent *Absence) error {
	if b, ok := s.Backend.(state.Remainder); ok && absent.lost() {
		return b.PutAside(ctx)
	}
	return nil
}

// notePlace remembers where the state is, once an apply has committed it.
func (s *Session) notePlace() error {
	if known, err := s.Places.Known(); err == nil && known == s.Place {
		return nil
	}
	return s.Places.Note(s.Place)
}
