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

// move is a card that goes from one device to another; from "" is a card that is
// bound to none, and to "" unbinds it.
type move struct{ name, from, to string }

func device(name string) spec.IMEI {
	if name == "" {
		return ""
	}
	return spec.IMEI(fmt.Sprintf("86153603019%03d0", name[0]))
}

// moving is a fleet whose cards move as they are told.
func moving(provider spec.ProviderConfig, moves ...move) plan.Input {
	fleet := &spec.Fleet{Providers: []spec.ProviderConfig{provider}}
	prior := &state.Snapshot{}
	in := plan.Input{Fleet: fleet, Prior: prior, Now: now, Capabilities: map[spec.ProviderName]spec.Capabilities{aliyun: dyiotapi()}}
	for i, m := range moves {
		iccid := spec.ICCID(fmt.Sprintf("898600000000000%05d", i))
		c := spec.Card{Provider: aliyun, ICCID: iccid, Block: &spec.Block{Name: m.name}, Bound: spec.Off}
		if m.to != "" {
			c.Bound, c.IMEI = spec.Unset, device(m.to)
		}
		fleet.Cards = append(fleet.Cards, c)
		prior.Cards = append(prior.Cards, state.Card{Provider: aliyun, ICCID: iccid, Address: "card." + m.name, Binding: state.BoundTo(device(m.from))})
		in.Live = append(in.Live, spec.Reading{Provider: aliyun, ICCID: iccid, At: now, Lifecycle: spec.Active, Status: "正常", Has: spec.AttrActive})
	}
	return in
}

// needs writes who waits for whom: "b:a" is b's action needing a's.
func needs(p *plan.Plan) []string {
	owner := map[string]string{}
	for _, c := range p.Cards {
		for _, a := range c.Actions {
			owner[a.ID] = c.Address[len("card."):]
		}
	}
	var out []string
	for _, c := range p.Cards {
		for _, a := range c.Actions {
			for _, need := range a.Needs {
				out = append(out, owner[a.ID]+":"+owner[need])
			}
		}
	}
	return out
}

func TestADeviceIsReleasedBeforeAnotherCardTakesIt(t *testing.T) {
	for name, row := range map[string]struct {
		moves []move
		want  []string
	}{
		"alone":        {[]move{{"a", "A", "B"}}, nil},
		"independent":  {[]move{{"a", "A", "B"}, {"b", "C", "D"}}, nil},
		"chain":        {[]move{{"a", "A", "B"}, {"b", "B", "C"}, {"c", "C", "D"}}, []string{"a:b", "b:c"}},
		"after unbind": {[]move{{"a", "A", "B"}, {"b", "B", ""}}, []string{"a:b"}},
		"swap":         {[]move{{"a", "A", "B"}, {"b", "B", "A"}}, []string{"b:a"}},
		"circle":       {[]move{{"a", "A", "B"}, {"b", "B", "C"}, {"c", "C", "A"}}, []string{"b:c", "c:a"}},
		"into a circle": {
			[]move{{"a", "A", "B"}, {"b", "B", "A"}, {"c", "C", "D"}, {"d", "E", "C"}}, []string{"b:a", "d:c"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, diags := plan.Make(moving(spec.ProviderConfig{Name: aliyun}, row.moves...))
			require.Empty(t, diags)
			assert.Equal(t, row.want, needs(p))
		})
	}
}

func TestAFirstDeviceIsReleasedBeforeItIsTaken(t *testing.T) {
	for name, row := range map[string]struct {
		moves []move
		want  []string
		told  []string
	}{
		"free":           {[]move{{"a", "", "B"}}, nil, []string{"a: ->B"}},
		"after a move":   {[]move{{"a", "", "B"}, {"b", "B", "C"}}, []string{"a:b"}, []string{"a: ->B", "b: B->C"}},
		"after a chain":  {[]move{{"a", "", "B"}, {"b", "B", "C"}, {"c", "C", ""}}, []string{"a:b", "b:c"}, []string{"a: ->B", "b: B->C", "c: C->"}},
		"after a circle": {[]move{{"a", "B", "C"}, {"b", "C", "B"}, {"c", "", "D"}, {"d", "D", "E"}}, []string{"b:a", "c:d"}, []string{"a: B->C", "b: C->B", "c: ->D", "d: D->E"}},
		"two of none":    {[]move{{"a", "", "B"}, {"b", "", "C"}}, nil, []string{"a: ->B", "b: ->C"}},
		"held":           {[]move{{"a", "", "B"}, {"b", "B", "B"}}, nil, []string{"a! Device is held by another card"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := moving(spec.ProviderConfig{Name: aliyun}, row.moves...)
			in.Capabilities[aliyun] = byValue()
			p, diags := plan.Make(in)
			require.Empty(t, diags)
			assert.Equal(t, row.want, needs(p))
			assert.Equal(t, row.told, told(p))
		})
	}
}

