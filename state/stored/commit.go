package stored

import (
	"context"
	"fmt"

	"github.com/cardfleet/cardfleet/state"
)

// Commit is [state.Backend.Commit] for a backend that stores snapshots whole: store
// puts next in the place of s, if s is what is stored; see [CheckBase]. lineage
// is for a fleet that has none. Without the lock it takes the lock for as long
// as it runs.
func (h *Hold) Commit(ctx context.Context, s *state.Snapshot, e state.Edits, lineage string, store func(next *state.Snapshot) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.Check(); err != nil {
		return err
	}
	release, err := h.Take(ctx, "commit")
	if err != nil {
		return err
	}
	defer release()
	next := e.Next(s, lineage)
	if err := store(next); err != nil {
		return err
	}
	*s = *next
	h.CloseJournal()
	return nil
}

// CheckBase refuses a commit to s where something else is stored, which has
// that lineage and serial: the error is an [state.ErrConflict]. What was never
// committed has no lineage, and takes that of s.
func CheckBase(s *state.Snapshot, lineage string, serial uint64) error {
	if serial == s.Serial && (lineage == "" || lineage == s.Lineage) {
		return nil
	}
	return fmt.Errorf("%w (it has serial %d of lineage %q; expected serial %d of lineage %q)",
		state.ErrConflict, serial, lineage, s.Serial, s.Lineage)
}

// CheckNewest refuses an old state in a newer one's place: its seal is sound,
// but the history, whose newest serial is given, shows that it isn't the last
// one. version and history are where that one is, and all of them.
func CheckNewest(s *state.Snapshot, newest uint64, version, history string) error {
	if s.Serial >= newest {
		return nil
	}
	return fmt.Errorf("it has serial %d, but its history has serial %d: an older state was put in its place; "+
		"copy %s over it, or, where the older one is right, move what is newer out of %s",
		s.Serial, newest, version, history)
}
