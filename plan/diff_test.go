package plan_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

const (
	kiosk  spec.ICCID = "89860617030017300390"
	scale  spec.ICCID = "898600D6991330004146"
	aliyun            = spec.ProviderName("aliyun")

	deviceA spec.IMEI = "861536030196001"
	deviceB spec.IMEI = "861536030196019"
	deviceC spec.IMEI = "861536030196027"
)

var now = time.Date(2026, 11, 21, 20, 46, 47, 0, time.UTC)

// dyiotapi is a carrier that can't report bindings, linkcard one that can, and
// can't change them.
func dyiotapi() spec.Capabilities {
	return spec.Capabilities{
		Reads:       spec.AttrActive | spec.AttrPackages,
		Changes:     []spec.Kind{spec.Resume, spec.Subscribe, spec.ChangeBind, spec.Stop, spec.Unbind},
		NamesPrior:  []spec.Kind{spec.ChangeBind, spec.Unbind},
		Settle:      10 * time.Minute,
		ReadCalls:   map[spec.Attr]int{spec.AttrPackages: 1},
		ChangeCalls: map[spec.Kind]int{spec.ChangeBind: 3},
	}
}

func reporting() spec.Capabilities {
	c := dyiotapi()
	c.Reads |= spec.AttrBinding
	return c
}

// scene is one card's wanted, prior and live; nil is none.
type scene struct {
	wanted *spec.Card
	memory *state.Card
	live   *spec.Reading
	caps   *spec.Capabilities
	policy spec.Policy
	gone   bool // named in a removed block
}

func card(change func(*spec.Card)) *spec.Card {
	c := &spec.Card{Provider: aliyun, ICCID: kiosk, Block: &spec.Block{Name: "kiosk", Source: spec.Range{File: "main.fleet.hcl", Start: spec.Pos{Line: 3}}}}
	change(c)
	return c
}

func remembered(change func(*state.Card)) *state.Card {
	c := &state.Card{Provider: aliyun, ICCID: kiosk, Address: "card.kiosk"}
	change(c)
	return c
}

func boundTo(imei spec.IMEI) *state.Card {
	return remembered(func(c *state.Card) { c.Binding = state.BoundTo(imei) })
}

func reads(l spec.Lifecycle, status string, change ...func(*spec.Reading)) *spec.Reading {
	r := &spec.Reading{Provider: aliyun, ICCID: kiosk, At: now, Lifecycle: l, Status: status, Has: spec.AttrActive}
	for _, f := range change {
		f(r)
	}
	return r
}

func withPackages(ids ...string) func(*spec.Reading) {
	return func(r *spec.Reading) {
		r.Has |= spec.AttrPackages
		for _, id := range ids {
			r.Packages = append(r.Packages, spec.Package{ID: id, Expires: now.AddDate(0, 1, 0)})
		}
	}
}

func bound(imei spec.IMEI) func(*spec.Reading) {
	return func(r *spec.Reading) { r.Has |= spec.AttrBinding; r.IMEI = imei }
}

// forDevice is a reading of a card that the carrier stopped for its device.
func forDevice() *spec.Reading {
	r := reads(spec.SuspendedByCarrier, "机卡分离停机")
	r.Reason, r.ForDevice = "机卡分离停机", true
	return r
}

// usedIn is a card that the carrier stopped for its device, and sees in this one.
func usedIn(device spec.IMEI) *spec.Reading {
	r := forDevice()
	r.Observed = device
	return r
}

// byValue is a carrier that reads the device of a card and sets it by its value.
func byValue() spec.Capabilities {
	c := reporting()
	c.NamesPrior, c.BindsFirst = nil, true
	return c
}

func resumesForDevice() *spec.Capabilities {
	c := spec.Capabilities{
		Reads: spec.AttrActive, Changes: []spec.Kind{spec.Resume, spec.ChangeBind},
		NamesPrior: []spec.Kind{spec.ChangeBind}, ResumesForDevice: true,
	}
	return &c
}

func (s scene) input() plan.Input {
	fleet := &spec.Fleet{Policy: s.policy, Providers: []spec.ProviderConfig{{Name: aliyun}}}
	in := plan.Input{Fleet: fleet, Prior: &state.Snapshot{Lineage: "l", Serial: 3}, Now: now}
	if s.wanted != nil {
		fleet.Cards = []spec.Card{*s.wanted}
	}
	if s.gone {
		fleet.Removed = []spec.Removed{{ICCID: kiosk}}
	}
	if s.memory != nil {
		in.Prior.Cards = []state.Card{*s.memory}
	}
	if s.live != nil {
		in.Live = []spec.Reading{*s.live}
	}
	caps := dyiotapi()
	if s.caps != nil {
		caps = *s.caps
	}
	in.Capabilities = map[spec.ProviderName]spec.Capabilities{aliyun: caps}
	in.Paces = map[spec.ProviderName]spec.Pace{aliyun: {PerSecond: 20}}
	return in
}

// accepted is a card of which the carrier accepted a change that long ago.
func accepted(change spec.Change, ago time.Duration) *state.Card {
	return remembered(func(c *state.Card) {
		c.Doubts = []state.Doubt{{Change: change, Since: now.Add(-ago), CarrierSince: now.Add(-ago), Tried: true, Accepted: true}}
	})
}

// asking is a carrier that is asked what became of a stop that it accepted.
func asking() *spec.Capabilities {
	c := dyiotapi()
	c.Waits = map[spec.Kind]time.Duration{spec.Stop: 10 * time.Minute}
	return &c
}

// ticketed is a card of which the carrier accepted a stop that long ago, with a ticket.
func ticketed(ago time.Duration, asked bool) *state.Card {
	c := accepted(spec.Change{Kind: spec.Stop}, ago)
	c.Doubts[0].Ticket, c.Doubts[0].Tried = "4711", asked
	return c
}

