//go:build unix

package cli_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
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

// The campaign of workers hands runs over to three of them, which carry out the changes
// of six accounts. At random moments one of them is killed, or sent to sleep for longer
// than its leases and woken. After each round every run has ended, nothing is lost,
// nothing was done twice, and who lost an account sent nothing more there.
//
//	go test ./internal/cli -run '^TestWorkersCampaign$' -workers=10m
var workersCampaign = flag.Duration("workers", 0, "how long the campaign of workers goes on; without it, for a round")

const (
	workAccounts = 6
	workCards    = 6 // of each
	workCrew     = 3
)

// workYard is a fleet of several accounts, and the workers that change its cards.
type workYard struct {
	*theater // of the first account; its rig runs the program
	accounts []*workAccount
	crew     []*process
	blows    int          // workers that were killed or put to sleep
	unbinds  []wantedCard // cards that left, whose unbinds a person approves
}

// workAccount is a carrier's account.
type workAccount struct {
	name  string
	world *carriersim.World
	door  *workDoor
	cards []wantedCard
	seen  int
}

// workDoor is an account's, with a log of who changed something there and when.
type workDoor struct {
	carrier http.Handler

	mu   sync.Mutex
	came []came
}

type came struct {
	by string
	at time.Time
}

func (d *workDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Query().Get("Action") {
	case "DoIotChgBindOrUnBind", "DoIotUserStopResume", "DoIotRecharge":
		d.mu.Lock()
		d.came = append(d.came, came{r.Header.Get(campaignRun), time.Now()})
		d.mu.Unlock()
	}
	d.carrier.ServeHTTP(w, r)
}

func (d *workDoor) log() []came {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.came)
}

func newWorkYard(t *testing.T, conn string, seed uint64) *workYard {
	t.Helper()
	y := &workYard{theater: &theater{rig: newRig(t, &carriersim.World{}), backend: "worker", random: rand.New(rand.NewPCG(seed, 1))}}
	y.env["CARDFLEET_PG_CONN_STR"] = conn
	y.clock.now = time.Now()
	for a := range workAccounts {
		account := &workAccount{name: "aliyun", world: &carriersim.World{Record: true, Latency: carriersim.Duration(4 * time.Millisecond)}}
		if a > 0 {
			account.name = fmt.Sprintf("aliyun.a%d", a)
		}
		account.world.Accounts = y.world.Accounts
		for i := range workCards + 3 {
			account.world.Devices = append(account.world.Devices, workDevice(a, i))
		}
		for i := range workCards {
			iccid := spec.ICCID(fmt.Sprintf("89860000000000%02d%04d", a, i))
			account.world.Cards = append(account.world.Cards, carriersim.Card{ICCID: iccid, IMEI: workDevice(a, i)})
			account.cards = append(account.cards, wantedCard{iccid: iccid, first: workDevice(a, i), imei: workDevice(a, i)})
		}
		account.door = &workDoor{carrier: carriersim.Serve(all.Simulators(account.world))}
		server := httptest.NewServer(account.door)
		t.Cleanup(server.Close)
		y.env[fmt.Sprintf("CARDFLEET_VAR_url%d", a)] = server.URL + "/aliyun"
		y.accounts = append(y.accounts, account)
	}
	t.Cleanup(func() {
		for _, p := range y.crew {
			_ = p.cmd.Process.Signal(syscall.SIGCONT)
			_ = p.cmd.Process.Kill()
			p.end()
		}
	})
	return y
}

func workDevice(account, i int) spec.IMEI {
	return spec.IMEI(fmt.Sprintf("861536030%02d%03d0", account, i))
}

// declare writes the configuration of what is wanted.
func (y *workYard) declare() {
	var b strings.Builder
	b.WriteString("fleet {\n  backend \"postgres\" { name = \"bikes\" }\n  executor \"workers\" {}\n  policy {\n    limit \"stop\" { count = 100 }\n    limit \"change-bind\" { count = 100 }\n  }\n}\n")
	for a, account := range y.accounts {
		alias := ""
		if a > 0 {
			alias = fmt.Sprintf("  alias = \"a%d\"\n", a)
		}
		fmt.Fprintf(&b, "variable \"url%d\" { type = string }\nprovider \"aliyun\" {\n%s  endpoint            = var.url%d\n  requests_per_second = 60\n  exclusive_imei      = true\n  parking_imeis       = [%q]\n}\n",
			a, alias, a, workDevice(a, workCards+2))
		for i := range account.cards {
			w := &account.cards[i]
			fmt.Fprintf(&b, "card \"c%d_%d\" {\n  provider = %s\n  iccid = %q\n  current_imei = %q\n  imei = %q\n  active = %t\n", a, i, account.name, w.iccid, w.first, w.imei, !w.stopped)
			if w.pkg != "" {
				fmt.Fprintf(&b, "  packages = [%q]\n", w.pkg)
			}
			b.WriteString("}\n")
		}
	}
	y.write("main.fleet.hcl", b.String())
}

