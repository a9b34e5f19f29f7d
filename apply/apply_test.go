package apply_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"net/http"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

const aliyun = spec.ProviderName("aliyun")

var start = time.Date(2026, 11, 21, 20, 46, 47, 0, time.UTC)

// memory is a journal in memory, which breaks when it is told to.
type memory struct {
	mu      sync.Mutex
	records []state.Record
	breaks  func(state.Record) bool
}

var errFull = errors.New("no space left on device")

func (m *memory) Append(_ context.Context, records ...state.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range records {
		if m.breaks != nil && m.breaks(r) {
			return errFull
		}
		m.records = append(m.records, r)
	}
	return nil
}

func (m *memory) Close() error { return nil }

// bench is a fleet of stops (or what wanted says) against the simulated carrier.
type bench struct {
	world   *carriersim.World
	fleet   *spec.Fleet
	live    []spec.Reading // as they were read last
	options apply.Options
	planned *plan.Plan
	prior   *state.Snapshot
	journal *memory
	now     time.Time
	mu      sync.Mutex
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) sleep(ctx context.Context, d time.Duration) error {
	b.mu.Lock()
	b.now = b.now.Add(d)
	b.mu.Unlock()
	return ctx.Err()
}

// newBench plans for n cards that are in the state and in service, each bound
// to a device of its own, and wanted as want says.
func newBench(t *testing.T, n int, want func(i int, c *spec.Card)) *bench {
	t.Helper()
	b := &bench{world: &carriersim.World{Record: true}, journal: &memory{}, now: start}
	b.world.Now, b.world.Sleep = b.clock, b.sleep
	server := httptest.NewServer(carriersim.Serve(all.Simulators(b.world)))
	transport := &http.Transport{}
	t.Cleanup(func() { transport.CloseIdleConnections(); server.Close() })
	config := spec.ProviderConfig{Name: aliyun, Settings: map[string]any{
		"endpoint": server.URL + "/aliyun", "requests_per_second": 1e6, "access_key_id": carriersim.TestID, "access_key_secret": carriersim.TestSecret,
	}}
	p, diags := all.Types()[0].Open(config, providers.Env{
		Getenv: func(string) string { return "" }, Now: b.clock, Sleep: b.sleep, Random: nonces(), Transport: transport, Version: "test",
	})
	require.Empty(t, diags)

	fleet := &spec.Fleet{Providers: []spec.ProviderConfig{config}, Policy: spec.Policy{Limits: []spec.Limit{{Kind: spec.Stop}}}}
	prior := &state.Snapshot{Lineage: "l", Serial: 1}
	in := plan.Input{Fleet: fleet, Prior: prior, Now: start, Capabilities: map[spec.ProviderName]spec.Capabilities{aliyun: p.Capabilities()}}
	for i := range n {
		iccid := spec.ICCID(fmt.Sprintf("8986000000000000%04d", i))
		c := spec.Card{Provider: aliyun, ICCID: iccid, Block: &spec.Block{Name: fmt.Sprintf("c%02d", i)}}
		want(i, &c)
		fleet.Cards = append(fleet.Cards, c)
		prior.Cards = append(prior.Cards, state.Card{Provider: aliyun, ICCID: iccid, Address: c.Address(), Binding: state.BoundTo(device(i))})
		in.Live = append(in.Live, spec.Reading{Provider: aliyun, ICCID: iccid, At: start, Lifecycle: spec.Active, Status: "正常", Has: spec.AttrActive | spec.AttrPackages})
		b.world.Cards = append(b.world.Cards, carriersim.Card{ICCID: iccid, IMEI: device(i)})
	}
	planned, diags := plan.Make(in)
	require.Empty(t, diags)
	b.fleet = fleet
	b.planned, b.prior = planned, prior
	b.options = apply.Options{
		Plan: planned, Memory: apply.MemoryIn(prior, state.Edits{}), Providers: map[spec.ProviderName]providers.Provider{aliyun: p},
		Journal: b.journal, Now: b.clock, Sleep: b.sleep, Parallel: 4,
	}
	return b
}

