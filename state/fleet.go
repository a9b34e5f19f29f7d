package state

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/cardfleet/cardfleet/spec"
)

// Fleet is what the state remembers of the fleet as a whole. The zero value is
// that of a fleet of which nothing is known yet.
type Fleet struct {
	// Policy is what counted for the last apply that ended; nil before the first.
	Policy *Policy `json:"policy,omitempty"`
	// Signers are those whose signatures counted then, by name.
	Signers []Signer `json:"signers,omitempty"`
	// Plans are the last saved plans that were carried out, the oldest first;
	// at most [MostPlans].
	Plans []CarriedOut `json:"plans,omitempty"`
	// Accounts are those that the provider blocks stood for then, by block.
	Accounts map[spec.ProviderName]spec.Account `json:"accounts,omitempty"`
	// Carriers are the digests of the definitions of carriers that the configuration
	// had then, by name.
	Carriers map[string]string `json:"carriers,omitempty"`
	// Feeds are until when the readings of a provider block's cards have what changed
	// at the carrier, where that lists changes. A card that was read since has more.
	// The times are by the carrier's clock, where that is known.
	Feeds map[spec.ProviderName]time.Time `json:"feeds,omitempty"`
	// Spent are the signatures that count no more though they haven't ended.
	Spent []Spent `json:"spent,omitempty"`
}

// MostPlans is how many plans that were carried out are remembered.
const MostPlans = 50

// Policy is what counts of a policy: a later one that allows more is weaker.
type Policy struct {
	Guard             []spec.Kind   `json:"guard,omitempty"`
	Limits            []Limit       `json:"limits,omitempty"`
	OnRemove          spec.Kind     `json:"on_remove,omitempty"`          // "" is unbind
	RequiredApprovals int           `json:"required_approvals,omitempty"` // 0 is 1
	ApprovalMaxAge    time.Duration `json:"approval_max_age,omitempty"`   // in nanoseconds; 0 is the default
	Signed            bool          `json:"signed,omitempty"`             // unsigned approvals don't count
}

// Limit is [spec.Limit] as it is remembered.
type Limit struct {
	Kind     spec.Kind         `json:"kind"`
	Provider spec.ProviderName `json:"provider,omitempty"`
	Count    *int              `json:"count,omitempty"`
	Percent  *float64          `json:"percent,omitempty"`
}

// Signer is one whose signature counts.
type Signer struct {
	Name        string `json:"name"`
	Fingerprint string `json:"fingerprint"` // of the key: "SHA256:…", as ssh-keygen -l prints it
}

// CarriedOut is a saved plan that was carried out.
type CarriedOut struct {
	Digest string    `json:"digest"` // of the plan file: "sha256:…"
	At     time.Time `json:"at"`     // when that apply ended
	Run    string    `json:"run,omitempty"`
}

// Spent is a signature that counts no more.
type Spent struct {
	Signature string    `json:"signature"` // digest of the signature: "sha256:…"
	At        time.Time `json:"at"`
	// Until is when it ends by itself: from then on it needn't be remembered.
	Until  time.Time `json:"until,omitzero"`
	Reason string    `json:"reason,omitempty"` // "used", "withdrawn", "the card has changed"
}

// Carried notes a saved plan that was carried out, and forgets the oldest
// where there are more than [MostPlans]. Lists that other values may share are
// replaced, never written to.
func (f *Fleet) Carried(plan CarriedOut) {
	plans := slices.Concat(f.Plans, []CarriedOut{plan})
	f.Plans = plans[max(0, len(plans)-MostPlans):]
}

// Fed notes until when readings have what changed at a carrier. A map that other
// values may share is replaced, never written to.
func (f *Fleet) Fed(block spec.ProviderName, until time.Time) {
	feeds := maps.Clone(f.Feeds)
	if feeds == nil {
		feeds = map[spec.ProviderName]time.Time{}
	}
	feeds[block] = until.UTC().Truncate(time.Second)
	f.Feeds = feeds
}

// NotFed forgets until when readings of the block's cards have what changed.
func (f *Fleet) NotFed(block spec.ProviderName) {
	if _, has := f.Feeds[block]; !has {
		return
	}
	f.Feeds = maps.Clone(f.Feeds)
	delete(f.Feeds, block)
}

// Equal reports whether both are kept alike.
func (f *Fleet) Equal(o *Fleet) bool {
	a, errA := json.Marshal(f)
	b, errB := json.Marshal(o)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}
