package state

import (
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
}

// Event is one action, as it ended.
type Event struct {
	At       time.Time         `json:"at"`
	ICCID    spec.ICCID        `json:"iccid"`
	Provider spec.ProviderName `json:"provider"`
	Address  string            `json:"address,omitempty"`
	spec.Change
	Outcome string `json:"outcome"` // "done", "failed", "dropped", "in-doubt"
	// AsFarAsTold marks what only a refused repetition shows.
	AsFarAsTold bool            `json:"as_far_as_told,omitempty"`
	Reason      string          `json:"reason,omitempty"` // why it isn't done
	RequestID   string          `json:"request_id,omitempty"`
	Approvals   []EventApproval `json:"approvals,omitempty"`
}

// EventApproval is one approval that an action had.
type EventApproval struct {
	By          string `json:"by"`                    // a signer, an approval block, or the option
	Fingerprint string `json:"fingerprint,omitempty"` // of the signer's key
	Reason      string `json:"reason,omitempty"`
}