func device(i int) spec.IMEI { return spec.IMEI(fmt.Sprintf("86153603000%03d0", i)) }

// nonces are bytes that never repeat.
func nonces() func([]byte) {
	var mu sync.Mutex
	n := uint64(0)
	return func(p []byte) {
		mu.Lock()
		defer mu.Unlock()
		n++
		for i := range p {
			p[i] = byte(n >> (8 * (i % 8)))
		}
	}
}

func stopped(_ int, c *spec.Card) { c.Active = spec.Off }

func (b *bench) effects(action string) int {
	n := 0
	for _, r := range b.world.Requests() {
		if r.Effect && (action == "" || r.Action == action) {
			n++
		}
	}
	return n
}

// after is the state after a run.
func (b *bench) after(r *apply.Report) *state.Snapshot { return r.Edits().Next(b.prior, "") }

// resultsOf are a report's, each with a card and an action of its own.
func resultsOf(r *apply.Report) []apply.Result {
	var list []apply.Result
	err := r.Each(func(result *apply.Result) error {
		own, card, action := *result, result.Card.Clone(), *result.Action
		own.Card, own.Action = &card, &action
		list = append(list, own)
		return nil
	})
	if err != nil {
		panic(err) // a plan that is held can be read
	}
	return list
}

func outcomes(r *apply.Report) []apply.Outcome {
	var out []apply.Outcome
	for _, result := range resultsOf(r) {
		out = append(out, result.Outcome)
	}
	return out
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOneFailureDoesNotStopTheRest(t *testing.T) {
	b := newBench(t, 5, stopped)
	b.world.Faults = []carriersim.Fault{{Action: "DoIotUserStopResume", ICCID: "89860000000000000002", Kind: carriersim.CodeFault("isv.RAM_PERMISSION_DENY")}}
	report := apply.Run(t.Context(), b.options)
	assert.Equal(t, []apply.Outcome{apply.Done, apply.Done, apply.Failed, apply.Done, apply.Done}, outcomes(report))
	assert.Contains(t, resultsOf(report)[2].Reason, "isv.RAM_PERMISSION_DENY")
	assert.NotEmpty(t, resultsOf(report)[2].RequestID)
	assert.Equal(t, spec.SuspendedByOwner, b.after(report).Cards[1].Last.Lifecycle)
	assert.Empty(t, b.after(report).Cards[2].Recent)
}

func TestWhatNeedsAFailedActionIsDropped(t *testing.T) {
	// Each card takes the device of the one after it; the last one's is new.
	b := newBench(t, 4, func(i int, c *spec.Card) { c.IMEI = device(i + 1) })
	b.world.Faults = []carriersim.Fault{{Action: "DoIotChgBindOrUnBind", ICCID: "89860000000000000002", Kind: carriersim.CodeFault("isv.ERROR_IOT_CHGBINDED_ERROR")}}
	report := apply.Run(t.Context(), b.options)
	assert.Equal(t, []apply.Outcome{apply.Dropped, apply.Dropped, apply.Failed, apply.Done}, outcomes(report))
	assert.Equal(t, "it needs change-bind of card.c02, which is failed", resultsOf(report)[1].Reason)
	assert.Equal(t, 1, b.effects("DoIotChgBindOrUnBind"), "no device is taken that another card still holds")
}

func TestWhatNeedsAnActionOfNoPlanIsNotStarted(t *testing.T) {
	b := newBench(t, 3, func(i int, c *spec.Card) { c.IMEI = device(i + 1) })
	last := &b.planned.Cards[2]
	lost := last.Actions[0].ID
	last.Actions = nil
	checked, err := apply.Check(t.Context(), b.options)
	require.NoError(t, err)
	for _, result := range checked {
		assert.NotEqual(t, apply.Runs, result.Outcome)
	}
	report := apply.Run(t.Context(), b.options)
	assert.Equal(t, []apply.Outcome{apply.NotStarted, apply.NotStarted}, outcomes(report))
	assert.Equal(t, "it needs action "+lost+", which is not in the plan", resultsOf(report)[1].Reason)
	assert.Zero(t, b.effects("DoIotChgBindOrUnBind"), "no device is taken that another card still holds")
}

func TestWhatWaitsForItselfIsNotStarted(t *testing.T) {
	b := newBench(t, 4, func(i int, c *spec.Card) { c.IMEI = device(i + 1) })
	cards := b.planned.Cards
	cards[3].Actions[0].Needs = append(cards[3].Actions[0].Needs, cards[2].Actions[0].ID)
	report := apply.Run(t.Context(), b.options)
	assert.Equal(t, []apply.Outcome{apply.NotStarted, apply.NotStarted, apply.NotStarted, apply.NotStarted}, outcomes(report))
	assert.Equal(t, "the actions that it needs wait for each other", resultsOf(report)[0].Reason)
	assert.Zero(t, b.effects("DoIotChgBindOrUnBind"))
}

func TestADeviceIsTakenOnlyOnceItIsReleased(t *testing.T) {
	b := newBench(t, 12, func(i int, c *spec.Card) { c.IMEI = device(i + 1) })
	b.world.ExclusiveIMEI = true
	report := apply.Run(t.Context(), b.options)
	assert.Equal(t, 12, report.Count(apply.Done), "%v", resultsOf(report))
}

func TestNoCallIsMadeThatNoJournalKnowsOf(t *testing.T) {
	b := newBench(t, 10, stopped)
	intents := 0
	b.journal.breaks = func(r state.Record) bool {
		if r.Type == state.IntentRecord {
			intents++
		}
		return r.Type == state.IntentRecord && intents > 3
	}
	report := apply.Run(t.Context(), b.options)
	require.ErrorIs(t, report.Broken, errFull)
	known := map[spec.ICCID]bool{}
	for _, r := range b.journal.records {
		known[r.ICCID] = known[r.ICCID] || r.Type == state.IntentRecord
	}
	for _, r := range b.world.Requests() {
		assert.True(t, !r.Effect || known[r.ICCID], "%s of %s", r.Action, r.ICCID)
	}
	assert.Equal(t, 3, b.effects(""))
	assert.Equal(t, 7, report.Count(apply.NotStarted))
}

func TestOutcomesThatCouldNotBeRecordedAreCounted(t *testing.T) {
	b := newBench(t, 40, stopped)
	outcomes := 0
	b.journal.breaks = func(r state.Record) bool {
		if r.Type == state.OutcomeRecord {
			outcomes++
		}
		return outcomes > 5
	}
	report := apply.Run(t.Context(), b.options)
	require.ErrorIs(t, report.Broken, errFull)
	recorded := 0
	for _, r := range b.journal.records {
		if r.Type == state.OutcomeRecord {
			recorded++
		}
	}
	assert.Equal(t, b.effects("")-recorded, report.Unrecorded)
	assert.Positive(t, report.Unrecorded)
	for _, r := range resultsOf(report) {
		assert.NotContains(t, r.Reason, errFull.Error(), "the error is told once, by the report")
	}
	assert.Equal(t, 40, report.Count(apply.Done)+report.Count(apply.NotStarted))
}

func TestEveryIntentHasItsOutcomeAfterIt(t *testing.T) {
	b := newBench(t, 10, func(_ int, c *spec.Card) { c.Active, c.Packages = spec.Off, []string{"10001", "10002"} })
	report := apply.Run(t.Context(), b.options)
	require.Equal(t, 30, report.Count(apply.Done))
	open := map[string]bool{}
	for _, r := range b.journal.records {
		switch r.Type {
		case state.IntentRecord:
			require.NotContains(t, open, r.Action)
			open[r.Action] = true
		case state.OutcomeRecord:
			require.Contains(t, open, r.Action)
			delete(open, r.Action)
		}
	}
	assert.Empty(t, open)
}

func TestTheJournalReplaysToWhatTheRunSays(t *testing.T) {
	b := newBench(t, 6, func(i int, c *spec.Card) { c.IMEI, c.Packages = device(i+50), []string{"10001"} })
	b.world.Faults = []carriersim.Fault{{Action: "DoIotRecharge", Times: 2, Kind: carriersim.LostBefore}}
	report := apply.Run(t.Context(), b.options)
	records := slices.Clone(b.journal.records)
	for i := range records {
		records[i].Version, records[i].Serial, records[i].Seq = state.RecordVersion, 1, uint64(i+1)
	}
	replayed, err := stored.Replay(b.prior, records)
	require.NoError(t, err)
	assert.Equal(t, b.after(report).Cards, replayed.Cards)
}

func TestALostAnswerIsLookedUp(t *testing.T) {
	rebound := func(i int, c *spec.Card) { c.IMEI = device(i + 50) }
	unbound := func(_ int, c *spec.Card) { c.Bound = spec.Off }
	subscribed := func(_ int, c *spec.Card) { c.Packages = []string{"10001"} }
	for name, row := range map[string]struct {
		want    func(int, *spec.Card)
		action  string
		fault   carriersim.FaultKind
		outcome apply.Outcome
		effects int
	}{
		"stop, after":         {stopped, "DoIotUserStopResume", carriersim.LostAfter, apply.Done, 1},
		"stop, before":        {stopped, "DoIotUserStopResume", carriersim.LostBefore, apply.Done, 1},
		"stop, html":          {stopped, "DoIotUserStopResume", carriersim.HTML5xx, apply.Done, 1},
		"subscribe, after":    {subscribed, "DoIotRecharge", carriersim.LostAfter, apply.Done, 1},
		"subscribe, before":   {subscribed, "DoIotRecharge", carriersim.LostBefore, apply.InDoubt, 0}, // never bought twice
		"change-bind, after":  {rebound, "DoIotChgBindOrUnBind", carriersim.LostAfter, apply.Done, 1},
		"change-bind, before": {rebound, "DoIotChgBindOrUnBind", carriersim.LostBefore, apply.Done, 1},
		"unbind, after":       {unbound, "DoIotChgBindOrUnBind", carriersim.Truncated, apply.Done, 1},
		"unbind, before":      {unbound, "DoIotChgBindOrUnBind", carriersim.LostBefore, apply.Done, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 1, row.want)
			b.world.Faults = []carriersim.Fault{{Action: row.action, Times: 1, Kind: row.fault}}
			for i := range b.planned.Cards[0].Actions {
				b.planned.Cards[0].Actions[i].Approved = true
			}
			report := apply.Run(t.Context(), b.options)
			assert.Equal(t, []apply.Outcome{row.outcome}, outcomes(report), resultsOf(report)[0].Reason)
			assert.Equal(t, row.effects, b.effects(row.action))
			assert.Equal(t, row.outcome == apply.InDoubt, len(b.after(report).Cards[0].Doubts) == 1)
		})
	}
}

