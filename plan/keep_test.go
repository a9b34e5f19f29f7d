package plan_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// keep makes a plan of the scene, changes the scene as time does, and holds the
// plan against it.
func keep(t *testing.T, then scene, change func(*plan.Input)) *plan.Kept {
	t.Helper()
	in := then.input()
	saved, diags := plan.Make(in)
	require.Empty(t, diags)
	require.True(t, saved.Changes(), "there is something to be saved")
	in.Live, in.Now = nil, in.Now.Add(time.Hour)
	change(&in)
	requireKept(t, written(t, saved), in)
	kept, diags := plan.Keep(saved, in)
	require.Empty(t, diags)
	return kept
}

func wants(imei spec.IMEI) *spec.Card {
	return card(func(c *spec.Card) { c.IMEI = imei })
}

// left is a scene with a card that left the configuration.
func left(protected bool) scene {
	return scene{memory: remembered(func(c *state.Card) { c.Binding, c.PreventUnbind = state.BoundTo(deviceA), protected })}
}

func TestEachReasonDropsASavedAction(t *testing.T) {
	rebind := scene{wanted: wants(deviceB), memory: boundTo(deviceA)}
	subscribed := scene{wanted: card(func(c *spec.Card) { c.Packages = []string{"10002"} }), memory: boundTo(deviceA), live: reads(spec.Active, "正常", withPackages())}
	stopping := scene{wanted: card(func(c *spec.Card) { c.Active = spec.Off }), memory: boundTo(deviceA), live: reads(spec.Active, "正常")}
	for name, tt := range map[string]struct {
		then   scene
		change func(*plan.Input)
		want   string
	}{
		"bound by somebody else": {bindsFirst(), func(in *plan.Input) {
			c := &in.Prior.Cards[0]
			c.Binding, c.Last = state.BoundTo(deviceC), state.Last{At: in.Now, Lifecycle: spec.Active, Has: spec.AttrActive | spec.AttrBinding, IMEI: deviceC}
		}, "the card isn't as it was: the state has it bound to " + string(deviceC)},
		"prevent_unbind is set": {left(false), func(in *plan.Input) { in.Prior.Cards[0].PreventUnbind = true }, "unbind is prevented: "},
		"prevent_unbind of a declared card": {
			scene{wanted: card(func(c *spec.Card) { c.Bound = spec.Off }), memory: boundTo(deviceA)},
			func(in *plan.Input) { in.Fleet.Cards[0].PreventUnbind = true }, "lifecycle block says prevent_unbind = true",
		},
		"the row is put back": {left(false), func(in *plan.Input) { in.Fleet.Cards = []spec.Card{*wants(deviceA)} }, "the card is declared again (main.fleet.hcl line 3)"},
		"named in removed": {left(false), func(in *plan.Input) {
			in.Fleet.Removed = []spec.Removed{{ICCID: kiosk, Source: spec.Range{File: "gone.fleet.hcl", Start: spec.Pos{Line: 7}}}}
		}, "gone.fleet.hcl line 7 names it in a removed block by now"},
		"on_remove is forget":          {left(false), func(in *plan.Input) { in.Fleet.Policy.OnRemove = spec.Forget }, "the policy asks for forget of a card that left the configuration by now"},
		"another IMEI":                 {rebind, func(in *plan.Input) { in.Fleet.Cards[0].IMEI = deviceC }, "the configuration asks for device " + string(deviceC) + " by now"},
		"no IMEI":                      {rebind, func(in *plan.Input) { in.Fleet.Cards[0].IMEI, in.Fleet.Cards[0].Active = "", spec.On }, "the configuration says nothing of its imei by now"},
		"bound = false":                {rebind, func(in *plan.Input) { in.Fleet.Cards[0].IMEI, in.Fleet.Cards[0].Bound = "", spec.Off }, "the configuration says bound = false by now"},
		"ignore_changes":               {rebind, func(in *plan.Input) { in.Fleet.Cards[0].Ignore = spec.AttrBinding }, "ignore_changes has imei by now"},
		"bound to another":             {rebind, func(in *plan.Input) { in.Prior.Cards[0].Binding = state.BoundTo(deviceC) }, "the card isn't as it was: the state has it bound to " + string(deviceC)},
		"another provider":             {rebind, func(in *plan.Input) { in.Fleet.Cards[0].Provider = "aliyun.east" }, "the card is declared at aliyun.east by now"},
		"the row is gone":              {rebind, func(in *plan.Input) { in.Fleet.Cards = nil }, "the card left the configuration"},
		"neither declared nor managed": {rebind, func(in *plan.Input) { in.Fleet.Cards, in.Prior.Cards = nil, nil }, "the card is neither declared nor managed by now"},
		"another package":              {subscribed, func(in *plan.Input) { in.Fleet.Cards[0].Packages = []string{"10003"} }, `the configuration asks for packages ["10003"] by now`},
		"active":                       {stopping, func(in *plan.Input) { in.Fleet.Cards[0].Active = spec.On }, "the configuration says active = true by now"},
		"in doubt": {rebind, func(in *plan.Input) {
			in.Prior.Cards[0].Doubts = []state.Doubt{{Change: spec.Change{Kind: spec.Stop}, Since: now, Tried: true}}
		}, "outcome in doubt: "},
		"device of another card": {rebind, func(in *plan.Input) {
			in.Prior.Cards = append([]state.Card{{Provider: aliyun, ICCID: scale, Address: "card.scale", Binding: state.BoundTo(deviceB)}}, in.Prior.Cards...)
			in.Fleet.Cards = append([]spec.Card{{Provider: aliyun, ICCID: scale, Block: &spec.Block{Name: "scale"}, Active: spec.On}}, in.Fleet.Cards...)
		}, "device is held by another card: "},
		"the provider can't": {rebind, func(in *plan.Input) {
			able := dyiotapi()
			able.Changes = []spec.Kind{spec.Stop}
			able.Reads |= spec.AttrBinding
			in.Capabilities[aliyun] = able
		}, "difference can't be changed here: "},
	} {
		t.Run(name, func(t *testing.T) {
			kept := keep(t, tt.then, tt.change)
			assert.False(t, kept.Plan.Changes())
			require.Len(t, kept.Left, 1)
			assert.False(t, kept.Left[0].AsWanted)
			assert.Contains(t, kept.Left[0].Reason, tt.want)
			assert.NotContains(t, kept.Left[0].Reason, "\n")
		})
	}
}

