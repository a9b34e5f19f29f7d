package stored

import (
	"slices"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// A state of version 1 differs in two things that matter: its cards are rows by
// provider and ICCID, so that one card may have several, and it doesn't say how
// a device is known. Both are told apart when it is read; nothing writes it.

// upgraded is a card of that version as the present one has it. c stays as it is.
func upgraded(c *state.Card, version int) *state.Card {
	if version > state.FirstRecordVersion || !onlyBelieved(c) {
		return c
	}
	copied := *c
	copied.Binding.Unconfirmed = state.OfOlder
	return &copied
}

// onlyBelieved reports whether a card of version 1 has a device of which
// nothing shows that it was read, or that a call of ours set it.
func onlyBelieved(c *state.Card) bool {
	imei := c.Binding.IMEI
	read := c.Last.Has.Has(spec.AttrBinding) && c.Last.IMEI.Same(imei)
	return imei != "" && !read && !slices.ContainsFunc(c.Recent, func(ch state.Change) bool {
		return ch.Kind == spec.ChangeBind && imei.Same(spec.IMEI(ch.To))
	})
}
