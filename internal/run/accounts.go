package run

import (
	"context"
	"maps"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Accounts are those that provider blocks stand for. The blocks are as they are
// written, also where a simulated carrier answers in the place of the real one.
func Accounts(blocks []spec.ProviderConfig, types []providers.Type, getenv func(string) string) map[spec.ProviderName]spec.Account {
	accounts := make(map[spec.ProviderName]spec.Account, len(blocks))
	for _, block := range blocks {
		for _, t := range types {
			if t.Schema.Type == block.Name.Type() {
				accounts[block.Name] = t.Schema.AccountOf(block, getenv)
			}
		}
	}
	return accounts
}

// accountsAfter are the accounts that the state is to remember, so that a card
// is known to move within one after its old block is gone. Cards may still stand
// at a block that is gone, so what that stood for is kept.
func (s *Session) accountsAfter(before map[spec.ProviderName]spec.Account) map[spec.ProviderName]spec.Account {
	if len(s.Accounts) == 0 {
		return before
	}
	after := maps.Clone(before)
	if after == nil {
		after = make(map[spec.ProviderName]spec.Account, len(s.Accounts))
	}
	maps.Copy(after, s.Accounts)
	return after
}

// Read is [Store.Read] for a session, which knows the accounts besides: cards of
// a block that stands for another account now are remembered as of the one that
// they were in, and their devices are unconfirmed.
func (s *Session) Read(ctx context.Context, fleet *spec.Fleet) (*state.Snapshot, error) {
	snap, err := s.Store.Read(ctx, fleet)
	if err != nil {
		return snap, err
	}
	declared := cardsOf(fleet)
	snap.LeaveAccounts(s.Accounts, func(c *state.Card) bool {
		wanted := declared(c.ICCID)
		return wanted == nil || wanted.Provider == c.Provider
	})
	return snap, nil
}

// cardsOf finds declared cards of ascending ICCIDs.
func cardsOf(fleet *spec.Fleet) func(spec.ICCID) *spec.Card {
	rest := fleet.Cards
	return func(iccid spec.ICCID) *spec.Card {
		for len(rest) > 0 && rest[0].ICCID < iccid {
			rest = rest[1:]
		}
		if len(rest) > 0 && rest[0].ICCID == iccid {
			return &rest[0]
		}
		return nil
	}
}
