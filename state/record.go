package state

import (
	"time"

	"github.com/cardfleet/cardfleet/spec"
)

// The versions of records. RecordVersion is what this program writes; it reads
// FirstRecordVersion too, whose records are about rows: a card at a provider
// block. In a journal that was begun by an older program, newer ones follow.
const (
	RecordVersion      = 2
	FirstRecordVersion = 1
)

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
	Run      *Run              `json:"run,omitempty"`    // of type run
	// Event is what the record adds to the card's history; nil adds nothing.
	Event *Event `json:"event,omitempty"`
	// Pending, of type run, has the run and the event be in the history only once the
	// commit is made that follows. It is for what changes the state by its commit
	// alone: where that fails, nothing was done.
	Pending bool `json:"pending,omitempty"`
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
	// RunRecord says which run the records behind it are of. It changes nothing.
	RunRecord RecordType = "run"
)

// Commit is a commit as a journal holds it.
type Commit struct {
	Cards int `json:"cards"` // rows in the new snapshot, see [Snapshot.Rows]
	Edits
}

// Intent is the call that is about to be made.
type Intent struct {
	spec.Change
	Key string `json:"key,omitempty"`
	// Ticket is what the carrier gave for a change that it has accepted and not made
	// yet; "" where it gives none.
	Ticket string `json:"ticket,omitempty"`
	// Accepted reports that the carrier has accepted the change, and not made it yet.
	Accepted bool `json:"accepted,omitempty"`
}

// UnderWay reports whether the carrier has accepted the call. Such an intent takes the
// place of its action's first. Older journals have a ticket alone for that.
func (i *Intent) UnderWay() bool { return i.Accepted || i.Ticket != "" }

// ID is the identity of the card that the record is about.
func (r *Record) ID() spec.CardID {
	if r.Card != nil {
		return r.Card.ID()
	}
	return spec.CardID{Provider: r.Provider, ICCID: r.ICCID}
}

// Next is the number of the record that follows r.
func (r *Record) Next() (serial, seq uint64) {
	if r.Type == CommitRecord {
		return r.Serial + 1, 1
	}
	return r.Serial, r.Seq + 1
}
