package state_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/statetest"
)

const (
	imeiA, imeiB, imeiC = "861536030196001", "861536030196019", "861536030196027"
	all                 = spec.AttrBinding | spec.AttrActive | spec.AttrPackages
	settle              = 5 * time.Minute
)

// live is a reading a minute after noon, of a card in service that is bound to A and has package 10002.
func live(change func(*spec.Reading)) spec.Reading {
	r := spec.Reading{
		Provider: bike.Provider, ICCID: bike.ICCID, At: noon.Add(time.Minute), Status: "正常", Lifecycle: spec.Active,
		Has: all, IMEI: imeiA, Packages: []spec.Package{{ID: "10002"}},
	}
	if change != nil {
		change(&r)
	}
	return r
}

// within is a carrier that shows changes within that time.
func within(settle time.Duration) *spec.Capabilities { return &spec.Capabilities{Settle: settle} }

func change(kind spec.Kind, from, to string) state.Change {
	return state.Change{Change: spec.Change{Kind: kind, From: from, To: to}, At: noon}
}

func TestARecentChangeIsLaidOverAReadingThatShowsTheOldValue(t *testing.T) {
	rows := []struct {
		name     string
		recent   []state.Change
		reading  func(*spec.Reading)
		expected func(*spec.Reading) // on top of the reading
	}{
		{"stop", []state.Change{change(spec.Stop, "", "")}, nil, func(r *spec.Reading) { r.Lifecycle = spec.SuspendedByOwner }},
		{"resume", []state.Change{change(spec.Resume, "", "")}, func(r *spec.Reading) { r.Lifecycle = spec.SuspendedByOwner }, func(r *spec.Reading) { r.Lifecycle = spec.Active }},
		{"a resume isn't laid over a carrier's stop", []state.Change{change(spec.Resume, "", "")}, func(r *spec.Reading) { r.Lifecycle = spec.SuspendedByCarrier }, nil},
		{"a stop isn't laid over a closed account", []state.Change{change(spec.Stop, "", "")}, func(r *spec.Reading) { r.Lifecycle = spec.Closed }, nil},
		{"subscribe", []state.Change{change(spec.Subscribe, "", "10001")}, nil, func(r *spec.Reading) { r.Packages = []spec.Package{{ID: "10001"}, {ID: "10002"}} }},
		{"a subscribe that shows", []state.Change{change(spec.Subscribe, "", "10002")}, nil, nil},
		{"unsubscribe", []state.Change{change(spec.Unsubscribe, "10002", "")}, nil, func(r *spec.Reading) { r.Packages = nil }},
		{"change-bind", []state.Change{change(spec.ChangeBind, imeiA, imeiB)}, nil, func(r *spec.Reading) { r.IMEI = imeiB }},
		{"a chain of devices", []state.Change{change(spec.ChangeBind, imeiA, imeiB), change(spec.ChangeBind, imeiB, imeiC)}, nil, func(r *spec.Reading) { r.IMEI = imeiC }},
		{"a chain, half shown", []state.Change{change(spec.ChangeBind, imeiA, imeiB), change(spec.ChangeBind, imeiB, imeiC)},
			func(r *spec.Reading) { r.IMEI = imeiB }, func(r *spec.Reading) { r.IMEI = imeiC }},
		{"somebody else's device stays", []state.Change{change(spec.ChangeBind, imeiA, imeiB)}, func(r *spec.Reading) { r.IMEI = imeiC }, nil},
		{"a binding that isn't in the reading", []state.Change{change(spec.ChangeBind, imeiA, imeiB)}, func(r *spec.Reading) { r.Has, r.IMEI = spec.AttrActive, "" }, nil},
		{"unbind", []state.Change{change(spec.Unbind, imeiA, "")}, nil, func(r *spec.Reading) { r.IMEI, r.Lifecycle = "", spec.Closing }},
		{"an unbind where bindings can't be read", []state.Change{change(spec.Unbind, imeiA, "")},
			func(r *spec.Reading) { r.Has, r.IMEI = spec.AttrActive, "" }, func(r *spec.Reading) { r.Lifecycle = spec.Closing }},
		{"an unbind that shows", []state.Change{change(spec.Unbind, imeiA, "")}, func(r *spec.Reading) { r.Lifecycle = spec.Closed }, nil},
		{"a settled change", []state.Change{{Change: spec.Change{Kind: spec.Stop}, At: noon, CarrierAt: noon.Add(time.Minute - settle)}}, carrierAt(time.Minute), nil},
		{"a change on a machine whose clock is behind", []state.Change{{Change: spec.Change{Kind: spec.Stop}, At: noon.Add(time.Minute - settle), CarrierAt: noon}}, carrierAt(time.Minute), func(r *spec.Reading) { r.Lifecycle = spec.SuspendedByOwner }},
		{"a carrier that tells no time", []state.Change{{Change: spec.Change{Kind: spec.Stop}, At: noon.Add(time.Minute - settle)}}, nil, func(r *spec.Reading) { r.Lifecycle = spec.SuspendedByOwner }},
		{"a carrier that tells no time, to a run that looks for long enough", []state.Change{{Change: spec.Change{Kind: spec.Stop}, At: noon}}, func(r *spec.Reading) { r.Watched = settle }, nil},
		{"a carrier that tells no time, an hour later", []state.Change{{Change: spec.Change{Kind: spec.Stop}, At: noon.Add(time.Minute - time.Hour)}}, nil, nil},
		{"a change after the reading", []state.Change{{Change: spec.Change{Kind: spec.Stop}, At: noon.Add(time.Hour)}}, nil, func(r *spec.Reading) { r.Lifecycle = spec.SuspendedByOwner }},
		{"a reading that says nothing", []state.Change{change(spec.Stop, "", "")}, func(r *spec.Reading) { r.Unread = "time-out" }, nil},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			card := state.Card{Provider: bike.Provider, ICCID: bike.ICCID, Recent: row.recent}
			r, want := live(row.reading), live(row.reading)
			if row.expected != nil {
				row.expected(&want)
			}
			require.Equal(t, want, card.Overlay(r, settle))
			require.Equal(t, live(row.reading), r, "the reading was changed")
		})
	}
	require.Equal(t, live(nil), (*state.Card)(nil).Overlay(live(nil), settle), "a card that isn't managed has no changes")
}

