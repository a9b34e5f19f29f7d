package state

import (
	"context"
	"time"

	"github.com/cardfleet/cardfleet/spec"
)

// The history of a card is what was done to it: an [Event] for each action. An
// event is durable with the record that holds it, in the journal, and outlives
// the journal in the backend's history, which is only ever appended to. Which
// run an event is of is said by the last [RunRecord] before it.

// Run is one run of the program that may change the state.
type Run struct {
	ID        string    `json:"id"`
	Operation string    `json:"operation"` // "apply", "resolve", "state rm"
	Started   time.Time `json:"started"`
	Who       string    `json:"who,omitempty"`     // user@host, or whom CI names
	Info      string    `json:"info,omitempty"`    // the run's URL in CI
	Commit    string    `json:"commit,omitempty"`  // of the configuration's repository
	Version   string    `json:"version,omitempty"` // of the program
	Plan      string    `json:"plan,omitempty"`    // digest of the saved plan that it carries out
	// Detail says what was done to the state as a whole, in a sentence without a
	// capital and a stop; "" where events say it all.
	Detail string `json:"detail,omitempty"`
}

// Event is one action, as it ended.
type Event struct {
	At       time.Time         `json:"at"`
	ICCID    spec.ICCID        `json:"iccid"`
	Provider spec.ProviderName `json:"provider"`
	Address  string            `json:"address,omitempty"`
	spec.Change
	Outcome string `json:"outcome"` // "done", "failed", "dropped", "in-doubt"; see [Unanswered]
	// AsFarAsTold marks what only a refused repetition shows.
	AsFarAsTold bool `json:"as_far_as_told,omitempty"`
	// Settles marks what a reading showed of a call that an earlier run left in
	// doubt: no call was made for it.
	Settles   bool            `json:"settles,omitempty"`
	Reason    string          `json:"reason,omitempty"` // why it isn't done
	RequestID string          `json:"request_id,omitempty"`
	Approvals []EventApproval `json:"approvals,omitempty"`
}

// EventApproval is one approval that an action had.
type EventApproval struct {
	By          string `json:"by"`                    // a signer, an approval block, or the option
	Fingerprint string `json:"fingerprint,omitempty"` // of the signer's key
	Reason      string `json:"reason,omitempty"`
}

// Unanswered is the reason of an event that was made of an intent without an
// outcome. Whether that run is still under way, its records don't tell.
const Unanswered = "no answer is recorded: the run is under way, or it ended before one came"

// Entry is one line of the history: an event, or that a run began.
type Entry struct {
	Serial uint64 // of the snapshot that the record behind it followed
	Seq    uint64 // of that record; with Serial it orders the history
	Run    *Run   // that it is of; nil where no record says so
	Event  *Event // nil where the entry says that the run began
}

// At is when it happened.
func (e *Entry) At() time.Time {
	if e.Event != nil {
		return e.Event.At
	}
	if e.Run != nil {
		return e.Run.Started
	}
	return time.Time{}
}

// EventQuery says which entries of the history are wanted. The zero value wants
// all of them.
type EventQuery struct {
	// ICCIDs are the cards, with their check digits or without them; none is every
	// card, and the runs themselves too.
	ICCIDs []spec.ICCID
	Since  time.Time // the first time that is wanted; zero is the beginning
	Run    string    // the id of the only run that is wanted; "" is any
}

// Chronicler is a backend that keeps what was done to cards. [Backend.Commit]
// moves there what the journal has of it, in the same step; entries older than
// [Env.KeepHistory] may be dropped then.
type Chronicler interface {
	// Events visits the entries that are wanted, in the order in which they were
	// made, the journal's included. An entry is good until visit returns. It takes
	// no lock and changes nothing.
	Events(ctx context.Context, q EventQuery, visit func(*Entry) error) error
}
