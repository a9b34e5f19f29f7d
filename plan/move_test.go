package plan_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

const hangzhou = spec.ProviderName("aliyun.hangzhou")

// elsewhere is a scene whose card is declared at hangzhou, and remembered at aliyun.
func elsewhere(s scene, accounts map[spec.ProviderName]spec.Account) plan.Input {
	s.wanted.Provider = hangzhou
	if s.live != nil {
		s.live.Provider = hangzhou
	}
	in := s.input()
	in.Fleet.Providers = append(in.Fleet.Providers, spec.ProviderConfig{Name: hangzhou})
	in.Capabilities[hangzhou] = in.Capabilities[aliyun]
	in.Accounts = accounts
	return in
}

var oneAccount = map[spec.ProviderName]spec.Account{aliyun: "a", hangzhou: "a"}

func wantsB() *spec.Card { return card(func(c *spec.Card) { c.IMEI = deviceB }) }

func TestACardWhoseProviderBlockChangedMovesAndIsNeverUnboundStoppedOrForgotten(t *testing.T) {
	for _, onRemove := range []spec.Kind{"", spec.Unbind, spec.Stop, spec.Forget} {
		for name, accounts := range map[string]map[spec.ProviderName]spec.Account{
			"one account": oneAccount, "two accounts": {aliyun: "a", hangzhou: "b"}, "the old block is gone": {hangzhou: "b"}, "none is known": nil,
		} {
			t.Run(fmt.Sprintf("%s, on_remove %s", name, onRemove), func(t *testing.T) {
				in := elsewhere(scene{
					wanted: wantsB(), memory: boundTo(deviceA), live: reads(spec.Active, "ok"), policy: spec.Policy{OnRemove: onRemove},
				}, accounts)
				p, diags := plan.Make(in)
				require.Empty(t, diags)
				require.Len(t, p.Cards, 1)
				assert.Equal(t, hangzhou, p.Cards[0].Provider)
				assert.Equal(t, []spec.Change{
					{Kind: spec.Move, From: "aliyun", To: "aliyun.hangzhou"},
					{Kind: spec.ChangeBind, From: string(deviceA), To: string(deviceB)},
				}, allChanges(p), "the device is changed from what was remembered")
			})
		}
	}
}

func allChanges(p *plan.Plan) []spec.Change {
	var changes []spec.Change
	for i := range p.Cards {
		for _, a := range p.Cards[i].Actions {
			changes = append(changes, a.Change)
		}
	}
	return changes
}

func TestADeviceRememberedFromAnotherAccountIsUnconfirmedUntilAReadingShowsIt(t *testing.T) {
	two := map[spec.ProviderName]spec.Account{aliyun: "a", hangzhou: "b"}
	memory := func() *state.Card {
		return remembered(func(c *state.Card) {
			c.Binding, c.PreventUnbind, c.Labels = state.BoundTo(deviceB), true, map[string]string{"city": "x"}
			c.Last = state.Last{At: now.Add(-1), Lifecycle: spec.Active, Has: spec.AttrActive}
		})
	}
	p, _ := plan.Make(elsewhere(scene{wanted: wantsB(), memory: memory(), live: reads(spec.Active, "ok")}, two))
	got := p.Cards[0].Memory
	assert.Equal(t, state.Binding{Known: true, IMEI: deviceB, Unconfirmed: state.MovedHere}, got.Binding)
	assert.True(t, got.PreventUnbind)
	assert.Equal(t, map[string]string{"city": "x"}, got.Labels)
	assert.Equal(t, now, got.Last.At, "what was read at the new block")

	caps := reporting()
	p, _ = plan.Make(elsewhere(scene{wanted: wantsB(), memory: memory(), live: reads(spec.Active, "ok", bound(deviceB)), caps: &caps}, two))
	assert.Equal(t, state.BoundTo(deviceB), p.Cards[0].Memory.Binding, "the new account shows it")

	p, _ = plan.Make(elsewhere(scene{wanted: wantsB(), memory: memory(), live: reads(spec.Active, "ok")}, oneAccount))
	assert.Equal(t, state.BoundTo(deviceB), p.Cards[0].Memory.Binding, "it is the same account")
	assert.Len(t, allChanges(p), 1)
}

