package plan

import (
	"cmp"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// deviceKey is a device at one carrier account's provider type: two accounts
// of one carrier share its devices. aliyun and aliyun_linkcard are one account, and
// two systems all the same: a device is uploaded to Dyiotapi before it is bound there
// (ALIDOC 63922), while a Linkcard card takes the first device that it is used in
// (ALIDOC api-rebindresumesinglecard), and no call of Linkcard's ever releases it. As
// a holder such a card would block its device for good.
type deviceKey struct {
	carrier string
	device  string
}

func keyOf(provider spec.ProviderName, imei string) deviceKey {
	return deviceKey{provider.Type(), spec.IMEI(imei).Device()}
}

// holder is a card that has a device before the plan runs, or may have it.
type holder struct {
	id      spec.CardID
	address string
	release string // the action by which the card leaves the device; "" where nothing in the plan does
	doubted bool   // nobody knows whether the card has it
	// attention reports that the card needs a person's attention.
	attention bool
}

// findHolders finds the cards that have the devices which cards are to take,
// and those that stand at a parking place.
func (o *orderer) findHolders() error {
	o.holders = map[deviceKey][]*holder{}
	for _, t := range o.takers {
		o.holders[keyOf(t.card.Provider, t.action().To)] = nil
	}
	for i := range o.in.Fleet.Providers {
		p := &o.in.Fleet.Providers[i]
		for _, imei := range parkingOf(p) {
			o.holders[keyOf(p.Name, imei)] = nil
		}
	}
	o.each(o.holdPlanned)
	return o.others(func(c *state.Card) {
		o.hold(keyOf(c.Provider, string(c.Binding.IMEI)), holder{id: c.ID(), address: c.Address})
		o.holdDoubts(holder{id: c.ID(), address: c.Address}, c.Doubts)
	})
}

// holdPlanned notes the devices of a card of the plan: the one that it has, as
// far as anybody knows, and those that a call in doubt may have given it. An
// action that leaves a device releases it, also where the action repeats a call
// in doubt: once it is done, the card is elsewhere.
func (o *orderer) holdPlanned(c *Card) {
	has := cmp.Or(c.Before.Binding.IMEI, c.Memory.Binding.IMEI)
	own := holder{id: c.ID(), address: c.Address, attention: len(c.Attention) > 0}
	for i := range c.Actions {
		releasing := own
		releasing.release = c.Actions[i].ID
		switch a := &c.Actions[i]; a.Kind {
		case spec.ChangeBind, spec.Unbind:
			o.hold(keyOf(c.Provider, a.From), releasing)
		case spec.Forget: // from then on nobody knows of a holder
			o.hold(keyOf(c.Provider, string(has)), releasing)
		}
	}
	o.hold(keyOf(c.Provider, string(has)), own)
	if prior := o.saved(c.ICCID); prior != nil { // nobody has read the card again
		o.hold(keyOf(c.Provider, string(prior.Binding.IMEI)), own)
	}
	o.holdDoubts(own, c.Memory.Doubts)
}

// saved is what the state has of a card of a saved plan; nil for another plan.
func (o *orderer) saved(iccid spec.ICCID) *state.Card {
	if !o.in.saved {
		return nil
	}
	return o.remembered(iccid)
}

func (o *orderer) holdDoubts(own holder, doubts []state.Doubt) {
	own.doubted = true
	for _, d := range doubts {
		if d.Kind.Attr() != spec.AttrBinding {
			continue
		}
		for _, imei := range []string{d.From, d.To} {
			o.hold(keyOf(own.id.Provider, imei), own)
		}
	}
}

// hold notes a holder of a device that somebody asks for. Of one card the first
// word counts.
func (o *orderer) hold(key deviceKey, h holder) {
	holders, asked := o.holders[key]
	if !asked || key.device == "" {
		return
	}
	for _, other := range holders {
		if other.id.ICCID == h.id.ICCID {
			return
		}
	}
	o.holders[key] = append(holders, &h)
}
