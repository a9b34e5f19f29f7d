package plan_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// exclusive is a provider whose cards share no device, with these parking places.
func exclusive(parking ...string) spec.ProviderConfig {
	var imeis []string
	for _, p := range parking {
		imeis = append(imeis, string(device(p)))
	}
	return spec.ProviderConfig{Name: aliyun, Settings: map[string]any{"exclusive_imei": true, "parking_imeis": imeis}}
}

// inDoubt leaves the change of one card's device open.
func inDoubt(in plan.Input, card int, from, to string) {
	in.Prior.Cards[card].Doubts = []state.Doubt{{
		Change: spec.Change{Kind: spec.ChangeBind, From: string(device(from)), To: string(device(to))}, Since: now, Tried: true,
	}}
}

// told writes each card's changes and attentions: "a: A->B", "b! Device is held by another card".
func told(p *plan.Plan) []string {
	var out []string
	for _, c := range p.Cards {
		for _, a := range c.Actions {
			out = append(out, fmt.Sprintf("%s: %s->%s", c.Address[len("card."):], nameOf(a.From), nameOf(a.To)))
		}
		for _, n := range c.Attention {
			out = append(out, c.Address[len("card."):]+"! "+n.Summary)
		}
	}
	return out
}

// nameOf is the name that [device] makes an IMEI of.
func nameOf(imei string) string {
	for r := 'A'; r <= 'z'; r++ {
		if string(device(string(r))) == imei {
			return string(r)
		}
	}
	return imei
}

func TestAReleaseThatIsTakenAwayTakesTheWholeChainAway(t *testing.T) {
	chain := func() plan.Input {
		return moving(exclusive(), move{"a", "A", "B"}, move{"b", "B", "C"}, move{"c", "C", "D"})
	}
	held := func(card string) string { return card + "! Device is held by another card" }
	t.Run("by a target", func(t *testing.T) {
		in := chain()
		in.Select.Targets = []string{"card.a", "card.b"}
		p, diags := plan.Make(in)
		require.Empty(t, diags)
		assert.Equal(t, []string{held("a"), held("b")}, told(p))
	})
	t.Run("by a doubt", func(t *testing.T) {
		in := chain()
		inDoubt(in, 2, "C", "D")
		p, diags := plan.Make(in)
		require.Empty(t, diags)
		assert.Equal(t, []string{held("a"), held("b"), "c! Outcome in doubt"}, told(p))
	})
	t.Run("by a reading that shows another device", func(t *testing.T) {
		in := chain()
		caps := dyiotapi()
		caps.Reads |= spec.AttrBinding
		in.Capabilities[aliyun] = caps
		for i, imei := range []string{"A", "B", "B"} { // c went to b's device behind our back
			in.Live[i].Has, in.Live[i].IMEI = spec.AttrActive|spec.AttrBinding, device(imei)
		}
		p, diags := plan.Make(in)
		require.Empty(t, diags)
		assert.Equal(t, []string{"a: A->B", "b: B->C", "c: B->D"}, told(p))
		assert.Equal(t, []string{"a:b", "a:c"}, needs(p), "both release it before it is taken")
	})
}

func TestAParkingPlaceIsFreeOnceItsCardLeaves(t *testing.T) {
	// A run was killed while a stood at the parking place, on its way to B.
	in := moving(exclusive("P"), move{"a", "P", "B"}, move{"b", "B", "A"}, move{"c", "C", "D"}, move{"d", "D", "C"})
	p, diags := plan.Make(in)
	require.Empty(t, diags)
	assert.Equal(t, []string{"a: P->B", "b: B->A", "c: C->P", "c: P->D", "d: D->C"}, told(p))
	assert.Equal(t, []string{"a:b", "c:a", "c:d", "c:c", "d:c"}, needs(p), "c goes there once a has left")
}

func TestAParkingPlaceOfACardInDoubtHoldsUpItsCircleAlone(t *testing.T) {
	in := moving(exclusive("P"), move{"a", "A", "B"}, move{"b", "B", "A"}, move{"c", "C", "D"}, move{"d", "D", "C"}, move{"e", "E", "F"})
	inDoubt(in, 0, "A", "P")
	p, diags := plan.Make(in)
	require.Empty(t, diags, "the fleet can be planned all the same")
	assert.Equal(t, []string{
		"a! Outcome in doubt", "b! Device is held by another card",
		"c! Cards swap devices in a circle", "d! Cards swap devices in a circle", "e: E->F",
	}, told(p))
}

func TestCirclesAreSpreadOverTheParkingPlaces(t *testing.T) {
	in := moving(exclusive("P", "Q"), move{"a", "A", "B"}, move{"b", "B", "A"}, move{"c", "C", "D"}, move{"d", "D", "C"})
	p, diags := plan.Make(in)
	require.Empty(t, diags)
	assert.Equal(t, []string{"a: A->P", "a: P->B", "b: B->A", "c: C->Q", "c: Q->D", "d: D->C"}, told(p))
}

// world is what the carrier has, and what a fleet's runs make of it.
type world struct {
	has    map[spec.ICCID]spec.IMEI
	in     plan.Input
	wanted map[spec.ICCID]spec.IMEI
}

// TestNoDeviceIsEverAtTwoCards kills random applies of random moves at random
// places, with selections and lost answers, and goes on from what they left:
// at no moment are two cards at one device by our doing, each plan can be made,
// and once nothing is in doubt the fleet comes to its wanted state.
func TestNoDeviceIsEverAtTwoCards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		for range rapid.IntRange(0, 4).Draw(t, "kills") {
			w.run(t, rapid.IntRange(0, 12).Draw(t, "calls before the kill"), w.drawSelection(t))
		}
		for range 4 { // answers are looked up, and the rest is done
			w.resolve()
			w.run(t, 1000, plan.Selection{})
		}
		for iccid, want := range w.wanted {
			if got := w.has[iccid]; got != want {
				t.Fatalf("%s ends with %s, want %s", iccid, nameOf(string(got)), nameOf(string(want)))
			}
		}
	})
}

