package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// trusting is a fleet of n cards at a carrier that can't report their devices.
func trusting(t *testing.T, n int) *rig {
	world := &carriersim.World{}
	for i := range 2 * n {
		world.Cards = append(world.Cards, carriersim.Card{ICCID: spec.ICCID(fmt.Sprintf("8986000000000000%04d", i)), IMEI: spec.IMEI(fmt.Sprintf("86153603%06d0", i))})
	}
	r := newRig(t, world)
	r.declareFirst(n)
	return r
}

// declareFirst writes a configuration of the first n cards, with lines for its fleet block.
func (r *rig) declareFirst(n int, fleet ...string) {
	r.t.Helper()
	var b strings.Builder
	b.WriteString(provider + "fleet {\n" + strings.Join(fleet, "\n") + "\n}\n")
	for i := range n {
		fmt.Fprintf(&b, "card \"c%d\" {\n  iccid = \"8986000000000000%04d\"\n  imei = \"86153603%06d0\"\n}\n", i, i, i)
	}
	r.write("main.fleet.hcl", b.String())
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

func (r *rig) lose(names ...string) {
	r.t.Helper()
	for _, name := range names {
		require.NoError(r.t, os.RemoveAll(r.path(name)))
	}
}

const firstRun = "This is a first run: there is no state in fleet.state.\n"

func TestAPlanWithoutAStateSaysSoOnItsFirstLineAndWhereItLooked(t *testing.T) {
	r := trusting(t, 12)
	assert.True(t, strings.HasPrefix(r.want(0, r.run("plan", "-out=p.fleetplan")).out, firstRun))
	assert.True(t, strings.HasPrefix(r.want(0, r.run("show", "p.fleetplan")).out, firstRun))
	assert.Contains(t, r.want(0, r.run("show", "-json", "p.fleetplan")).out, `"first_run": "fleet.state"`)
	assert.Contains(t, r.want(0, r.run("plan", "-json")).out, `"first_run":"fleet.state"`)
	assert.NoDirExists(t, r.path(".cardfleet"), "plan writes nothing")
	assert.True(t, strings.HasPrefix(r.want(0, r.run("apply", "-auto-approve")).out, firstRun), "and a first run is held to no limit on adoptions")
	assert.NotContains(t, r.want(0, r.run("plan")).out, "first run")
}

func TestAnApplyThatCommitsWritesThePlaceOfTheState(t *testing.T) {
	r := trusting(t, 1)
	r.declareFirst(1, `backend "local" { path = "`+filepath.ToSlash(r.path("states/f.state"))+`" }`)
	require.NoError(t, os.Mkdir(r.path("states"), 0o700))
	r.want(0, r.run("apply", "-auto-approve"))
	text, err := os.ReadFile(r.path(".cardfleet/place"))
	require.NoError(t, err)
	assert.JSONEq(t, `{"type": "local", "address": "states/f.state"}`, string(text), "relative, wherever the folder lies")
	entries, err := os.ReadDir(r.path(".cardfleet"))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "nothing is left of the writing")
}

func TestAStateThatIsGoneEndsPlanAndApplyWithTheWaysOut(t *testing.T) {
	r := trusting(t, 2)
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	r.want(0, r.run("apply", "-auto-approve"))
	r.lose("fleet.state", "fleet.state.history", "fleet.state.journal")
	for _, args := range [][]string{{"plan"}, {"apply", "-auto-approve"}, {"apply", "p.fleetplan"}, {"plan", "-check=p.fleetplan"}, {"apply", "-refresh-only", "-auto-approve"}} {
		got := r.want(1, r.run(args...))
		for _, said := range []string{"There is no state in fleet.state", ".cardfleet/place says that it is in fleet.state", "state migrate", "-accept-new-state"} {
			assert.Contains(t, flat(got.errors), said, args)
		}
		assert.NoFileExists(t, r.path("fleet.state"))
	}
	assert.True(t, strings.HasPrefix(r.want(0, r.run("plan", "-accept-new-state")).out, firstRun))
	r.want(0, r.run("apply", "-auto-approve", "-accept-new-state"))
	r.want(0, r.run("plan"))
}

func TestAnotherPlaceWithoutAStateIsNoFirstRunOfAKnownFleet(t *testing.T) {
	r := trusting(t, 2)
	r.want(0, r.run("apply", "-auto-approve"))
	require.NoError(t, os.Mkdir(r.path("before"), 0o700))
	r.write("before/main.fleet.hcl", "fleet {\n  backend \"local\" { path = \"../fleet.state\" }\n}\n")
	r.declareFirst(2, `backend "local" { path = "other.state" }`)
	got := r.want(1, r.run("plan"))
	assert.Contains(t, flat(got.errors), "There is no state in other.state, and this fleet had one: .cardfleet/place says that it is in fleet.state.")
	r.want(0, r.run("state", "migrate", "before"))
	assert.NotContains(t, r.want(0, r.run("apply", "-auto-approve")).out, "first run")
}

