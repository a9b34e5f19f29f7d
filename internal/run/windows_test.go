package run_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata" // as the program has it

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// window is one that holds stops, in a zone.
func window(t *testing.T, name, cron, zone string) spec.Window {
	t.Helper()
	opens, err := spec.ParseTimetable(cron, zone)
	require.NoError(t, err)
	return spec.Window{Name: name, Kinds: []spec.Kind{spec.Stop}, Opens: opens, Length: 4 * time.Hour}
}

// appliedUntil plans and applies, with nothing started any more from a moment on.
func appliedUntil(t *testing.T, s *run.Session, until time.Time) *run.Applied {
	t.Helper()
	ctx, unlock, err := s.Hold(t.Context(), "apply", state.Patience{})
	require.NoError(t, err)
	defer func() { require.NoError(t, unlock()) }()
	p, err := s.PlanToApply(ctx, run.RowsOf(prior(t, s)), everything, false)
	require.NoError(t, err)
	p.Until = until
	done, err := s.Apply(ctx, p, 0)
	require.NoError(t, err)
	return done
}

// outcomesOf are a run's, with their reasons, by kind.
func outcomesOf(t *testing.T, done *run.Applied) map[string]int {
	t.Helper()
	counts := map[string]int{}
	require.NoError(t, done.Report.Each(func(r *apply.Result) error {
		counts[fmt.Sprintf("%s %s %s", r.Action.Kind, r.Outcome, r.Reason)]++
		return nil
	}))
	return counts
}

func TestWhatWaitsForAWindowIsLeftToALaterRun(t *testing.T) {
	s, _, _, world := session(t, 3)
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	s.Env.Now = func() time.Time { return now }
	s.Fleet.Windows = spec.Windows{window(t, "night", "0 1 * * *", "Asia/Shanghai")}
	done := appliedUntil(t, s, time.Time{})
	require.Equal(t, map[string]int{"adopt done ": 3, "stop not started the window night opens 01:00": 3}, outcomesOf(t, done))
	require.False(t, done.Complete())
	require.False(t, done.Interrupted)
	require.True(t, done.Committed)
	for _, r := range world.Requests() {
		require.False(t, r.Effect)
	}

	now = time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	require.Equal(t, map[string]int{"stop done ": 3}, outcomesOf(t, appliedUntil(t, s, time.Time{})))
}

func TestAWindowThatOpensLaterThanTomorrowIsToldWithItsDayAndZone(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) // a Sunday
	f := &spec.Fleet{Windows: spec.Windows{window(t, "weekend", "0 1 * * sat", "Asia/Shanghai")}}
	held := run.Held(f)
	assert.Equal(t, "the window weekend opens 2026-11-28 01:00 Asia/Shanghai", held(spec.Stop, now))
	assert.Empty(t, held(spec.Resume, now))
	f.Zone = "Europe/Berlin"
	assert.Equal(t, "the window weekend opens 2026-11-27 18:00 Europe/Berlin", run.Held(f)(spec.Stop, now))
	assert.Equal(t, "the window weekend opens 18:00", run.Held(f)(spec.Stop, now.AddDate(0, 0, 5)))
	assert.Nil(t, run.Held(&spec.Fleet{}))
}

func TestAWindowIsAskedAgainOnceItOpensAndCloses(t *testing.T) {
	held := run.Held(&spec.Fleet{Windows: spec.Windows{window(t, "night", "0 1 * * *", "UTC")}})
	for at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC); at.Day() < 25; at = at.Add(10 * time.Minute) {
		open := at.Hour() >= 1 && at.Hour() < 5
		require.Equal(t, open, held(spec.Stop, at) == "", at)
	}
	require.NotEmpty(t, held(spec.Stop, time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)), "a clock that was set back")
	require.Empty(t, held(spec.Stop, time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)))
}

func TestARunStartsNothingOnceItsTimeIsOver(t *testing.T) {
	s, _, w, world := session(t, 3)
	done := appliedUntil(t, s, start)
	require.Equal(t, map[string]int{"adopt not started the run had no time left": 3, "stop not started the run had no time left": 3}, outcomesOf(t, done))
	require.False(t, done.Interrupted, "nobody interrupted it")
	require.Len(t, w.finished, 6)
	for _, r := range world.Requests() {
		require.False(t, r.Effect)
	}
}

func TestAMachineThatSleptHasNoTimeLeftEither(t *testing.T) {
	s, _, _, _ := session(t, 2)
	woken := false
	s.Env.Now = func() time.Time { // the timer of a sleeping machine stands still
		if woken {
			return start.Add(2 * time.Hour)
		}
		return start
	}
	s.Env.Sleep = func(ctx context.Context, _ time.Duration) error { <-ctx.Done(); return ctx.Err() }
	ctx, unlock, err := s.Hold(t.Context(), "apply", state.Patience{})
	require.NoError(t, err)
	defer func() { require.NoError(t, unlock()) }()
	p, err := s.PlanToApply(ctx, run.RowsOf(prior(t, s)), everything, false)
	require.NoError(t, err)
	p.Until, woken = start.Add(time.Hour), true
	done, err := s.Apply(ctx, p, 0)
	require.NoError(t, err)
	require.Equal(t, 4, done.Report.Count(apply.NotStarted))
}

func TestAContextEndsWhenItsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run.Store{Env: run.Env{Now: time.Now, Sleep: sleep}}
		ctx, over := s.Within(t.Context(), time.Now().Add(time.Hour))
		time.Sleep(time.Hour - time.Nanosecond)
		require.NoError(t, ctx.Err())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.ErrorIs(t, context.Cause(ctx), apply.ErrOutOfTime)
		over()
		require.ErrorIs(t, context.Cause(ctx), apply.ErrOutOfTime)

		ctx, over = s.Within(t.Context(), time.Now().Add(time.Hour))
		over()
		require.ErrorIs(t, context.Cause(ctx), context.Canceled, "whoever needs no more time has no timer left")

		ctx, over = s.Within(t.Context(), time.Time{})
		over()
		require.NoError(t, ctx.Err(), "no such time")
	})
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestThereIsTimeLeftForCallsUnderWay(t *testing.T) {
	s, _, _, _ := session(t, 1)
	require.Equal(t, 25*time.Second, s.Providers[aliyun].(providers.Paced).Limits().Timeout)
	assert.Equal(t, start.Add(49*time.Minute), s.LastStart(start, 50*time.Minute), "a lost answer, a look and a commit: a minute")
	assert.Equal(t, start.Add(90*time.Second), s.LastStart(start, 2*time.Minute), "a quarter of a short while")
	assert.Equal(t, start.Add(3*time.Second), run.Carriers{}.LastStart(start, 4*time.Second))
}
