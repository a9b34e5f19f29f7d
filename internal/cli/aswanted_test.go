package cli_test

import (
	"fmt"
	"strings"
	"testing"

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
		told[e.Action+" "+e.Outcome]++
	}
	assert.Equal(t, map[string]int{"adopt done": 2, "change-bind done": 2, "stop done": 2}, told)
}