func TestAHistoryOrJournalBesideAMissingStateIsNoFirstRun(t *testing.T) {
	for _, lost := range []string{"fleet.state.history", "fleet.state.journal"} {
		r := trusting(t, 2)
		r.want(0, r.run("apply", "-auto-approve"))
		r.declareFirst(3)
		r.want(0, r.run("apply", "-auto-approve")) // is a line of the journal
		r.lose("fleet.state", ".cardfleet", lost)
		got := r.want(1, r.run("plan"))
		assert.Contains(t, flat(got.errors), "is still there")
		assert.Contains(t, flat(got.errors), "-accept-new-state")
		r.want(1, r.run("apply", "-auto-approve"))
		r.want(0, r.run("plan", "-accept-new-state"))
		r.want(1, r.run("plan"))
		r.want(0, r.run("apply", "-auto-approve", "-accept-new-state"))
		aside, err := filepath.Glob(r.path("fleet.state.*.lost"))
		require.NoError(t, err)
		assert.Len(t, aside, 1, "nothing of the old state is deleted")
		r.want(0, r.run("state", "verify"))
		r.want(0, r.run("plan", "-detailed-exitcode"))
	}
}

func TestOnlyALostStateLimitsWhatIsAdoptedOnTrust(t *testing.T) {
	r := trusting(t, 12)
	r.want(0, r.run("apply", "-auto-approve"))
	r.declareFirst(24)
	r.want(0, r.run("apply", "-auto-approve")) // bought for a known fleet
	r.lose("fleet.state", "fleet.state.history", "fleet.state.journal")
	got := r.want(3, r.run("apply", "-auto-approve", "-accept-new-state"))
	assert.Contains(t, flat(got.errors), "24 cards would be adopted on trust")
	assert.Contains(t, flat(got.errors), "30% of 24 cards allowed")
	assert.Contains(t, flat(got.errors), "-accept-count=adopt:24")
	assert.NoFileExists(t, r.path("fleet.state"))
	got = r.want(3, r.run("apply", "-auto-approve", "-accept-new-state", "-accept-count=adopt:23"))
	assert.Contains(t, flat(got.errors), "-accept-count=adopt:23 doesn't fit")
	assert.Contains(t, flat(r.want(0, r.run("plan", "-accept-new-state")).out), "apply refuses this plan")
	r.want(0, r.run("plan", "-accept-new-state", "-out=p.fleetplan"))
	r.want(3, r.run("apply", "-accept-new-state", "p.fleetplan"))
	r.want(0, r.run("apply", "-accept-new-state", "-accept-count=adopt:24", "p.fleetplan"))
}

func TestThePolicysLimitOnRemovalsCountsForWhatIsAdoptedOnTrust(t *testing.T) {
	r := trusting(t, 12)
	r.want(0, r.run("apply", "-auto-approve"))
	r.lose("fleet.state", "fleet.state.history", "fleet.state.journal")
	policy := func(count int) string { return fmt.Sprintf("policy {\n  limit \"remove\" { count = %d }\n}", count) }
	r.declareFirst(12, policy(11))
	r.want(3, r.run("apply", "-auto-approve", "-accept-new-state"))
	r.declareFirst(12, policy(12))
	r.want(0, r.run("apply", "-auto-approve", "-accept-new-state"))
}

func TestThePlaceIsNeverWrittenThroughASymbolicLink(t *testing.T) {
	for _, link := range []string{".cardfleet", ".cardfleet/place"} {
		r := trusting(t, 1)
		outside := t.TempDir()
		target := filepath.Join(outside, "place")
		require.NoError(t, os.WriteFile(target, []byte("mine"), 0o600))
		if link == ".cardfleet" {
			target = outside
		} else {
			require.NoError(t, os.Mkdir(r.path(".cardfleet"), 0o700))
		}
		require.NoError(t, os.Symlink(target, r.path(link)))
		got := r.want(1, r.run("apply", "-auto-approve"))
		assert.Contains(t, flat(got.errors), "symbolic link", "nor is it read through one")
		text, err := os.ReadFile(filepath.Join(outside, "place"))
		require.NoError(t, err)
		assert.Equal(t, "mine", string(text))
	}
}

func TestAPlaceThatCantBeReadOrWrittenIsSaid(t *testing.T) {
	r := trusting(t, 1)
	r.want(0, r.run("apply", "-auto-approve"))
	r.write(".cardfleet/place", "<<<<<<< ours\n")
	r.want(0, r.run("plan")) // with a state nobody asks for it
	state, err := os.ReadFile(r.path("fleet.state"))
	require.NoError(t, err)
	r.lose("fleet.state", "fleet.state.history")
	assert.Contains(t, flat(r.want(1, r.run("plan", "-accept-new-state")).errors), ".cardfleet/place says where the fleet's state is, and can't be read")
	r.write("fleet.state", string(state))
	r.lose(".cardfleet")
	r.write(".cardfleet", "in the way")
	got := r.want(0, r.run("apply", "-auto-approve"))
	assert.Contains(t, flat(got.errors), "The state's place could not be written")
}
