package apply_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

const closed = "the window night opens 01:00"

// heldKind holds the actions of one kind.
func heldKind(held spec.Kind) func(spec.Kind, time.Time) string {
	return func(kind spec.Kind, _ time.Time) string {
		if kind == held {
			return closed
		}
		return ""
	}
}

func TestWhatIsHeldIsNotStartedAndNobodyIsAskedAboutIt(t *testing.T) {
	b := newBench(t, 4, func(i int, c *spec.Card) {
		if c.Active = spec.Off; i%2 == 0 {
			c.Active, c.IMEI = spec.Unset, device(i+10)
		}
	})
	b.options.Held = heldKind(spec.Stop)
	report := apply.Run(t.Context(), b.options)
	assert.Equal(t, []apply.Outcome{apply.Done, apply.NotStarted, apply.Done, apply.NotStarted}, outcomes(report))
	assert.Equal(t, closed, resultsOf(report)[1].Reason)
	assert.Equal(t, 2, b.effects("DoIotChgBindOrUnBind"))
	assert.Zero(t, b.effects("DoIotUserStopResume"))
	assert.Len(t, b.journal.records, 4, "two intents and two outcomes")
	for _, r := range b.world.Requests() {
		assert.NotContains(t, []spec.ICCID{b.planned.Cards[1].ICCID, b.planned.Cards[3].ICCID}, r.ICCID)
	}
	assert.Empty(t, b.after(report).Cards[1].Doubts)
}

func TestWhatNeedsWhatIsHeldIsNotStartedEither(t *testing.T) {
	// Each card takes the device of the one after it; the last one is unbound from its own.
	b := newBench(t, 3, func(i int, c *spec.Card) {
		if c.IMEI = device(i + 1); i == 2 {
			c.IMEI, c.Active = device(3), spec.Off
		}
	})
	held := atomic.Int32{}
	b.options.Held = func(kind spec.Kind, _ time.Time) string {
		if kind == spec.ChangeBind && held.Add(1) == 1 { // the first that may run at all: the last card's
			return closed
		}
		return ""
	}
	report := apply.Run(t.Context(), b.options)
	results := resultsOf(report)
	require.Len(t, results, 4)
	for _, r := range results {
		assert.Equal(t, apply.NotStarted, r.Outcome, "%s of %s", r.Action.Kind, r.Card.Address)
	}
	assert.Equal(t, "it needs change-bind of card.c01, which is not started", results[0].Reason)
	assert.Equal(t, closed, results[2].Reason)
	assert.Equal(t, "it needs change-bind of card.c02, which is not started", results[3].Reason)
	assert.Zero(t, b.effects(""))
}

// slowReading is a carrier whose reading takes an hour.
type slowReading struct {
	providers.Provider
	pass func()
}

func (s slowReading) Read(ctx context.Context, iccid spec.ICCID, attrs spec.Attr) (spec.Reading, error) {
	s.pass()
	return s.Provider.Read(ctx, iccid, attrs)
}

func TestAWindowThatClosesWhileACardIsReadKeepsTheCallFromLeaving(t *testing.T) {
	b := newBench(t, 1, stopped)
	p := b.options.Providers[aliyun]
	b.options.Providers = map[spec.ProviderName]providers.Provider{aliyun: slowReading{p, func() { _ = b.sleep(t.Context(), time.Hour) }}}
	b.options.Held = func(_ spec.Kind, now time.Time) string {
		if now.Before(start.Add(time.Hour)) {
			return ""
		}
		return closed
	}
	report := apply.Run(t.Context(), b.options)
	require.Equal(t, []apply.Outcome{apply.NotStarted}, outcomes(report))
	assert.Equal(t, closed, resultsOf(report)[0].Reason)
	assert.Zero(t, b.effects(""))
	assert.Empty(t, b.journal.records, "no intent of a call that didn't leave")
}

func TestARunWhoseTimeIsOverStartsNothingMoreAndSaysSo(t *testing.T) {
	b := newBench(t, 3, stopped)
	ctx, cancel := context.WithCancelCause(t.Context())
	b.options.Parallel = 1
	b.options.OnFinish = func(apply.Result) { cancel(apply.ErrOutOfTime) }
	report := apply.Run(ctx, b.options)
	assert.Equal(t, []apply.Outcome{apply.Done, apply.NotStarted, apply.NotStarted}, outcomes(report))
	assert.Equal(t, "the run had no time left", resultsOf(report)[1].Reason)
	assert.Equal(t, 1, b.effects(""))
}

// unsending is a carrier whose calls are interrupted before they leave.
type unsending struct{ providers.Provider }

func (unsending) Do(context.Context, providers.Change) (providers.Receipt, error) {
	return providers.Receipt{}, &providers.Error{Call: "stop", Proof: providers.NeverSeen, Cause: providers.Stopped}
}

func TestWhatNeverLeftIsNotInTheHistory(t *testing.T) {
	b := newBench(t, 2, stopped)
	b.options.Providers = map[spec.ProviderName]providers.Provider{aliyun: unsending{b.options.Providers[aliyun]}}
	b.options.Run = &state.Run{ID: "6fa3c0de", Started: start}
	report := apply.Run(t.Context(), b.options)
	require.Equal(t, []apply.Outcome{apply.NotStarted, apply.NotStarted}, outcomes(report))
	require.Len(t, b.journal.records, 4, "intents, and that they ended")
	require.NoError(t, stored.Entries(b.journal.records, func(e *state.Entry) error {
		assert.Nil(t, e.Event, "%+v", e.Event)
		return nil
	}))
}
