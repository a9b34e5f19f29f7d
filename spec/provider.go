package spec

import (
	"slices"
	"time"
)

// CommonSettings are the attributes of every provider block, besides alias.
func CommonSettings() []Setting {
	return []Setting{
		{Name: "endpoint", Type: SettingString, Doc: `base URL of the carrier's API, or "simulator"`},
		{Name: "requests_per_second", Type: SettingNumber, Doc: "the most calls a second, retries included"},
		{Name: "max_in_flight", Type: SettingInt, Least: 1, Doc: "the most calls under way at once"},
		{Name: "calls_per_day", Type: SettingInt, Doc: "the most calls a day, 0 for no quota"},
		{Name: "calls_per_month", Type: SettingInt, Doc: "the most calls a month, 0 for no quota"},
		{Name: "timeout", Type: SettingDuration, Positive: true, Doc: "how long one call may take"},
		{Name: "retries", Type: SettingInt, Doc: "how often a call is repeated, where repeating is safe"},
		{Name: "exclusive_imei", Type: SettingBool, Doc: "whether the carrier refuses two cards with one IMEI, even for a moment"},
		{Name: "parking_imeis", Type: SettingIMEIs, Doc: "spare IMEIs for cycles of swaps, where exclusive_imei is true"},
		AllowPlaintext(),
	}
}

// Capabilities is what a provider can do. A capability is off until verified:
// the zero value can do nothing.
type Capabilities struct {
	Reads   Attr   // what a reading holds
	Changes []Kind // what it can change, in the order of [CarrierKinds]
	// NamesPrior are the changes whose call names the value that it replaces,
	// so that the carrier itself refuses a second one.
	NamesPrior []Kind
	// BindsFirst reports that a change-bind sets the device by its value alone, so
	// that it also binds a card that is bound to none. It is off where the call
	// names the device that it replaces, or where a card binds itself to the device
	// that it is first used in.
	BindsFirst bool
	// ResumesForDevice reports whether a resume also helps a card that the carrier
	// stopped for its device.
	ResumesForDevice bool
	// KeepsAccount reports that an unbind closes no account.
	KeepsAccount bool
	// OnePackage reports that a card has exactly one package, and that subscribing
	// another takes its place.
	OnePackage bool
	// Final are the kinds that nothing undoes at this carrier, besides those that
	// nothing ever does.
	Final []Kind
	// Waits are the kinds whose calls a carrier may accept before it makes the change,
	// and how long it may take for that.
	Waits map[Kind]time.Duration
	// Bills says of a kind what it costs, for plans.
	Bills map[Kind]string
	// Numbers reports whether it can read privacy numbers.
	Numbers bool
	// ObservesIMEI reports whether readings hold the device in use, which is no proof of a binding.
	ObservesIMEI bool
	// Settle is how long a change may take to show in readings.
	Settle time.Duration
	// Cooldown is how long after one change of a card the carrier refuses the next; 0 for not at all.
	Cooldown time.Duration
	// Lists reports whether it can list the account's cards.
	Lists bool
	// ListTells are the attributes that a list tells of a card just as [Capabilities.Reads]
	// would, the status always among them; none where a list tells no status.
	ListTells Attr
	// ListPage is how many cards one call of a list tells at most.
	ListPage int
	// AfterList is how many calls it takes to read an attribute of a card that a
	// list told; one that is missing takes all the calls of reading the card.
	AfterList map[Attr]int
	// ReadCalls is how many calls reading one card takes for these attributes,
	// besides the call for its status. The number under the key 0 is of calls that
	// every card takes, whatever is asked of it.
	ReadCalls map[Attr]int
	// ChangeCalls is how many calls a change of a kind takes at most; a missing kind takes one.
	ChangeCalls map[Kind]int
}

// Pace is how many calls a provider may make, by what its block says. The zero
// value is no limit.
type Pace struct {
	PerSecond        float64 // the rate that it keeps to; 0 for none
	PerDay, PerMonth int     // the account's quotas; 0 for none
	// Account tells which providers share all that: those of one name. It is
	// compared, and never shown. "" shares with none.
	Account string
}

// CanChange reports whether it can carry out changes of kind k.
func (c Capabilities) CanChange(k Kind) bool { return slices.Contains(c.Changes, k) }

// Change is a change of the kind, with what is so of it at this carrier.
func (c Capabilities) Change(k Kind, from, to string) Change {
	return Change{
		Kind: k, From: from, To: to, KeepsAccount: k == Unbind && c.KeepsAccount, Replaces: k == Subscribe && c.OnePackage,
		Final: slices.Contains(c.Final, k),
	}
}

// ReplacesByName reports whether the call for k names the value it replaces.
func (c Capabilities) ReplacesByName(k Kind) bool { return slices.Contains(c.NamesPrior, k) }

// SettleOf is how long a change of kind k may take to show in readings. A carrier that
// makes such changes later may do so after an answer that was lost, too.
func (c Capabilities) SettleOf(k Kind) time.Duration { return max(c.Settle, c.Waits[k]) }

// AsksAfter reports whether a carrier can be asked what became of a change of kind k that
// it accepted.
func (c Capabilities) AsksAfter(k Kind) bool {
	_, ok := c.Waits[k]
	return ok
}

// Writes is the set of attributes that some change can set.
func (c Capabilities) Writes() Attr {
	var a Attr
	for _, k := range c.Changes {
		a |= k.Attr()
	}
	return a
}

// CallsToRead is how many calls it takes to read attrs of one card.
func (c Capabilities) CallsToRead(attrs Attr) int {
	n := 1 // the status is always read
	for a, calls := range c.ReadCalls {
		if attrs.Has(a) {
			n += calls
		}
	}
	return n
}

// CallsToChange is how many calls a change of kind k takes at most.
func (c Capabilities) CallsToChange(k Kind) int {
	if n, ok := c.ChangeCalls[k]; ok {
		return n
	}
	return 1
}
