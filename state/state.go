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
	"cmp"
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
	Cards   []Card // by ICCID, each once
	Fleet   Fleet  // of the fleet as a whole
	// Doubled are the rows of cards that a state of version 1 has at several
	// provider blocks, by ICCID and provider: at least two a card, and none of
	// these cards is in Cards. [Snapshot.Settle] ends that.
	Doubled []Card
	// Respelled are the cards that [Snapshot.Respell] wrote as they are declared.
	// They are not stored: what is stored has them in the old spelling until a commit.
	Respelled []Respelled
	// Strayed are the cards that [Snapshot.LeaveAccounts] changed, by ICCID. They
	// are not stored either.
	Strayed []spec.ICCID
	// Workers is how far the records of workers are in it, in a backend that has
	// workers. It isn't stored.
	Workers uint64 `json:"-"`
}

// Card is what the state remembers of one managed card. What is zero isn't known.
type Card struct {
	Provider spec.ProviderName `json:"provider"` // the block that it was last declared at
	ICCID    spec.ICCID        `json:"iccid"`
	Address  string            `json:"address"` // the last one, for messages only
	// MSISDN is the card's number, as last declared.
	MSISDN string `json:"msisdn,omitempty"`
	// Labels are those last declared, for a card that left the configuration.
	Labels map[string]string `json:"labels,omitempty"`
	// CarrierIDs are a carrier's own ids of the card, by the carrier's name for
	// them: what a call takes that takes no ICCID.
	CarrierIDs map[string]string `json:"carrier_ids,omitempty"`
	// Binding is what we know of the device.
	Binding Binding `json:"binding,omitzero"`
	// PreventUnbind outlives the block that says it.
	PreventUnbind bool `json:"prevent_unbind,omitempty"`
	// Last is the last reading, with changes made since taken over into it.
	Last Last `json:"last,omitzero"`
	// Changed is when a call last changed the card; zero for never.
	Changed time.Time `json:"changed,omitzero"`
	// Since is when our last action on the card was done or in doubt, adoption
	// included, or when a reading last showed another device. A signature for
	// the card as it is names it.
	Since time.Time `json:"since,omitzero"`
	// Recent are the changes that the carrier may not show yet.
	Recent []Change `json:"recent,omitempty"`
	// Doubts are the calls whose outcome nobody knows.
	Doubts []Doubt `json:"doubts,omitempty"`
}

// Binding is the device that a card is bound to. The zero value means that
// nothing is known.
type Binding struct {
	Known bool `json:"known,omitempty"`
	// Unconfirmed says why the device is only believed; [Confirmed] for one that
	// was read, or that a call of ours set.
	Unconfirmed Unconfirmed `json:"unconfirmed,omitempty"`
	// AsFarAsTold marks a device that a call of ours set as far as the carrier
	// tells: a refused repetition is all that shows it.
	AsFarAsTold bool      `json:"as_far_as_told,omitempty"`
	IMEI        spec.IMEI `json:"imei,omitempty"` // "" with Known: no device
}

// Unconfirmed is why a device is only believed. The values are on disk by name.
type Unconfirmed uint8

// The reasons.
const (
	Confirmed Unconfirmed = iota // it isn't only believed
	OnTrust                      // "trust": adopted by the configuration's word
	MovedHere                    // "move": remembered from another account
	OfOlder                      // "older": from a state of version 1, which doesn't tell
)

var unconfirmed = [...]string{Confirmed: "", OnTrust: "trust", MovedHere: "move", OfOlder: "older"}

// String is the reason's name; "" for a device that is confirmed.
func (u Unconfirmed) String() string {
	if int(u) < len(unconfirmed) {
		return unconfirmed[u]
	}
	return fmt.Sprintf("reason %d", u)
}

// MarshalText is the reason as the state holds it.
func (u Unconfirmed) MarshalText() ([]byte, error) {
	if int(u) >= len(unconfirmed) {
		return nil, fmt.Errorf("%s of a device that is only believed is unknown", u)
	}
	return []byte(unconfirmed[u]), nil
}

// UnmarshalText reads what MarshalText wrote.
func (u *Unconfirmed) UnmarshalText(text []byte) error {
	i := slices.Index(unconfirmed[:], string(text))
	if i < 0 {
		return fmt.Errorf("the device is unconfirmed for the reason %q, which this program doesn't know", text)
	}
	*u = Unconfirmed(i)
	return nil
}

// Certain reports whether the device is the card's for sure: it was read, or set
// by a call of ours that was answered.
func (b Binding) Certain() bool {
	return b.Known && b.Unconfirmed == Confirmed && !b.AsFarAsTold
}

// Belief says why a device isn't certain, in words: "adopted on trust". It is ""
// for one that is.
func (b Binding) Belief() string {
	switch {
	case !b.Known:
		return "not known"
	case b.Unconfirmed == OnTrust:
		return "adopted on trust"
	case b.Unconfirmed == MovedHere:
		return "remembered from another account"
	case b.Unconfirmed == OfOlder:
		return "from a state of an older format, which doesn't say how it is known"
	case b.AsFarAsTold:
		return "set as far as the carrier tells"
	default:
		return ""
	}
}

