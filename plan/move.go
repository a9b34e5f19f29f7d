package plan

import (
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// move takes what is remembered of a declared card along where its provider
// block changed. The card is compared as if it had been there ever since.
func (d *differ) move(p *pair) {
	if p.wanted == nil || p.memory == nil || p.memory.Provider == p.wanted.Provider {
		return
	}
	from, to := p.memory.Provider, p.wanted.Provider
	p.card.Account = d.in.whereabouts(from, to)
	if p.card.Account == state.OtherAccount && p.live.At.Equal(p.memory.Last.At) {
		p.live = spec.Reading{Provider: to, ICCID: p.card.ICCID} // it is remembered, and of the account that the card left
	}
	p.moved = p.live
	p.card.Memory.MoveTo(to, p.card.Account)
	p.memory = &p.card.Memory
	p.act(spec.Move, string(from), string(to))
}

// settleIn ends the comparison of a card that moves: what was read at its new
// provider block is remembered with it.
func (p *pair) settleIn() {
	if len(p.card.Actions) == 0 || p.card.Actions[0].Kind != spec.Move {
		return
	}
	p.card.Memory.TakeReading(p.moved)
	if b := p.card.Memory.Binding; b.Unconfirmed == state.MovedHere {
		p.note("device %s is remembered from %s and counts as unconfirmed: no reading of %s shows it", b.IMEI, p.card.Actions[0].From, p.card.Provider)
	}
}

// whereabouts compares the accounts of two provider blocks. The one that a card
// leaves may be gone from the configuration, or another account's by now: then
// what it stood for at the last apply counts.
func (in *Input) whereabouts(from, to spec.ProviderName) state.Whereabouts {
	now := in.Accounts[to]
	left, there := in.Accounts[from]
	var remembered spec.Account
	if in.Prior != nil {
		remembered = in.Prior.Fleet.Accounts[from]
	}
	if remembered.Left(left) {
		left = remembered // the block stands for another account than the card was in
	}
	switch {
	case now != "" && (left == now || remembered == now):
		return state.SameAccount
	case !there && remembered == "" && from.Type() == to.Type():
		return state.UnknownAccount
	default:
		return state.OtherAccount
	}
}
