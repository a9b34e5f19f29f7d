package run

import (
	"cmp"
	"slices"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// tellKeys tells providers that take cards by more than their ICCIDs where to look
// that up: in the state, and in the configuration.
func (s *Session) tellKeys(prior *state.Snapshot) {
	find := func(iccid spec.ICCID) providers.Key { return keyOf(s.Fleet, prior, iccid) }
	for _, p := range s.Providers {
		if keyed, ok := p.(providers.Keyed); ok {
			keyed.SetKeys(find)
		}
	}
}

// keyOf is what is known of a card besides its ICCID. What is declared counts
// before what is remembered, but for the device: it is the one that the card has.
func keyOf(fleet *spec.Fleet, prior *state.Snapshot, iccid spec.ICCID) providers.Key {
	var key providers.Key
	if memory := prior.Card(iccid); memory != nil {
		key = providers.Key{MSISDN: memory.MSISDN, Labels: memory.Labels, IDs: memory.CarrierIDs}
		if memory.Binding.Known {
			key.IMEI = memory.Binding.IMEI
		}
	}
	i, ok := slices.BinarySearchFunc(fleet.Cards, iccid, func(c spec.Card, iccid spec.ICCID) int { return cmp.Compare(c.ICCID, iccid) })
	if !ok {
		return key
	}
	card := &fleet.Cards[i]
	key.MSISDN = card.MSISDN
	key.MSISDN = cmp.Or(card.MSISDN, key.MSISDN)
	if card.Labels != nil {
		key.Labels = card.Labels
	}
	if key.IMEI == "" {
		key.IMEI = cmp.Or(card.CurrentIMEI, card.IMEI)
	}
	return key
}