func TestACarrierThatLosesEveryAnswerLeavesDoubts(t *testing.T) {
	b := newBench(t, 3, func(i int, c *spec.Card) { c.IMEI = device(i + 50) })
	b.world.Faults = []carriersim.Fault{{Action: "DoIotChgBindOrUnBind", Kind: carriersim.LostBefore}}
	report := apply.Run(t.Context(), b.options)
	assert.Equal(t, 3, report.Count(apply.InDoubt))
	for _, c := range b.after(report).Cards {
		require.Len(t, c.Doubts, 1)
		assert.Equal(t, spec.ChangeBind, c.Doubts[0].Kind)
		assert.NotEmpty(t, c.Doubts[0].Reason)
	}
}

func TestAnUnapprovedUnbindIsNeverStarted(t *testing.T) {
	b := newBench(t, 1, func(_ int, c *spec.Card) { c.Bound = spec.Off })
	a := &b.planned.Cards[0].Actions[0]
	for _, guarded := range []bool{true, false} {
		a.Guarded, a.Approved = guarded, false
		report := apply.Run(t.Context(), b.options)
		assert.Equal(t, []apply.Outcome{apply.NotStarted}, outcomes(report))
		assert.Zero(t, b.effects(""))
		assert.Empty(t, b.world.Requests())
	}
}

