package plan

import (
	"slices"

	"github.com/cardfleet/cardfleet/spec"
)

// wantsAgain reports whether all that is in doubt of the card is a stop or a
// resume that is still wanted, and that the carrier doesn't show yet. It is
// planned again: a second one changes nothing twice. The doubt stays until that
// is answered, since the first may have its effect all the same.
func (d *differ) wantsAgain(p *pair) bool {
	if p.memory == nil || len(p.memory.Doubts) != 1 {
		return false
	}
	doubt := &p.memory.Doubts[0]
	return d.service(p) == serviceAfter(doubt.Kind) && doubt.MayRepeat(&p.live)
}

// sendAgain says that a stop or a resume is sent again. Where something keeps it
// from being planned, the card is left alone as any in doubt.
func (d *differ) sendAgain(p *pair) {
	doubt := &p.memory.Doubts[0]
	if slices.ContainsFunc(p.card.Actions, func(a Action) bool { return a.Change == doubt.Change }) {
		p.note("%s of %s is in doubt, and the carrier doesn't show it yet; it is sent again, which changes nothing twice",
			doubt.Change, doubt.Since.UTC().Format("2006-01-02 15:04 UTC"))
		return
	}
	p.card.Actions = slices.DeleteFunc(p.card.Actions, func(a Action) bool { return a.Kind.CallsCarrier() })
	d.inDoubt(p)
}

// service is whether the card is to be in service; [spec.Unset] where that is left alone.
func (d *differ) service(p *pair) spec.Switch {
	switch {
	case p.wanted != nil && p.wanted.Wants().Has(spec.AttrActive):
		return p.wanted.Active
	case p.wanted == nil && d.in.Fleet.Policy.OnRemove == spec.Stop:
		return spec.Off
	default:
		return spec.Unset
	}
}

// serviceAfter is whether a card is in service after a change of the kind;
// [spec.Unset] where that doesn't say.
func serviceAfter(k spec.Kind) spec.Switch {
	switch k {
	case spec.Resume:
		return spec.On
	case spec.Stop:
		return spec.Off
	default:
		return spec.Unset
	}
}
