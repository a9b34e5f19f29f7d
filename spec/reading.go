package spec

import "time"

// Lifecycle is where a card stands in its life, in our words; each carrier's
// own words map to these.
type Lifecycle string

// The lifecycles. The zero value means that none is known.
const (
	Active             Lifecycle = "active"
	SuspendedByOwner   Lifecycle = "suspended-by-owner"
	SuspendedByCarrier Lifecycle = "suspended-by-carrier"
	Pending            Lifecycle = "pending"   // not yet activated
	Inventory          Lifecycle = "inventory" // in stock
	Testing            Lifecycle = "testing"
	Dormant            Lifecycle = "dormant"
	Closing            Lifecycle = "closing" // its account is being closed
	Closed             Lifecycle = "closed"
	Transferred        Lifecycle = "transferred"
	NotFound           Lifecycle = "not-found" // the carrier has no such card
	UnknownLifecycle   Lifecycle = "unknown"   // a word that we don't know
)

// Valid reports whether l is one of the lifecycles; the zero value is.
func (l Lifecycle) Valid() bool {
	switch l {
	case "", Active, SuspendedByOwner, SuspendedByCarrier, Pending, Inventory, Testing, Dormant,
		Closing, Closed, Transferred, NotFound, UnknownLifecycle:
		return true
	default:
		return false
	}
}

// InService reports whether the card can be used: On, Off, or Unset where the
// lifecycle doesn't tell.
func (l Lifecycle) InService() Switch {
	switch l {
	case Active, Testing:
		return On
	case SuspendedByOwner, SuspendedByCarrier:
		return Off
	default:
		return Unset
	}
}

// Ended reports whether the card's account is closed, closing or somebody else's.
func (l Lifecycle) Ended() bool { return l == Closing || l == Closed || l == Transferred }

// shut reports whether the card's account is closed, or being closed.
func (l Lifecycle) shut() bool { return l == Closing || l == Closed }

// Gone reports whether the carrier has the card no longer, or not for long: its
// account has ended, or there is no such card.
func (l Lifecycle) Gone() bool { return l.Ended() || l == NotFound }

// LeftForLater is why a card is unread that this run had no call left for. It
// says nothing of the carrier.
const LeftForLater = "left for a later run"

// Package is a package that a card has.
type Package struct {
	ID        string    `json:"id"`
	Name      string    `json:"name,omitempty"`
	Effective time.Time `json:"effective,omitzero"`
	Expires   time.Time `json:"expires,omitzero"`
}

// Reading is what a carrier said of one card at one time. The zero value, and
// one with Unread set, says nothing: not found is not unread.
type Reading struct {
	Provider ProviderName
	ICCID    ICCID
	At       time.Time // when the answer came; zero for a card never read
	// CarrierAt is At by the carrier's own clock; zero where it tells none. Two
	// times of one carrier's clock can be compared, whichever machines took them.
	CarrierAt time.Time
	// Watched is for how long the run had had the state when the answer came, by its
	// own steady clock: all that the state remembers is at least as old. 0 where
	// nobody measured it.
	Watched time.Duration
	// Unread says why the carrier could not be asked; "" where it answered.
	Unread    string
	Status    string // the carrier's own words
	Lifecycle Lifecycle
	// Reason says why the carrier stopped the card, in its words; "" where it doesn't.
	Reason string
	// ForDevice reports that the carrier stopped the card since it is in another
	// device than it is bound to, or in none.
	ForDevice bool
	Has       Attr // which of the attributes below the reading holds

	IMEI     IMEI      // with AttrBinding: the device it is bound to; "" for none
	Observed IMEI      // the device in use, which is no proof of a binding
	Packages []Package // with AttrPackages: by id

	// CarrierIDs are the carrier's own ids of the card, by their names; nil where
	// none was looked up.
	CarrierIDs map[string]string
}

// ID is the identity of the card that was read.
func (r *Reading) ID() CardID { return CardID{r.Provider, r.ICCID} }

// Known reports whether the carrier answered.
func (r *Reading) Known() bool { return r.Unread == "" && !r.At.IsZero() }

// Tells reports whether the reading holds the attributes.
func (r *Reading) Tells(attrs Attr) bool { return r.Has.Has(attrs) }

// HasPackage reports whether the card has the package.
func (r *Reading) HasPackage(id string) bool {
	for i := range r.Packages {
		if r.Packages[i].ID == id {
			return true
		}
	}
	return false
}

// NumberReading is what a carrier said of one privacy number.
type NumberReading struct {
	Address string
	At      time.Time
	Unread  string // why it could not be asked; "" where it answered
	Status  int    // 1 normal, 2 another X for now, 3 no X, 4 expired (Dyplsapi QueryCallStatus)
	Number  string // the X number; "" where there is none
}