func TestDoneTakesAChangeOverIntoTheCard(t *testing.T) {
	var card state.Card
	card.TakeReading(live(nil))
	card.Doubts = []state.Doubt{{Change: spec.Change{Kind: spec.ChangeBind, From: imeiA, To: imeiB}, Since: noon}, {Change: spec.Change{Kind: spec.Stop}, Since: noon}}
	card.Recent = []state.Change{
		{Change: spec.Change{Kind: spec.Subscribe, To: "1"}, At: noon.Add(-2 * time.Hour)},
		{Change: spec.Change{Kind: spec.Resume}, At: noon.Add(-time.Minute)},
	}
	done := change(spec.ChangeBind, imeiA, imeiB)
	card.Done(done)
	require.Equal(t, state.BoundTo(imeiB), card.Binding)
	require.Equal(t, spec.IMEI(imeiB), card.Last.IMEI)
	require.Equal(t, []state.Change{{Change: spec.Change{Kind: spec.Resume}, At: noon.Add(-time.Minute)}, done}, card.Recent, "a change older than an hour is forgotten")
	require.Equal(t, []state.Doubt{{Change: spec.Change{Kind: spec.Stop}, Since: noon}}, card.Doubts, "the doubt about this change is over")

	card.Done(stop)
	require.Equal(t, []state.Change{done, stop}, card.Recent, "a stop supersedes a resume")
	require.Equal(t, spec.SuspendedByOwner, card.Last.Lifecycle)
	require.Empty(t, card.Doubts)

	card.Done(change(spec.Unbind, imeiB, ""))
	require.Equal(t, state.BoundTo(""), card.Binding)
	require.Equal(t, spec.Closing, card.Last.Lifecycle)
}

func TestAPackageThatCannotBeReadIsRemembered(t *testing.T) {
	card := state.Card{Provider: bike.Provider, ICCID: bike.ICCID}
	card.Done(change(spec.Subscribe, "", "10003"))
	card.TakeReading(live(func(r *spec.Reading) { r.Has, r.Packages = spec.AttrActive, nil }))
	require.Equal(t, []spec.Package{{ID: "10003"}}, card.Last.Packages)
	require.Equal(t, spec.AttrActive, card.Last.Has, "and isn't taken for read")
}