func TestACircleGoesByWayOfAParkingIMEI(t *testing.T) {
	provider := spec.ProviderConfig{Name: aliyun, Settings: map[string]any{"exclusive_imei": true, "parking_imeis": []string{string(device("P"))}}}
	p, diags := plan.Make(moving(provider, move{"a", "A", "B"}, move{"b", "B", "A"}, move{"c", "C", "D"}, move{"d", "D", "C"}))
	require.Empty(t, diags)
	assert.Equal(t, []string{"a:b", "a:a", "b:a", "c:a", "c:d", "c:c", "d:c"}, needs(p), "the second circle waits for the parking IMEI")
	a := p.Cards[0].Actions
	require.Len(t, a, 2)
	assert.Equal(t, string(device("P")), a[0].To)
	assert.Equal(t, string(device("P")), a[1].From)
	assert.Equal(t, string(device("B")), a[1].To)
	assert.NotEqual(t, a[0].ID, a[1].ID)
}

func TestACircleWithoutAParkingIMEIIsShown(t *testing.T) {
	provider := spec.ProviderConfig{Name: aliyun, Settings: map[string]any{"exclusive_imei": true}}
	p, diags := plan.Make(moving(provider, move{"a", "A", "B"}, move{"b", "B", "A"}))
	require.Nil(t, p)
	require.Len(t, diags, 1)
	assert.Equal(t, "Cards swap devices in a circle", diags[0].Summary)
	assert.Contains(t, diags[0].Detail, "card.a: 861536030190650 -> 861536030190660")
	assert.Contains(t, diags[0].Detail, "card.b: 861536030190660 -> 861536030190650")
}

func TestADeviceThatNothingReleasesIsNotTaken(t *testing.T) {
	in := moving(spec.ProviderConfig{Name: aliyun}, move{"a", "A", "B"}, move{"b", "B", "B"})
	in.Fleet.Cards[1].IMEI, in.Fleet.Cards[1].Bound = "", spec.Unset // its binding isn't managed
	p, diags := plan.Make(in)
	require.Empty(t, diags)
	require.Len(t, p.Cards, 1)
	assert.Empty(t, p.Cards[0].Actions)
	assert.Equal(t, "Device is held by another card", p.Cards[0].Attention[0].Summary)

	in.Fleet.Cards[0].SharedIMEI = true
	p, _ = plan.Make(in)
	assert.Len(t, p.Cards[0].Actions, 1, "cards that share a device take it")
}

func TestADeviceOfACardInDoubtIsNotTaken(t *testing.T) {
	in := moving(spec.ProviderConfig{Name: aliyun}, move{"a", "A", "B"}, move{"b", "B", "C"})
	in.Prior.Cards[1].Doubts = []state.Doubt{{Change: spec.Change{Kind: spec.ChangeBind, From: string(device("B")), To: string(device("C"))}, Since: now, Tried: true}}
	p, _ := plan.Make(in)
	assert.Empty(t, needs(p))
	for _, c := range p.Cards {
		assert.Empty(t, c.Actions, c.Address)
	}
}

// TestEveryMoveEndsInAnOrderThatRuns plays the actions of random moves in every
// order that their needs allow, and looks at each step who has which device.
func TestEveryMoveEndsInAnOrderThatRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "cards")
		to := rapid.Permutation([]string{"A", "B", "C", "D", "E", "F", "G", "H", "I", "J"}).Draw(t, "to")
		exclusive := rapid.Bool().Draw(t, "exclusive")
		var moves []move
		for i := range n {
			dest := to[i]
			if rapid.IntRange(0, 5).Draw(t, "unbind") == 0 {
				dest = ""
			}
			moves = append(moves, move{string(rune('a' + i)), drawFrom(t, i), dest})
		}
		provider := spec.ProviderConfig{Name: aliyun, Settings: map[string]any{"exclusive_imei": exclusive, "parking_imeis": []string{string(device("P"))}}}
		in := moving(provider, moves...)
		in.Capabilities[aliyun] = byValue()
		tellDevices(t, in)
		p, diags := plan.Make(in)
		if len(diags) > 0 {
			t.Fatalf("diagnostics: %v", diags)
		}
		has := play(t, p, in.Prior, exclusive)
		for i, m := range moves {
			want := spec.IMEI("")
			if m.to != "" {
				want = device(m.to)
			}
			if got := has[in.Fleet.Cards[i].ICCID]; got != want {
				t.Fatalf("card %s ends with %q, want %q", m.name, got, want)
			}
		}
	})
}