func TestWhatABlockStoodForAtTheLastApplyTellsARenamedOneFromAnotherAccount(t *testing.T) {
	for want, remembered := range map[state.Whereabouts]spec.Account{state.SameAccount: "b", state.UnknownAccount: "", state.OtherAccount: "c"} {
		in := elsewhere(scene{wanted: wantsB(), memory: boundTo(deviceB), live: reads(spec.Active, "ok")}, map[spec.ProviderName]spec.Account{hangzhou: "b"})
		in.Prior.Fleet.Accounts = map[spec.ProviderName]spec.Account{aliyun: remembered}
		p, _ := plan.Make(in)
		assert.Equal(t, want, p.Cards[0].Account)
	}
	in := elsewhere(scene{wanted: wantsB(), memory: boundTo(deviceB), live: reads(spec.Active, "ok")}, oneAccount)
	for before, want := range map[spec.Account]state.Whereabouts{"a": state.SameAccount, "c": state.OtherAccount} {
		in.Prior.Fleet.Accounts = map[spec.ProviderName]spec.Account{aliyun: before}
		p, _ := plan.Make(in)
		assert.Equal(t, want, p.Cards[0].Account, "the block stands for another account than the card was in")
	}
}

func TestADoubtGoesAlongWithACardThatMoves(t *testing.T) {
	doubt := state.Doubt{Change: spec.Change{Kind: spec.ChangeBind, From: string(deviceA), To: string(deviceB)}, Since: now, Tried: true}
	memory := remembered(func(c *state.Card) { c.Binding, c.Doubts = state.BoundTo(deviceA), []state.Doubt{doubt} })
	p, _ := plan.Make(elsewhere(scene{wanted: wantsB(), memory: memory, live: reads(spec.Active, "ok")}, oneAccount))
	assert.Equal(t, []spec.Kind{spec.Move}, []spec.Kind{allChanges(p)[0].Kind})
	assert.Len(t, allChanges(p), 1, "the card is left alone until the doubt is settled")
	assert.Equal(t, []state.Doubt{doubt}, p.Cards[0].Memory.Doubts)
	assert.Equal(t, "Outcome in doubt", p.Cards[0].Attention[0].Summary)
}

func TestWhatTheNewProviderCantChangeNeedsAttention(t *testing.T) {
	caps := spec.Capabilities{Reads: spec.AttrActive | spec.AttrBinding}
	p, _ := plan.Make(elsewhere(scene{wanted: wantsB(), memory: boundTo(deviceA), live: reads(spec.Active, "ok", bound(deviceA)), caps: &caps}, oneAccount))
	assert.Len(t, allChanges(p), 1)
	assert.Equal(t, "Difference can't be changed here", p.Cards[0].Attention[0].Summary)
}

func TestAMovedCardWithoutADeviceIsAdoptedOnTrustAndStillMoves(t *testing.T) {
	p, _ := plan.Make(elsewhere(scene{wanted: wantsB(), memory: remembered(func(*state.Card) {}), live: reads(spec.Active, "ok")}, oneAccount))
	assert.Equal(t, []spec.Change{
		{Kind: spec.Move, From: "aliyun", To: "aliyun.hangzhou"}, {Kind: spec.Adopt, To: string(deviceB)},
	}, allChanges(p))
}

func TestCardsOfABlockThatIsGoneAreOneAttention(t *testing.T) {
	in := scene{policy: spec.Policy{OnRemove: spec.Forget}}.input()
	in.Fleet.Providers = nil
	for i := range 12 {
		iccid := spec.ICCID(fmt.Sprintf("898606170300173%05d", i))
		in.Prior.Cards = append(in.Prior.Cards, state.Card{Provider: hangzhou, ICCID: iccid, Address: fmt.Sprintf("card.bike%02d", i), Binding: state.BoundTo(deviceA)})
	}
	in.Fleet.Removed = []spec.Removed{{ICCID: in.Prior.Cards[0].ICCID}}
	p, diags := plan.Make(in)
	require.Empty(t, diags)
	assert.Equal(t, []spec.Change{{Kind: spec.Forget}}, allChanges(p), "removed may name them")
	s := p.Summary()
	assert.Equal(t, 1, s.Attention)
	assert.Equal(t, 10, s.Unread, "the others of the group")
	assert.Contains(t, p.Cards[1].Attention[0].Detail, "11 cards of provider aliyun.hangzhou (card.bike01, card.bike02, card.bike03 and 8 more)")
}
