package spec

import (
	"cmp"
	"slices"
	"strings"
)

// Kind is a kind of action, spelled as in the configuration and in JSON.
type Kind string

// The kinds of action. Adopt, move and forget change the state alone; the
// others are calls to a carrier.
const (
	Adopt       Kind = "adopt"
	ChangeBind  Kind = "change-bind"
	Unbind      Kind = "unbind"
	Stop        Kind = "stop"
	Resume      Kind = "resume"
	Subscribe   Kind = "subscribe"
	Unsubscribe Kind = "unsubscribe"
	Move        Kind = "move"
	Forget      Kind = "forget"
)

// row is all that the program knows of one kind of action but for its words,
// which are in the table of phrase.go.
type row struct {
	kind Kind
	risk Risk
	attr Attr // the attribute that it changes; 0 for none
	// turn is its place among the actions of one card: a card is in service
	// before it is given packages or a device, and what takes the card out of
	// service comes last. It moves before anything else.
	turn int
	// call is set for a call to the carrier. The other kinds change the state alone.
	call bool
	// setsState is set where repeating the action changes nothing twice.
	setsState bool
	// from and to say what a change's values are.
	from, to Value
	effect   effect
}

// table has a row for each kind, in the order of a plan's last line.
var table = []row{
	{kind: Adopt, risk: Reversible, turn: 1, to: Device, effect: adopting},
	{kind: ChangeBind, risk: Disruptive, attr: AttrBinding, turn: 4, call: true, from: Device, to: Device, effect: rebinding},
	{kind: Unbind, risk: Irreversible, attr: AttrBinding, turn: 7, call: true, from: Device, effect: unbinding},
	{kind: Stop, risk: Disruptive, attr: AttrActive, turn: 6, call: true, setsState: true, effect: stopping},
	{kind: Resume, risk: Reversible, attr: AttrActive, turn: 2, call: true, setsState: true, effect: resuming},
	{kind: Subscribe, risk: Reversible, attr: AttrPackages, turn: 3, call: true, to: PackageID, effect: subscribing},
	{kind: Unsubscribe, risk: Disruptive, attr: AttrPackages, turn: 5, call: true, from: PackageID, effect: unsubscribing},
	{kind: Move, risk: Reversible, turn: 0, from: ProviderBlock, to: ProviderBlock, effect: invisible},
	{kind: Forget, risk: Reversible, turn: 8, effect: invisible},
}

// noKind is the row of a word that is no kind: it changes nothing that is known.
var noKind = row{risk: Reversible, call: true, effect: invisible}

func (k Kind) row() *row {
	for i := range table {
		if table[i].kind == k {
			return &table[i]
		}
	}
	return &noKind
}

// Kinds returns every kind in the order of a plan's last line.
func Kinds() []Kind {
	kinds := make([]Kind, 0, len(table))
	for i := range table {
		kinds = append(kinds, table[i].kind)
	}
	return kinds
}

// CarrierKinds returns the kinds that are calls to a carrier, in the order in
// which they run within one card.
func CarrierKinds() []Kind {
	kinds := slices.DeleteFunc(Kinds(), func(k Kind) bool { return !k.CallsCarrier() })
	slices.SortFunc(kinds, Kind.CompareTurn)
	return kinds
}

// ParseKind finds the kind named s; ok is false for a name that is none.
func ParseKind(s string) (k Kind, ok bool) {
	r := Kind(s).row()
	return r.kind, r != &noKind
}

// CallsCarrier reports whether an action of this kind is a call to the carrier.
func (k Kind) CallsCarrier() bool { return k.row().call }

// SetsState reports whether the action sets a state, so that repeating it
// changes nothing twice.
func (k Kind) SetsState() bool { return k.row().setsState }

// CompareTurn orders kinds as they run within one card.
func (k Kind) CompareTurn(other Kind) int { return cmp.Compare(k.row().turn, other.row().turn) }

// Attr is the attribute that an action of this kind changes; 0 for adopt, move and forget.
func (k Kind) Attr() Attr { return k.row().attr }

// Values says what the From and the To of a [Change] of this kind are.
func (k Kind) Values() (from, to Value) { r := k.row(); return r.from, r.to }

// Field is the kind as a field's name in JSON: "change_bind".
func (k Kind) Field() string { return strings.ReplaceAll(string(k), "-", "_") }

// Value says what one value of a [Change] is.
type Value uint8

// The values.
const (
	NoValue       Value = iota // there is none
	Device                     // an IMEI
	PackageID                  // a package's id
	ProviderBlock              // a provider block's name
)

// Risk is how bad an action is if it was a mistake.
type Risk string

// The risks.
const (
	Reversible   Risk = "reversible"   // the next plan puts it right
	Disruptive   Risk = "disruptive"   // a device is offline until it is put right
	Irreversible Risk = "irreversible" // nothing puts it right
)

// Risk is the kind's risk. A change of binding to a wrong device, and a stop,
// take a device off the network; money that a subscription costs is gone, but
// the card works.
func (k Kind) Risk() Risk { return k.row().risk }

// Irreversible reports whether nothing can undo the action: an unbind closes
// the card's account ("解绑操作会导致销户", Dyiotapi DoIotChgBindOrUnBind).
func (k Kind) Irreversible() bool { return k.Risk() == Irreversible }

// Attr is a set of a card's attributes that the program can manage.
type Attr uint8

// The attributes. Binding stands for imei, bound and current_imei together.
// The state keeps the numbers on disk, so each stays what it is for ever.
const (
	AttrBinding  Attr = 1
	AttrActive   Attr = 2
	AttrPackages Attr = 4
)

// attrNames are the attributes as a configuration spells them, in the order in
// which people are told of them.
var attrNames = []struct {
	attr Attr
	name string
}{{AttrBinding, "imei"}, {AttrActive, "active"}, {AttrPackages, "packages"}}

// Attrs returns each attribute, in the order in which people are told of them.
func Attrs() []Attr {
	attrs := make([]Attr, 0, len(attrNames))
	for _, n := range attrNames {
		attrs = append(attrs, n.attr)
	}
	return attrs
}

// ParseAttr finds the attribute that a configuration calls s: "imei",
// "active", "packages". ok is false for another name.
func ParseAttr(s string) (a Attr, ok bool) {
	for _, n := range attrNames {
		if n.name == s {
			return n.attr, true
		}
	}
	return 0, false
}

// String names the attributes as a configuration spells them: "imei, active";
// "" for none.
func (a Attr) String() string {
	var names []string
	for _, n := range attrNames {
		if a.Has(n.attr) {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, ", ")
}

// Has reports whether all of b are in a.
func (a Attr) Has(b Attr) bool { return a&b == b }

// Switch is an attribute that is on, off, or left alone (the zero value).
type Switch int8

// The values of a Switch. Saved plans keep the numbers, so each stays what it
// is for ever.
const (
	Unset Switch = 0
	On    Switch = 1
	Off   Switch = 2
)

// SwitchOf turns a bool into On or Off.
func SwitchOf(b bool) Switch {
	if b {
		return On
	}
	return Off
}

// Bool returns the value as a pointer, nil for Unset, as JSON wants it.
func (s Switch) Bool() *bool {
	if s == Unset {
		return nil
	}
	on := s == On
	return &on
}
