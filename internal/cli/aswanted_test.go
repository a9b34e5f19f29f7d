package cli_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// rebinding is a fleet of n cards that workers change, of which the state has the
// devices; wants has them get others, and be stopped.
func rebinding(t *testing.T, n int) (r *rig, wants func()) {
	t.Helper()
	r = handing(t, 0)
	device := func(i, of int) spec.IMEI { return spec.IMEI(fmt.Sprintf("8615360301%02d%02d0", of, i)) }
	for i := range n {
		r.world.Cards = append(r.world.Cards, carriersim.Card{ICCID: cardNo(i), IMEI: device(i, 1)})
		r.world.Devices = append(r.world.Devices, device(i, 1), device(i, 2))
	}
	declare := func(of int, active bool) {
		var b strings.Builder
		b.WriteString(provider + "fleet {\n  policy {\n    limit \"stop\" { count = 100 }\n    limit \"change-bind\" { count = 100 }\n  }\n}\n")
		for i := range n {
			fmt.Fprintf(&b, "card \"c%02d\" {\n  iccid = %q\n  current_imei = %q\n  imei = %q\n  active = %t\n}\n", i, cardNo(i), device(i, 1), device(i, of), active)
		}
		r.write("main.fleet.hcl", b.String())
	}
	declare(1, true)
	r.want(0, r.run("apply", "-auto-approve"))
	return r, func() { declare(2, false) }
}

func TestWhatAnotherRunMadeAsWantedIsDone(t *testing.T) {
	r, wants := rebinding(t, 2)
	wants()
	r.want(0, r.run("plan", "-out=q.fleetplan"))
	first := r.hand("-priority=3", "q.fleetplan")
	r.hand("-priority=6")
	r.works()
	require.Equal(t, 4, changing(r.world), "nothing is done twice")
	run := r.shown("show", first)[0]
	assert.Equal(t, 4, run.Counts.Done)
	assert.Zero(t, run.Counts.Dropped)
	got := r.want(0, r.run("runs", "watch", first))
	assert.Equal(t, 4, strings.Count(got.out, ": done: as wanted by now\n"), got.out)
	assert.Contains(t, got.out, "Nothing was to be done: its 4 actions are as wanted by now.")
	told := map[string]int{}
	for _, e := range r.history().Events {
		told[e.Kind+" "+e.Outcome]++
	}
	assert.Equal(t, map[string]int{"adopt done": 2, "change-bind done": 2, "stop done": 2}, told)
}

func TestASummaryCountsWhatIsAsWantedAndWhatAnEarlierRunHas(t *testing.T) {
	r, wants := rebinding(t, 3)
	wants()
	r.want(0, r.run("plan", "-out=q.fleetplan"))
	r.hand("-target=card.c00")
	r.works()
	r.write("window.fleet.hcl", "fleet {\n  window \"night\" {\n    kinds  = [\"change-bind\", \"stop\"]\n    cron   = \""+time.Now().UTC().Add(6*time.Hour).Format("4 15")+" * * *\"\n    length = \"1h\"\n  }\n}\n")
	r.hand("-target=card.c01")
	r.want(0, r.run("apply", "-auto-approve", "-detach", "-target=card.c02"))
	got := r.want(0, r.run("apply", "-json", "q.fleetplan"))
	summary := toldLines(t, got, "change_summary")
	last := summary[len(summary)-1]
	assert.Equal(t, 4, last.Changes.NotStarted)
	assert.Contains(t, last.Message, "2 done, 0 failed, 0 dropped, 4 not started")
	left := toldLines(t, got, "apply_not_started")
	require.Len(t, left, 4)
	for _, l := range left {
		assert.Regexp(t, "^run [0-9a-f-]{36}, which was handed over before, has it$", l.Hook.Reason)
	}
	got = r.want(0, r.run("apply", "q.fleetplan"))
	assert.Equal(t, 2, strings.Count(got.out, ": done: as wanted by now\n"), got.out)
	assert.Equal(t, 4, strings.Count(got.out, ", which was handed over before, has it\n"), got.out)
	assert.Contains(t, got.out, "Apply incomplete: 2 done, 0 failed, 0 dropped, 4 not started, 0 in doubt.")
	assert.Equal(t, 2, strings.Count(got.errors, "has actions that this plan wants too; they stay with it."))
}

// onceSaid calls once where a text is written.
type onceSaid struct {
	text string
	call func()
	once sync.Once
}

// Write implements [io.Writer].
func (o *onceSaid) Write(p []byte) (int, error) {
	if strings.Contains(string(p), o.text) {
		o.once.Do(o.call)
	}
	return len(p), nil
}

func TestWhoFollowsARunWaitsForADatabaseThatIsAway(t *testing.T) {
	r := handing(t, 2)
	handed := make(chan struct{})
	r.told = &onceSaid{text: "Handed over to workers", call: func() {
		defer close(handed)
		conn, err := pgx.Connect(context.Background(), r.env["CARDFLEET_PG_CONN_STR"])
		if !assert.NoError(t, err) {
			return
		}
		defer conn.Close(context.Background()) //nolint:errcheck // it is a test's
		_, err = conn.Exec(context.Background(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
		assert.NoError(t, err)
	}}
	ended := make(chan ran, 1)
	go func() { ended <- r.run("apply", "-auto-approve") }()
	<-handed
	r.told = nil
	r.works()
	got := r.want(0, <-ended)
	assert.Contains(t, got.errors, "The state's store can't be reached")
	assert.Contains(t, got.errors, "The state's store answers again")
	assert.Contains(t, got.out, "Apply complete! 4 done")
}

func TestAnInterruptWhileARunIsFollowedEndsTheFollowingAlone(t *testing.T) {
	r := handing(t, 1)
	ctx, interrupt := context.WithCancel(t.Context())
	r.told = &onceSaid{text: "aliyun waits: no worker", call: interrupt}
	var follows []bool
	r.follows = func(following bool) { follows = append(follows, following) }
	got := r.want(130, r.runIn(ctx, "apply", "-auto-approve"))
	assert.Equal(t, []bool{true, false}, follows)
	assert.Contains(t, got.errors, " goes on without this program.")
}