func drawWorld(t *rapid.T) *world {
	n := rapid.IntRange(1, 8).Draw(t, "cards")
	to := rapid.Permutation([]string{"A", "B", "C", "D", "E", "F", "G", "H", "I", "J"}).Draw(t, "to")
	moves := make([]move, 0, n)
	for i := range n {
		moves = append(moves, move{string(rune('a' + i)), drawFrom(t, i), to[i]})
	}
	places := []string{"P", "Q"}[:rapid.IntRange(1, 2).Draw(t, "parking places")]
	w := &world{in: moving(exclusive(places...), moves...), has: map[spec.ICCID]spec.IMEI{}, wanted: map[spec.ICCID]spec.IMEI{}}
	w.in.Capabilities[aliyun] = byValue()
	for i, c := range w.in.Fleet.Cards {
		w.has[c.ICCID], w.wanted[c.ICCID] = device(moves[i].from), c.IMEI
	}
	return w
}

func (w *world) drawSelection(t *rapid.T) plan.Selection {
	var s plan.Selection
	if rapid.Bool().Draw(t, "all") {
		return s
	}
	for _, c := range w.in.Fleet.Cards {
		if rapid.Bool().Draw(t, "selected") {
			s.Targets = append(s.Targets, string(c.ICCID))
		}
	}
	return s
}

// run plans, and applies until it is killed: the call under way then, and each
// whose answer is lost, is left in doubt.
func (w *world) run(t *rapid.T, calls int, selected plan.Selection) {
	w.in.Select = selected
	p, diags := plan.Make(w.in)
	if len(diags) > 0 {
		t.Fatalf("the fleet can't be planned: %v", diags)
	}
	open := actionsOf(p)
	done := map[string]bool{}
	for ; calls > 0; calls-- {
		ready := slices.DeleteFunc(slices.Clone(open), func(x todo) bool {
			return done[x.a.ID] || slices.ContainsFunc(x.a.Needs, func(id string) bool { return !done[id] })
		})
		if len(ready) == 0 {
			break
		}
		x := rapid.SampledFrom(ready).Draw(t, "next")
		open = slices.DeleteFunc(open, func(o todo) bool { return o.a.ID == x.a.ID })
		if w.call(t, x, calls == 1 || calls < 900 && rapid.IntRange(0, 7).Draw(t, "answer lost") == 0) {
			done[x.a.ID] = true
		}
	}
	if calls >= 900 && len(open) > 0 {
		t.Fatalf("these can never run: %v", open)
	}
}

type todo struct {
	iccid spec.ICCID
	a     plan.Action
}

func actionsOf(p *plan.Plan) []todo {
	var open []todo
	for _, c := range p.Cards {
		for _, a := range c.Actions {
			open = append(open, todo{c.ICCID, a})
		}
	}
	return open
}

// call changes a binding at the carrier, and writes down what the answer says;
// a lost one says nothing, and may have come before the change or after it.
func (w *world) call(t *rapid.T, x todo, lost bool) (done bool) {
	i := slices.IndexFunc(w.in.Prior.Cards, func(c state.Card) bool { return c.ICCID == x.iccid })
	memory := &w.in.Prior.Cards[i]
	if !lost || rapid.Bool().Draw(t, "it had its effect") {
		if w.has[x.iccid] != spec.IMEI(x.a.From) {
			t.Fatalf("%s of %s names %s, but the card has %s", x.a.Kind, x.iccid, x.a.From, w.has[x.iccid])
		}
		for other, imei := range w.has {
			if other != x.iccid && imei == spec.IMEI(x.a.To) {
				t.Fatalf("%s takes %s while %s has it", x.iccid, nameOf(x.a.To), other)
			}
		}
		w.has[x.iccid] = spec.IMEI(x.a.To)
	}
	if lost {
		memory.Doubts = []state.Doubt{{Change: x.a.Change, Since: now, Tried: true}}
		return false
	}
	memory.Binding = state.BoundTo(spec.IMEI(x.a.To))
	return true
}

// resolve settles what is in doubt, as a person does at the carrier's console.
func (w *world) resolve() {
	for i := range w.in.Prior.Cards {
		c := &w.in.Prior.Cards[i]
		c.Doubts, c.Binding = nil, state.BoundTo(w.has[c.ICCID])
	}
}

// No call of Linkcard's releases a device, so none of its cards may block one.
func TestACardOfAnotherSystemHoldsNoDevice(t *testing.T) {
	at := func(provider spec.ProviderName) []string {
		in := moving(exclusive(), move{"a", "A", "B"}, move{"b", "B", "B"})
		in.Fleet.Cards[1].Provider, in.Prior.Cards[1].Provider, in.Live[1].Provider = provider, provider, provider
		in.Fleet.Cards[1].IMEI, in.Fleet.Cards[1].Active = "", spec.On
		if provider != aliyun {
			in.Fleet.Providers = append(in.Fleet.Providers, spec.ProviderConfig{Name: provider})
			in.Capabilities[provider] = reporting()
		}
		p, diags := plan.Make(in)
		require.Empty(t, diags)
		return told(p)
	}
	assert.Equal(t, []string{"a! Device is held by another card"}, at(aliyun))
	assert.Equal(t, []string{"a: A->B"}, at("aliyun_linkcard"))
}
