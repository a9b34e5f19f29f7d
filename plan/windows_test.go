package plan_test

import (
	"testing"
	"time"
	_ "time/tzdata" // as the program has it

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

func window(t *testing.T, name, cron string, kinds ...spec.Kind) spec.Window {
	t.Helper()
	opens, err := spec.ParseTimetable(cron, "Asia/Shanghai")
	require.NoError(t, err)
	return spec.Window{Name: name, Kinds: kinds, Opens: opens, Length: 4 * time.Hour}
}

// windowed is what a plan is made from that stops two cards, rebinds one and resumes one.
func windowed(windows ...spec.Window) plan.Input {
	fleet := &spec.Fleet{Providers: []spec.ProviderConfig{{Name: aliyun}}, Windows: windows}
	prior := &state.Snapshot{Lineage: "l", Serial: 1}
	in := plan.Input{Fleet: fleet, Prior: prior, Now: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)}
	in.Capabilities = map[spec.ProviderName]spec.Capabilities{aliyun: {Reads: spec.AttrActive | spec.AttrBinding, Changes: []spec.Kind{spec.Stop, spec.Resume, spec.ChangeBind}}}
	for i, c := range []spec.Card{{Active: spec.Off}, {Active: spec.Off}, {IMEI: deviceB}, {Active: spec.On}} {
		c.Provider, c.ICCID, c.Block = aliyun, spec.ICCID("8986000000000000000"+string(rune('0'+i))), &spec.Block{Name: "c" + string(rune('0'+i))}
		fleet.Cards = append(fleet.Cards, c)
		is := spec.Active
		if c.Active == spec.On {
			is = spec.SuspendedByOwner
		}
		device := spec.IMEI("8615360301" + string(rune('0'+i)) + "000")
		prior.Cards = append(prior.Cards, state.Card{Provider: aliyun, ICCID: c.ICCID, Address: c.Address(), Binding: state.BoundTo(device)})
		in.Live = append(in.Live, spec.Reading{Provider: aliyun, ICCID: c.ICCID, At: in.Now, Lifecycle: is, Has: spec.AttrActive | spec.AttrBinding, IMEI: device})
	}
	return in
}

func TestAPlanSaysUntilWhenItsActionsWait(t *testing.T) {
	at := func(text string) time.Time {
		out, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		return out
	}
	night := window(t, "night", "0 1 * * *", spec.Stop, spec.ChangeBind, spec.Unbind)
	evening := window(t, "evening", "0 20 * * *", spec.Resume)
	p, diags := plan.Make(windowed(night, evening))
	require.Empty(t, diags)
	want := []plan.Timing{
		{Window: "night", Zone: "Asia/Shanghai", Opens: at("2026-11-29T17:00:00Z"), Closes: at("2026-11-29T21:00:00Z"),
			Kinds: []plan.TimedKind{{Kind: spec.ChangeBind, Planned: 1}, {Kind: spec.Stop, Planned: 2}}},
		{Window: "evening", Zone: "Asia/Shanghai", Open: true, Opens: at("2026-11-29T12:00:00Z"), Closes: at("2026-11-29T16:00:00Z"),
			Kinds: []plan.TimedKind{{Kind: spec.Resume, Planned: 1}}},
	}
	assert.Equal(t, want, p.Windows)

	d, _, err := plan.NewDraft(windowed(night, evening))
	require.NoError(t, err)
	assert.Equal(t, want, d.Head().Windows, "a draft says the same")

	in := windowed(night, evening)
	in.Now = at("2026-11-29T18:00:00Z")
	kept, diags := plan.Keep(p, in)
	require.Empty(t, diags)
	require.Len(t, kept.Plan.Windows, 2)
	assert.True(t, kept.Plan.Windows[0].Open, "a saved plan is told by the time at which it is held against the present")
	assert.Equal(t, at("2026-11-30T12:00:00Z"), kept.Plan.Windows[1].Opens)
}

func TestWhatMayRunAtAnyTimeWaitsForNoWindow(t *testing.T) {
	always, closed := window(t, "always", "0 * * * *", spec.Stop, spec.Resume), window(t, "night", "0 1 * * *", spec.Stop, spec.Unbind)
	p, diags := plan.Make(windowed(closed, always))
	require.Empty(t, diags)
	assert.Empty(t, p.Windows, "one of two windows is always open, and nothing is unbound")
	p, _ = plan.Make(windowed())
	assert.Empty(t, p.Windows)
}