// stopInDoubt is a card whose stop was sent that long ago, after the recent changes,
// each a minute after the one before.
func stopInDoubt(ago time.Duration, recent ...spec.Change) *state.Card {
	return remembered(func(c *state.Card) {
		sent := now.Add(-ago)
		c.Doubts = []state.Doubt{{Change: spec.Change{Kind: spec.Stop}, Since: sent, CarrierSince: sent, Reason: "no answer", Tried: true}}
		for i, change := range recent {
			at := sent.Add(-2 * time.Minute).Add(time.Duration(i) * time.Minute)
			c.Recent = append(c.Recent, state.Change{Change: change, At: at, CarrierAt: at})
		}
	})
}

// atCarrier gives a reading the carrier's clock.
func atCarrier(r *spec.Reading) { r.CarrierAt = r.At }

// without is a carrier that can't make such a change.
func without(kind spec.Kind) *spec.Capabilities {
	c := dyiotapi()
	c.Changes = slices.DeleteFunc(c.Changes, func(k spec.Kind) bool { return k == kind })
	return &c
}

// atOnce is a carrier of which nothing says how long a change may take to show.
func atOnce() *spec.Capabilities {
	c := dyiotapi()
	c.Settle = 0
	return &c
}

// takenFor is a card whose changes the carrier took for done that long ago, though it
// only accepted them.
func takenFor(ago time.Duration, changes ...spec.Change) *state.Card {
	return remembered(func(c *state.Card) {
		for _, change := range changes {
			c.Done(state.Change{Change: change, At: now.Add(-ago), CarrierAt: now.Add(-ago), Accepted: true})
		}
	})
}

// planned writes a card's plan as short words: "change-bind A>B", "! Card not
// found", "# note".
func planned(t *testing.T, in plan.Input) []string {
	t.Helper()
	p, diags := plan.Make(in)
	var out []string
	for _, d := range diags {
		out = append(out, "error "+d.Summary)
	}
	if p == nil {
		return out
	}
	for _, c := range p.Cards {
		for _, a := range c.Actions {
			s := string(a.Kind)
			if a.From+a.To != "" {
				s += " " + a.From + ">" + a.To
			}
			out = append(out, s)
		}
		for _, n := range c.Attention {
			out = append(out, "! "+n.Summary)
		}
		for _, n := range c.Notes {
			out = append(out, "# "+n)
		}
	}
	return out
}