func TestAReadingEndsWhatItShows(t *testing.T) {
	card := state.Card{
		Provider: bike.Provider, ICCID: bike.ICCID, Binding: state.BoundTo(imeiB),
		Recent: []state.Change{change(spec.ChangeBind, imeiA, imeiB), change(spec.Stop, "", "")},
		Doubts: []state.Doubt{{Change: spec.Change{Kind: spec.Subscribe, To: "10002"}, Since: noon}, {Change: spec.Change{Kind: spec.Unsubscribe, From: "10002"}, Since: noon}},
	}
	slow := card
	slow.TakeReading(live(nil))
	require.Equal(t, card.Recent, slow.Recent, "the carrier still shows the old values")
	require.Equal(t, state.BoundTo(imeiB), slow.Binding, "a reading that lags doesn't undo the binding")
	require.Equal(t, card.Doubts[1:], slow.Doubts, "the package is there, so the subscribe was done")
	require.Equal(t, live(nil), slow.Reading())

	shown := live(func(r *spec.Reading) { r.IMEI, r.Lifecycle = imeiB, spec.SuspendedByOwner })
	slow.TakeReading(shown)
	require.Empty(t, slow.Recent)

	slow.TakeReading(live(func(r *spec.Reading) { r.At, r.IMEI = noon, imeiC }))
	require.Equal(t, shown, slow.Reading(), "an older reading changes nothing")
	slow.TakeReading(spec.Reading{At: noon.Add(time.Hour), Unread: "time-out"})
	require.Equal(t, shown, slow.Reading(), "no answer changes nothing")
	slow.TakeReading(live(func(r *spec.Reading) { r.At, r.IMEI = noon.Add(time.Hour), imeiC }))
	require.Equal(t, state.BoundTo(imeiC), slow.Binding, "somebody else's change is taken over")
}

func TestAReadingSettlesADoubt(t *testing.T) {
	const done, noEffect, stays = "done", "without effect", "stays"
	early, late := noon.Add(time.Minute), noon.Add(settle)
	noBindings := func(r *spec.Reading) { r.Has, r.IMEI = spec.AttrActive|spec.AttrPackages, "" }
	rows := []struct {
		name    string
		doubt   state.Change
		at      time.Time
		reading func(*spec.Reading)
		want    string
	}{
		{"change-bind, new value", change(spec.ChangeBind, imeiB, imeiA), early, nil, done},
		{"change-bind, old value, early", change(spec.ChangeBind, imeiA, imeiB), early, nil, stays},
		{"change-bind, old value", change(spec.ChangeBind, imeiA, imeiB), late, nil, noEffect},
		{"change-bind, a third value", change(spec.ChangeBind, imeiB, imeiC), late, nil, noEffect},
		{"change-bind, can't be read", change(spec.ChangeBind, imeiA, imeiB), late, noBindings, stays},
		{"a reading before the call", change(spec.ChangeBind, imeiB, imeiA), noon.Add(-time.Second), nil, stays},
		{"a reading that says nothing", change(spec.ChangeBind, imeiB, imeiA), late, func(r *spec.Reading) { r.Unread = "time-out" }, stays},
		{"stop, in service", change(spec.Stop, "", ""), late, nil, noEffect},
		{"stop, in service, early", change(spec.Stop, "", ""), early, nil, stays},
		{"stop, stopped", change(spec.Stop, "", ""), early, func(r *spec.Reading) { r.Lifecycle = spec.SuspendedByOwner }, done},
		{"stop, unknown word", change(spec.Stop, "", ""), late, func(r *spec.Reading) { r.Lifecycle = spec.UnknownLifecycle }, stays},
		{"resume, in service", change(spec.Resume, "", ""), early, nil, done},
		{"resume, stopped, early", change(spec.Resume, "", ""), early, func(r *spec.Reading) { r.Lifecycle = spec.SuspendedByOwner }, stays},
		{"resume, stopped", change(spec.Resume, "", ""), late, func(r *spec.Reading) { r.Lifecycle = spec.SuspendedByOwner }, noEffect},
		{"subscribe, there", change(spec.Subscribe, "", "10002"), early, nil, done},
		{"subscribe, not there", change(spec.Subscribe, "", "10009"), late, nil, noEffect},
		{"unsubscribe, there", change(spec.Unsubscribe, "10002", ""), late, nil, noEffect},
		{"unsubscribe, not there", change(spec.Unsubscribe, "10009", ""), early, nil, done},
		{"unbind, closing", change(spec.Unbind, imeiA, ""), early, func(r *spec.Reading) { noBindings(r); r.Lifecycle = spec.Closing }, done},
		{"unbind, bound", change(spec.Unbind, imeiA, ""), late, nil, noEffect},
		{"unbind, in service, binding can't be read", change(spec.Unbind, imeiA, ""), late, noBindings, stays},
		{"no change of ours", change("vow", "", ""), late, nil, stays},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			d := state.Doubt{Change: spec.Change{Kind: row.doubt.Kind, From: row.doubt.From, To: row.doubt.To}, Since: noon, CarrierSince: noon, Key: "0c1f"}
			card := state.Card{Provider: bike.Provider, ICCID: bike.ICCID, Doubts: []state.Doubt{d}}
			r := live(row.reading)
			r.At, r.CarrierAt = row.at, row.at
			after, settled := card.SettleDoubts(r, within(settle))
			require.Equal(t, []state.Doubt{d}, card.Doubts, "the card itself is left as it was")
			if row.want == stays {
				require.Empty(t, settled)
				require.Equal(t, card, after)
				return
			}
			require.Equal(t, []state.Settled{{Doubt: d, Done: row.want == done}}, settled)
			require.Empty(t, after.Doubts)
			require.Equal(t, row.want == done && row.doubt.Kind.Attr() == spec.AttrBinding, after.Binding.Known)
		})
	}
}

