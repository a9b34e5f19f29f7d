package state

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// ErrConflict says that somebody else has committed since the snapshot was read.
var ErrConflict = errors.New("the state was changed by another run since it was read")

// Backend keeps a snapshot and its journal.
type Backend interface {
	// Read returns the snapshot with the journal replayed: never nil, the zero
	// snapshot where there is none. It takes no lock and changes nothing.
	Read(ctx context.Context) (*Snapshot, error)
	// Lock takes the state for one run. It tries once; a state held by another
	// run gives a [*LockedError].
	Lock(ctx context.Context, info LockInfo) (unlock func() error, err error)
	// Journal opens the journal behind the snapshot that Read returned. The
	// caller holds the lock.
	Journal(ctx context.Context) (Journal, error)
	// Commit makes the edits to s, which Read returned, and stores that as the
	// next snapshot. The edits include what the journal took since: it ends with
	// the commit, also where it is open. What a commit costs goes by the edits and
	// the journal where the backend can store a part of a snapshot.
	//
	// Then s is the new snapshot, with its Serial one higher; the fleet's first
	// commit sets s.Lineage where it is empty. A crash at any point leaves the
	// old snapshot with its journal, or the new one. After an error s is as it
	// was; [ErrConflict] says that what is stored isn't what s names by its
	// lineage and serial.
	Commit(ctx context.Context, s *Snapshot, e Edits) error
}

// CommitAll commits next in the place of prior, which Read returned: next's
// cards are all that is to be stored, and its lineage is that of a fleet that
// has none yet. Then both are the new snapshot.
func CommitAll(ctx context.Context, b Backend, prior, next *Snapshot) error {
	stored := *prior
	stored.Lineage = cmp.Or(prior.Lineage, next.Lineage)
	if err := b.Commit(ctx, &stored, Difference(prior, next)); err != nil {
		return err
	}
	*prior, *next = stored, stored
	return nil
}

// Journal takes the records of one run. It may be used by many goroutines.
type Journal interface {
	// Append makes the records durable before it returns. It fills in Version,
	// Serial and Seq. A context that is over appends nothing, so the outcome of
	// a call is appended with one that can't end. After an error the records
	// may or may not be there, and later ones fail too.
	Append(ctx context.Context, records ...Record) error
	Close() error
}

// ErrNotLocked says that there is no lock to be removed.
var ErrNotLocked = errors.New("the state is not locked")

// What follows are abilities that not every [Backend] has; they are found by
// type assertion.

// Leased is a backend whose lock is a lease that has to be renewed. A store that
// is away ends nothing for as long as the lease may be counted on: what a run
// writes then waits, and nothing that has to be written first is started.
type Leased interface {
	// Assure returns once the lease may be counted on, by the clock: at once
	// where it may. Where it may not, because a machine slept or the store was
	// away, Assure waits for the next renewal. An error says that the lease is
	// lost, or not held, or that ctx ended.
	Assure(ctx context.Context) error
	// Lost is closed when the lease that Lock took can't be kept: another run
	// may have the state from then on, so nothing more may be started. It is
	// nil while nothing is locked.
	Lost() <-chan struct{}
}

// ForceUnlocker is a backend whose lock can be left behind by a dead run.
type ForceUnlocker interface {
	// ForceUnlock removes the lock with this ID, and no other: a lock with
	// another ID gives a [*LockedError] that names its holder, none ErrNotLocked.
	ForceUnlock(ctx context.Context, id string) error
}

// Lockless is a backend that can be written to without its lock. Where each write
// names the lease of its run, none can be made without.
type Lockless interface {
	// WithoutLock has this backend lock nothing from then on: nobody keeps another
	// run from writing at the same time. It is called before the first use.
	WithoutLock()
}

// Remainder is a backend whose snapshot can get lost while other parts of the
// state stay.
type Remainder interface {
	// Remains names what is left of a state whose snapshot is gone. There is none
	// where the snapshot is there, nor where a fleet's first run was cut short.
	Remains(ctx context.Context) ([]string, error)
	// PutAside gives what remains other names, so that a new state can begin. The
	// caller holds the lock.
	PutAside(ctx context.Context) error
}

// Version is a snapshot that was replaced.
type Version struct {
	Serial  uint64
	Lineage string
	Written time.Time
	Cards   int
	Name    string // what ReadVersion takes
}

// Historian is a backend that keeps the last ten snapshots, at least.
type Historian interface {
	// History lists them, the newest first.
	History(ctx context.Context) ([]Version, error)
	// ReadVersion reads one of them.
	ReadVersion(ctx context.Context, name string) (*Snapshot, error)
}
