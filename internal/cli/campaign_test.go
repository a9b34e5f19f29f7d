//go:build unix

package cli_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/internal/cli"
	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// The campaign runs real processes of the program on each backend, against a
// carrier that loses answers, answers late and throttles. It kills processes, and
// sends them to sleep for longer than their lease while another run takes over.
// After each of that it holds the carrier's own log against the state.
//
//	go test ./internal/cli -run '^TestCampaign$' -parallel 4 -campaign=10m
//
// The processes are this test binary, which runs [TestCampaignProgram].
var campaign = flag.Duration("campaign", 0, "how long the campaign goes on at each backend; without it, for a round")

const (
	campaignVar = "CARDFLEET_CAMPAIGN" // what the process is to do, as JSON
	campaignRun = "X-Campaign-Run"     // the header by which the carrier's log tells runs apart
	beat        = 400 * time.Millisecond
)

// order is what a process of the campaign is to do.
type order struct {
	Name  string
	Dir   string
	Args  []string
	Sleep int           // before which of its pauses it stops itself; 0 is none
	Ahead time.Duration // of the real time
	Beat  time.Duration // of its leases
	// Profile is the file that the CPU profile of the process goes to; "" is none.
	Profile string
}

// TestCampaignProgram is the program, where it is told to be.
func TestCampaignProgram(t *testing.T) {
	var o order
	if json.Unmarshal([]byte(os.Getenv(campaignVar)), &o) != nil {
		return // it is a test run like any other
	}
	now := func() time.Time { return time.Now().Add(o.Ahead) }
	var mu sync.Mutex
	pauses := 0
	env := &cli.Env{
		Dir: o.Dir, In: strings.NewReader(""), Out: os.Stdout, Err: os.Stderr, LookupEnv: os.LookupEnv, Now: now, Random: fill,
		Sleep: func(ctx context.Context, d time.Duration) error {
			mu.Lock()
			pauses++
			falls := pauses == o.Sleep
			mu.Unlock()
			if falls {
				fmt.Println("\nasleep")
				_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) // it goes on here once it is woken
			}
			return sleepFor(ctx, d)
		},
		Transport: named{o.Name}, User: "dev", Host: o.Name, Beat: o.Beat,
	}
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGTERM)
	defer stop()
	profiled := profile(t, o.Profile)
	code := cli.Run(ctx, o.Args, env)
	profiled()
	os.Exit(code) // which is what the parent looks at
}

// profile begins a CPU profile, which done ends.
func profile(t *testing.T, file string) (done func()) {
	if file == "" {
		return func() {}
	}
	f, err := os.Create(file)
	require.NoError(t, err)
	require.NoError(t, pprof.StartCPUProfile(f))
	return func() {
		pprof.StopCPUProfile()
		require.NoError(t, f.Close())
	}
}

// named says which run a request is of.
type named struct{ run string }

func (n named) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(campaignRun, n.run)
	return http.DefaultTransport.RoundTrip(r)
}

// front is the carrier's door, with a log of its own of what came and from whom.
type front struct {
	carrier http.Handler

	mu      sync.Mutex
	changes []string // the runs that sent a call which changes something, in order
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Query().Get("Action") {
	case "DoIotChgBindOrUnBind", "DoIotUserStopResume", "DoIotRecharge":
		f.mu.Lock()
		f.changes = append(f.changes, r.Header.Get(campaignRun))
		f.mu.Unlock()
	}
	f.carrier.ServeHTTP(w, r)
}

// sentBy is how many changing calls a run has sent.
func (f *front) sentBy(run string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, by := range f.changes {
		if by == run {
			n++
		}
	}
	return n
}

// theater is a fleet on one backend.
type theater struct {
	*rig
	backend string
	beat    time.Duration // of its processes' leases; 0 is the campaign's, which is short
	profile string        // the folder for CPU profiles of its processes; "" is none
	block   string        // the backend's
	front   *front
	random  *rand.Rand
	ahead   time.Duration
	runs    int
	stuck   int // rounds that ended with cards in attention
	slept   int // runs that another overtook
	wanted  []wantedCard
	holders map[string]spec.ICCID // by device, as the carrier's log has it
	seen    int                   // of the carrier's log
}

type wantedCard struct {
	iccid   spec.ICCID
	first   spec.IMEI // when the campaign began
	imei    spec.IMEI
	stopped bool
	pkg     string
}

const campaignCards = 9

func campaignDevice(i int) spec.IMEI { return spec.IMEI(fmt.Sprintf("86153603000%03d0", i)) }