// A plan that follows an apply must be empty, however long the carrier takes to
// show what was done, as long as it shows it within settle.
func TestAfterAnyChangesTheEffectiveReadingIsWhatWasDone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		card := state.Card{Provider: bike.Provider, ICCID: bike.ICCID}
		card.TakeReading(live(nil))
		steps := []spec.Reading{card.Reading()}
		at := noon.Add(2 * time.Minute)
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			ch := drawNext(t, steps[len(steps)-1])
			ch.At = at
			card.Done(ch)
			steps = append(steps, card.Reading())
			at = at.Add(time.Second)
		}
		want := steps[len(steps)-1]
		// The carrier shows any of the steps on the way.
		shown := steps[rapid.IntRange(0, len(steps)-1).Draw(t, "shown")]
		shown.At, want.At = at, at
		require.Equal(t, want, card.Overlay(shown, settle))

		remembered := card
		remembered.TakeReading(shown)
		again := shown
		again.At, want.At = at.Add(time.Second), at.Add(time.Second)
		require.Equal(t, want, remembered.Overlay(again, settle), "after the reading was remembered")
		require.Equal(t, want.IMEI, remembered.Binding.IMEI)
	})
}

// drawNext is a change that a plan could make of a card like this.
func drawNext(t *rapid.T, now spec.Reading) state.Change {
	switch rapid.IntRange(0, 2).Draw(t, "attribute") {
	case 0:
		if now.Lifecycle == spec.Active {
			return state.Change{Change: spec.Change{Kind: spec.Stop}}
		}
		return state.Change{Change: spec.Change{Kind: spec.Resume}}
	case 1:
		id := rapid.SampledFrom([]string{"10001", "10002", "10003"}).Draw(t, "package")
		if now.HasPackage(id) {
			return state.Change{Change: spec.Change{Kind: spec.Unsubscribe, From: id}}
		}
		return state.Change{Change: spec.Change{Kind: spec.Subscribe, To: id}}
	default:
		devices := slices.DeleteFunc([]string{imeiA, imeiB, imeiC}, func(i string) bool { return i == string(now.IMEI) })
		return state.Change{Change: spec.Change{Kind: spec.ChangeBind, From: string(now.IMEI), To: rapid.SampledFrom(devices).Draw(t, "device")}}
	}
}

