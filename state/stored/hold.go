package stored

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/cardfleet/cardfleet/state"
)

// Hold is the lock of a [state.Backend] as this process has it: taken once, for all
// who need it at the time, with the journal that is open under it. Backends are
// built on it, so that all of them lock and journal alike. Make one with [NewHold].
type Hold struct {
	acquire func(ctx context.Context, info *state.LockInfo) (release func() error, err error)
	version string

	mu      sync.Mutex
	users   int
	info    state.LockInfo
	release func() error
	journal *heldJournal // open, or nil
}

// NewHold is a lock that nobody holds yet. acquire takes it from other
// processes, and completes the info, or gives a [*state.LockedError]; release gives
// it back. Neither may call the Hold. version is the program's, for those who find
// the state locked by an operation that takes the lock by itself.
func NewHold(version string, acquire func(ctx context.Context, info *state.LockInfo) (release func() error, err error)) *Hold {
	return &Hold{version: version, acquire: acquire}
}

// Without has the lock be taken from no other process from then on: only this one
// keeps to it. It is called before the first use.
func (h *Hold) Without() {
	h.acquire = func(context.Context, *state.LockInfo) (func() error, error) { return func() error { return nil }, nil }
}

// Lock is [state.Backend.Lock].
func (h *Hold) Lock(ctx context.Context, info state.LockInfo) (unlock func() error, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.users > 0 {
		return nil, &state.LockedError{Holder: h.info}
	}
	if err := h.first(ctx, info); err != nil {
		return nil, err
	}
	return sync.OnceValue(func() error {
		h.CloseJournal()
		return h.giveBack()
	}), nil
}

// Take makes sure that this process has the lock until release is called, for
// an operation that is one step.
func (h *Hold) Take(ctx context.Context, operation string) (release func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.users > 0 {
		h.users++
	} else if err := h.first(ctx, state.LockInfo{Operation: operation, Version: h.version}); err != nil {
		return nil, err
	}
	// What was done under a lock that can't be given back is done.
	return sync.OnceFunc(func() { _ = h.giveBack() }), nil
}

// first takes the lock for its first user.
func (h *Hold) first(ctx context.Context, info state.LockInfo) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("lock the state: %w", err)
	}
	release, err := h.acquire(ctx, &info)
	if err != nil {
		return err
	}
	h.users, h.info, h.release = 1, info, release
	return nil
}

// giveBack gives the lock back with its last user.
func (h *Hold) giveBack() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.users--; h.users > 0 {
		return nil
	}
	release := h.release
	h.info, h.release = state.LockInfo{}, nil
	return release()
}

// Held reports whether this process has the lock, as far as it knows.
func (h *Hold) Held() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.users > 0
}

// heldJournal is the open journal. It gives the lock back with its end.
type heldJournal struct {
	*JournalWriter
	closed func() error
}

// Close implements [state.Journal]. It may be called twice.
func (j *heldJournal) Close() error { return j.closed() }

// Journal is [state.Backend.Journal]: open makes the writer. Without the lock it
// holds the lock until the journal is closed.
func (h *Hold) Journal(ctx context.Context, open func(ctx context.Context) (*JournalWriter, error)) (state.Journal, error) {
	release, err := h.Take(ctx, "journal")
	if err != nil {
		return nil, err
	}
	j, err := h.open(ctx, open, release)
	if err != nil {
		release()
		return nil, err
	}
	return j, nil
}

func (h *Hold) open(ctx context.Context, open func(ctx context.Context) (*JournalWriter, error), release func()) (*heldJournal, error) {
	if h.Writer() != nil {
		return nil, errors.New("open the journal: it is open already")
	}
	w, err := open(ctx)
	if err != nil {
		return nil, err
	}
	j := &heldJournal{JournalWriter: w}
	j.closed = sync.OnceValue(func() error {
		defer release()
		h.mu.Lock()
		if h.journal == j {
			h.journal = nil
		}
		h.mu.Unlock()
		return w.Close()
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.journal != nil { // two opened it at once
		return nil, errors.Join(errors.New("open the journal: it is open already"), w.Close())
	}
	h.journal = j
	return j, nil
}

// Writer is what writes the open journal; nil where none is open.
func (h *Hold) Writer() *JournalWriter {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.journal == nil {
		return nil
	}
	return h.journal.JournalWriter
}

// CloseJournal ends the journal where one is open. A commit holds what it
// recorded, and an end without one leaves it for the next reader: either way
// its records are durable, and closing it can't lose them.
func (h *Hold) CloseJournal() {
	h.mu.Lock()
	j := h.journal
	h.mu.Unlock()
	if j != nil {
		_ = j.Close()
	}
}
