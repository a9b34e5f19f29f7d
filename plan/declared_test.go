package plan_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// TestADeclaredCardIsNeverUnboundStoppedOrForgottenUnlessItSaysSo draws fleets,
// what the state and the carriers have of them, and edits of the configuration:
// provider blocks get another alias, cards go to another block, account, table or
// address, are written with or without the check digit, lose rows, are named in
// removed. Whatever on_remove says, only a card that isn't declared leaves.
func TestADeclaredCardIsNeverUnboundStoppedOrForgottenUnlessItSaysSo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEdited(t)
		in := e.input()
		p, diags := plan.Make(in)
		if diags.HasErrors() {
			for _, d := range diags {
				if d.Severity != spec.Warning && d.Summary != "Unbind is prevented" {
					t.Fatalf("%s: %s", d.Summary, d.Detail)
				}
			}
			return // a person is asked, and nothing is done
		}
		seen := map[spec.ICCID]bool{}
		for i := range p.Cards {
			seen[p.Cards[i].ICCID.Stem()] = true
			e.check(t, &p.Cards[i])
		}
		for i := range e.cards {
			c := &e.cards[i]
			if c.managed && c.after == "" && !c.removed && in.Fleet.Provider(c.before) != nil && !seen[c.iccid.Stem()] && in.Fleet.Policy.OnRemove != "" {
				t.Fatalf("%s left the configuration, and nothing is said of it", c.iccid)
			}
		}
	})
}

// edited is a fleet, and the configuration after an edit.
type edited struct {
	cards    []editedCard
	blocks   []spec.ProviderName // after the edit
	accounts map[spec.ProviderName]spec.Account
	known    map[spec.ProviderName]spec.Account // that the state remembers
	policy   spec.Policy
	caps     spec.Capabilities
}

// editedCard is a card before and after the edit.
type editedCard struct {
	iccid   spec.ICCID // of 20 characters
	managed bool
	before  spec.ProviderName // where the state has it
	old     bool              // the state has it without its check digit
	memory  state.Card

	after   spec.ProviderName // where it is declared; "" for a card that isn't
	short   bool              // it is declared, or removed, without its check digit
	removed bool
	wanted  spec.Card
	live    spec.Reading
}

var editedBlocks = []spec.ProviderName{"aliyun", "aliyun.hangzhou", "aliyun_linkcard", "xuyu"}

func drawEdited(t *rapid.T) *edited {
	e := &edited{accounts: map[spec.ProviderName]spec.Account{}, known: map[spec.ProviderName]spec.Account{}}
	account := rapid.SampledFrom([]spec.Account{"", "a", "b"})
	for _, name := range editedBlocks {
		if rapid.IntRange(0, 3).Draw(t, "block stays") > 0 {
			e.blocks = append(e.blocks, name)
			e.accounts[name] = account.Draw(t, "account")
		}
		if rapid.Bool().Draw(t, "account is remembered") {
			e.known[name] = account.Draw(t, "account before")
		}
	}
	e.policy.OnRemove = rapid.SampledFrom([]spec.Kind{"", spec.Unbind, spec.Stop, spec.Forget}).Draw(t, "on_remove")
	e.caps = dyiotapi()
	if rapid.Bool().Draw(t, "the carriers report bindings") {
		e.caps = rapid.SampledFrom([]spec.Capabilities{reporting(), byValue()}).Draw(t, "they name the prior device, or set it by value")
	}
	for i := range rapid.IntRange(1, 12).Draw(t, "cards") {
		e.cards = append(e.cards, e.draw(t, i))
	}
	return e
}

func (e *edited) draw(t *rapid.T, i int) editedCard {
	bit := func(name string) bool { return rapid.Bool().Draw(t, name) }
	c := editedCard{
		iccid: spec.ICCID(fmt.Sprintf("898606170300173%05d", i*70)), managed: rapid.IntRange(0, 4).Draw(t, "managed") > 0,
		before: rapid.SampledFrom(editedBlocks).Draw(t, "before"), old: bit("spelled short in the state"), short: bit("spelled short"),
	}
	device := func(name string) spec.IMEI {
		return spec.IMEI(fmt.Sprintf("86153603%03d%02d00", i, rapid.IntRange(0, 1).Draw(t, name)))
	}
	c.memory = state.Card{Provider: c.before, ICCID: spelled(c.iccid, c.old), Address: fmt.Sprintf("card.old%d", i), PreventUnbind: rapid.IntRange(0, 5).Draw(t, "prevents") == 0}
	if bit("binding is known") {
		c.memory.Binding = state.BoundTo(device("device"))
		if bit("on trust") {
			c.memory.Binding.Unconfirmed = state.OnTrust
		}
	}
	if c.managed && rapid.IntRange(0, 5).Draw(t, "in doubt") == 0 {
		kind := rapid.SampledFrom([]spec.Kind{spec.ChangeBind, spec.Unbind, spec.Stop}).Draw(t, "doubt")
		doubt := spec.Change{Kind: kind}
		if kind != spec.Stop {
			doubt.From = string(device("from"))
		}
		if kind == spec.ChangeBind {
			doubt.To = string(device("to"))
		}
		c.memory.Doubts = []state.Doubt{{Change: doubt, Since: now.Add(-time.Hour), Tried: bit("tried")}}
	}
	switch {
	case len(e.blocks) > 0 && rapid.IntRange(0, 4).Draw(t, "declared") > 0:
		c.after = rapid.SampledFrom(e.blocks).Draw(t, "after")
		c.wanted = drawDeclared(t, &c, i, device)
	default:
		c.removed = bit("removed")
	}
	c.live = drawShown(t, &c, e.caps, device)
	return c
}

func spelled(iccid spec.ICCID, short bool) spec.ICCID {
	if short {
		return iccid.Stem()
	}
	return iccid
}