func TestCardsThatShareSlicesAreNotChangedTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		card := statetest.DrawCard(t, bike)
		before, shared := cloneCard(card), card
		shared.Done(statetest.DrawChange(t))
		shared.TakeReading(live(func(r *spec.Reading) {
			r.At = noon.Add(time.Duration(rapid.IntRange(0, 7200).Draw(t, "second")) * time.Second)
		}))
		_, _ = card.SettleDoubts(live(nil), within(settle))
		_ = card.Overlay(live(nil), settle)
		assert.Equal(t, before, card)
	})
}

func cloneCard(c state.Card) state.Card {
	return statetest.Clone(&state.Snapshot{Cards: []state.Card{c}}).Cards[0]
}

// Two machines' clocks are 11 minutes apart, and the carrier takes 10 to show an
// order: what the second reads a minute after the first sent it proves nothing.
func TestADoubtsAgeIsMeasuredByTheCarriersClockAlone(t *testing.T) {
	order := state.Doubt{Change: spec.Change{Kind: spec.Subscribe, To: "10009"}, Since: noon}
	minuteLater := live(func(r *spec.Reading) { r.At = noon.Add(12 * time.Minute) })
	for name, row := range map[string]struct {
		since, at time.Time // by the carrier's clock
		settled   bool
	}{
		"nobody knows the carrier's clock":   {},
		"the sender didn't know it":          {at: noon.Add(time.Hour)},
		"the reader doesn't know it":         {since: noon.Add(-time.Hour)},
		"by the carrier's clock it is young": {since: noon.Add(-time.Hour), at: noon.Add(time.Minute - time.Hour)},
		"by the carrier's clock it is old":   {since: noon.Add(-time.Hour), at: noon.Add(settle - time.Hour), settled: true},
	} {
		t.Run(name, func(t *testing.T) {
			card, r := state.Card{Doubts: []state.Doubt{order}}, minuteLater
			card.Doubts[0].CarrierSince, r.CarrierAt = row.since, row.at
			_, settled := card.SettleDoubts(r, within(settle))
			assert.Equal(t, row.settled, len(settled) == 1)
		})
	}
	late := state.Card{Doubts: []state.Doubt{order}}
	minuteLater.CarrierAt = noon
	late.TakeReading(minuteLater)
	assert.Equal(t, noon, late.Doubts[0].CarrierSince, "the first reading that knows the carrier's clock starts it")
	minuteLater.CarrierAt = noon.Add(settle)
	_, settled := late.SettleDoubts(minuteLater, within(settle))
	assert.Len(t, settled, 1)
}

// Where the carrier tells no time, a run that looks long enough itself has seen it pass.
func TestARunsOwnSteadyTimeSettlesADoubtWhereTheCarrierTellsNone(t *testing.T) {
	card := state.Card{Doubts: []state.Doubt{{Change: spec.Change{Kind: spec.Subscribe, To: "10009"}, Since: noon}}}
	r := live(func(r *spec.Reading) { r.At, r.Watched = noon.Add(24*time.Hour), settle-time.Second })
	_, settled := card.SettleDoubts(r, within(settle))
	assert.Empty(t, settled, "a day by clocks of two machines proves nothing")
	r.Watched = settle
	_, settled = card.SettleDoubts(r, within(settle))
	require.Len(t, settled, 1)
	assert.False(t, settled[0].Done)
}

// A stop that is sent again changes nothing twice, so of its age the machines' clocks
// are believed after an hour; a subscription would be paid twice.
func TestWhereTheCarrierTellsNoTimeAStopIsSettledAnHourLater(t *testing.T) {
	for _, row := range []struct {
		kind    spec.Kind
		to      string
		after   time.Duration
		settle  time.Duration
		settled bool
	}{
		{spec.Stop, "", time.Hour - time.Second, settle, false},
		{spec.Stop, "", time.Hour, settle, true},
		{spec.Stop, "", time.Hour, 2 * time.Hour, false},
		{spec.Stop, "", 2 * time.Hour, 2 * time.Hour, true},
		{spec.Subscribe, "10009", 24 * time.Hour, settle, false},
	} {
		card := state.Card{Doubts: []state.Doubt{{Change: spec.Change{Kind: row.kind, To: row.to}, Since: noon}}}
		_, settled := card.SettleDoubts(live(func(r *spec.Reading) { r.At = noon.Add(row.after) }), within(row.settle))
		assert.Equal(t, row.settled, len(settled) == 1, "%s after %s, at a carrier that takes %s", row.kind, row.after, row.settle)
	}
}

