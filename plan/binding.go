package plan

import (
	"fmt"
	"slices"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// currentBinding is the device that the card is bound to, as far as anybody
// knows: the carrier's word where it can report bindings, else the state's.
func (p *pair) currentBinding() state.Binding {
	if p.live.Tells(spec.AttrBinding) {
		return state.BoundTo(p.live.IMEI)
	}
	if p.memory != nil {
		return p.memory.Binding
	}
	return state.Binding{}
}

// binding compares the card's device.
func (d *differ) binding(p *pair) {
	if !p.wanted.Wants().Has(spec.AttrBinding) {
		if p.wanted.CurrentIMEI != "" && !p.currentBinding().Known {
			p.card.Memory.Binding = p.trust() // not managed, and good to know: approvals name it
		}
		return
	}
	if p.live.Lifecycle.Ended() {
		return // bound = false on a closed card is as wanted
	}
	if p.watched() {
		p.observed()
		return
	}
	bound := p.currentBinding()
	if !bound.Known {
		bound = p.trust()
	}
	if !bound.Known {
		return
	}
	p.card.Memory.Binding = bound
	switch {
	case p.wanted.Bound == spec.Off && bound.IMEI != "":
		d.unbind(p, bound.IMEI)
	case p.wanted.Bound == spec.Off, bound.IMEI.Same(p.wanted.IMEI):
	case p.lostZero(bound) != "":
		p.attendLostZero(p.lostZero(bound))
	case bound.IMEI == "" && !p.caps.BindsFirst:
		p.attend("Card has no device", fmt.Sprintf(
			"The configuration wants device %s, but the card is bound to none. This carrier can change a binding, not make the first one: the card binds itself to the device that it is first used in.", p.wanted.IMEI))
	case p.notYetActivated():
		p.blocked(fmt.Sprintf("device %s", p.wanted.IMEI))
	default:
		p.change(spec.ChangeBind, string(bound.IMEI), string(p.wanted.IMEI))
		p.doubtful()
	}
}

// watched reports whether the card's device is compared with the one in use, and no
// more: the carrier tells no binding, and none can be changed there. An unbind that
// closes the card is a change of it all the same.
func (p *pair) watched() bool {
	if p.caps.Reads.Has(spec.AttrBinding) {
		return false
	}
	return !p.caps.Writes().Has(spec.AttrBinding) || p.caps.ObservesIMEI && !p.caps.CanChange(spec.ChangeBind) && p.wanted.IMEI != ""
}

// observed compares the device in use, where the carrier tells no more than
// that. It is no proof of a binding, so it plans nothing.
func (p *pair) observed() {
	if p.live.Observed == "" || p.wanted.IMEI == "" || p.live.Observed.Same(p.wanted.IMEI) {
		return
	}
	if whole := p.lostZero(state.BoundTo(p.live.Observed)); whole != "" {
		p.attendLostZero(whole)
		return
	}
	p.attend("Another device is in use", fmt.Sprintf(
		"The configuration says device %s, but the carrier sees the card in use in device %s. It can't be changed from here: look where the card is.", p.wanted.IMEI, p.live.Observed))
}

// attendLostZero says that the wanted device is the one that the card has.
func (p *pair) attendLostZero(whole spec.IMEI) {
	p.attend("The zero was lost", fmt.Sprintf(
		"The configuration says device %s, which is %s, the card's device, without its leading zero: a program took it for a number. Nothing is planned for it. Write %s (%s), and export the column as text.",
		p.wanted.IMEI, whole, whole, where(p.wanted, "imei")))
}

// trust takes the configuration's word for a binding that neither the carrier
// nor the state knows, and says so.
func (p *pair) trust() state.Binding {
	trusted := p.wanted.CurrentIMEI
	if trusted == "" {
		trusted = p.wanted.IMEI
	}
	if trusted == "" {
		p.attend("Device is unknown", "The configuration says bound = false, but neither the carrier nor the state knows which device the card is bound to, and an unbind has to name it. Say it with current_imei.")
		return state.Binding{}
	}
	adopt := slices.IndexFunc(p.card.Actions, func(a Action) bool { return a.Kind == spec.Adopt })
	if adopt < 0 { // in the state already, with no binding
		p.act(spec.Adopt, "", "")
		adopt = len(p.card.Actions) - 1
	}
	p.card.Actions[adopt].To = string(trusted)
	p.card.Notes = append(p.card.Notes, "recorded as bound to "+string(trusted)+" on trust: this carrier can't report bindings")
	if trusted == p.wanted.IMEI {
		p.doubtful()
	}
	return state.Binding{Known: true, Unconfirmed: state.OnTrust, IMEI: trusted}
}

// unbind plans what closes the card's account for good.
func (d *differ) unbind(p *pair, from spec.IMEI) {
	if p.protected() {
		diag := preventedDiagnostic(p, from)
		if d.in.saved {
			p.attend(diag.Summary, diag.Detail)
			return
		}
		p.prevented = &diag
		return
	}
	p.change(spec.Unbind, string(from), "")
}

// protected reports whether the card must not be unbound: by its block where it has
// one, else by the state, which remembers the block's word.
func (p *pair) protected() bool {
	if p.wanted != nil {
		return p.wanted.PreventUnbind
	}
	return p.memory != nil && p.memory.PreventUnbind
}

func preventedDiagnostic(p *pair, from spec.IMEI) spec.Diagnostic {
	diag := spec.Diagnostic{Summary: "Unbind is prevented", Address: p.address()}
	if p.wanted == nil {
		diag.Detail = fmt.Sprintf(
			"%s (%s) left the configuration, so it would be unbound from device %s, but it was declared with prevent_unbind = true, which the state remembers. "+
				"Put the block back; to stop managing the card without touching it, name it in a removed block; to unbind it all the same, put the block back without prevent_unbind, apply, then remove it.",
			p.address(), p.card.ICCID, from)
		return diag
	}
	place := p.wanted.Place("bound")
	diag.Subject = &place
	diag.Detail = fmt.Sprintf(
		"%s (%s) would be unbound from device %s, but its lifecycle block says prevent_unbind = true. Take out bound = false, or prevent_unbind.",
		p.address(), p.card.ICCID, from)
	return diag
}