func TestACardThatChangedSinceThePlanIsDropped(t *testing.T) {
	b := newBench(t, 2, stopped)
	b.world.Cards[1].Status = spec.SuspendedByOwner
	report := apply.Run(t.Context(), b.options)
	assert.Equal(t, []apply.Outcome{apply.Done, apply.Dropped}, outcomes(report))
	assert.Contains(t, resultsOf(report)[1].Reason, "stale: the card is no longer in service")
}

func TestRefreshKeepsWhatNobodyReports(t *testing.T) {
	prior := &state.Snapshot{Lineage: "l", Serial: 7, Cards: []state.Card{
		{Provider: aliyun, ICCID: "89860000000000000001", Address: "card.old", Binding: state.BoundTo(device(1))},
		{Provider: aliyun, ICCID: "89860000000000000002", Address: "card.left", Binding: state.BoundTo(device(2)), PreventUnbind: true},
	}}
	fleet := &spec.Fleet{Cards: []spec.Card{{Provider: aliyun, ICCID: "89860000000000000001", Block: &spec.Block{Name: "new"}, PreventUnbind: true}}}
	live := []spec.Reading{{Provider: aliyun, ICCID: "89860000000000000001", At: start, Lifecycle: spec.Active, Status: "正常", Has: spec.AttrActive}}
	e := apply.Refresh(prior, fleet, live, nil)
	require.Len(t, e.Put, 1, "a card that is as it was is no edit")
	next := e.Next(prior, "")
	assert.Equal(t, "card.new", next.Cards[0].Address)
	assert.True(t, next.Cards[0].PreventUnbind)
	assert.Equal(t, state.BoundTo(device(1)), next.Cards[0].Binding)
	assert.Equal(t, "正常", next.Cards[0].Last.Status)
	assert.Equal(t, prior.Cards[1], next.Cards[1], "a card without a reading and without a block stays as it is")
	assert.Equal(t, "card.old", prior.Cards[0].Address, "the prior snapshot is left alone")
}