// TestTheTable is the table "What a difference plans" of docs/language.md, row
// by row.
func TestTheTable(t *testing.T) {
	wantsB := func(c *spec.Card) { c.IMEI = deviceB }
	active := func(c *spec.Card) { c.Active = spec.On }
	stopped := func(c *spec.Card) { c.Active = spec.Off }
	unbound := func(c *spec.Card) { c.Bound = spec.Off }
	packages := func(ids ...string) func(*spec.Card) {
		return func(c *spec.Card) { c.Packages = append([]string{}, ids...) }
	}
	report, sets := reporting(), byValue()
	noDevice := func(r *spec.Reading) { r.Has |= spec.AttrBinding }
	readOnly := reporting()
	readOnly.Changes = nil
	unsubscribes := dyiotapi()
	unsubscribes.Changes = append(unsubscribes.Changes, spec.Unsubscribe)

	observes := spec.Capabilities{Reads: spec.AttrActive, ObservesIMEI: true, Changes: []spec.Kind{spec.Resume, spec.Stop}, Cooldown: 30 * time.Minute}
	closes := spec.Capabilities{Reads: spec.AttrActive, ObservesIMEI: true, Changes: []spec.Kind{spec.Resume, spec.Stop, spec.Unbind}}

	a2b := "change-bind 861536030196001>861536030196019"
	for name, row := range map[string]struct {
		scene
		want []string
	}{
		"imei B, carrier reports A": {scene{wanted: card(wantsB), memory: boundTo(deviceA), live: reads(spec.Active, "正常", bound(deviceA)), caps: &report}, []string{a2b}},
		"imei B, carrier reports B written otherwise": {
			scene{wanted: card(wantsB), memory: boundTo(deviceA), live: reads(spec.Active, "正常", bound("86153603019601")), caps: &report}, nil,
		},
		"imei B, state says A": {scene{wanted: card(wantsB), memory: boundTo(deviceA), live: reads(spec.Active, "正常")}, []string{a2b}},
		"imei B, not in state": {
			scene{wanted: card(wantsB), live: reads(spec.Active, "正常")},
			[]string{"adopt >861536030196019", "# recorded as bound to 861536030196019 on trust: this carrier can't report bindings"},
		},
		"imei B, not in state, current_imei A": {
			scene{wanted: card(func(c *spec.Card) { c.IMEI, c.CurrentIMEI = deviceB, deviceA }), live: reads(spec.Active, "正常")},
			[]string{"adopt >861536030196001", a2b, "# recorded as bound to 861536030196001 on trust: this carrier can't report bindings"},
		},
		"imei B, not in state, carrier reports A": {
			scene{wanted: card(wantsB), live: reads(spec.Active, "正常", bound(deviceA)), caps: &report}, []string{"adopt", a2b},
		},
		"imei B, in state without a binding": {
			scene{wanted: card(wantsB), memory: remembered(func(*state.Card) {}), live: reads(spec.Active, "正常")},
			[]string{"adopt >861536030196019", "# recorded as bound to 861536030196019 on trust: this carrier can't report bindings"},
		},
		"imei B, carrier reports A and can't change it": {
			scene{wanted: card(wantsB), memory: boundTo(deviceA), live: reads(spec.Active, "正常", bound(deviceA)), caps: &readOnly},
			[]string{"! Difference can't be changed here"},
		},
		"imei B, carrier sees A in use": {
			scene{wanted: card(wantsB), memory: boundTo(""), live: reads(spec.Active, "2", func(r *spec.Reading) { r.Observed = deviceA }), caps: &observes}, []string{"! Another device is in use"},
		},
		"imei B, carrier sees B in use": {
			scene{wanted: card(wantsB), live: reads(spec.Active, "2", func(r *spec.Reading) { r.Observed = deviceB }), caps: &observes}, []string{"adopt"},
		},
		"imei B, carrier sees A in use, and only closes cards": {
			scene{wanted: card(wantsB), live: reads(spec.Active, "2", func(r *spec.Reading) { r.Observed = deviceA }), caps: &closes}, []string{"adopt", "! Another device is in use"},
		},
		"bound = false, carrier sees A in use, and only closes cards": {
			scene{wanted: card(func(c *spec.Card) { c.Bound, c.CurrentIMEI = spec.Off, deviceA }), live: reads(spec.Active, "2"), caps: &closes},
			[]string{"adopt >861536030196001", "unbind 861536030196001>", "# recorded as bound to 861536030196001 on trust: this carrier can't report bindings"},
		},
		"changed within the carrier's pause": {
			scene{wanted: card(stopped), memory: remembered(func(c *state.Card) { c.Changed = now.Add(-10 * time.Minute) }), live: reads(spec.Active, "2"), caps: &observes},
			[]string{"stop", "# the carrier takes another change of this card from 2026-11-21 21:06 UTC on"},
		},
		"imei B, no device": {scene{wanted: card(wantsB), memory: boundTo(""), live: reads(spec.Active, "正常")}, []string{"! Card has no device"}},
		"imei B, carrier tells no device, and names the prior": {
			scene{wanted: card(wantsB), memory: boundTo(""), live: reads(spec.Active, "正常", noDevice), caps: &report}, []string{"! Card has no device"},
		},
		"imei B, carrier tells no device, and sets it by value": {
			scene{wanted: card(wantsB), memory: boundTo(""), live: reads(spec.Active, "正常", noDevice), caps: &sets}, []string{"change-bind >" + string(deviceB)},
		},
		"imei B, new, carrier tells no device, and sets it by value": {
			scene{wanted: card(wantsB), live: reads(spec.Active, "正常", noDevice), caps: &sets}, []string{"adopt", "change-bind >" + string(deviceB)},
		},
		"imei B, carrier sets it by value, and tells nothing of it": {
			scene{wanted: card(wantsB), live: reads(spec.Active, "正常"), caps: &sets},
			[]string{"adopt >" + string(deviceB), "# recorded as bound to " + string(deviceB) + " on trust: this carrier can't report bindings"},
		},
		"imei B, no device, never activated": {
			scene{wanted: card(wantsB), memory: boundTo(""), live: reads(spec.Pending, "未激活", noDevice), caps: &sets}, []string{"! Card is pending"},
		},
		"bound = false, carrier tells no device": {
			scene{wanted: card(unbound), memory: boundTo(""), live: reads(spec.Active, "正常", noDevice), caps: &sets}, nil,
		},
		"imei B, never activated": {scene{wanted: card(wantsB), memory: boundTo(deviceA), live: reads(spec.Pending, "未激活")}, []string{"! Card is pending"}},
		"bound = false, bound to A": {
			scene{wanted: card(unbound), memory: boundTo(deviceA), live: reads(spec.Active, "正常")}, []string{"unbind 861536030196001>"},
		},
		"bound = false, device unknown": {scene{wanted: card(unbound), live: reads(spec.Active, "正常")}, []string{"adopt", "! Device is unknown"}},
		"bound = false, current_imei A": {
			scene{wanted: card(func(c *spec.Card) { c.Bound, c.CurrentIMEI = spec.Off, deviceA }), live: reads(spec.Active, "正常")},
			[]string{"adopt >861536030196001", "unbind 861536030196001>", "# recorded as bound to 861536030196001 on trust: this carrier can't report bindings"},
		},
		"bound = false, closing": {scene{wanted: card(unbound), memory: boundTo(""), live: reads(spec.Closing, "预销户")}, nil},
		"bound = false, closed":  {scene{wanted: card(unbound), memory: boundTo(deviceA), live: reads(spec.Closed, "销户")}, nil},
		"prevent_unbind": {
			scene{wanted: card(func(c *spec.Card) { c.Bound, c.PreventUnbind = spec.Off, true }), memory: boundTo(deviceA), live: reads(spec.Active, "正常")},
			[]string{"error Unbind is prevented"},
		},
		"left, bound":      {scene{memory: boundTo(deviceA), live: reads(spec.Active, "正常")}, []string{"unbind 861536030196001>"}},
		"left, no binding": {scene{memory: remembered(func(*state.Card) {}), live: reads(spec.Active, "正常")}, []string{"forget"}},
		"left, closed":     {scene{memory: boundTo(deviceA), live: reads(spec.Closed, "销户")}, []string{"forget"}},
		"left, removed":    {scene{memory: boundTo(deviceA), gone: true}, []string{"forget"}},
		"left, not read":   {scene{memory: boundTo(deviceA), live: &spec.Reading{Provider: aliyun, ICCID: kiosk, Unread: "no answer"}}, []string{"! Card could not be read"}},
		"left, on_remove stop": {
			scene{memory: boundTo(deviceA), live: reads(spec.Active, "正常"), policy: spec.Policy{OnRemove: spec.Stop}}, []string{"stop"},
		},
		"left, on_remove stop, stopped": {
			scene{memory: boundTo(deviceA), live: reads(spec.SuspendedByOwner, "停机"), policy: spec.Policy{OnRemove: spec.Stop}}, []string{"forget"},
		},
		"left, on_remove forget": {scene{memory: boundTo(deviceA), policy: spec.Policy{OnRemove: spec.Forget}}, []string{"forget"}},
		"left, prevent_unbind outlives its block": {
			scene{memory: remembered(func(c *state.Card) { c.Binding, c.PreventUnbind = state.BoundTo(deviceA), true }), live: reads(spec.Active, "正常")},
			[]string{"error Unbind is prevented"},
		},
		"active, stopped by owner":    {scene{wanted: card(active), memory: boundTo(deviceA), live: reads(spec.SuspendedByOwner, "停机")}, []string{"resume"}},
		"active, stopped by carrier":  {scene{wanted: card(active), memory: boundTo(deviceA), live: reads(spec.SuspendedByCarrier, "欠费停机")}, []string{"! Stopped by the carrier"}},
		"active, dormant":             {scene{wanted: card(active), memory: boundTo(deviceA), live: reads(spec.Dormant, "06 休眠")}, []string{"! Card is dormant"}},
		"active, pending":             {scene{wanted: card(active), memory: boundTo(deviceA), live: reads(spec.Pending, "未激活")}, []string{"! Card is pending"}},
		"active, in stock":            {scene{wanted: card(active), memory: boundTo(deviceA), live: reads(spec.Inventory, "库存")}, []string{"! Card is inventory"}},
		"active, in service":          {scene{wanted: card(active), memory: boundTo(deviceA), live: reads(spec.Active, "正常")}, nil},
		"active, new, in service":     {scene{wanted: card(active), live: reads(spec.Active, "正常")}, []string{"adopt"}},
		"stopped, in service":         {scene{wanted: card(stopped), memory: boundTo(deviceA), live: reads(spec.Active, "正常")}, []string{"stop"}},
		"stopped, pending":            {scene{wanted: card(stopped), memory: boundTo(deviceA), live: reads(spec.Pending, "未激活")}, nil},
		"stopped, stopped by carrier": {scene{wanted: card(stopped), memory: boundTo(deviceA), live: reads(spec.SuspendedByCarrier, "欠费停机")}, nil},
		"stopped, can't stop":         {scene{wanted: card(stopped), memory: boundTo(deviceA), live: reads(spec.Active, "正常"), caps: &readOnly}, []string{"! Difference can't be changed here"}},
		"closing":                     {scene{wanted: card(active), memory: boundTo(deviceA), live: reads(spec.Closing, "预销户")}, []string{"! Card is closing"}},
		"closed":                      {scene{wanted: card(wantsB), memory: boundTo(deviceA), live: reads(spec.Closed, "销户")}, []string{"! Card is closed"}},
		"transferred":                 {scene{wanted: card(unbound), memory: boundTo(deviceA), live: reads(spec.Transferred, "过户")}, []string{"! Card is transferred"}},
		"not found":                   {scene{wanted: card(active), live: reads(spec.NotFound, "")}, []string{"! Card not found"}},
		"unknown word":                {scene{wanted: card(active), memory: boundTo(deviceA), live: reads(spec.UnknownLifecycle, "携号转网中")}, []string{"! Unknown card status"}},
		"not read":                    {scene{wanted: card(active), live: &spec.Reading{Provider: aliyun, ICCID: kiosk, Unread: "no answer"}}, []string{"! Card could not be read"}},
		"package missing":             {scene{wanted: card(packages("10001", "10002")), memory: boundTo(deviceA), live: reads(spec.Active, "正常", withPackages("10001"))}, []string{"subscribe >10002"}},
		"two packages missing":        {scene{wanted: card(packages("10001", "10002")), memory: boundTo(deviceA), live: reads(spec.Active, "正常", withPackages())}, []string{"subscribe >10001", "subscribe >10002"}},
		"package too many": {
			scene{wanted: card(packages()), memory: boundTo(deviceA), live: reads(spec.Active, "正常", withPackages("10001"))},
			[]string{"# package 10001 is not wanted, and this carrier can't unsubscribe; it runs out on 2026-12-21"},
		},
		"package too many, can unsubscribe": {
			scene{wanted: card(packages()), memory: boundTo(deviceA), live: reads(spec.Active, "正常", withPackages("10001")), caps: &unsubscribes}, []string{"unsubscribe 10001>"},
		},
		"packages not managed": {scene{wanted: card(active), memory: boundTo(deviceA), live: reads(spec.Active, "正常", withPackages("10001"))}, nil},
		"ignored":              {scene{wanted: card(func(c *spec.Card) { c.Active, c.Ignore = spec.Off, spec.AttrActive }), memory: boundTo(deviceA), live: reads(spec.Active, "正常")}, nil},
		"order within a card": {
			scene{wanted: card(func(c *spec.Card) { c.Active, c.IMEI, c.Packages = spec.On, deviceB, []string{"10002"} }), memory: boundTo(deviceA), live: reads(spec.SuspendedByOwner, "停机", withPackages())},
			[]string{"resume", "subscribe >10002", a2b},
		},
		"in doubt": {
			scene{wanted: card(wantsB), memory: remembered(func(c *state.Card) {
				c.Binding = state.BoundTo(deviceA)
				c.Doubts = []state.Doubt{{Change: spec.Change{Kind: spec.ChangeBind, From: string(deviceA), To: string(deviceB)}, Since: now, Tried: true}}
			}), live: reads(spec.Active, "正常")},
			[]string{"! Outcome in doubt"},
		},
		"under way when a run ended": {
			scene{wanted: card(wantsB), memory: remembered(func(c *state.Card) {
				c.Binding = state.BoundTo(deviceA)
				c.Doubts = []state.Doubt{{Change: spec.Change{Kind: spec.ChangeBind, From: string(deviceA), To: string(deviceB)}, Since: now}}
			}), live: reads(spec.Active, "正常")},
			[]string{a2b, "# change-bind 861536030196001 -> 861536030196019 was under way when a run ended at 2026-11-21 20:46:47 UTC; it is sent once more, and the carrier refuses it if the card isn't at that device any more"},
		},
		"under way when a run ended, no longer wanted": {
			scene{wanted: card(func(c *spec.Card) { c.IMEI = deviceC }), memory: remembered(func(c *state.Card) {
				c.Binding = state.BoundTo(deviceA)
				c.Doubts = []state.Doubt{{Change: spec.Change{Kind: spec.ChangeBind, From: string(deviceA), To: string(deviceB)}, Since: now}}
			}), live: reads(spec.Active, "正常")},
			[]string{"! Outcome in doubt"},
		},
		"stopped for its device": {
			scene{wanted: card(func(c *spec.Card) { c.Active, c.IMEI = spec.On, deviceB }), memory: boundTo(deviceA), live: forDevice(), caps: resumesForDevice()},
			[]string{"change-bind 861536030196001>861536030196019", "resume", "# the carrier stopped it for its device (机卡分离停机): the resume puts it back into service in whatever device it is, so be sure that this is 861536030196019"},
		},
		"stopped for its device, bound to the wanted one, and used in another": {
			scene{wanted: card(func(c *spec.Card) { c.Active, c.IMEI = spec.On, deviceA }), memory: boundTo(deviceA), live: usedIn(deviceB), caps: resumesForDevice()},
			[]string{"! Another device is in use"},
		},
		"stopped for its device, and used in one that is neither": {
			scene{wanted: card(func(c *spec.Card) { c.Active, c.IMEI = spec.On, deviceB }), memory: boundTo(deviceA), live: usedIn(deviceC), caps: resumesForDevice()},
			[]string{"change-bind 861536030196001>861536030196019", "! Another device is in use"},
		},
		"stopped for its device, and used in the wanted one": {
			scene{wanted: card(func(c *spec.Card) { c.Active, c.IMEI = spec.On, deviceB }), memory: boundTo(deviceA), live: usedIn(deviceB), caps: resumesForDevice()},
			[]string{"change-bind 861536030196001>861536030196019", "resume", "# the carrier stopped it for its device (机卡分离停机): the resume puts it back into service in whatever device it is, so be sure that this is 861536030196019"},
		},
		"stopped for its device, and no device is wanted": {
			scene{wanted: card(active), memory: boundTo(deviceA), live: forDevice(), caps: resumesForDevice()},
			[]string{"! Stopped by the carrier"},
		},
		"stopped for its device, and the carrier has no call for that": {
			scene{wanted: card(func(c *spec.Card) { c.Active, c.IMEI = spec.On, deviceA }), memory: boundTo(deviceA), live: forDevice()},
			[]string{"! Stopped by the carrier"},
		},
		"stop in doubt, still in service": {
			scene{wanted: card(stopped), memory: remembered(func(c *state.Card) {
				c.Doubts = []state.Doubt{{Change: spec.Change{Kind: spec.Stop}, Since: now.Add(-time.Minute)}}
			}), live: reads(spec.Active, "正常")},
			[]string{"stop", "# stop of 2026-11-21 20:45 UTC is in doubt, and the carrier doesn't show it yet; it is sent again, which changes nothing twice"},
		},
		"stop in doubt, of a card that left": {
			scene{memory: stopInDoubt(time.Minute), live: reads(spec.Active, "正常"), policy: spec.Policy{OnRemove: spec.Stop}},
			[]string{"stop", "# stop of 2026-11-21 20:45 UTC is in doubt, and the carrier doesn't show it yet; it is sent again, which changes nothing twice"},
		},
		"stop in doubt, of a card that left and is to be forgotten": {
			scene{memory: stopInDoubt(time.Minute), live: reads(spec.Active, "正常"), policy: spec.Policy{OnRemove: spec.Forget}},
			[]string{"! Outcome in doubt"},
		},
		"stop in doubt, and no longer wanted": {
			scene{wanted: card(active), memory: stopInDoubt(time.Minute), live: reads(spec.Active, "正常")},
			[]string{"! Outcome in doubt"},
		},
		"stop in doubt, and service is left alone": {
			scene{wanted: card(packages("10002")), memory: stopInDoubt(time.Minute), live: reads(spec.Active, "正常", withPackages())},
			[]string{"! Outcome in doubt"},
		},
		"stop in doubt, no longer wanted, and nothing shows for as long as the carrier may take": {
			scene{wanted: card(active), memory: stopInDoubt(10 * time.Minute), live: reads(spec.Active, "正常", atCarrier)},
			[]string{"# stop of 2026-11-21 20:36 UTC was in doubt; the carrier shows that it had no effect"},
		},
		"stop in doubt, still wanted, and nothing shows for as long as the carrier may take": {
			scene{wanted: card(stopped), memory: stopInDoubt(10 * time.Minute), live: reads(spec.Active, "正常", atCarrier)},
			[]string{"stop", "# stop of 2026-11-21 20:36 UTC was in doubt; the carrier shows that it had no effect"},
		},
		"stop in doubt, and the carrier shows it": {
			scene{wanted: card(active), memory: stopInDoubt(time.Minute), live: reads(spec.SuspendedByOwner, "停机")},
			[]string{"resume", "# stop of 2026-11-21 20:45 UTC was in doubt; the carrier shows that it was done"},
		},
		"stop in doubt, and the carrier may not show the resume before it": {
			scene{wanted: card(stopped), memory: stopInDoubt(time.Minute, spec.Change{Kind: spec.Resume}), live: reads(spec.SuspendedByOwner, "停机")},
			[]string{
				"stop", "# a change made at 20:43:47 UTC is not shown by the carrier yet",
				"# stop of 2026-11-21 20:45 UTC is in doubt, and the carrier doesn't show it yet; it is sent again, which changes nothing twice",
			},
		},
		"stop in doubt, with other things to do": {
			scene{wanted: card(func(c *spec.Card) { c.Active, c.Packages = spec.Off, []string{"10002"} }), memory: stopInDoubt(time.Minute), live: reads(spec.Active, "正常", withPackages())},
			[]string{
				"subscribe >10002", "stop",
				"# stop of 2026-11-21 20:45 UTC is in doubt, and the carrier doesn't show it yet; it is sent again, which changes nothing twice",
			},
		},
		"stop in doubt, still wanted, and the carrier can't be sent another": {
			scene{
				wanted: card(func(c *spec.Card) { c.Active, c.Packages = spec.Off, []string{"10002"} }), memory: stopInDoubt(time.Minute),
				live: reads(spec.Active, "正常", withPackages()), caps: without(spec.Stop),
			},
			[]string{"! Difference can't be changed here", "! Outcome in doubt"},
		},
		"resume in doubt, and the carrier stopped the card": {
			scene{wanted: card(active), memory: remembered(func(c *state.Card) {
				c.Doubts = []state.Doubt{{Change: spec.Change{Kind: spec.Resume}, Since: now.Add(-time.Minute)}}
			}), live: reads(spec.SuspendedByCarrier, "欠费停机")},
			[]string{"! Outcome in doubt"},
		},
		"stop that the carrier has accepted, and that it is asked about no more": {
			scene{wanted: card(stopped), memory: remembered(func(c *state.Card) {
				c.Doubts = []state.Doubt{{Change: spec.Change{Kind: spec.Stop}, Since: now.Add(-time.Minute), Ticket: "4711"}}
			}), live: reads(spec.Active, "正常")},
			[]string{"# stop was accepted by the carrier at 2026-11-21 20:45:47 UTC, which doesn't show it yet; nothing is sent again, and the card is left alone until it shows"},
		},
		"stop that the carrier accepted with a ticket, by a run that ended": {
			scene{wanted: card(stopped), memory: ticketed(time.Minute, false), live: reads(spec.Active, "正常"), caps: asking()},
			[]string{"stop", "# stop was accepted by the carrier at 2026-11-21 20:45:47 UTC; it is asked what became of that, and nothing is sent again"},
		},
		"stop that the carrier accepted with a ticket, and that was asked about in vain": {
			scene{wanted: card(stopped), memory: ticketed(time.Minute, true), live: reads(spec.Active, "正常"), caps: asking()},
			[]string{"stop", "! Outcome in doubt", "# stop was accepted by the carrier at 2026-11-21 20:45:47 UTC; it is asked what became of that, and nothing is sent again"},
		},
		"stop that the carrier accepted with a ticket long ago": {
			scene{wanted: card(stopped), memory: ticketed(time.Hour, false), live: reads(spec.Active, "正常"), caps: asking()},
			[]string{"stop", "! Outcome in doubt", "# stop was accepted by the carrier at 2026-11-21 19:46:47 UTC; it is asked what became of that, and nothing is sent again"},
		},
		"stop that the carrier accepted, and no longer wanted": {
			scene{wanted: card(active), memory: accepted(spec.Change{Kind: spec.Stop}, time.Minute), live: reads(spec.Active, "正常", atCarrier)},
			[]string{"! Change under way"},
		},
		"stop that the carrier accepted, of a card that left": {
			scene{memory: accepted(spec.Change{Kind: spec.Stop}, time.Minute), live: reads(spec.Active, "正常"), policy: spec.Policy{OnRemove: spec.Stop}},
			[]string{"# stop was accepted by the carrier at 2026-11-21 20:45:47 UTC, which doesn't show it yet; nothing is sent again, and the card is left alone until it shows"},
		},
		"stop that the carrier accepted, and the carrier shows it": {
			scene{wanted: card(active), memory: accepted(spec.Change{Kind: spec.Stop}, time.Minute), live: reads(spec.SuspendedByOwner, "停机")},
			[]string{"resume", "# stop of 2026-11-21 20:45 UTC was in doubt; the carrier shows that it was done"},
		},
		"stop that the carrier accepted long ago": {
			scene{wanted: card(stopped), memory: accepted(spec.Change{Kind: spec.Stop}, time.Hour), live: reads(spec.Active, "正常", atCarrier)},
			[]string{"! Accepted change doesn't show"},
		},
		"subscription that the carrier accepted": {
			scene{wanted: card(packages("10002")), memory: accepted(spec.Change{Kind: spec.Subscribe, To: "10002"}, 20*time.Minute), live: reads(spec.Active, "正常", withPackages(), atCarrier)},
			[]string{"# subscribe 10002 was accepted by the carrier at 2026-11-21 20:26:47 UTC, which doesn't show it yet; nothing is sent again, and the card is left alone until it shows"},
		},
		"change of the device that the carrier accepted and the configuration took back": {
			scene{wanted: card(func(c *spec.Card) { c.IMEI = deviceA }), memory: accepted(spec.Change{Kind: spec.ChangeBind, From: string(deviceA), To: string(deviceB)}, 20*time.Minute), live: reads(spec.Active, "正常")},
			[]string{"! Change under way"},
		},
		"subscription in doubt, not there yet": {
			scene{wanted: card(packages("10002")), memory: remembered(func(c *state.Card) {
				c.Doubts = []state.Doubt{{Change: spec.Change{Kind: spec.Subscribe, To: "10002"}, Since: now.Add(-time.Minute)}}
			}), live: reads(spec.Active, "正常", withPackages())},
			[]string{"! Outcome in doubt"},
		},
		"only current_imei, new": {
			scene{wanted: card(func(c *spec.Card) { c.CurrentIMEI, c.Active = deviceA, spec.Off }), live: reads(spec.Active, "正常")},
			[]string{"adopt >861536030196001", "stop", "# recorded as bound to 861536030196001 on trust: this carrier can't report bindings"},
		},
		"changed a moment ago, not shown yet": {
			scene{wanted: card(stopped), memory: remembered(func(c *state.Card) {
				c.Recent = []state.Change{{Change: spec.Change{Kind: spec.Stop}, At: now.Add(-time.Minute)}}
			}), live: reads(spec.Active, "正常")},
			[]string{"# a change made at 20:45:47 UTC is not shown by the carrier yet"},
		},
		"accepted a while ago, not shown by a carrier that shows changes at once": {
			scene{wanted: card(stopped), memory: takenFor(40*time.Minute, spec.Change{Kind: spec.Stop}), live: reads(spec.Active, "正常"), caps: atOnce()},
			[]string{"# a change made at 20:06:47 UTC is not shown by the carrier yet"},
		},
		"accepted a while ago, not shown, and the opposite is wanted": {
			scene{wanted: card(active), memory: takenFor(40*time.Minute, spec.Change{Kind: spec.Stop}), live: reads(spec.Active, "正常"), caps: atOnce()},
			[]string{"! Change under way", "# a change made at 20:06:47 UTC is not shown by the carrier yet"},
		},
		"accepted a while ago, not shown, and nothing was read since": {
			scene{wanted: card(active), memory: takenFor(40*time.Minute, spec.Change{Kind: spec.Stop}), live: reads(spec.SuspendedByOwner, "停机", func(r *spec.Reading) { r.At = now.Add(-time.Hour) }), caps: atOnce()},
			[]string{"! Change under way"},
		},
		"accepted a while ago, and shown": {
			scene{wanted: card(active), memory: takenFor(40*time.Minute, spec.Change{Kind: spec.Stop}), live: reads(spec.SuspendedByOwner, "停机"), caps: atOnce()},
			[]string{"resume"},
		},
		"accepted by way of a parking device, not shown": {
			scene{wanted: card(func(c *spec.Card) { c.IMEI = deviceB }), memory: takenFor(20*time.Minute,
				spec.Change{Kind: spec.ChangeBind, From: string(deviceA), To: string(deviceC)}, spec.Change{Kind: spec.ChangeBind, From: string(deviceC), To: string(deviceB)}),
				live: reads(spec.Active, "正常", bound(deviceA)), caps: atOnce()},
			[]string{"# a change made at 20:26:47 UTC is not shown by the carrier yet"},
		},
		"accepted an hour ago, not shown": {
			scene{wanted: card(stopped), memory: takenFor(time.Hour, spec.Change{Kind: spec.Stop}), live: reads(spec.Active, "正常"), caps: atOnce()},
			[]string{"stop"},
		},
		"changed long ago, not shown": {
			scene{wanted: card(stopped), memory: remembered(func(c *state.Card) {
				c.Recent = []state.Change{{Change: spec.Change{Kind: spec.Stop}, At: now.Add(-time.Hour)}}
			}), live: reads(spec.Active, "正常")},
			[]string{"stop"},
		},
		"not refreshed, state has nothing": {scene{wanted: card(func(c *spec.Card) { c.Active, c.IMEI = spec.Off, deviceB })},
			[]string{"adopt >861536030196019", "# recorded as bound to 861536030196019 on trust: this carrier can't report bindings"}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, row.want, planned(t, row.input()))
		})
	}
}