// The card was stopped, resumed four minutes ago, and is to be stopped again; the answer
// to that is lost. That the carrier shows it as stopped may be of before both.
func TestAValueOfBeforeARecentChangeDoesNotShowThatACallWasDone(t *testing.T) {
	for name, row := range map[string]struct {
		recent, call spec.Change
		shown        func(*spec.Reading)
	}{
		"stop":        {spec.Change{Kind: spec.Resume}, spec.Change{Kind: spec.Stop}, func(r *spec.Reading) { r.Lifecycle = spec.SuspendedByOwner }},
		"resume":      {spec.Change{Kind: spec.Stop}, spec.Change{Kind: spec.Resume}, nil},
		"unsubscribe": {spec.Change{Kind: spec.Subscribe, To: "10009"}, spec.Change{Kind: spec.Unsubscribe, From: "10009"}, nil},
		"change-bind": {spec.Change{Kind: spec.ChangeBind, From: imeiA, To: imeiB}, spec.Change{Kind: spec.ChangeBind, From: imeiB, To: imeiA}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			sent := noon.Add(settle - time.Minute)
			doubt := state.Doubt{Change: row.call, Since: sent, CarrierSince: sent}
			card := state.Card{
				Provider: bike.Provider, ICCID: bike.ICCID, Doubts: []state.Doubt{doubt},
				Recent: []state.Change{{Change: row.recent, At: noon, CarrierAt: noon}},
			}
			r := live(row.shown)
			r.At, r.CarrierAt = sent.Add(time.Second), sent.Add(time.Second)
			after, settled := card.SettleDoubts(r, within(settle))
			assert.Empty(t, settled)
			after.TakeReading(r)
			assert.Len(t, after.Doubts, 1, "nor where it is only remembered")
			tells, done := card.Shows(row.call, r, settle)
			assert.True(t, tells)
			assert.False(t, done)

			r.At, r.CarrierAt = noon.Add(settle), noon.Add(settle)
			_, settled = card.SettleDoubts(r, within(settle))
			assert.Equal(t, []state.Settled{{Doubt: doubt, Done: true}}, settled, "what was done before would show by then")
		})
	}
}

func TestARecentChangeGetsTheCarriersClockFromTheFirstReadingThatKnowsIt(t *testing.T) {
	made := change(spec.Stop, "", "")
	card := state.Card{Provider: bike.Provider, ICCID: bike.ICCID, Recent: []state.Change{made}}
	card.TakeReading(live(carrierAt(time.Hour)))
	require.Len(t, card.Recent, 1)
	assert.Equal(t, noon.Add(time.Hour), card.Recent[0].CarrierAt)
	assert.True(t, made.CarrierAt.IsZero())
	later := live(carrierAt(time.Hour + settle))
	assert.Equal(t, later, card.Overlay(later, settle), "it is settled by the carrier's clock")
	card.TakeReading(live(carrierAt(2 * time.Hour)))
	assert.Empty(t, card.Recent, "an hour of the carrier's clock later it is forgotten")
}

// carrierAt is a reading's time by the carrier's clock.
func carrierAt(afterNoon time.Duration) func(*spec.Reading) {
	return func(r *spec.Reading) { r.CarrierAt = noon.Add(afterNoon) }
}

// An order that waits for its payment may be paid at any time.
func TestWhatWaitsForAPersonIsNeverTakenForWithoutEffect(t *testing.T) {
	card := state.Card{Doubts: []state.Doubt{{Change: spec.Change{Kind: spec.Subscribe, To: "10002"}, Since: noon, CarrierSince: noon, Waits: true}}}
	without := live(func(r *spec.Reading) {
		r.Packages, r.At, r.CarrierAt = nil, noon.Add(240*time.Hour), noon.Add(240*time.Hour)
	})
	_, settled := card.SettleDoubts(without, within(settle))
	assert.Empty(t, settled)
	paid := live(func(r *spec.Reading) { r.At, r.CarrierAt = noon.Add(241*time.Hour), noon.Add(241*time.Hour) })
	_, settled = card.SettleDoubts(paid, within(settle))
	require.Len(t, settled, 1)
	assert.True(t, settled[0].Done)
}