// draw draws what is wanted next in every account.
func (y *workYard) draw(round int) {
	for _, account := range y.accounts {
		if round > 0 && len(account.cards) > 3 && y.random.IntN(workAccounts) == 0 { // a card leaves
			y.unbinds = append(y.unbinds, account.cards[len(account.cards)-1])
			account.cards = account.cards[:len(account.cards)-1]
		}
		var devices []spec.IMEI
		for _, w := range account.cards {
			devices = append(devices, w.imei)
		}
		y.random.Shuffle(len(devices)*2/3, func(i, j int) { devices[i], devices[j] = devices[j], devices[i] })
		for i := range account.cards {
			w := &account.cards[i]
			w.imei = devices[i]
			if y.random.IntN(3) == 0 {
				w.stopped = !w.stopped
			}
			if w.pkg == "" && y.random.IntN(4) == 0 {
				w.pkg = fmt.Sprintf("%05d", 10001+round%3)
			}
		}
		var faults []carriersim.Fault
		kinds := []carriersim.FaultKind{carriersim.LostAfter, carriersim.LostBefore, carriersim.Truncated, carriersim.Throttle}
		for range y.random.IntN(3) {
			faults = append(faults, carriersim.Fault{
				Action: []string{"DoIotChgBindOrUnBind", "DoIotUserStopResume", "QueryCardStatus"}[y.random.IntN(3)],
				Kind:   kinds[y.random.IntN(len(kinds))], Times: 1,
			})
		}
		account.world.Break(faults...)
	}
	y.declare()
}

// hire starts workers where some are missing.
func (y *workYard) hire() {
	for len(y.crew) < workCrew {
		y.crew = append(y.crew, y.start(0, "worker", "-listen="))
	}
}

// dismiss ends the workers.
func (y *workYard) dismiss() {
	for _, p := range y.crew {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
	}
	for _, p := range y.crew {
		p.end()
	}
	y.crew = nil
}

// blow strikes a worker: it dies, or sleeps for longer than its leases and is woken.
func (y *workYard) blow() {
	i := y.random.IntN(len(y.crew))
	p := y.crew[i]
	y.blows++
	if y.random.IntN(2) == 0 {
		_ = p.cmd.Process.Kill()
		p.end()
		y.crew = slices.Delete(y.crew, i, i+1)
		y.hire()
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGSTOP)
	<-time.After(4*beat + time.Duration(y.random.IntN(500))*time.Millisecond)
	_ = p.cmd.Process.Signal(syscall.SIGCONT)
}

// going are the runs that haven't ended.
func (y *workYard) going() []map[string]any {
	y.t.Helper()
	var list struct{ Runs []map[string]any }
	require.NoError(y.t, json.Unmarshal([]byte(y.rig.want(0, y.run("runs", "list", "-going", "-json")).out), &list))
	return list.Runs
}

// notShown reports whether a run waits until the carrier may be taken to have shown
// what became of a call: ten minutes, which nobody waits for here.
func notShown(run map[string]any) bool {
	text, _ := json.Marshal(run)
	return run["status"] == "waiting" && strings.Contains(string(text), "isn't shown yet")
}

// settle waits until every run has ended.
func (y *workYard) settle() {
	y.t.Helper()
	for end := time.Now().Add(90 * time.Second); len(y.going()) > 0; <-time.After(200 * time.Millisecond) {
		for _, run := range y.going() {
			if notShown(run) && time.Until(end) < 75*time.Second {
				y.run("runs", "cancel", fmt.Sprint(run["id"])) // it may have ended by itself
			}
		}
		if time.Now().After(end) {
			text, _ := json.MarshalIndent(y.going(), "", " ")
			y.t.Fatalf("runs go on and on:\n%s\n%s", text, y.voices())
		}
	}
}

// voices are what the workers said so far. They are ended for it.
func (y *workYard) voices() string {
	var b strings.Builder
	for _, p := range y.crew {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		p.end()
		fmt.Fprintf(&b, "--- %s\n%s%s\n", p.name, &p.said, &p.warned)
	}
	y.crew = nil
	return b.String()
}