func newTheater(t *testing.T, backend string, block func(*rig) string, seed uint64) *theater {
	t.Helper()
	world := &carriersim.World{Record: true}
	th := &theater{rig: newRig(t, world), backend: backend, random: rand.New(rand.NewPCG(seed, 0)), holders: map[string]spec.ICCID{}}
	world.Now = nil // the clocks of several processes are at work
	world.Latency = carriersim.Duration(4 * time.Millisecond)
	world.Sleep = func(_ context.Context, d time.Duration) error { <-time.After(d); return nil }
	th.clock.now = time.Now()
	for i := range campaignCards + 3 {
		world.Devices = append(world.Devices, campaignDevice(i))
	}
	for i := range campaignCards {
		iccid := spec.ICCID(fmt.Sprintf("8986000000000000%04d", i))
		world.Cards = append(world.Cards, carriersim.Card{ICCID: iccid, IMEI: campaignDevice(i)})
		th.wanted = append(th.wanted, wantedCard{iccid: iccid, first: campaignDevice(i), imei: campaignDevice(i)})
		th.holders[campaignDevice(i).Device()] = iccid
	}
	th.front = &front{carrier: carriersim.Serve(all.Simulators(world))}
	th.door = newDoor(t, th.front)
	th.env["CARDFLEET_VAR_carrier_url"] = th.door.url + "/aliyun"
	th.block = block(th.rig)
	return th
}

// want draws what is wanted next: circles and chains of devices, stops, resumes
// and packages.
func (th *theater) want(round int) {
	devices := make([]spec.IMEI, 0, campaignCards+1)
	for _, w := range th.wanted {
		devices = append(devices, w.imei)
	}
	if th.random.IntN(2) == 0 { // a free device, so that a chain has an end
		devices[th.random.IntN(len(devices))] = th.free(devices)
	}
	th.random.Shuffle(campaignCards*2/3, func(i, j int) { devices[i], devices[j] = devices[j], devices[i] })
	var b strings.Builder
	fmt.Fprintf(&b, `%s
variable "carrier_url" { type = string }
provider "aliyun" {
  endpoint            = var.carrier_url
  requests_per_second = 40
  exclusive_imei      = true
  parking_imeis       = [%q]
}
fleet {
  policy {
    limit "stop" { count = 100 }
    limit "change-bind" { count = 100 }
  }
}
`, th.block, campaignDevice(campaignCards+2))
	for i := range th.wanted {
		w := &th.wanted[i]
		w.imei = devices[i]
		if th.random.IntN(3) == 0 {
			w.stopped = !w.stopped
		}
		if w.pkg == "" && th.random.IntN(4) == 0 {
			w.pkg = fmt.Sprintf("%05d", 10001+round%3)
		}
		fmt.Fprintf(&b, "card \"c%d\" {\n  iccid = %q\n  current_imei = %q\n  imei = %q\n  active = %t\n", i, w.iccid, w.first, w.imei, !w.stopped)
		if w.pkg != "" {
			fmt.Fprintf(&b, "  packages = [%q]\n", w.pkg)
		}
		b.WriteString("}\n")
	}
	th.write("main.fleet.hcl", b.String())
}

func (th *theater) free(taken []spec.IMEI) spec.IMEI {
	for i := range campaignCards + 2 {
		if !slices.Contains(taken, campaignDevice(i)) {
			return campaignDevice(i)
		}
	}
	panic("there are more devices than cards")
}

// troubles draws what goes wrong at the carrier next.
func (th *theater) troubles() {
	kinds := []carriersim.FaultKind{carriersim.LostAfter, carriersim.LostBefore, carriersim.HTML5xx, carriersim.Truncated, carriersim.Throttle}
	actions := []string{"DoIotChgBindOrUnBind", "DoIotUserStopResume", "DoIotRecharge", "QueryCardStatus"}
	var faults []carriersim.Fault
	for range th.random.IntN(4) {
		faults = append(faults, carriersim.Fault{
			Action: actions[th.random.IntN(len(actions))], Kind: kinds[th.random.IntN(len(kinds))], Times: 1 + th.random.IntN(2),
		})
	}
	th.world.Break(faults...)
}

// process is a run of the program on its way.
type process struct {
	name   string
	cmd    *exec.Cmd
	stdout *bufio.Reader
	said   bytes.Buffer // on standard output; whole once the process has ended
	warned bytes.Buffer // on standard error, likewise
}

func (th *theater) start(sleepBefore int, args ...string) *process {
	th.t.Helper()
	th.runs++
	p := &process{name: fmt.Sprintf("%s-%d", th.backend, th.runs), cmd: exec.Command(os.Args[0], "-test.run=^TestCampaignProgram$")}
	o := order{Name: p.name, Dir: th.dir, Args: args, Sleep: sleepBefore, Ahead: th.ahead, Beat: cmp.Or(th.beat, beat)}
	if th.profile != "" {
		o.Profile = filepath.Join(th.profile, p.name+"-"+args[0]+".cpu")
	}
	text, err := json.Marshal(o)
	require.NoError(th.t, err)
	p.cmd.Env = append(os.Environ(), campaignVar+"="+string(text))
	for k, v := range th.env {
		p.cmd.Env = append(p.cmd.Env, k+"="+v)
	}
	pipe, err := p.cmd.StdoutPipe()
	require.NoError(th.t, err)
	p.stdout, p.cmd.Stderr = bufio.NewReader(pipe), &p.warned
	require.NoError(th.t, p.cmd.Start())
	return p
}