// A carrier that may make a change within ten minutes after it accepted it may do so as
// well where its answer was lost, or said HTTP 500.
func TestAReadingSoonerThanTheCarrierMayTakeToMakeAChangeProvesNothing(t *testing.T) {
	for _, able := range []*spec.Capabilities{
		{Settle: time.Minute, Waits: map[spec.Kind]time.Duration{spec.Subscribe: 10 * time.Minute}},
		{Settle: 10 * time.Minute, Waits: map[spec.Kind]time.Duration{spec.Subscribe: time.Minute, spec.Stop: time.Hour}},
	} {
		card := state.Card{Doubts: []state.Doubt{{Change: spec.Change{Kind: spec.Subscribe, To: "10009"}, Since: noon, CarrierSince: noon}}}
		at := func(after time.Duration) spec.Reading {
			return live(func(r *spec.Reading) { r.At, r.CarrierAt = noon.Add(after), noon.Add(after) })
		}
		_, settled := card.SettleDoubts(at(10*time.Minute-time.Second), able)
		assert.Empty(t, settled)
		_, settled = card.SettleDoubts(at(10*time.Minute), able)
		require.Len(t, settled, 1)
		assert.False(t, settled[0].Done)
	}
}

func TestWhatTheCarrierAcceptedIsNeverTakenForWithoutEffectAndNeverSentAgain(t *testing.T) {
	for _, d := range []state.Doubt{{Accepted: true}, {Ticket: "4711"}} { // older states have a ticket alone
		d.Change, d.Since, d.CarrierSince = spec.Change{Kind: spec.Stop}, noon, noon
		card := state.Card{Doubts: []state.Doubt{d}}
		later := live(func(r *spec.Reading) { r.At, r.CarrierAt = noon.Add(240*time.Hour), noon.Add(240*time.Hour) })
		_, settled := card.SettleDoubts(later, within(0))
		assert.Empty(t, settled)
		assert.False(t, d.MayRepeat(&later))
		later.Lifecycle = spec.SuspendedByOwner
		_, settled = card.SettleDoubts(later, within(0))
		require.Len(t, settled, 1)
		assert.True(t, settled[0].Done)
	}
}

func TestSinceWhenACardIsAsItIs(t *testing.T) {
	card := state.Card{Binding: state.BoundTo(imeiA)}
	status := spec.Reading{At: noon.Add(time.Minute), Lifecycle: spec.Active, Has: spec.AttrActive | spec.AttrPackages}
	card.TakeReading(status)
	assert.Zero(t, card.Since, "readings of status and packages don't count")
	same := spec.Reading{At: noon.Add(2 * time.Minute), Lifecycle: spec.Active, Has: spec.AttrBinding, IMEI: imeiA}
	card.TakeReading(same)
	assert.Zero(t, card.Since, "the device is as it was")
	other := spec.Reading{At: noon.Add(3 * time.Minute), Lifecycle: spec.Active, Has: spec.AttrBinding, IMEI: imeiB}
	card.TakeReading(other)
	assert.Equal(t, other.At, card.Since, "a reading shows another device")
	card.Done(state.Change{Change: spec.Change{Kind: spec.Stop}, At: noon.Add(4 * time.Minute)})
	assert.Equal(t, noon.Add(4*time.Minute), card.Since)
	card.InDoubt(state.Doubt{Change: spec.Change{Kind: spec.Resume}, Since: noon.Add(5 * time.Minute)})
	assert.Equal(t, noon.Add(5*time.Minute), card.Since)
	settled, _ := card.SettleDoubts(spec.Reading{At: noon.Add(2 * time.Hour), Lifecycle: spec.SuspendedByOwner}, within(time.Minute))
	assert.Empty(t, settled.Doubts)
	assert.Equal(t, noon.Add(5*time.Minute), settled.Since, "it was in doubt, whatever came of it")
}