func TestACarrierThatCannotBeReadAtAllPlansNothing(t *testing.T) {
	in := scene{wanted: card(func(c *spec.Card) { c.Active = spec.Off }), memory: boundTo(deviceA)}.input()
	in.Incomplete = []plan.Incomplete{{Provider: aliyun, Reason: "no route to host", Cards: 1}}
	p, diags := plan.Make(in)
	require.Empty(t, diags)
	assert.Empty(t, p.Cards)
	assert.Equal(t, 1, p.Unread)
	assert.Equal(t, 0, p.Unchanged)
	assert.False(t, p.Clean(), "an incomplete plan is not clean")
}

func TestBeforeAndAfterHoldOnlyWhatIsKnown(t *testing.T) {
	in := scene{wanted: card(func(c *spec.Card) { c.IMEI, c.Active = deviceB, spec.Off }), memory: boundTo(deviceA), live: reads(spec.Active, "正常")}.input()
	p, _ := plan.Make(in)
	require.Len(t, p.Cards, 1)
	assert.Equal(t, plan.Values{Binding: state.BoundTo(deviceA), Active: spec.On, Status: "正常", Lifecycle: spec.Active}, p.Cards[0].Before)
	assert.Equal(t, plan.Values{Binding: state.BoundTo(deviceB), Active: spec.Off}, p.Cards[0].After)
	assert.Nil(t, p.Cards[0].Before.Packages, "packages were not read")
}

