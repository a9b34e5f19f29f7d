package spec

import "slices"

// Kind is a kind of action, spelled as in the configuration and in JSON.
type Kind string

// The kinds of action. Adopt and forget change the state alone; the others are
// calls to a carrier.
const (
	Adopt       Kind = "adopt"
	ChangeBind  Kind = "change-bind"
	Unbind      Kind = "unbind"
	Stop        Kind = "stop"
	Resume      Kind = "resume"
	Subscribe   Kind = "subscribe"
	Unsubscribe Kind = "unsubscribe"
	Forget      Kind = "forget"
)

// Kinds returns every kind in the order of a plan's last line.
func Kinds() []Kind {
	return []Kind{Adopt, ChangeBind, Unbind, Stop, Resume, Subscribe, Unsubscribe, Forget}
}

// CarrierKinds returns the kinds that are calls to a carrier, in the order in
// which they run within one card: a card is in service before it is given
// packages or a device, and what takes it out of service comes last.
func CarrierKinds() []Kind {
	return []Kind{Resume, Subscribe, ChangeBind, Unsubscribe, Stop, Unbind}
}

// CallsCarrier reports whether an action of this kind is a call to the carrier.
func (k Kind) CallsCarrier() bool { return k != Adopt && k != Forget }

// SetsState reports whether the action sets a state, so that repeating it
// changes nothing twice.
func (k Kind) SetsState() bool { return k == Stop || k == Resume }

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
func (k Kind) Risk() Risk {
	switch k {
	case Unbind:
		return Irreversible
	case Stop, ChangeBind, Unsubscribe:
		return Disruptive
	default:
		return Reversible
	}
}

// Irreversible reports whether nothing can undo the action: an unbind closes
// the card's account ("解绑操作会导致销户", Dyiotapi DoIotChgBindOrUnBind).
func (k Kind) Irreversible() bool { return k.Risk() == Irreversible }

// ParseKind finds the kind named s; ok is false for a name that is none.
func ParseKind(s string) (k Kind, ok bool) {
	k = Kind(s)
	return k, slices.Contains(Kinds(), k)
}

// Attr is a set of a card's attributes that the program can manage.
type Attr uint8

// The attributes. Binding stands for imei, bound and current_imei together.
const (
	AttrBinding Attr = 1 << iota
	AttrActive
	AttrPackages
)

// Has reports whether all of b are in a.
func (a Attr) Has(b Attr) bool { return a&b == b }

// Attr is the attribute that an action of this kind changes; 0 for adopt and forget.
func (k Kind) Attr() Attr {
	switch k {
	case ChangeBind, Unbind:
		return AttrBinding
	case Stop, Resume:
		return AttrActive
	case Subscribe, Unsubscribe:
		return AttrPackages
	default:
		return 0
	}
}

// Switch is an attribute that is on, off, or left alone (the zero value).
type Switch int8

// The values of a Switch.
const (
	Unset Switch = iota
	On
	Off
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