// asleep reads until the process says that it falls asleep, or has ended.
func (p *process) asleep() bool {
	for {
		line, err := p.stdout.ReadString('\n')
		if line == "asleep\n" {
			return true
		}
		if err != nil {
			return false
		}
	}
}

// end waits for the process, and returns its exit code; -1 where it was killed.
func (p *process) end() int {
	_, _ = io.Copy(&p.said, p.stdout) // until it is closed
	_ = p.cmd.Wait()                  // the code says it
	return p.cmd.ProcessState.ExitCode()
}

func applying(parallel int) []string {
	return []string{"apply", "-auto-approve", "-lock-timeout=20s", "-parallelism=" + strconv.Itoa(parallel)}
}

// killed applies, and kills that at a random moment.
func (th *theater) killed() {
	others := th.door.inside()
	p := th.start(0, applying(4)...)
	time.AfterFunc(time.Duration(30+th.random.IntN(500))*time.Millisecond, func() { _ = p.cmd.Process.Kill() }) // it may have ended by itself
	if p.end() < 0 {
		th.door.settled(th.t, others)
	}
	th.unlock()
}

var lockID = regexp.MustCompile(`(?m)^ +ID: +(\S+)$`)

// unlock removes the lock that a dead run left, where it doesn't end by itself.
func (th *theater) unlock() {
	if th.backend != "http" {
		return
	}
	if found := lockID.FindStringSubmatch(th.run("apply", "-auto-approve").errors); found != nil {
		th.rig.want(0, th.run("force-unlock", found[1]))
	}
}

// overslept applies, and sends that to sleep while it waits for its turn. Behind
// its lease another run takes over and does all. Then it wakes, and sends nothing.
func (th *theater) overslept() {
	first := th.start(8+th.random.IntN(25), applying(1)...)
	if !first.asleep() {
		first.end()
		return
	}
	th.slept++
	<-time.After(5 * beat) // its lease runs out
	second := th.start(0, applying(1)...)
	second.end()
	before := th.front.sentBy(first.name)
	assert.NoError(th.t, first.cmd.Process.Signal(syscall.SIGCONT))
	code := first.end()
	assert.Equal(th.t, before, th.front.sentBy(first.name), "a run that overslept its lease sent something (exit code %d):\n%s%s\nand the other:\n%s%s", code, &first.said, &first.warned, &second.said, &second.warned)
}

// pulled is what the state says of a card.
type pulled struct {
	ICCID   spec.ICCID
	Binding struct{ IMEI spec.IMEI }
	Last    struct {
		Lifecycle spec.Lifecycle
		Packages  []spec.Package
	}
	Recent, Doubts []spec.Change
}

// check holds the carrier's log against the state: whatever the carrier did is
// known or in doubt, and by no call of ours two cards have one device.
func (th *theater) check() map[spec.ICCID]pulled {
	th.t.Helper()
	log := th.world.Requests()
	for _, r := range log[th.seen:] {
		if !r.Effect || r.Params["OpionType"] != "chgBind" {
			continue
		}
		from, to := spec.IMEI(r.Params["Imei"]).Device(), spec.IMEI(r.Params["NewImei"]).Device()
		assert.Empty(th.t, th.holders[to], "card %s took device %s", r.ICCID, to)
		assert.Equal(th.t, r.ICCID, th.holders[from], "card %s gave device %s", r.ICCID, from)
		delete(th.holders, from)
		th.holders[to] = r.ICCID
	}
	th.seen = len(log)
	th.clock.Advance(time.Since(th.clock.Now()) + th.ahead)
	var state struct{ Cards []pulled }
	require.NoError(th.t, json.Unmarshal([]byte(th.rig.want(0, th.run("state", "pull")).out), &state))
	known := map[spec.ICCID]pulled{}
	for _, c := range state.Cards {
		known[c.ICCID] = c
		carrier, _ := th.world.Card(c.ICCID)
		th.true(c, carrier)
	}
	return known
}

