//go:build unix

package cli_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	rateCrew     = flag.Int("workers.crew", 3, "how many workers there are")
	rateLocal    = flag.Bool("workers.local", false, "whether to measure besides what an apply takes that carries all out by itself")
	rateProfile  = flag.String("workers.profile", "", "the folder that CPU profiles of all processes go to")
	rateStrike   = flag.Bool("workers.strike", true, "whether one of them ends in the middle")
)

const ratePerSecond = 50

// clocked is an account's door, with the time of each request.
type clocked struct {
	carrier http.Handler
	url     string

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
	y := &theater{rig: newRig(t, &carriersim.World{}), backend: "worker", beat: 10 * time.Second, profile: *rateProfile}
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
		door.url = server.URL + "/aliyun"
		doors = append(doors, door)
		alias, name := "", "aliyun"
		if a > 0 {
			alias, name = fmt.Sprintf("  alias = \"a%d\"\n", a), fmt.Sprintf("aliyun.a%d", a)
		}
		y.write(fmt.Sprintf("a%d.csv", a), strings.Join(rows, "\n")+"\n")
		fmt.Fprintf(&b, "provider \"aliyun\" {\n%s  endpoint            = %q\n  requests_per_second = %d\n}\n", alias, door.url, ratePerSecond)
		fmt.Fprintf(&b, "card \"c%d\" {\n  from_csv = \"a%d.csv\"\n  provider = %s\n  iccid = each.value.iccid\n  imei = each.value.imei\n  current_imei = each.value.imei\n  active = var.active\n}\n", a, a, name)
	}
	y.write("main.fleet.hcl", b.String())
	return y, doors
}

func TestWorkersRate(t *testing.T) {
	cards := int(rateFor.Seconds() * ratePerSecond / 2)
	y, doors := rateYard(t, cards)
	y.rig.want(0, y.run("apply", "-auto-approve"))
	idle := time.Duration(0)
	if *rateLocal {
		idle = y.idle()
	}
	y.rig.want(0, y.run("apply", "-auto-approve", "-refresh=false", "-detach", "-var", "active=false"))
	began := time.Now()
	var crew []*process
	for range *rateCrew {
		crew = append(crew, y.start(0, "worker", "-listen=127.0.0.1:0", "-once"))
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
	cpu := -idle
	for _, p := range crew {
		cpu += p.took()
	}
	first := slices.MinFunc(doors, func(a, b *clocked) int { return a.since(began)[0].Compare(b.since(began)[0]) })
	t.Logf("%d accounts: %.1f requests a second (%.1f%% of what they allow), the slowest %.2f; the first %v after the hand-over; %v of CPU an action, HTTP and reading the card included, %v of start-ups left out",
		len(doors), all, 100*all/float64(len(doors)*ratePerSecond), slowest, first.since(began)[0].Sub(began).Round(time.Millisecond), (cpu / time.Duration(cards*len(doors))).Round(time.Microsecond), idle)
	if *rateLocal {
		y.rateHere(cards*len(doors), cpu, doors)
	}
}

// took is the CPU time of a process that has ended.
func (p *process) took() time.Duration {
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// idle is the CPU time that the workers take to start and to end with nothing to do.
// It is left out of what actions cost, as planning is of what an apply's do.
func (th *theater) idle() (cpu time.Duration) {
	th.t.Helper()
	for range *rateCrew {
		p := th.start(0, "worker", "-listen=127.0.0.1:0", "-once")
		assert.Zero(th.t, p.end(), "%s%s", &p.said, &p.warned)
		cpu += p.took()
	}
	return cpu
}

// rateHere logs what the same takes where an apply carries it out by itself, and where
// bare requests are all there is.
func (th *theater) rateHere(actions int, workers time.Duration, doors []*clocked) {
	th.t.Helper()
	th.write("main.fleet.hcl", strings.Replace(th.read("main.fleet.hcl"), "  executor \"workers\" {}\n", "", 1))
	run := func(args ...string) time.Duration {
		p := th.start(0, args...)
		assert.Zero(th.t, p.end(), "%s", &p.warned)
		return p.took()
	}
	plan, began := run("plan", "-refresh=false"), time.Now()
	apply := run("apply", "-auto-approve", "-refresh=false") - plan
	for _, door := range doors {
		assert.GreaterOrEqual(th.t, len(door.since(began)), 2*actions/len(doors), "an apply reads each card and changes it, as workers do")
	}
	http := requested(th.t, doors, 2*actions/len(doors)) - requested(th.t, doors, 0)
	each := func(d time.Duration) time.Duration { return (d / time.Duration(actions)).Round(time.Microsecond) }
	th.t.Logf("here: %v of CPU an action, planning left out; bare requests take %v; so workers take %v beside HTTP, and an apply %v: %.2f of it",
		each(apply), each(http), each(workers-http), each(apply-http), float64(workers-http)/float64(apply-http))
}

// requestsVar is what the process of [TestRequestsProgram] is to send, as JSON.
const requestsVar = "CARDFLEET_REQUESTS"

type requests struct {
	URLs []string
	Each int // to each of them
}

// requested is the CPU time of a process that does nothing but send so many requests
// to each account, at the account's pace.
func requested(t testing.TB, doors []*clocked, each int) time.Duration {
	t.Helper()
	r := requests{Each: each}
	for _, door := range doors {
		r.URLs = append(r.URLs, door.url)
	}
	text, err := json.Marshal(r)
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0], "-test.run=^TestRequestsProgram$")
	cmd.Env = append(os.Environ(), requestsVar+"="+string(text))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// TestRequestsProgram sends requests as long as a carrier's, where it is told to.
func TestRequestsProgram(t *testing.T) {
	var r requests
	if json.Unmarshal([]byte(os.Getenv(requestsVar)), &r) != nil {
		return // it is a test run like any other
	}
	query := "/?Action=QueryCardStatus&Signature=" + strings.Repeat("s", 400)
	var sent sync.WaitGroup
	for _, url := range r.URLs {
		sent.Go(func() {
			pace := time.NewTicker(time.Second / ratePerSecond)
			defer pace.Stop()
			for range r.Each {
				<-pace.C
				sent.Go(func() {
					answer, err := http.Get(url + query) //nolint:noctx // the process ends with it
					if assert.NoError(t, err) {
						_, _ = io.Copy(io.Discard, answer.Body)
						_ = answer.Body.Close()
					}
				})
			}
		})
	}
	sent.Wait()
}
