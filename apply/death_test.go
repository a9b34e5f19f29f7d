package apply_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// death stops the program at a moment: from then on nothing is written and
// nothing is sent. Moments are before and after each write of the journal, and
// before and after each change at the carrier.
type death struct {
	mu   sync.Mutex
	left int
	dead bool
}

var errDead = errors.New("the program is dead")

// moment reports whether the program is dead by now.
func (d *death) moment() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left--
	d.dead = d.dead || d.left < 0
	return d.dead
}

type dyingJournal struct {
	*memory
	d *death
}

func (j dyingJournal) Append(ctx context.Context, records ...state.Record) error {
	if j.d.moment() {
		return errDead
	}
	err := j.memory.Append(ctx, records...)
	if j.d.moment() {
		return errDead
	}
	return err
}

type dyingProvider struct {
	providers.Provider
	d *death
}

func (p dyingProvider) Do(ctx context.Context, c providers.Change) (providers.Receipt, error) {
	if p.d.moment() {
		return providers.Receipt{}, errDead
	}
	receipt, err := p.Provider.Do(ctx, c)
	if p.d.moment() {
		return receipt, errDead
	}
	return receipt, err
}

func (p dyingProvider) Read(ctx context.Context, iccid spec.ICCID, attrs spec.Attr) (spec.Reading, error) {
	if p.d.moment() {
		return spec.Reading{}, errDead
	}
	return p.Provider.Read(ctx, iccid, attrs)
}

// TestADeathAtAnyMomentIsTakenUp lets an apply die at every moment, one after
// another. Each time, what the journal holds is the truth: the next runs bring
// every card to what is wanted, the carrier does nothing twice, and each call
// that had its effect is known or in doubt.
func TestADeathAtAnyMomentIsTakenUp(t *testing.T) {
	for moment := 0; ; moment++ {
		d := &death{left: moment}
		b := newBench(t, 4, func(i int, c *spec.Card) {
			if i == 0 {
				c.Bound = spec.Off
				return
			}
			c.IMEI, c.Active, c.Packages = device(i+50), spec.Off, []string{"10001"}
		})
		b.approve(b.planned)
		inner := b.options.Providers[aliyun]
		b.options.Providers = map[spec.ProviderName]providers.Provider{aliyun: dyingProvider{inner, d}}
		b.options.Journal = dyingJournal{b.journal, d}
		apply.Run(t.Context(), b.options)

		snap := b.afterDeath(t)
		for range 4 {
			snap = b.again(t, inner, snap)
		}
		left := b.plan(t, inner, snap)
		require.True(t, left.Clean(), "died at moment %d: %+v", moment, left.Cards)
		effects := map[string]int{}
		for _, r := range b.world.Requests() {
			if r.Effect && r.ICCID != "" {
				effects[fmt.Sprint(r.ICCID, r.Action)]++
			}
		}
		for what, n := range effects {
			assert.Equal(t, 1, n, "died at moment %d: %s", moment, what)
		}
		assert.Len(t, effects, 1+3*3, "died at moment %d", moment)
		if !d.dead {
			return // it came to its end
		}
	}
}

// accepting is a carrier that accepts changes, and gives a ticket or none.
type accepting struct {
	providers.Provider
	mu     sync.Mutex
	sent   int
	ticket string
	lost   int // of the first so many calls the answer is lost, and they have no effect
}

func (p *accepting) Do(ctx context.Context, c providers.Change) (providers.Receipt, error) {
	p.mu.Lock()
	p.sent++
	lost := p.sent <= p.lost
	p.mu.Unlock()
	if lost {
		return providers.Receipt{}, &providers.Error{Call: "stop", Message: "HTTP 500", Cause: providers.Unavailable}
	}
	err := &providers.Error{Call: "stop", Message: "accepted", Accepted: true, Cause: providers.Unavailable}
	if written := c.Accepted(ctx, p.ticket); written != nil {
		err.Err = written
	}
	return providers.Receipt{}, err
}

// TestADeathWhileAnAcceptedChangeIsWaitedForSendsNothingAgain lets an apply die at every
// moment: once the journal has it that the carrier accepted the call, no later run sends
// it, however long the carrier takes. Who dies before that leaves a lost answer.
func TestADeathWhileAnAcceptedChangeIsWaitedForSendsNothingAgain(t *testing.T) {
	for moment := 0; ; moment++ {
		d := &death{left: moment}
		b := newBench(t, 1, stopped)
		inner := b.options.Providers[aliyun]
		carrier := &accepting{Provider: inner}
		b.options.Providers = map[spec.ProviderName]providers.Provider{aliyun: dyingProvider{carrier, d}}
		b.options.Journal = dyingJournal{b.journal, d}
		apply.Run(t.Context(), b.options)
		known := slices.ContainsFunc(b.journal.records, func(r state.Record) bool { return r.Intent != nil && r.Intent.UnderWay() })
		sent := carrier.sent

		snap := b.afterDeath(t)
		if known {
			require.Len(t, snap.Cards[0].Doubts, 1, "died at moment %d", moment)
			require.True(t, snap.Cards[0].Doubts[0].Accepted, "died at moment %d", moment)
			require.Equal(t, start, snap.Cards[0].Doubts[0].Since, "died at moment %d", moment)
		}
		for range 3 {
			snap = b.again(t, carrier, snap)
		}
		if known {
			require.Equal(t, sent, carrier.sent, "died at moment %d", moment)
		}
		_, err := inner.Do(t.Context(), providers.Change{Change: spec.Change{Kind: spec.Stop}, ICCID: b.fleet.Cards[0].ICCID, Key: "0c1f"})
		require.NoError(t, err, "the carrier makes it at last")
		sent = carrier.sent
		snap = b.again(t, carrier, snap)
		require.Empty(t, snap.Cards[0].Doubts, "died at moment %d", moment)
		require.Equal(t, sent, carrier.sent, "died at moment %d", moment)
		if !d.dead {
			require.True(t, known)
			return // it came to its end
		}
	}
}