func drawDeclared(t *rapid.T, c *editedCard, i int, device func(string) spec.IMEI) spec.Card {
	block := &spec.Block{Name: rapid.SampledFrom([]string{"old", "bike", "meter"}).Draw(t, "block") + fmt.Sprint(i), Source: spec.Range{File: "main.fleet.hcl", Start: spec.Pos{Line: 3 + i}}}
	w := spec.Card{Provider: c.after, ICCID: spelled(c.iccid, c.short), Block: block, Active: rapid.SampledFrom([]spec.Switch{0, spec.On, spec.Off}).Draw(t, "active")}
	switch rapid.IntRange(0, 4).Draw(t, "wanted binding") {
	case 0:
	case 1:
		w.Bound = spec.Off
	default:
		w.IMEI = device("wanted device")
	}
	if rapid.Bool().Draw(t, "labels") {
		w.Labels = map[string]string{"city": rapid.SampledFrom([]string{"x", "y"}).Draw(t, "city")}
	}
	return w
}

// drawShown is the card as its carrier shows it at the block that would be asked.
func drawShown(t *rapid.T, c *editedCard, caps spec.Capabilities, device func(string) spec.IMEI) spec.Reading {
	r := spec.Reading{Provider: c.after, ICCID: spelled(c.iccid, c.short), At: now, Has: spec.AttrActive}
	if c.after == "" {
		r.Provider, r.ICCID = c.before, c.memory.ICCID
	}
	r.Lifecycle = rapid.SampledFrom([]spec.Lifecycle{spec.Active, spec.Active, spec.SuspendedByOwner, spec.SuspendedByCarrier, spec.Pending, spec.Closing, spec.NotFound}).Draw(t, "lifecycle")
	if caps.Reads.Has(spec.AttrBinding) && rapid.Bool().Draw(t, "binding is told") {
		r.Has |= spec.AttrBinding
		r.IMEI = rapid.SampledFrom([]spec.IMEI{"", device("live device")}).Draw(t, "live binding")
	}
	if rapid.IntRange(0, 5).Draw(t, "unread") == 0 {
		r = spec.Reading{Provider: r.Provider, ICCID: r.ICCID, Unread: "no answer"}
	}
	return r
}

// input is the state as a run reads it: in the declared spelling.
func (e *edited) input() plan.Input {
	in := plan.Input{
		Fleet: &spec.Fleet{Policy: e.policy}, Prior: &state.Snapshot{Lineage: "l", Serial: 3, Fleet: state.Fleet{Accounts: e.known}},
		Accounts: e.accounts, Capabilities: map[spec.ProviderName]spec.Capabilities{}, Paces: map[spec.ProviderName]spec.Pace{}, Now: now,
	}
	for _, name := range e.blocks {
		in.Fleet.Providers = append(in.Fleet.Providers, spec.ProviderConfig{Name: name})
		in.Capabilities[name], in.Paces[name] = e.caps, spec.Pace{PerSecond: 20}
	}
	var declared []spec.ICCID
	for i := range e.cards {
		c := &e.cards[i]
		if c.managed {
			in.Prior.Cards = append(in.Prior.Cards, c.memory)
		}
		switch {
		case c.after != "":
			in.Fleet.Cards, declared = append(in.Fleet.Cards, c.wanted), append(declared, c.wanted.ICCID)
		case c.removed:
			in.Fleet.Removed = append(in.Fleet.Removed, spec.Removed{ICCID: spelled(c.iccid, c.short)})
		}
		if c.managed || c.after != "" {
			in.Live = append(in.Live, c.live)
		}
	}
	in.Prior.Respell(slices.Values(declared), func(spec.ICCID) bool { return false })
	return in
}

// check holds what is planned for a card against what its own block asks for.
func (e *edited) check(t *rapid.T, p *plan.Card) {
	at := slices.IndexFunc(e.cards, func(c editedCard) bool { return c.iccid.SameCard(p.ICCID) })
	c := &e.cards[at]
	for _, a := range p.Actions {
		switch {
		case c.after == "" && c.removed && a.Kind != spec.Forget:
			t.Fatalf("%s is named in removed, and planned is %s", c.iccid, a.Change)
		case c.after == "":
		case a.Kind == spec.Forget,
			a.Kind == spec.Unbind && c.wanted.Bound != spec.Off,
			a.Kind == spec.Stop && c.wanted.Active != spec.Off:
			t.Fatalf("%s is declared as %s (%s), and planned is %s", c.iccid, c.wanted.Address(), c.after, a.Change)
		case a.Kind == spec.ChangeBind && !c.wanted.IMEI.Same(spec.IMEI(a.To)):
			t.Fatalf("%s is declared with %s, and planned is %s", c.iccid, c.wanted.IMEI, a.Change)
		case a.BindsFirst() && (!e.caps.BindsFirst || c.live.Tells(spec.AttrBinding) && c.live.IMEI != ""):
			t.Fatalf("%s is shown with device %q, and planned is %s", c.iccid, c.live.IMEI, a.Change)
		case a.Kind == spec.Adopt && a.To == "" && c.managed:
			t.Fatalf("%s is managed, and adopted anew", c.iccid)
		}
	}
	moves := slices.ContainsFunc(p.Actions, func(a plan.Action) bool { return a.Kind == spec.Move })
	read := c.live.Unread == ""
	if c.managed && c.after != "" && read && moves != (c.after != c.before) {
		t.Fatalf("%s goes from %s to %s: moves %v", c.iccid, c.before, c.after, moves)
	}
	if c.managed && c.after != "" && p.Memory.PreventUnbind != c.memory.PreventUnbind {
		t.Fatalf("%s: what protects it doesn't go along", c.iccid)
	}
}
