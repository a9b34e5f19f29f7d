package cli_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// firstDevice is the device of the first card of [doomed], which is to be unbound.
const firstDevice = "86153603000000"

// program is the program as a user builds it.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "cardfleet-test-")
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "github.com/cardfleet/cardfleet")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, output)
	}
	return filepath.Join(dir, "cardfleet"), nil
})

// TestAKilledApplyIsTakenUp kills the real program at random moments of an
// apply, again and again. After each kill the state is valid; in the end every
// card is as declared, and the carrier did nothing twice.
func TestAKilledApplyIsTakenUp(t *testing.T) {
	bin, err := program()
	require.NoError(t, err)
	for round := range 6 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			t.Parallel()
			r, cards := doomed(t, 12)
			for range 4 {
				killed := exec.Command(bin, "apply", "-auto-approve", "-parallelism=4", "-approve-unbind="+string(cards[0])+"="+firstDevice)
				killed.Dir, killed.Env = r.dir, []string{"PATH=" + os.Getenv("PATH")}
				for k, v := range r.env {
					killed.Env = append(killed.Env, k+"="+v)
				}
				require.NoError(t, killed.Start())
				time.AfterFunc(time.Duration(20+rand.IntN(180))*time.Millisecond, func() { _ = killed.Process.Kill() }) // it may have ended by itself
				_ = killed.Wait()                                                                                       // it was killed
				r.door.settled(t, nil)
				r.want(0, r.run("state", "pull"))
			}
			takenUp(t, r, cards)
		})
	}
}

// takenUp applies until nothing is left to do, and checks that the carrier did
// everything once.
func takenUp(t *testing.T, r *rig, cards []spec.ICCID) {
	t.Helper()
	// What was under way shows by then, as the carrier's settling time has it.
	r.clock.Advance(time.Since(r.clock.Now()) + time.Hour)
	for range 3 {
		r.run("apply", "-auto-approve", "-approve-unbind="+string(cards[0])+"="+firstDevice)
		// The devices were adopted on trust, so a refused repetition settles nothing.
		r.want(0, r.run("resolve", "-likely", "-auto-approve"))
		r.clock.Advance(time.Hour)
	}
	r.want(0, r.run("plan", "-detailed-exitcode"))
	effects := map[string]int{}
	for _, request := range r.world.Requests() {
		if request.Effect && request.ICCID != "" {
			effects[fmt.Sprint(request.ICCID, " ", request.Action, request.Params["OfferIds"])]++
		}
	}
	for what, n := range effects {
		assert.Equal(t, 1, n, what)
	}
	assert.Len(t, effects, 1+3*(len(cards)-1))
}

// doomed is a fleet of n cards of which every one has something to be done: an unbind for
// the first, a new device, a package and a stop for the others.
func doomed(t *testing.T, n int) (*rig, []spec.ICCID) {
	t.Helper()
	world := &carriersim.World{Record: true}
	r := newRig(t, world)
	world.Latency = carriersim.Duration(8 * time.Millisecond)
	world.Sleep = func(_ context.Context, d time.Duration) error { <-time.After(d); return nil }
	r.clock.now = time.Now()
	world.Now = nil // two clocks are at work: the killed program's and the rig's
	var b strings.Builder
	b.WriteString(provider + "fleet {\n  policy {\n    limit \"stop\" { count = 100 }\n  }\n}\n")
	var cards []spec.ICCID
	for i := range n {
		iccid := spec.ICCID(fmt.Sprintf("8986000000000000%04d", i))
		cards = append(cards, iccid)
		imei := func(i int) spec.IMEI { return spec.IMEI(fmt.Sprintf("86153603000%03d0", i)) }
		world.Cards = append(world.Cards, carriersim.Card{ICCID: iccid, IMEI: imei(i)})
		fmt.Fprintf(&b, "card \"c%02d\" {\n  iccid        = %q\n  current_imei = %q\n", i, iccid, imei(i))
		if i == 0 {
			b.WriteString("  bound = false\n}\n")
			continue
		}
		fmt.Fprintf(&b, "  imei = %q\n  active = false\n  packages = [\"10002\"]\n}\n", imei(i+50))
	}
	r.write("main.fleet.hcl", b.String())
	return r, cards
}

// TestAnApplyOutlivesItsReader closes the pipe that the program prints to, as
// head does: the apply goes on to its end.
func TestAnApplyOutlivesItsReader(t *testing.T) {
	bin, err := program()
	require.NoError(t, err)
	r, cards := doomed(t, 12)
	read, write, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, read.Close())
	unread := exec.Command(bin, "apply", "-auto-approve", "-approve-unbind="+string(cards[0])+"="+firstDevice)
	unread.Dir, unread.Env, unread.Stdout = r.dir, []string{"PATH=" + os.Getenv("PATH")}, write
	for k, v := range r.env {
		unread.Env = append(unread.Env, k+"="+v)
	}
	require.NoError(t, unread.Run())
	require.NoError(t, write.Close())
	r.clock.Advance(time.Since(r.clock.Now()) + time.Hour)
	r.want(0, r.run("plan", "-detailed-exitcode"))
}