// The first answer is lost, so the stop is sent again once a reading shows the card in
// service; that one the carrier accepts.
func TestWhatIsSentAgainAndAcceptedIsRememberedAsAccepted(t *testing.T) {
	b := newBench(t, 1, stopped)
	carrier := &accepting{Provider: b.options.Providers[aliyun], ticket: "4711", lost: 1}
	b.options.Providers = map[spec.ProviderName]providers.Provider{aliyun: carrier}
	report := apply.Run(t.Context(), b.options)
	require.Equal(t, []apply.Outcome{apply.InDoubt}, outcomes(report))
	require.Equal(t, 2, carrier.sent, "and never once more")
	known := slices.IndexFunc(b.journal.records, func(r state.Record) bool { return r.Intent != nil && r.Intent.Ticket == "4711" })
	require.Positive(t, known, "it is written down before it is waited for")
	snap := b.afterDeath(t)
	require.Len(t, snap.Cards[0].Doubts, 1)
	require.True(t, snap.Cards[0].Doubts[0].Accepted)
	require.Equal(t, "4711", snap.Cards[0].Doubts[0].Ticket)
}

// TestASavedPlanDoesNotSendWhatTheCarrierAcceptedSince is about a plan that was made before.
func TestASavedPlanDoesNotSendWhatTheCarrierAcceptedSince(t *testing.T) {
	b := newBench(t, 1, stopped)
	carrier := &accepting{Provider: b.options.Providers[aliyun]}
	b.options.Providers = map[spec.ProviderName]providers.Provider{aliyun: carrier}
	b.prior.Cards[0].InDoubt(state.Doubt{Change: spec.Change{Kind: spec.Stop}, Since: start, Accepted: true})
	report := apply.Run(t.Context(), b.options)
	require.Equal(t, []apply.Outcome{apply.Dropped}, outcomes(report))
	require.Equal(t, "the carrier accepted it at 2026-11-21 20:46:47 UTC, and it isn't sent again", resultsOf(report)[0].Reason)
	require.Zero(t, carrier.sent)
}

func (b *bench) approve(p *plan.Plan) {
	for i := range p.Cards {
		for j := range p.Cards[i].Actions {
			p.Cards[i].Actions[j].Approved = true
		}
	}
}

// afterDeath is the state as the next run finds it.
func (b *bench) afterDeath(t *testing.T) *state.Snapshot {
	t.Helper()
	records := slices.Clone(b.journal.records)
	for i := range records {
		records[i].Version, records[i].Serial, records[i].Seq = state.RecordVersion, b.prior.Serial, uint64(i+1)
	}
	snap, err := stored.Replay(b.prior, records)
	require.NoError(t, err)
	return snap
}

// plan reads what is live, once the carrier shows everything, and plans.
func (b *bench) plan(t *testing.T, p providers.Provider, prior *state.Snapshot) *plan.Plan {
	t.Helper()
	b.mu.Lock()
	b.now = b.now.Add(time.Hour)
	b.mu.Unlock()
	var wants []providers.Want
	for _, target := range plan.Targets(b.fleet, prior, plan.Selection{}) {
		wants = append(wants, providers.Want{ICCID: target.ID.ICCID, Attrs: target.Attrs})
	}
	live, err := providers.ReadAll(t.Context(), p, wants, providers.ReadOptions{Provider: aliyun})
	require.NoError(t, err)
	made, diags := plan.Make(plan.Input{
		Fleet: b.fleet, Prior: prior, Live: live, Now: b.clock(),
		Capabilities: map[spec.ProviderName]spec.Capabilities{aliyun: p.Capabilities()},
	})
	require.Empty(t, diags)
	b.live = live
	return made
}

// again is another run: it plans, applies, and commits.
func (b *bench) again(t *testing.T, p providers.Provider, prior *state.Snapshot) *state.Snapshot {
	t.Helper()
	made := b.plan(t, p, prior)
	b.approve(made)
	o := b.options
	refreshed := apply.Refresh(prior, b.fleet, b.live, map[spec.ProviderName]spec.Capabilities{aliyun: p.Capabilities()})
	o.Plan, o.Memory, o.Journal = made, apply.MemoryIn(prior, refreshed), &memory{}
	o.Providers = map[spec.ProviderName]providers.Provider{aliyun: p}
	return refreshed.Then(apply.Run(t.Context(), o).Edits()).Next(prior, "")
}
