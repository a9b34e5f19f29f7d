package cli_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/internal/cli"
	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// rig is a folder with a configuration, a simulated carrier over real HTTP, a
// clock that moves only when somebody sleeps, and the program.
type rig struct {
	t     testing.TB
	dir   string
	env   map[string]string
	world *carriersim.World
	url   string
	door  *door // the carrier's
	clock *clock
	tty   bool
	in    string
	typed io.Reader // in place of in, where it is set
	told  io.Writer // gets all that is printed too, as it is printed; nil for none
	wall  bool      // the program goes by the machine's clock, ahead of it by ahead
	ahead time.Duration

	follows func(bool) // is [cli.Env].Follows
	sleeps  func()     // is called when the program waits, where it is set; by many goroutines
}

// clock is a time that moves when somebody waits for it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.Advance(d)
	return ctx.Err()
}

const (
	testKeyID  = "LTAI5tTestKeyId00001"
	testSecret = "sEcReTsEcReTsEcReT0123456789"
)

// newRig starts a carrier with the world. Its endpoint is in the variable
// carrier_url, its credentials in the environment.
func newRig(t testing.TB, world *carriersim.World) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), world: world, clock: &clock{now: time.Date(2026, 11, 21, 20, 46, 47, 0, time.UTC)}}
	world.Now, world.Sleep = r.clock.Now, r.clock.Sleep
	world.Accounts = []carriersim.Account{{ID: testKeyID, Secret: testSecret}}
	r.door = newDoor(t, carriersim.Serve(all.Simulators(world)))
	r.url = r.door.url
	r.env = map[string]string{
		"CARDFLEET_VAR_carrier_url":       r.url + "/aliyun",
		"ALIBABA_CLOUD_ACCESS_KEY_ID":     testKeyID,
		"ALIBABA_CLOUD_ACCESS_KEY_SECRET": testSecret,
	}
	return r
}

// provider is the block that reaches the rig's carrier.
const provider = `
variable "carrier_url" { type = string }

provider "aliyun" {
  endpoint            = var.carrier_url
  requests_per_second = 100000
}
`

func (r *rig) write(name, text string) {
	r.t.Helper()
	require.NoError(r.t, os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600))
}

// ran is what a run of the program printed, and how it ended.
type ran struct {
	code        int
	out, errors string
}

func (r *rig) run(args ...string) ran {
	r.t.Helper()
	return r.runIn(context.Background(), args...)
}

func (r *rig) runIn(ctx context.Context, args ...string) ran {
	r.t.Helper()
	var out, errors bytes.Buffer
	in := r.typed
	if in == nil {
		in = strings.NewReader(r.in)
	}
	env := &cli.Env{
		Dir: r.dir, In: in, Out: &out, Err: &errors, InTTY: r.tty,
		LookupEnv: func(name string) (string, bool) { v, ok := r.env[name]; return v, ok },
		Now:       r.clock.Now, Sleep: r.clock.Sleep,
		Random:    func(p []byte) { fill(p) },
		Transport: http.DefaultTransport,
		User:      "dev", Host: "laptop",
		Follows: r.follows,
	}
	if r.sleeps != nil {
		env.Sleep = func(ctx context.Context, d time.Duration) error {
			r.sleeps()
			return r.clock.Sleep(ctx, d)
		}
	}
	if r.told != nil {
		env.Out, env.Err = io.MultiWriter(&out, r.told), io.MultiWriter(&errors, r.told)
	}
	if r.wall {
		env.Now, env.Sleep = func() time.Time { return time.Now().Add(r.ahead) }, asleep
	}
	code := cli.Run(ctx, args, env)
	got := ran{code, out.String(), errors.String()}
	r.conform(args, got)
	return got
}

// listening finds the address that a program says it listens at. Whoever asks for a
// port that is free by its number may find it taken meanwhile.
type listening struct {
	mu    sync.Mutex
	said  bytes.Buffer
	found chan string // the first address, without its path
}

func newListening() *listening { return &listening{found: make(chan string, 1)} }

var loopback = regexp.MustCompile(`http://127\.0\.0\.1:\d+\b`)

// Write implements [io.Writer].
func (l *listening) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := loopback.Match(l.said.Bytes())
	l.said.Write(p)
	if at := loopback.Find(l.said.Bytes()); at != nil && !known {
		l.found <- string(at)
	}
	return len(p), nil
}

// serves starts the program with a port of its own, and returns once it says where it
// listens. It ends with the context.
func (r *rig) serves(ctx context.Context, args ...string) (url string, ended <-chan ran) {
	r.t.Helper()
	l, end := newListening(), make(chan ran, 1)
	r.told = l
	go func() { end <- r.runIn(ctx, append(args, "-listen=127.0.0.1:0")...) }()
	select {
	case url = <-l.found:
	case got := <-end:
		require.Fail(r.t, "it ended", "%s%s", got.out, got.errors)
	case <-time.After(time.Minute): // only a failure waits for it
		require.Fail(r.t, "it doesn't say where it listens")
	}
	r.told = nil
	return url, end
}

// asleep waits as a program does that is no test.
func asleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func fill(p []byte) {
	for i := range p {
		p[i] = byte(rand.Uint32())
	}
}

// needs leaves a test out, loudly, where a program is missing; in CI, which
// installs them all, that is a failure.
func needs(t testing.TB, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	leftOut(t, "%s is not installed", program)
}

// want checks a run's exit code, and shows what it printed where it is wrong.
func (r *rig) want(code int, got ran) ran {
	r.t.Helper()
	require.Equal(r.t, code, got.code, "stdout:\n%s\nstderr:\n%s", got.out, got.errors)
	return got
}
