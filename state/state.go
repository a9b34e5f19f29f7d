// Package state is the program's memory: which cards it manages, the bindings
// that a carrier can't report, what was last read, and outcomes in doubt.
//
// A [Snapshot] is a value, and [Edits] are what a commit changes of it. What
// happens between two commits is a list of [Record] in a [Journal]. Where both
// are kept is a [Backend]'s business; state/local keeps them in files, and
// state/stored has what backends are built of. The package never does I/O and
// never calls a carrier. Start reading at [Card], then [Card.Overlay].
package state

import (
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
	spec.Change
	At time.Time `json:"at"`
}

// Doubt is a call whose outcome is unknown: it was sent, or may have been, and
// no answer came.
type Doubt struct {
	spec.Change
	Key       string    `json:"key,omitempty"` // the call's idempotency key
	Since     time.Time `json:"since"`
	RequestID string    `json:"request_id,omitempty"`
	Reason    string    `json:"reason,omitempty"` // "no answer within 25s"
	// Tried reports that the run itself looked, and repeated the call where
	// that could do no harm, in vain. It is false where the run ended before.
	Tried bool `json:"tried,omitempty"`
}

// Tells reports whether the reading held the attributes.
func (l *Last) Tells(attrs spec.Attr) bool { return l.Has.Has(attrs) }

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

// Walk returns a function that finds the cards of ascending ids, as
// [Snapshot.Card] does, in one pass over the snapshot.
func (s *Snapshot) Walk() func(id spec.CardID) *Card {
	var rest []Card
	if s != nil {
		rest = s.Cards
	}
	return func(id spec.CardID) *Card {
		for len(rest) > 0 && rest[0].ID().Compare(id) < 0 {
			rest = rest[1:]
		}
		if len(rest) > 0 && rest[0].ID() == id {
			return &rest[0]
		}
		return nil
	}
}