func TestPrivacyNumbers(t *testing.T) {
	for name, row := range map[string]struct {
		live spec.NumberReading
		want string
	}{
		"as expected":    {spec.NumberReading{Status: 1, Number: "17000000001"}, ""},
		"another number": {spec.NumberReading{Status: 1, Number: "17000000002"}, "Privacy number differs"},
		"temporary X":    {spec.NumberReading{Status: 2, Number: "17000000009"}, "Privacy number was replaced for now"},
		"no number":      {spec.NumberReading{Status: 3}, "Privacy number fails"},
		"expired":        {spec.NumberReading{Status: 4}, "Privacy number has expired"},
		"unread":         {spec.NumberReading{Unread: "no answer"}, "Privacy number could not be read"},
		"unknown status": {spec.NumberReading{Status: 7}, "Unknown privacy number status"},
	} {
		t.Run(name, func(t *testing.T) {
			in := plan.Input{
				Fleet:   &spec.Fleet{Numbers: []spec.PrivacyNumber{{Name: "courier", Provider: aliyun, PoolKey: "FC12345", SubsID: "12345", Number: "17000000001"}}},
				Numbers: []spec.NumberReading{row.live}, Now: now,
			}
			p, diags := plan.Make(in)
			require.Empty(t, diags)
			if row.want == "" {
				assert.True(t, p.Clean())
				return
			}
			require.Len(t, p.Numbers, 1)
			assert.Equal(t, row.want, p.Numbers[0].Attention[0].Summary)
			assert.Equal(t, 1, p.Summary().Attention)
		})
	}
}

