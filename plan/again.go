package plan

import (
	"fmt"
	"slices"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
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

// asksFor reports whether what the change makes is what the configuration wants of the
// card, or the policy of one that left it.
func (d *differ) asksFor(p *pair, change spec.Change) bool {
	w := p.wanted
	switch change.Kind {
	case spec.Stop, spec.Resume:
		return d.service(p) == serviceAfter(change.Kind)
	case spec.ChangeBind:
		return w != nil && w.IMEI != "" && w.IMEI.Same(spec.IMEI(change.To))
	case spec.Unbind:
		policy := d.in.Fleet.Policy.OnRemove
		return w != nil && w.Bound == spec.Off || w == nil && policy != spec.Stop && policy != spec.Forget
	case spec.Subscribe:
		return w != nil && slices.Contains(w.Packages, change.To)
	case spec.Unsubscribe:
		return w != nil && w.Wants().Has(spec.AttrPackages) && !slices.Contains(w.Packages, change.From)
	default:
		return false
	}
}

// acceptedText begins what is said of a change that the carrier has accepted.
func acceptedText(doubt state.Doubt) string {
	return fmt.Sprintf("%s was accepted by the carrier at %s", doubt.Change, doubt.Since.UTC().Format("2006-01-02 15:04:05 UTC"))
}

// underWay says of a change that the carrier has accepted that it isn't sent again. The
// card is left alone until the carrier shows it. A person has to look where something
// else is wanted by now, and where it should have shown long ago.
func (d *differ) underWay(p *pair, doubt state.Doubt) {
	accepted := acceptedText(doubt)
	switch asked := d.asksFor(p, doubt.Change); {
	case !asked:
		p.attend("Change under way", fmt.Sprintf(
			"%s, which doesn't show it yet. By now the configuration doesn't ask for it, and this %s may still take effect. The card is left alone until it is known.\n%s",
			accepted, doubt.Kind, p.remedy(doubt)))
	case !d.in.Now.Before(doubt.LongAgo(p.caps.SettleOf(doubt.Kind))):
		p.attend("Accepted change doesn't show", fmt.Sprintf(
			"%s, which doesn't show it. It is not sent again, and the card is left alone until it is known.\n%s", accepted, p.remedy(doubt)))
	default:
		p.note("%s, which doesn't show it yet; nothing is sent again, and the card is left alone until it shows", accepted)
	}
}

// askAfter says of a change that the carrier accepted, with a ticket, that it is asked what
// became of that. Where a run asked in vain, or it should have shown long ago, a person has
// to know why, and how it ends: the carrier may have forgotten the ticket.
func (d *differ) askAfter(p *pair, doubt state.Doubt) {
	accepted := acceptedText(doubt)
	p.note("%s; it is asked what became of that, and nothing is sent again", accepted)
	if doubt.Tried || !d.in.Now.Before(doubt.LongAgo(p.caps.SettleOf(doubt.Kind))) {
		p.attend("Outcome in doubt", fmt.Sprintf("%s, and its outcome is unknown (%s).\n%s", accepted, doubt.Reason, p.remedy(doubt)))
	}
}

// against reports whether something else is wanted by now than what the carrier has
// accepted and doesn't show yet. A call sent now might be overtaken by the one before.
func (d *differ) against(p *pair) bool {
	found := false
	for _, ch := range p.underWay {
		if d.asksFor(p, ch.Change) {
			continue
		}
		found = true
		p.attend("Change under way", fmt.Sprintf(
			"%s was accepted by the carrier at %s, which doesn't show it yet. By now the configuration doesn't ask for it, and this %s may still take effect. The card is left alone until it shows, for an hour at most.",
			ch.Change, ch.At.UTC().Format("2006-01-02 15:04:05 UTC"), ch.Kind))
	}
	return found
}