func TestWhatIsStillWantedIsKeptAsItWasSaved(t *testing.T) {
	then := scene{wanted: card(func(c *spec.Card) { c.IMEI, c.Active, c.CurrentIMEI = deviceB, spec.Off, deviceA }), live: reads(spec.Active, "正常")}
	in := then.input()
	saved, diags := plan.Make(in)
	require.Empty(t, diags)
	in.Live, in.Now = nil, in.Now.Add(time.Hour)
	kept, diags := plan.Keep(saved, in)
	require.Empty(t, diags)
	assert.Empty(t, kept.Left)
	require.Len(t, kept.Plan.Cards, 1)
	assert.Equal(t, saved.Cards[0].Actions, kept.Plan.Cards[0].Actions, "keys and needs come out the same")
	assert.Equal(t, saved.Cards[0].Memory, kept.Plan.Cards[0].Memory, "and so does what is adopted")
}

// bindsFirst is a card that is bound to none, and gets a device.
func bindsFirst() scene {
	sets := byValue()
	none := func(r *spec.Reading) { r.Has |= spec.AttrBinding }
	return scene{wanted: wants(deviceB), memory: boundTo(""), live: reads(spec.Active, "正常", none), caps: &sets}
}

func TestAFirstDeviceIsSavedReadAndKept(t *testing.T) {
	in := bindsFirst().input()
	saved, diags := plan.Make(in)
	require.Empty(t, diags)
	var b bytes.Buffer
	_, err := plan.Write(&b, saved)
	require.NoError(t, err)
	loaded, _, err := plan.Read(&b)
	require.NoError(t, err)
	in.Live, in.Now = nil, in.Now.Add(time.Hour)
	kept, diags := plan.Keep(loaded, in)
	require.Empty(t, diags)
	assert.Empty(t, kept.Left)
	assert.Equal(t, []spec.Change{{Kind: spec.ChangeBind, To: string(deviceB)}}, changesOf(kept.Plan.Cards[0]))
	assert.Equal(t, saved.Cards[0].Actions, kept.Plan.Cards[0].Actions)

	in.Capabilities[aliyun] = reporting()
	kept, diags = plan.Keep(loaded, in)
	require.Empty(t, diags)
	require.Len(t, kept.Left, 1, "by now the call names the prior device")
	assert.Contains(t, kept.Left[0].Reason, "card has no device")
}