func TestACardIsLeftAloneWithinTheCarriersPause(t *testing.T) {
	b := newBench(t, 2, stopped)
	paused := pausing{b.options.Providers[aliyun]}
	b.options.Providers = map[spec.ProviderName]providers.Provider{aliyun: paused}
	b.prior.Cards[0].Changed = start.Add(-time.Minute)
	report := apply.Run(t.Context(), b.options)
	assert.Equal(t, []apply.Outcome{apply.Failed, apply.Done}, outcomes(report))
	assert.Contains(t, resultsOf(report)[0].Reason, "not sent: the carrier takes another change of this card from 2026-11-21 21:15 UTC on")
	assert.Equal(t, 1, b.effects(""))
	assert.False(t, b.after(report).Cards[1].Changed.IsZero())
}

// pausing is a provider whose carrier wants a pause between two changes of a card.
type pausing struct{ providers.Provider }

func (p pausing) Capabilities() spec.Capabilities {
	c := p.Provider.Capabilities()
	c.Cooldown = 30 * time.Minute
	return c
}

// TestWhateverFailsLeavesTheRestRight refuses any subset of the changes of a
// fleet in chains: what isn't done is reported, what is done is right, and no
// device ends with two cards that the plan didn't give it to.
func TestWhateverFailsLeavesTheRestRight(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 10).Draw(rt, "cards")
		length := rapid.IntRange(1, 4).Draw(rt, "chain")
		b := newBench(t, n, func(i int, c *spec.Card) {
			c.IMEI = device(i + 1)
			if (i+1)%length == 0 || i == n-1 {
				c.IMEI = device(i + 100) // the chain ends here
			}
		})
		b.world.ExclusiveIMEI = true
		for i := range n {
			if rapid.Bool().Draw(rt, "refuse") {
				b.world.Faults = append(b.world.Faults, carriersim.Fault{
					Action: "DoIotChgBindOrUnBind", ICCID: b.world.Cards[i].ICCID, Kind: carriersim.CodeFault("isv.ERROR_IOT_CHGBINDED_ERROR"),
				})
			}
		}
		report := apply.Run(t.Context(), b.options)
		for _, result := range resultsOf(report) {
			card, _ := b.world.Card(result.Card.ICCID)
			remembered := b.after(report).Card(result.Card.ICCID).Binding.IMEI
			want := spec.IMEI(result.Action.From)
			if result.Outcome == apply.Done {
				want = spec.IMEI(result.Action.To)
			}
			if card.IMEI != want || remembered != want {
				rt.Fatalf("%s is %s: the carrier has %s, the state %s, want %s", result.Card.Address, result.Outcome, card.IMEI, remembered, want)
			}
			if result.Outcome != apply.Done && result.Reason == "" {
				rt.Fatalf("%s is %s, and nobody says why", result.Card.Address, result.Outcome)
			}
		}
	})
}

