//go:build unix

package cli_test

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state/postgres/pgtest"
)

// Three workers change the cards of several accounts at the rate that each allows. How
// much of it they reach is logged, and never asserted. That no account passes its limit
// by more than one call in any second is a promise, also where a worker is lost. What
// leaves is held to it by the tests of carrierhttp, in a bubble. What arrives is held to
// it where this is run by itself: on a machine that does other work too, requests are
// late on their way, and then arrive together.
//
//	go test ./internal/cli -run '^TestWorkersRate$' -v -workers.rate=60s -workers.accounts=12
var (
	rateFor      = flag.Duration("workers.rate", 3*time.Second, "for how long the workers have enough to do")
	rateAccounts = flag.Int("workers.accounts", 3, "in how many accounts")
	rateLocal    = flag.Bool("workers.local", false, "whether to measure besides what an apply takes that carries all out by itself")
	rateStrike   = flag.Bool("workers.strike", true, "whether one of them ends in the middle")
)

const ratePerSecond = 50

// clocked is an account's door, with the time of each request.
type clocked struct {
	carrier http.Handler

	mu   sync.Mutex
	came []time.Time
}

func (c *clocked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.came = append(c.came, time.Now())
	c.mu.Unlock()
	c.carrier.ServeHTTP(w, r)
}

// since are the requests that came after a time, but for those of reading the cards.
func (c *clocked) since(at time.Time) []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	var came []time.Time
	for _, t := range c.came {
		if t.After(at) {
			came = append(came, t)
		}
	}
	return came
}

// mostInASecond is the most requests in any second.
func mostInASecond(came []time.Time) int {
	most, from := 0, 0
	for i := range came {
		for came[i].Sub(came[from]) >= time.Second {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

// rateYard is a fleet whose cards are all to be stopped.
func rateYard(t *testing.T, cards int) (*theater, []*clocked) {
	t.Helper()
	y := &theater{rig: newRig(t, &carriersim.World{}), backend: "worker"}
	y.env["CARDFLEET_PG_CONN_STR"] = pgtest.Database(t)
	y.clock.now = time.Now()
	var b strings.Builder
	b.WriteString("variable \"active\" {\n  type = bool\n  default = true\n}\nfleet {\n  backend \"postgres\" { name = \"rate\" }\n  executor \"workers\" {}\n  policy {\n    limit \"stop\" { count = 1000000 }\n  }\n}\n")
	var doors []*clocked
	for a := range *rateAccounts {
		world := &carriersim.World{Latency: carriersim.Duration(20 * time.Millisecond), Accounts: y.world.Accounts}
		rows := []string{"iccid,imei"}
		for i := range cards {
			iccid, imei := spec.ICCID(fmt.Sprintf("898600000000%02d%06d", a, i)), spec.IMEI(fmt.Sprintf("8615%02d00%06d0", a, i))
			world.Cards = append(world.Cards, carriersim.Card{ICCID: iccid, IMEI: imei})
			rows = append(rows, string(iccid)+","+string(imei))
		}
		door := &clocked{carrier: carriersim.Serve(all.Simulators(world))}
		server := httptest.NewServer(door)
		t.Cleanup(server.Close)
		doors = append(doors, door)
		alias, name := "", "aliyun"
		if a > 0 {
			alias, name = fmt.Sprintf("  alias = \"a%d\"\n", a), fmt.Sprintf("aliyun.a%d", a)
		}
		y.write(fmt.Sprintf("a%d.csv", a), strings.Join(rows, "\n")+"\n")
		fmt.Fprintf(&b, "provider \"aliyun\" {\n%s  endpoint            = %q\n  requests_per_second = %d\n}\n", alias, server.URL+"/aliyun", ratePerSecond)
		fmt.Fprintf(&b, "card \"c%d\" {\n  from_csv = \"a%d.csv\"\n  provider = %s\n  iccid = each.value.iccid\n  imei = each.value.imei\n  current_imei = each.value.imei\n  active = var.active\n}\n", a, a, name)
	}
	y.write("main.fleet.hcl", b.String())
	return y, doors
}

func TestWorkersRate(t *testing.T) {
	cards := int(rateFor.Seconds() * ratePerSecond / 2)
	y, doors := rateYard(t, cards)
	y.rig.want(0, y.run("apply", "-auto-approve"))
	y.rig.want(0, y.run("apply", "-auto-approve", "-refresh=false", "-detach", "-var", "active=false"))
	began := time.Now()
	var crew []*process
	for range 3 {
		crew = append(crew, y.start(0, "worker", "-listen=", "-once"))
	}
	if *rateStrike {
		struck := time.AfterFunc(*rateFor/2, func() { _ = crew[0].cmd.Process.Signal(syscall.SIGTERM) }) // its accounts change hands
		defer struck.Stop()
	}
	var ended sync.WaitGroup // together, since each says much
	for _, p := range crew {
		ended.Go(func() { assert.Equal(t, 0, p.end(), "%s%s", &p.said, &p.warned) })
	}
	ended.Wait()
	all, slowest := 0.0, float64(ratePerSecond)
	most := ratePerSecond + 1
	if *rateFor < 10*time.Second { // among all other tests
		most += ratePerSecond / 5
	}
	for a, door := range doors {
		came := door.since(began)
		assert.GreaterOrEqual(t, len(came), cards, "account %d", a)
		assert.LessOrEqual(t, mostInASecond(came), most, "account %d", a)
		steady := came[len(came)/10 : len(came)*9/10]
		rate := float64(len(steady)-1) / steady[len(steady)-1].Sub(steady[0]).Seconds()
		all, slowest = all+rate, min(slowest, rate)
	}
	cpu := time.Duration(0)
	for _, p := range crew {
		cpu += p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	}
	first := slices.MinFunc(doors, func(a, b *clocked) int { return a.since(began)[0].Compare(b.since(began)[0]) })
	t.Logf("%d accounts: %.1f requests a second (%.1f%% of what they allow), the slowest %.2f; the first %v after the hand-over; %v of CPU an action, HTTP and reading the card included",
		len(doors), all, 100*all/float64(len(doors)*ratePerSecond), slowest, first.since(began)[0].Sub(began).Round(time.Millisecond), (cpu / time.Duration(cards*len(doors))).Round(time.Microsecond))
	if *rateLocal {
		y.rateHere(cards * len(doors))
	}
}

// rateHere logs what the same takes where an apply carries it out by itself.
func (th *theater) rateHere(actions int) {
	th.t.Helper()
	th.write("main.fleet.hcl", strings.Replace(th.read("main.fleet.hcl"), "  executor \"workers\" {}\n", "", 1))
	plan := th.start(0, "plan", "-refresh=false")
	plan.end()
	apply := th.start(0, "apply", "-auto-approve", "-refresh=false")
	code := apply.end()
	assert.Zero(th.t, code, "%s", &apply.warned)
	of := func(p *process) time.Duration { return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime() }
	th.t.Logf("here: %v of CPU an action, planning left out", ((of(apply) - of(plan)) / time.Duration(actions)).Round(time.Microsecond))
}
