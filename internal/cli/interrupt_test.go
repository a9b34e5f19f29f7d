package cli_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// interrupted runs the program on twenty stops, and interrupts it when the
// carrier gets the first request of that name.
func interrupted(t *testing.T, action string, args ...string) (*rig, ran) {
	t.Helper()
	r, ctx := interruptible(t, action)
	return r, r.runIn(ctx, args...)
}

// interruptible is a rig of twenty stops, with the context of a run that is
// interrupted when the carrier gets the first request of that name.
func interruptible(t *testing.T, action string) (*rig, context.Context) {
	t.Helper()
	world := &carriersim.World{Record: true}
	ctx, cancel := context.WithCancel(context.Background())
	r := newRig(t, world)
	var b strings.Builder
	b.WriteString(provider + "fleet {\n  policy {\n    limit \"stop\" { count = 100 }\n  }\n}\n")
	for i := range 20 {
		iccid := fmt.Sprintf("8986000000000000%04d", i)
		world.Cards = append(world.Cards, carriersim.Card{ICCID: spec.ICCID(iccid)})
		fmt.Fprintf(&b, "card \"c%02d\" {\n  iccid = %q\n  active = false\n}\n", i, iccid)
	}
	r.write("main.fleet.hcl", b.String())
	world.Latency = carriersim.Duration(time.Millisecond)
	world.Sleep = func(_ context.Context, d time.Duration) error {
		r.clock.Advance(d)
		if world.Count(action) > 0 {
			cancel()
		}
		return nil
	}
	return r, ctx
}

func TestAnInterruptWhileReadingPlansNothing(t *testing.T) {
	for _, args := range [][]string{{"plan"}, {"apply", "-auto-approve"}} {
		r, got := interrupted(t, "QueryCardStatus", args...)
		r.want(130, got)
		assert.Contains(t, got.errors, "Interrupted")
		assert.Zero(t, changing(r.world))
	}
}

func TestAnInterruptLetsCallsUnderWayEnd(t *testing.T) {
	r, got := interrupted(t, "DoIotUserStopResume", "apply", "-auto-approve", "-parallelism=4")
	r.want(130, got)
	done := strings.Count(got.out, ": stop: done")
	require.Equal(t, changing(r.world), done, "every call that the carrier carried out is reported:\n%s", got.out)
	assert.NotZero(t, done)
	assert.Contains(t, got.out, fmt.Sprintf("Apply incomplete: %d done, 0 failed, 0 dropped, %d not started, 0 in doubt.", done+20, 20-done))

	got = r.want(0, r.run("apply", "-auto-approve"))
	assert.Contains(t, got.out, fmt.Sprintf("0 to adopt, 0 to change-bind, 0 to unbind (0 of 0 approved), %d to stop", 20-done), "the next run does the rest")
	assert.Equal(t, 20, changing(r.world), "and nothing twice")
}

// The carrier throttles every change, for ever. What it throttled had no effect,
// so the interrupt ends the waiting, and nothing is sent again.
func TestAnInterruptEndsTheWaitingOfThrottledCalls(t *testing.T) {
	r, ctx := interruptible(t, "DoIotUserStopResume")
	r.world.Break(carriersim.Fault{Action: "DoIotUserStopResume", Kind: carriersim.Throttle, RetryAfter: carriersim.Duration(50 * time.Second)})
	got := r.want(130, r.runIn(ctx, "apply", "-auto-approve", "-parallelism=4"))
	assert.LessOrEqual(t, r.world.Count("DoIotUserStopResume"), 4, "one for each that was under way")
	assert.Contains(t, got.out, "Apply incomplete: 20 done, 0 failed, 0 dropped, 20 not started, 0 in doubt.")
	assert.Contains(t, got.out, "not started: the run was interrupted before it was sent")

	r.world.Break()
	got = r.want(0, r.run("apply", "-auto-approve"))
	assert.Contains(t, got.out, "Apply complete! 20 done,", "the next run does all")
}