// TestACheckLooksAndRemembersNothing checks new cards, each of which is adopted
// and stopped: what the look at one action finds doesn't count for another.
func TestACheckLooksAndRemembersNothing(t *testing.T) {
	b := newBench(t, 8, stopped)
	for i := range b.planned.Cards {
		c := &b.planned.Cards[i]
		c.Memory = b.prior.Cards[i]
		c.Actions = append([]plan.Action{{ID: fmt.Sprint("adopt", i), Change: spec.Change{Kind: spec.Adopt}}}, c.Actions...)
		b.world.Cards[i].Status = spec.SuspendedByOwner // by hand, since the plan was made
	}
	b.prior.Cards = nil
	for range 20 {
		checked, err := apply.Check(t.Context(), b.options)
		require.NoError(t, err)
		for _, result := range checked {
			want := apply.Runs
			if result.Action.Kind == spec.Stop {
				want = apply.Dropped
			}
			require.Equal(t, want, result.Outcome, "%s: %s", result.Action.Kind, result.Reason)
		}
	}
}

// An action that calls no carrier is a record of the journal; a kind that
// nobody wrote a record for would end as dropped.
func TestEachKindThatCallsNoCarrierIsARecord(t *testing.T) {
	for _, kind := range spec.Kinds() {
		if kind.CallsCarrier() {
			continue
		}
		t.Run(string(kind), func(t *testing.T) {
			b := newBench(t, 1, stopped)
			c := &b.planned.Cards[0]
			c.Actions = []plan.Action{{ID: "a1", Change: spec.Change{Kind: kind}}}
			c.Memory = b.prior.Cards[0]
			switch kind {
			case spec.Adopt:
				b.prior.Cards = nil
			case spec.Move:
				c.Actions[0].From, c.Actions[0].To = string(c.Provider), string(c.Provider)+".b"
			}
			r := apply.Run(t.Context(), b.options)
			assert.Equal(t, []apply.Outcome{apply.Done}, outcomes(r), "%s", resultsOf(r)[0].Reason)
			assert.Len(t, b.journal.records, 1)
			assert.Zero(t, b.effects(""))
		})
	}
}