func TestWhatIsAsWantedByNowIsNoDrop(t *testing.T) {
	for name, tt := range map[string]struct {
		then   scene
		change func(*plan.Input)
	}{
		"another run changed the device": {
			scene{wanted: wants(deviceB), memory: boundTo(deviceA)},
			func(in *plan.Input) {
				in.Prior.Cards[0].Done(state.Change{Change: spec.Change{Kind: spec.ChangeBind, From: string(deviceA), To: string(deviceB)}, At: now.Add(time.Minute)})
			},
		},
		"a later reading shows it": {
			scene{wanted: card(func(c *spec.Card) { c.Active = spec.Off }), memory: boundTo(deviceA), live: reads(spec.Active, "正常")},
			func(in *plan.Input) {
				r := *reads(spec.SuspendedByOwner, "停机")
				r.At = now.Add(time.Minute)
				in.Prior.Cards[0].TakeReading(r)
			},
		},
		"the card was unbound, and forgotten": {left(false), func(in *plan.Input) { in.Prior.Cards = nil }},
		"the card was adopted": {
			scene{wanted: wants(deviceA)},
			func(in *plan.Input) { in.Prior.Cards = []state.Card{*boundTo(deviceA)} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			kept := keep(t, tt.then, tt.change)
			assert.False(t, kept.Plan.Changes())
			require.NotEmpty(t, kept.Left)
			for _, l := range kept.Left {
				assert.True(t, l.AsWanted, l.Reason)
			}
		})
	}
}

// A run that was killed leaves cards that it adopted, and calls without an answer.
func TestAnAdoptedCardIsAsWantedWhateverIsInDoubt(t *testing.T) {
	then := scene{wanted: card(func(c *spec.Card) { c.Active = spec.Off }), live: reads(spec.Active, "正常")}
	kept := keep(t, then, func(in *plan.Input) {
		adopted := *boundTo("")
		adopted.InDoubt(state.Doubt{Change: spec.Change{Kind: spec.Stop}, Since: now.Add(time.Minute)})
		in.Prior.Cards = []state.Card{adopted}
	})
	assert.False(t, kept.Plan.Changes())
	require.Len(t, kept.Left, 2)
	assert.Equal(t, spec.Adopt, kept.Left[0].Action.Kind)
	assert.True(t, kept.Left[0].AsWanted, kept.Left[0].Reason)
	assert.Equal(t, spec.Stop, kept.Left[1].Action.Kind)
	assert.False(t, kept.Left[1].AsWanted)
	assert.Contains(t, kept.Left[1].Reason, "outcome in doubt: ")
}

// A carrier that shows a change at once has no time in which it settles.
func TestWhatWasCarriedOutSinceIsAsWantedHoweverSoonTheCarrierShowsIt(t *testing.T) {
	able := dyiotapi()
	able.Settle, able.OnePackage, able.Reads = 0, true, spec.AttrActive|spec.AttrPackages
	active := reads(spec.Active, "正常", withPackages("s1.standard"))
	for name, then := range map[string]scene{
		"a package in the place of another": {wanted: card(func(c *spec.Card) { c.Packages = []string{"s1.fast"} }), memory: boundTo(""), live: active, caps: &able},
		"a stop":                            {wanted: card(func(c *spec.Card) { c.Active = spec.Off }), memory: boundTo(""), live: active, caps: &able},
	} {
		t.Run(name, func(t *testing.T) {
			saved, diags := plan.Make(then.input())
			require.Empty(t, diags)
			require.Len(t, saved.Cards, 1)
			kept := keep(t, then, func(in *plan.Input) {
				in.Prior.Cards[0].TakeReading(*active)
				in.Prior.Cards[0].Done(state.Change{Change: saved.Cards[0].Actions[0].Change, At: now.Add(time.Minute), CarrierAt: now.Add(time.Minute)})
			})
			assert.False(t, kept.Plan.Changes())
			require.Len(t, kept.Left, 1)
			assert.True(t, kept.Left[0].AsWanted, kept.Left[0].Reason)
		})
	}
}

