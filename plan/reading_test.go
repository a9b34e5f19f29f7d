package plan_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

func TestWhichCardsAreRead(t *testing.T) {
	read := func(ago time.Duration, change ...func(*state.Card)) *state.Card {
		return remembered(func(c *state.Card) {
			c.Last = state.Last{At: now.Add(-ago), Lifecycle: spec.Active, Has: spec.AttrActive}
			for _, f := range change {
				f(c)
			}
		})
	}
	on := card(func(c *spec.Card) { c.Active = spec.On })
	off := card(func(c *spec.Card) { c.Active = spec.Off })
	all, changed, none := plan.Refresh{Mode: plan.RefreshAll}, plan.Refresh{Mode: plan.RefreshChanged}, plan.Refresh{Mode: plan.RefreshNone}
	aged, both := plan.Refresh{Mode: plan.RefreshAll, MaxAge: time.Hour}, plan.Refresh{Mode: plan.RefreshChanged, MaxAge: time.Hour}
	for name, row := range map[string]struct {
		scene scene
		in    []plan.Refresh
	}{
		"as remembered, a moment ago":         {scene{wanted: on, memory: read(time.Minute)}, []plan.Refresh{all}},
		"as remembered, an hour ago to a dot": {scene{wanted: on, memory: read(time.Hour)}, []plan.Refresh{all}},
		"as remembered, a while ago":          {scene{wanted: on, memory: read(2 * time.Hour)}, []plan.Refresh{all, aged, both}},
		"other than remembered":               {scene{wanted: off, memory: read(time.Minute)}, []plan.Refresh{all, changed, both}},
		"with something to look at": {scene{wanted: on, memory: read(time.Minute, func(c *state.Card) { c.Last.Lifecycle = spec.SuspendedByCarrier })},
			[]plan.Refresh{all, changed, both}},
		"new":        {scene{wanted: on}, []plan.Refresh{all, aged, changed, both}},
		"never read": {scene{wanted: on, memory: read(0, func(c *state.Card) { c.Last = state.Last{} })}, []plan.Refresh{all, aged, changed, both}},
		"in doubt": {scene{wanted: on, memory: read(time.Minute, func(c *state.Card) { c.Doubts = []state.Doubt{{Change: spec.Change{Kind: spec.Stop}, Since: now}} })},
			[]plan.Refresh{all, aged, changed, both}},
		"with a new attribute": {scene{wanted: card(func(c *spec.Card) { c.Active, c.Packages = spec.On, []string{} }), memory: read(time.Minute)},
			[]plan.Refresh{all, aged, changed, both}},
		"with an attribute that can't be read": {scene{wanted: card(func(c *spec.Card) { c.Active, c.IMEI = spec.On, deviceA }),
			memory: read(time.Minute, func(c *state.Card) { c.Binding = state.BoundTo(deviceA) })}, []plan.Refresh{all}},
		"not found":       {scene{wanted: on, memory: read(time.Minute, func(c *state.Card) { c.Last.Lifecycle, c.Last.Has = spec.NotFound, 0 })}, []plan.Refresh{all, changed, both}},
		"gone, and bound": {scene{memory: read(time.Minute, func(c *state.Card) { c.Binding = state.BoundTo(deviceA) })}, []plan.Refresh{all, changed, both}},
	} {
		in := row.scene.input()
		in.Capabilities = map[spec.ProviderName]spec.Capabilities{aliyun: dyiotapi()}
		if row.scene.memory != nil {
			in.Live = []spec.Reading{row.scene.memory.Reading()}
		}
		targets := plan.Targets(in.Fleet, in.Prior, in.Select)
		require.Len(t, targets, 1, name)
		for _, refresh := range []plan.Refresh{all, aged, changed, both, none} {
			want := false
			for _, r := range row.in {
				want = want || r == refresh
			}
			assert.Equal(t, []bool{want}, refresh.Reads(in, targets), "%s: %+v", name, refresh)
		}
	}
}

