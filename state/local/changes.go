package local

import (
	"context"
	"io"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// changes are what a commit changes: a value, or read card by card.
type changes interface {
	// few is the commit as a record, where it has no more than so many edits; else
	// nil. onto makes it, but for the serial, to what is held of the snapshot that it
	// follows.
	few(most int) (*state.Commit, error)
	onto(commit *state.Commit)
	// next is the head of the next snapshot, but for a lineage that it lacks, and
	// encode writes that snapshot. What next has counts once it is written.
	next() *state.Snapshot
	encode(w io.Writer, codec stored.Codec, next *state.Snapshot) error
}

// whole are the changes of a snapshot that is held.
type whole struct {
	s *state.Snapshot
	e state.Edits
}

func (c whole) few(most int) (*state.Commit, error) {
	if c.e.Len() > most {
		return nil, nil
	}
	return &state.Commit{Cards: c.e.Count(c.s), Edits: c.e}, nil
}

func (c whole) onto(commit *state.Commit) { commit.Onto(c.s) }

func (c whole) next() *state.Snapshot { return c.e.Next(c.s, "") }

func (c whole) encode(w io.Writer, codec stored.Codec, next *state.Snapshot) error {
	return codec.Encode(w, next)
}

// CommitRows implements [state.RowCommitter].
func (b *Backend) CommitRows(ctx context.Context, s *state.Snapshot, a state.Amendment) error {
	return b.commit(ctx, s, amended{s, a})
}

// amended are changes that are read card by card.
type amended struct {
	s *state.Snapshot
	a state.Amendment
}

func (c amended) few(most int) (*state.Commit, error) {
	if most < 0 {
		return nil, nil
	}
	e, ok, err := c.a.Edits(most)
	if err != nil || !ok {
		return nil, err
	}
	return &state.Commit{Cards: c.a.Cards, Edits: e}, nil
}

func (c amended) onto(commit *state.Commit) {
	if commit.Fleet != nil {
		c.s.Fleet = *commit.Fleet
	}
}

func (c amended) next() *state.Snapshot {
	return state.Edits{Fleet: c.a.Fleet}.Next(&state.Snapshot{Lineage: c.s.Lineage, Serial: c.s.Serial, Fleet: c.s.Fleet}, "")
}

func (c amended) encode(w io.Writer, codec stored.Codec, next *state.Snapshot) error {
	return codec.EncodeRows(w, next, c.a.Cards, func(visit func(*state.Card) error) error {
		return c.a.Each(func(_, after *state.Card) error {
			if after == nil {
				return nil
			}
			return visit(after)
		})
	})
}
