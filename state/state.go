// Package state is the program's memory: which cards it manages, the bindings
// that a carrier can't report, what was last read, and outcomes in doubt.
//
// A [Snapshot] is a value. What happens to it between two commits is a list of
// [Record] in a journal, and [Replay] is the one place where records change a
// snapshot. Where both are kept is a [Backend]'s business; state/local keeps
// them in files. The package never calls a carrier.
package state

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cardfleet/cardfleet/spec"
)

// Snapshot is the state as a run finds it. The zero value is the state of a
// fleet that was never applied.
type Snapshot struct {
	Lineage string // names the fleet; made by its first commit
	Serial  uint64 // counts commits
	Cards   []Card // by provider and ICCID
}

// Card is what the state remembers of one managed card.
type Card struct {
	Provider spec.ProviderName `json:"provider"`
	ICCID    spec.ICCID        `json:"iccid"`
	Address  string            `json:"address"` // the last one, for messages only
	// Binding is what we know of the device.
	Binding Binding `json:"binding,omitzero"`
	// PreventUnbind outlives the block that says it.
	PreventUnbind bool `json:"prevent_unbind,omitempty"`
	// Last is the last reading, with changes made since taken over into it.
	Last Last `json:"last,omitzero"`
	// Changed is when a call last changed the card; zero for never.
	Changed time.Time `json:"changed,omitzero"`
	// Recent are the changes that the carrier may not show yet.
	Recent []Change `json:"recent,omitempty"`
	// Doubts are the calls whose outcome nobody knows.
	Doubts []Doubt `json:"doubts,omitempty"`
}

// Binding is the device that a card is bound to. The zero value means that
// nothing is known.
type Binding struct {
	Known bool      `json:"known,omitempty"`
	IMEI  spec.IMEI `json:"imei,omitempty"` // "" with Known: no device
}

// BoundTo is the binding to a device that is known; to none for "".
func BoundTo(imei spec.IMEI) Binding { return Binding{Known: true, IMEI: imei} }

// Last is a reading as it is remembered.
type Last struct {
	At        time.Time      `json:"at,omitzero"`
	Status    string         `json:"status,omitempty"`
	Lifecycle spec.Lifecycle `json:"lifecycle,omitempty"`
	Reason    string         `json:"reason,omitempty"`
	Has       spec.Attr      `json:"has,omitempty"`
	IMEI      spec.IMEI      `json:"imei,omitempty"`
	Packages  []spec.Package `json:"packages,omitempty"`
}

// Change is a change that was made.
type Change struct {
	Kind spec.Kind `json:"kind"`
	From string    `json:"from,omitempty"`
	To   string    `json:"to,omitempty"`
	At   time.Time `json:"at"`
}

// Doubt is a call whose outcome is unknown: it was sent, or may have been, and
// no answer came.
type Doubt struct {
	Kind      spec.Kind `json:"kind"`
	From      string    `json:"from,omitempty"`
	To        string    `json:"to,omitempty"`
	Key       string    `json:"key,omitempty"` // the call's idempotency key
	Since     time.Time `json:"since"`
	RequestID string    `json:"request_id,omitempty"`
	Reason    string    `json:"reason,omitempty"` // "no answer within 25s"
	// Tried reports that the run itself looked, and repeated the call where
	// that could do no harm, in vain. It is false where the run ended before.
	Tried bool `json:"tried,omitempty"`
}

// ID is the card's identity.
func (c *Card) ID() spec.CardID { return spec.CardID{Provider: c.Provider, ICCID: c.ICCID} }

// Find returns the card's index in the snapshot, or where it would stand.
func (s *Snapshot) Find(id spec.CardID) (int, bool) {
	return slices.BinarySearchFunc(s.Cards, id, func(c Card, id spec.CardID) int { return c.ID().Compare(id) })
}

// Card returns what is remembered of a card; nil for one that isn't managed.
func (s *Snapshot) Card(id spec.CardID) *Card {
	if s == nil {
		return nil
	}
	if i, ok := s.Find(id); ok {
		return &s.Cards[i]
	}
	return nil
}

// RecordVersion is the version of the records that this program writes, and
// the only one that it reads.
const RecordVersion = 1

// Record is one entry of the journal. A reader refuses a version it doesn't know.
type Record struct {
	Version int        `json:"v"`
	Serial  uint64     `json:"serial"` // of the snapshot that the record follows
	Seq     uint64     `json:"seq"`    // counts the records after that snapshot, from 1
	Type    RecordType `json:"type"`
	At      time.Time  `json:"at"`
	Action  string     `json:"action,omitempty"` // the action's id in its plan

	Provider spec.ProviderName `json:"provider,omitempty"`
	ICCID    spec.ICCID        `json:"iccid,omitempty"`
	Intent   *Intent           `json:"intent,omitempty"` // of type intent
	Card     *Card             `json:"card,omitempty"`   // of type put, and of outcome where it changed
	Commit   *Commit           `json:"commit,omitempty"` // of type commit
}

// RecordType says what a record does to the snapshot when it is replayed.
type RecordType string

// The types of record.
const (
	// IntentRecord says that a call is about to be made. Without an outcome
	// after it, the call is in doubt.
	IntentRecord RecordType = "intent"
	// OutcomeRecord ends its action's intent, and puts Card where it has one.
	OutcomeRecord RecordType = "outcome"
	// PutRecord remembers Card as it is: adopted, read, settled.
	PutRecord RecordType = "put"
	// DropRecord forgets the card.
	DropRecord RecordType = "drop"
	// CommitRecord makes what the records before it made of the snapshot, with
	// the edits that it holds, the snapshot of the next serial. A backend writes
	// it that keeps a snapshot as an older one and what happened since.
	CommitRecord RecordType = "commit"
)

// Commit is a commit as a journal holds it.
type Commit struct {
	Cards int `json:"cards"` // in the new snapshot
	Edits
}

// Intent is the call that is about to be made.
type Intent struct {
	Kind spec.Kind `json:"kind"`
	From string    `json:"from,omitempty"`
	To   string    `json:"to,omitempty"`
	Key  string    `json:"key,omitempty"`
}

// LockInfo says who holds a lock, with Terraform's field names.
type LockInfo struct {
	ID        string
	Operation string // "apply"
	Info      string // free text: the run's URL in CI
	Who       string // user@host
	Version   string // of the program
	Created   time.Time
	Path      string // what is locked
}

// LockedError says that another run holds the lock.
type LockedError struct {
	Holder LockInfo // the zero value where the backend can't say
}

// Error names the holder.
func (e *LockedError) Error() string {
	if e.Holder.ID == "" {
		return "the state is locked by another run"
	}
	return fmt.Sprintf("the state is locked by %s since %s (%s)",
		cmp.Or(e.Holder.Who, "somebody"), e.Holder.Created.Format(time.RFC3339), cmp.Or(e.Holder.Operation, "unknown operation"))
}

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
	stored := Snapshot{Lineage: cmp.Or(prior.Lineage, next.Lineage), Serial: prior.Serial, Cards: prior.Cards}
	if err := b.Commit(ctx, &stored, Difference(prior.Cards, next.Cards)); err != nil {
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

// Leased is a backend whose lock is a lease that has to be renewed.
type Leased interface {
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