// Where the carriers show what the state remembers, reading only what changed
// plans just what reading everything does.
func TestReadingWhatChangedPlansTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := plan.Input{
			Fleet: &spec.Fleet{Providers: []spec.ProviderConfig{{Name: aliyun}}}, Prior: &state.Snapshot{}, Now: now,
			Capabilities: map[spec.ProviderName]spec.Capabilities{aliyun: dyiotapi()},
		}
		var old, fresh []spec.Reading
		for i := range rapid.IntRange(0, 12).Draw(t, "cards") {
			c := drawRemembered(t, i)
			r := c.Reading()
			switch rapid.IntRange(0, 3).Draw(t, "place") {
			case 0: // new
				in.Fleet.Cards = append(in.Fleet.Cards, drawWanted(t, i))
				old = append(old, spec.Reading{Provider: aliyun, ICCID: c.ICCID})
			case 1: // gone
				in.Prior.Cards = append(in.Prior.Cards, c)
				old = append(old, r)
			default:
				in.Fleet.Cards = append(in.Fleet.Cards, drawWanted(t, i))
				in.Prior.Cards = append(in.Prior.Cards, c)
				old = append(old, r)
			}
			r.At = now
			fresh = append(fresh, r)
		}
		in.Live = fresh
		whole, diags := plan.Make(in)
		require.Empty(t, diags)

		in.Live = old
		targets := plan.Targets(in.Fleet, in.Prior, in.Select)
		require.Len(t, targets, len(old))
		read := plan.Refresh{Mode: plan.RefreshChanged}.Reads(in, targets)
		for i := range old {
			if read[i] {
				old[i] = fresh[i]
			}
		}
		part, diags := plan.Make(in)
		require.Empty(t, diags)
		require.Equal(t, whole.Summary(), part.Summary())
		for i := range whole.Cards {
			assert.Equal(t, whole.Cards[i].Actions, part.Cards[i].Actions)
			assert.Equal(t, whole.Cards[i].Attention, part.Cards[i].Attention)
		}
	})
}

func drawRemembered(t *rapid.T, i int) state.Card {
	return state.Card{
		Provider: aliyun, ICCID: iccidOf(i), Address: fmt.Sprintf("card.gone%02d", i),
		Binding: state.BoundTo(spec.IMEI(fmt.Sprintf("8615360301960%02d", i))),
		Last: state.Last{
			At: now.Add(-24 * time.Hour), Has: spec.AttrActive | spec.AttrPackages, Packages: drawPackages(t),
			Lifecycle: rapid.SampledFrom([]spec.Lifecycle{spec.Active, spec.SuspendedByOwner, spec.SuspendedByCarrier, spec.Pending, spec.Closed, spec.NotFound}).Draw(t, "lifecycle"),
		},
	}
}

func drawPackages(t *rapid.T) []spec.Package {
	var packages []spec.Package
	for _, id := range []string{"1", "2"} {
		if rapid.Bool().Draw(t, "has") {
			packages = append(packages, spec.Package{ID: id})
		}
	}
	return packages
}

func drawWanted(t *rapid.T, i int) spec.Card {
	c := spec.Card{
		Provider: aliyun, ICCID: iccidOf(i), Active: rapid.SampledFrom([]spec.Switch{spec.Unset, spec.On, spec.Off}).Draw(t, "active"),
		IMEI:  rapid.SampledFrom([]spec.IMEI{"", spec.IMEI(fmt.Sprintf("8615360301960%02d", i))}).Draw(t, "imei"),
		Block: &spec.Block{Name: fmt.Sprintf("c%02d", i), Source: spec.Range{File: "main.fleet.hcl"}},
	}
	if rapid.Bool().Draw(t, "manages packages") {
		c.Packages = []string{"1"}
	}
	return c
}

// iccidOf differs from card to card in its first 15 digits, as cards do that are not one with lost digits.
func iccidOf(i int) spec.ICCID { return spec.ICCID(fmt.Sprintf("8986061703%05d00173", i)) }

func TestAPlanSaysWhichQuotasItPasses(t *testing.T) {
	in := fleetOf(10, 4, spec.Policy{})
	pace := spec.Pace{PerSecond: 20, PerDay: 17, PerMonth: 18}
	in.Paces = map[spec.ProviderName]spec.Pace{aliyun: pace}
	in.Reads = []plan.Reads{{Provider: aliyun, Calls: 10}}
	p, _ := plan.Make(in)
	require.Len(t, p.Costs, 1)
	assert.Equal(t, plan.Cost{Provider: aliyun, Calls: 8, PerSecond: pace.PerSecond, PerDay: 17}, p.Costs[0])
}

func TestAQuotaIsPassedByAllWhoShareTheAccount(t *testing.T) {
	in := fleetOf(10, 4, spec.Policy{})
	const other = spec.ProviderName("aliyun.north")
	in.Capabilities[other] = in.Capabilities[aliyun]
	for i := range in.Fleet.Cards[:2] {
		in.Fleet.Cards[i].Provider = other
	}
	pace := spec.Pace{PerSecond: 20, PerDay: 17, Account: "one"}
	in.Paces = map[spec.ProviderName]spec.Pace{aliyun: pace, other: pace}
	in.Reads = []plan.Reads{{Provider: aliyun, Calls: 5}, {Provider: other, Calls: 5}}
	p, _ := plan.Make(in)
	calls := 0
	for _, c := range p.Costs {
		assert.Equal(t, 17, c.PerDay, "%s passes it with the other's calls", c.Provider)
		calls += c.Calls
	}
	assert.Equal(t, 8, calls)
	if assert.Len(t, p.Costs, 2) {
		assert.Equal(t, []spec.ProviderName{other}, p.Costs[0].With)
		assert.Equal(t, []spec.ProviderName{aliyun}, p.Costs[1].With)
	}
}