// drawFrom is the device that a card has: its own, or none.
func drawFrom(t *rapid.T, i int) string {
	if rapid.IntRange(0, 3).Draw(t, "bound to none") == 0 {
		return ""
	}
	return string(rune('A' + i))
}

// tellDevices has the carrier tell the devices of some cards; of the others the state
// knows them.
func tellDevices(t *rapid.T, in plan.Input) {
	for i := range in.Live {
		if rapid.Bool().Draw(t, "binding is told") {
			in.Live[i].Has, in.Live[i].IMEI = in.Live[i].Has|spec.AttrBinding, in.Prior.Cards[i].Binding.IMEI
		}
	}
}

// play runs a plan's changes of binding in an order drawn at random.
func play(t *rapid.T, p *plan.Plan, prior *state.Snapshot, exclusive bool) map[spec.ICCID]spec.IMEI {
	has := map[spec.ICCID]spec.IMEI{}
	for _, c := range prior.Cards {
		has[c.ICCID] = c.Binding.IMEI
	}
	type todo struct {
		iccid spec.ICCID
		a     plan.Action
	}
	var open []todo
	for _, c := range p.Cards {
		for _, a := range c.Actions {
			open = append(open, todo{c.ICCID, a})
		}
	}
	done := map[string]bool{}
	for len(open) > 0 {
		var ready []int
		for i, x := range open {
			if !slices.ContainsFunc(x.a.Needs, func(id string) bool { return !done[id] }) {
				ready = append(ready, i)
			}
		}
		if len(ready) == 0 {
			t.Fatalf("nothing can run: %v", open)
		}
		i := ready[rapid.IntRange(0, len(ready)-1).Draw(t, "next")]
		x := open[i]
		if has[x.iccid] != spec.IMEI(x.a.From) {
			t.Fatalf("%s of %s names %s, but the card has %s", x.a.Kind, x.iccid, x.a.From, has[x.iccid])
		}
		for other, imei := range has {
			if exclusive && x.a.To != "" && other != x.iccid && imei == spec.IMEI(x.a.To) {
				t.Fatalf("%s takes %s while %s has it", x.iccid, imei, other)
			}
		}
		has[x.iccid] = spec.IMEI(x.a.To)
		done[x.a.ID] = true
		open = slices.Delete(open, i, i+1)
	}
	return has
}

// What stays in the plan of a card whose device isn't free shows in its values.
func TestTheValuesAreThoseOfTheActionsThatAreLeft(t *testing.T) {
	in := moving(spec.ProviderConfig{Name: aliyun}, move{"a", "A", "B"}, move{"b", "B", "B"})
	in.Fleet.Cards[1].IMEI, in.Fleet.Cards[1].Bound = "", spec.Unset // its binding isn't managed
	in.Fleet.Cards[0].Packages = []string{"10002"}
	able := dyiotapi()
	able.Reads |= spec.AttrPackages
	able.Changes = append(slices.Clone(able.Changes), spec.Unsubscribe)
	in.Capabilities[aliyun] = able
	in.Live[0].Has |= spec.AttrPackages
	in.Live[0].Packages = []spec.Package{{ID: "10001"}}
	p, diags := plan.Make(in)
	require.Empty(t, diags)
	require.Len(t, p.Cards, 1)
	c := p.Cards[0]
	require.Equal(t, []spec.Change{{Kind: spec.Subscribe, To: "10002"}}, changesOf(c), "it gets the package, and neither the device nor what follows that")
	assert.Equal(t, []string{"10001", "10002"}, c.After.Packages)
	assert.Equal(t, c.Before.Binding, c.After.Binding)
}

func changesOf(c plan.Card) []spec.Change {
	var out []spec.Change
	for _, a := range c.Actions {
		out = append(out, a.Change)
	}
	return out
}