// BoundTo is the binding to a device that is known; to none for "".
func BoundTo(imei spec.IMEI) Binding { return Binding{Known: true, IMEI: imei} }

// Last is a reading as it is remembered.
type Last struct {
	At        time.Time      `json:"at,omitzero"`
	Status    string         `json:"status,omitempty"`
	Lifecycle spec.Lifecycle `json:"lifecycle,omitempty"`
	Reason    string         `json:"reason,omitempty"`
	ForDevice bool           `json:"for_device,omitempty"`
	Has       spec.Attr      `json:"has,omitempty"`
	IMEI      spec.IMEI      `json:"imei,omitempty"`
	Packages  []spec.Package `json:"packages,omitempty"`
}

// Change is a change that was made.
type Change struct {
	spec.Change
	At time.Time `json:"at"`
	// CarrierAt is a time by the carrier's own clock at which it was made already;
	// zero until that clock is known. How long ago it was made is measured from it:
	// At is of the clock of the machine that made the call.
	CarrierAt time.Time `json:"carrier_at,omitzero"`
	// Accepted reports that the carrier answered that it makes the change in its own
	// time, and doesn't say how long that may take.
	Accepted bool `json:"accepted,omitempty"`
}

// Doubt is a call whose outcome is unknown: it was sent, or may have been, and
// no answer came.
type Doubt struct {
	spec.Change
	Key   string    `json:"key,omitempty"` // the call's idempotency key
	Since time.Time `json:"since"`
	// CarrierSince is a time by the carrier's own clock at which the call had left
	// already; zero until that clock is known. A doubt's age is measured from it:
	// Since is of the clock of the machine that sent the call, which may not be that
	// of the machine that looks.
	CarrierSince time.Time `json:"carrier_since,omitzero"`
	RequestID    string    `json:"request_id,omitempty"`
	Reason       string    `json:"reason,omitempty"` // "no answer within 25s"
	// Ticket is what the carrier gave for a change that it accepted: a later run asks
	// by it what became of that, and never sends the change again.
	Ticket string `json:"ticket,omitempty"`
	// Accepted reports that the carrier accepted the change at Since, and makes it in
	// its own time. No reading shows that it had no effect, and it is never sent again.
	Accepted bool `json:"accepted,omitempty"`
	// Tried reports that the run itself looked, and repeated the call where
	// that could do no harm, in vain. It is false where the run ended before.
	Tried bool `json:"tried,omitempty"`
	// Refused reports that the carrier refused to repeat the call, since the card
	// isn't at the device that the call names.
	Refused bool `json:"refused,omitempty"`
	// Waits reports that what was asked for waits for a person outside, such as an
	// order for its payment. It may have its effect whenever that happens, so no
	// reading shows that it had none.
	Waits bool `json:"waits,omitempty"`
}

// UnderWay reports whether the carrier has accepted the change. Older states have a
// ticket alone for that.
func (d Doubt) UnderWay() bool { return d.Accepted || d.Ticket != "" }

// Likely reports whether the change was likely done, though nothing shows it: a
// change of the device whose repetition the carrier refused.
func (d Doubt) Likely() bool { return d.Refused && d.Kind == spec.ChangeBind }

// Tells reports whether the reading held the attributes.
func (l *Last) Tells(attrs spec.Attr) bool { return l.Has.Has(attrs) }

// ID is the card, at the provider block that it is remembered at.
func (c *Card) ID() spec.CardID { return spec.CardID{Provider: c.Provider, ICCID: c.ICCID} }

// Find returns the card's index in the snapshot, or where it would stand.
func (s *Snapshot) Find(iccid spec.ICCID) (int, bool) { return find(s.Cards, iccid) }

func find(cards []Card, iccid spec.ICCID) (int, bool) {
	return slices.BinarySearchFunc(cards, iccid, func(c Card, iccid spec.ICCID) int { return cmp.Compare(c.ICCID, iccid) })
}

// Card returns what is remembered of a card; nil for one that isn't managed.
func (s *Snapshot) Card(iccid spec.ICCID) *Card {
	if s == nil {
		return nil
	}
	if i, ok := s.Find(iccid); ok {
		return &s.Cards[i]
	}
	return nil
}

// Alike are the cards that an ICCID may name: it itself, and those that are it
// with the check digit, or without it.
func (s *Snapshot) Alike(iccid spec.ICCID) []Card {
	if s == nil {
		return nil
	}
	var alike []Card
	at, _ := find(s.Cards, iccid.Stem())
	for ; at < len(s.Cards) && s.Cards[at].ICCID.Stem() == iccid.Stem(); at++ {
		if s.Cards[at].ICCID.SameCard(iccid) {
			alike = append(alike, s.Cards[at])
		}
	}
	return alike
}

// Walk returns a function that finds the cards of ascending ICCIDs, as
// [Snapshot.Card] does, in one pass over the snapshot.
func (s *Snapshot) Walk() func(iccid spec.ICCID) *Card {
	var rest []Card
	if s != nil {
		rest = s.Cards
	}
	return func(iccid spec.ICCID) *Card {
		for len(rest) > 0 && rest[0].ICCID < iccid {
			rest = rest[1:]
		}
		if len(rest) > 0 && rest[0].ICCID == iccid {
			return &rest[0]
		}
		return nil
	}
}