// check holds each carrier's log against what is wanted and against itself.
func (y *workYard) check() {
	y.t.Helper()
	for _, account := range y.accounts {
		effects := map[string]int{}
		log := account.world.Requests()
		for _, r := range log[account.seen:] {
			if r.Effect && r.ICCID != "" {
				effects[fmt.Sprint(r.ICCID, " ", r.Action, " ", r.Params["NewImei"], r.Params["OptionType"], r.Params["OfferIds"])]++
			}
		}
		account.seen = len(log)
		for what, n := range effects {
			assert.Equal(y.t, 1, n, "%s: the carrier did it more than once: %s", account.name, what)
		}
		y.fenced(account)
	}
}

// fenced checks that nobody comes in between somebody else's calls: an account changes
// hands when its lease has run out, or when its holder has given it back.
func (y *workYard) fenced(account *workAccount) {
	y.t.Helper()
	log := account.door.log()
	last := map[string]time.Time{}
	for i, c := range log {
		if i > 0 && log[i-1].by != c.by {
			if before, was := last[c.by]; was {
				assert.GreaterOrEqual(y.t, c.at.Sub(before), beat, "%s: %s came back between the calls of %s", account.name, c.by, log[i-1].by)
			}
		}
		last[c.by] = c.at
	}
}

// hand hands over a run of what is wanted.
func (y *workYard) hand() {
	y.t.Helper()
	y.clock.Advance(time.Since(y.clock.Now()) + y.ahead)
	args := []string{"apply", "-auto-approve", "-detach", "-lock-timeout=20s"}
	for _, w := range y.unbinds {
		args = append(args, fmt.Sprintf("-approve-unbind=%s=%s", w.iccid, w.imei))
	}
	got := y.run(args...)
	assert.Contains(y.t, []int{0, 5}, got.code, "%s%s", got.out, got.errors)
}

// round hands runs over, strikes workers meanwhile, and looks at what came of it.
func (y *workYard) round(n int) {
	y.draw(n)
	y.hire()
	y.hand()
	for range 1 + y.random.IntN(3) {
		<-time.After(time.Duration(y.random.IntN(700)) * time.Millisecond)
		y.blow()
	}
	y.settle()
	y.check()
	for _, account := range y.accounts {
		account.world.Break()
	}
	for range 6 { // what failed, or was in doubt, is the next plan's
		y.dismiss()
		y.ahead += time.Hour
		y.clock.Advance(time.Hour)
		y.hire()
		if y.run("plan", "-detailed-exitcode").code == 0 {
			break
		}
		y.hand()
		y.settle()
		y.resolve()
	}
	y.check()
	for _, account := range y.accounts {
		for i, w := range account.cards {
			carrier, _ := account.world.Card(w.iccid)
			asWanted := carrier.IMEI.Device() == w.imei.Device() && (carrier.Status == spec.SuspendedByOwner) == w.stopped && (w.pkg == "" || len(carrier.Packages) > 0)
			assert.True(y.t, asWanted, "%s: card %d is %+v, wanted %+v", account.name, i, carrier, w)
		}
	}
	for _, w := range y.unbinds {
		for _, account := range y.accounts {
			if carrier, ok := account.world.Card(w.iccid); ok {
				assert.True(y.t, carrier.Status.Gone(), "card %s was to be unbound, and is %+v", w.iccid, carrier)
			}
		}
	}
	if y.t.Failed() {
		y.t.Log(y.run("plan").out, y.voices())
	}
}

// resolve says of cards in doubt what the carrier's console shows.
func (y *workYard) resolve() {
	y.t.Helper()
	var state struct{ Cards []pulled }
	require.NoError(y.t, json.Unmarshal([]byte(y.rig.want(0, y.run("state", "pull")).out), &state))
	for _, c := range state.Cards {
		switch {
		case len(c.Doubts) == 0:
			continue
		case !slices.ContainsFunc(c.Doubts, func(d spec.Change) bool { return d.Kind == spec.ChangeBind }):
			y.rig.want(0, y.run("resolve", string(c.ICCID)))
			continue
		}
		for _, account := range y.accounts {
			if carrier, ok := account.world.Card(c.ICCID); ok {
				y.rig.want(0, y.run("resolve", string(c.ICCID), "-bound-to="+string(carrier.IMEI)))
			}
		}
	}
}

func TestWorkersCampaign(t *testing.T) {
	for name, conn := range map[string]func() string{
		"postgres":                 func() string { return pgtest.Database(t) },
		"postgres behind a pooler": func() string { return pgtest.Pooled(t, pgtest.Database(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			y := newWorkYard(t, conn(), seed)
			end, rounds := time.Now().Add(*workersCampaign), 0
			for ; rounds == 0 || time.Now().Before(end) && !t.Failed(); rounds++ {
				y.round(rounds)
			}
			changes := 0
			for _, account := range y.accounts {
				changes += len(account.door.log())
			}
			t.Logf("%d rounds, %d blows, %d changing calls, seed %d", rounds, y.blows, changes, seed)
		})
	}
}