func TestWhatOnlyTheFileSaysCountsForNothing(t *testing.T) {
	for name, edit := range map[string]func(*plan.Card){
		"guarded": func(c *plan.Card) {
			c.Actions[0].Guarded, c.Actions[0].Approved, c.Actions[0].Required = false, true, 0
		},
		"approvals": func(c *plan.Card) { c.Actions[0].Approvals = []plan.Approved{{By: "mallory"}} },
		"leaving":   func(c *plan.Card) { c.Leaving = false },
		"memory":    func(c *plan.Card) { c.Memory.Binding, c.Memory.PreventUnbind = state.BoundTo(deviceC), false },
		"address":   func(c *plan.Card) { c.Address = "card.other" },
		"key":       func(c *plan.Card) { c.Actions[0].Key = "00000000000000000000000000000000" },
		"device":    func(c *plan.Card) { c.Before.Binding = state.BoundTo(deviceC) },
	} {
		t.Run(name, func(t *testing.T) {
			in := left(false).input()
			saved, diags := plan.Make(in)
			require.Empty(t, diags)
			want := saved.Cards[0]
			want.Actions = append([]plan.Action(nil), want.Actions...)
			in.Live = nil
			edit(&saved.Cards[0])
			kept, diags := plan.Keep(saved, in)
			require.Empty(t, diags)
			require.Len(t, kept.Plan.Cards, 1)
			assert.Equal(t, want, kept.Plan.Cards[0])
			assert.NotEmpty(t, kept.Plan.Unapproved())
		})
	}
}

func TestLimitsOfASavedPlanAreOfTheFleetAsItIs(t *testing.T) {
	in := bigFleet(20)
	in.Live = nil
	for i := range in.Fleet.Cards {
		c := &in.Fleet.Cards[i]
		c.IMEI, c.Active, c.Packages = in.Prior.Cards[i].Binding.IMEI, spec.Unset, nil
	}
	all := in.Fleet.Cards
	in.Fleet.Cards = all[2:]
	saved, diags := plan.Make(in)
	require.Empty(t, diags)
	require.Empty(t, saved.Limits)
	require.Len(t, saved.Cards, 2)

	in.Fleet.Cards = all[10:] // eight more left since
	kept, diags := plan.Keep(saved, in)
	require.Empty(t, diags)
	require.Len(t, kept.Plan.Limits, 1)
	assert.Equal(t, spec.Removals, kept.Plan.Limits[0].Kind)
	assert.Equal(t, 10, kept.Plan.Limits[0].Planned)

	saved.Partial = "-target=card.x" // a part keeps its share
	kept, diags = plan.Keep(saved, in)
	require.Empty(t, diags)
	assert.Empty(t, kept.Plan.Limits)

	saved.Partial, saved.Totals = "", []plan.Total{{Provider: aliyun, Cards: 1e6, Managed: 1e6}}
	kept, diags = plan.Keep(saved, in)
	require.Empty(t, diags)
	assert.Len(t, kept.Plan.Limits, 1, "the file's own totals count for nothing")
}

func TestASecretVariableIsComparedAndNotKept(t *testing.T) {
	v := plan.VariableOf("pin", `"1234"`, true, now)
	assert.Empty(t, v.Value)
	assert.NotContains(t, v.Digest, "1234")
	assert.True(t, v.Holds(`"1234"`, true, now))
	assert.False(t, v.Holds(`"1235"`, true, now))
	assert.NotEqual(t, v.Digest, plan.VariableOf("pin", `"1234"`, true, now.Add(time.Second)).Digest, "two plans don't tell that they have one secret")
	assert.False(t, plan.VariableOf("n", "1", false, now).Holds("2", false, now))
}