func TestCardsComeByAddress(t *testing.T) {
	var fleet spec.Fleet
	for _, c := range []struct {
		iccid spec.ICCID
		name  string
	}{{"89860000000000000001", "z"}, {"89860000000000000002", "a"}, {"89860000000000000003", "m"}} {
		fleet.Cards = append(fleet.Cards, spec.Card{Provider: aliyun, ICCID: c.iccid, Block: &spec.Block{Name: c.name}})
	}
	p, _ := plan.Make(plan.Input{Fleet: &fleet, Now: now})
	var got []string
	for _, c := range p.Cards {
		got = append(got, c.Address)
	}
	assert.True(t, slices.IsSorted(got), strings.Join(got, " "))
	assert.Len(t, got, 3)
}

// A dormant card was activated long ago: to wait for its activation would be
// to wait for nothing.
func TestDormantCardIsNotToldToBeActivated(t *testing.T) {
	p, diags := plan.Diff(scene{wanted: card(func(c *spec.Card) { c.Active = spec.On }), memory: boundTo(deviceA), live: reads(spec.Dormant, "06 休眠")}.input())
	require.Empty(t, diags)
	advice := p.Cards[0].Attention[0].Detail
	assert.Contains(t, advice, "as dormant (06 休眠)")
	assert.Contains(t, advice, "use it in its device")
	assert.NotContains(t, advice, "once the card is activated")
}