// true checks what the state says of a card.
func (th *theater) true(c pulled, carrier carriersim.Card) {
	th.t.Helper()
	bound := c.Binding.IMEI.Device() == carrier.IMEI.Device()
	status := c.Last.Lifecycle == carrier.Status
	bought := 0
	for _, change := range slices.Concat(c.Recent, c.Doubts) {
		bound = bound || change.Kind == spec.ChangeBind && spec.IMEI(change.To).Device() == carrier.IMEI.Device()
		status = status || change.Kind == spec.Stop || change.Kind == spec.Resume
	}
	for _, p := range carrier.Packages {
		has := func(o spec.Package) bool { return o.ID == p.ID }
		asked := func(o spec.Change) bool { return o.Kind == spec.Subscribe && o.To == p.ID }
		if slices.ContainsFunc(c.Last.Packages, has) || slices.ContainsFunc(slices.Concat(c.Recent, c.Doubts), asked) {
			bought++
		}
	}
	assert.True(th.t, bound, "the carrier has card %s at %s, and the state doesn't know: %+v", c.ICCID, carrier.IMEI, c)
	assert.True(th.t, status, "the carrier has card %s as %s, and the state doesn't know: %+v", c.ICCID, carrier.Status, c)
	assert.Len(th.t, carrier.Packages, bought, "the carrier has packages of card %s that the state doesn't know: %+v", c.ICCID, c)
}

// converge applies until nothing is left to do. What is not as wanted then is in
// the plan's attention, and no other card. Once a person has said of the cards in
// doubt what the carrier's console shows, all is as wanted.
func (th *theater) converge() {
	th.t.Helper()
	th.world.Break()
	left := th.applyAll()
	if len(left) == 0 {
		return
	}
	plan := th.run("plan", "-json").out
	for i := range left {
		assert.Contains(th.t, plan, fmt.Sprintf(`"attention":{"address":"card.c%d"`, i), "it is not as wanted, and nobody is told")
	}
	th.stuck++
	for _, c := range th.check() {
		if !slices.ContainsFunc(c.Doubts, func(d spec.Change) bool { return d.Kind == spec.ChangeBind }) {
			continue
		}
		carrier, _ := th.world.Card(c.ICCID)
		th.rig.want(0, th.run("resolve", string(c.ICCID), "-bound-to="+string(carrier.IMEI)))
	}
	assert.Empty(th.t, th.applyAll(), "not as wanted, after all doubts were settled:\n%s", th.run("plan").out)
}

// applyAll applies until nothing is left to do, and returns the cards that are not
// as wanted then.
func (th *theater) applyAll() map[int]wantedCard {
	th.t.Helper()
	for range 6 {
		th.start(0, applying(4)...).end()
		th.ahead += time.Hour
		th.check()
		if th.run("plan", "-detailed-exitcode").code == 0 {
			break
		}
	}
	left := map[int]wantedCard{}
	for i, w := range th.wanted {
		carrier, _ := th.world.Card(w.iccid)
		if carrier.IMEI.Device() != w.imei.Device() || (carrier.Status == spec.SuspendedByOwner) != w.stopped || w.pkg != "" && len(carrier.Packages) == 0 {
			left[i] = w
		}
	}
	return left
}

// once checks that the carrier did nothing twice since that request.
func (th *theater) once(since int) {
	th.t.Helper()
	effects := map[string]int{}
	for _, r := range th.world.Requests()[since:] {
		if r.Effect && r.ICCID != "" {
			effects[fmt.Sprint(r.ICCID, " ", r.Action, " ", r.Params["NewImei"], r.Params["OptionType"], r.Params["OfferIds"])]++
		}
	}
	for what, n := range effects {
		assert.Equal(th.t, 1, n, "the carrier did it more than once: %s", what)
	}
}

func (th *theater) round(n int) {
	since := len(th.world.Requests())
	th.want(n)
	leased := strings.HasPrefix(th.backend, "postgres") || th.backend == "s3"
	for range 2 + th.random.IntN(2) {
		th.troubles()
		if leased && th.random.IntN(3) > 0 {
			th.overslept()
			leased = false // the other run has done all by now
		} else {
			th.killed()
		}
		th.check()
	}
	th.converge()
	th.once(since)
}

func TestCampaign(t *testing.T) {
	for name, block := range backends(t) {
		t.Run(name, func(t *testing.T) {
			if name == "s3" {
				needs(t, "versitygw")
			}
			t.Parallel()
			end := time.Now().Add(*campaign)
			seed := rand.Uint64()
			th := newTheater(t, name, block, seed)
			rounds := 0
			for ; rounds == 0 || time.Now().Before(end) && !t.Failed(); rounds++ {
				th.round(rounds)
			}
			effects := 0
			for _, r := range th.world.Requests() {
				if r.Effect {
					effects++
				}
			}
			t.Logf("%d rounds, %d runs, %d changes at the carrier, %d slept, %d rounds ended with cards in attention, seed %d", rounds, th.runs, effects, th.slept, th.stuck, seed)
		})
	}
}
