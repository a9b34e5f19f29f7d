package state

import "github.com/cardfleet/cardfleet/spec"

// Whereabouts says how two provider blocks stand to each other.
type Whereabouts uint8

// The ways.
const (
	SameAccount    Whereabouts = iota // they are two ways to the same cards
	UnknownAccount                    // nobody knows which account one of them stood for
	OtherAccount
)

// MoveTo takes the card to another provider block. Doubts, prevent_unbind,
// labels and the number go along, whatever the account: it is the same card. At
// an account that isn't known to be the same, its device is only believed; at
// another, what was read of it and a carrier's own ids are forgotten besides,
// since they are of the account that it left.
func (c *Card) MoveTo(provider spec.ProviderName, account Whereabouts) {
	c.Provider = provider
	if account == SameAccount {
		return
	}
	if c.Binding.Known {
		c.Binding.Unconfirmed = MovedHere
	}
	if account == OtherAccount {
		c.Last, c.Recent, c.CarrierIDs = Last{}, nil, nil
	}
}

// LeaveAccounts does with the cards of provider blocks that stand for another
// account now what [Card.MoveTo] does with cards that go to one: in memory, as
// Settle does, so a commit has to begin with [Snapshot.Settlement]. stays says
// that a card is still at its block; one that moves is told by where it goes.
func (s *Snapshot) LeaveAccounts(now map[spec.ProviderName]spec.Account, stays func(*Card) bool) {
	left := map[spec.ProviderName]bool{}
	for block, before := range s.Fleet.Accounts {
		if before.Left(now[block]) {
			left[block] = true
		}
	}
	if len(left) == 0 {
		return // as nearly always
	}
	for i := range s.Cards {
		if c := &s.Cards[i]; left[c.Provider] && stays(c) {
			c.MoveTo(c.Provider, OtherAccount)
			s.Strayed = append(s.Strayed, c.ICCID)
		}
	}
}