// A reading that an apply saved may be from before the carrier showed its order.
func TestOurOwnOrderThatWasSavedUnshownIsNoDrift(t *testing.T) {
	stopped := func(c *spec.Card) { c.Active = spec.Off }
	ordered := remembered(func(c *state.Card) {
		c.Last = state.Last{At: now.Add(-29 * time.Minute), Lifecycle: spec.Active, Has: spec.AttrActive}
		c.Recent = []state.Change{{Change: spec.Change{Kind: spec.Stop}, At: now.Add(-30 * time.Minute)}}
	})
	p, diags := plan.Diff(scene{wanted: card(stopped), memory: ordered, live: reads(spec.SuspendedByOwner, "停机")}.input())
	require.Empty(t, diags)
	for _, c := range p.Cards {
		assert.Empty(t, c.Drift)
	}
	elsewhere := remembered(func(c *state.Card) { c.Last, c.Recent = ordered.Last, nil })
	p, _ = plan.Diff(scene{wanted: card(stopped), memory: elsewhere, live: reads(spec.SuspendedByOwner, "停机")}.input())
	require.Len(t, p.Cards, 1)
	assert.Len(t, p.Cards[0].Drift, 1, "without an order of ours it is somebody else's")
}

func TestAStopInDoubtThatIsNoLongerWantedIsToldAsWhatMayStillTakeEffect(t *testing.T) {
	detail := func(memory *state.Card, want func(*spec.Card)) string {
		p, diags := plan.Diff(scene{wanted: card(want), memory: memory, live: reads(spec.Active, "正常", withPackages())}.input())
		require.Empty(t, diags)
		require.Len(t, p.Cards, 1)
		require.Len(t, p.Cards[0].Attention, 1)
		assert.Empty(t, p.Cards[0].Actions)
		return p.Cards[0].Attention[0].Detail
	}
	against := "By now the opposite is wanted, and this stop may still take effect."
	active := func(c *spec.Card) { c.Active = spec.On }
	said := detail(stopInDoubt(time.Minute), active)
	assert.Contains(t, said, against)
	assert.Contains(t, said, "from 20:55:47 UTC on, by its own clock", "ten minutes after it was sent")
	clockless := stopInDoubt(time.Minute)
	clockless.Doubts[0].CarrierSince = time.Time{}
	assert.Contains(t, detail(clockless, active), "This carrier tells no time, so a plan settles it by what the carrier shows from 2026-11-21 21:45:47 UTC on")
	assert.NotContains(t, detail(stopInDoubt(time.Minute), func(c *spec.Card) { c.Packages = []string{} }), against, "nothing is wanted of it")
}

func TestCardStoppedForItsDeviceIsToldHowItComesBack(t *testing.T) {
	caps := dyiotapi()
	caps.ResumesForDevice = true
	live := reads(spec.SuspendedByCarrier, "机卡分离停机", func(r *spec.Reading) { r.ForDevice = true })
	p, _ := plan.Diff(scene{wanted: card(func(c *spec.Card) { c.Active = spec.On }), memory: boundTo(deviceA), live: live, caps: &caps}.input())
	require.Len(t, p.Cards, 1)
	assert.Contains(t, p.Cards[0].Attention[0].Detail, "Declare as imei the device that it is to be in")
}
