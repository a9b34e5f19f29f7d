package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/internal/cli"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// The program is stopped at each of its steps in turn: before each write to the
// state's files, and before and after each call. The stopped program is this
// test binary, in a process of its own, which kills itself.
const (
	stopVar = "CARDFLEET_STOP_AT"  // the step before which it dies; -1 is none
	dirVar  = "CARDFLEET_STOP_DIR" // its working folder
)

// steps counts them.
type steps struct {
	mu    sync.Mutex
	taken int
	last  int // the process dies after that many
}

func (s *steps) step(string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken++; s.taken == s.last {
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			_ = self.Kill()
		}
		select {} // it is dead, or will be in no time
	}
}

// RoundTrip implements [http.RoundTripper].
func (s *steps) RoundTrip(r *http.Request) (*http.Response, error) {
	s.step("call")
	response, err := http.DefaultTransport.RoundTrip(r)
	s.step("answer")
	return response, err
}

// TestStoppedProgram is the stopped program, where it is told to be.
func TestStoppedProgram(t *testing.T) {
	last, err := strconv.Atoi(os.Getenv(stopVar))
	if err != nil {
		return // it is a test run like any other
	}
	s := &steps{last: last}
	env := &cli.Env{
		Dir: os.Getenv(dirVar), In: strings.NewReader(""), Out: os.Stdout, Err: os.Stderr, LookupEnv: os.LookupEnv,
		Now: time.Now, Sleep: sleepFor, Random: fill, Transport: s, User: "dev", Host: "laptop", Step: s.step,
	}
	code := cli.Run(t.Context(), strings.Fields(os.Getenv("CARDFLEET_STOP_ARGS")), env)
	fmt.Printf("\nsteps: %d\n", s.taken)
	os.Exit(code) // the code is what the parent looks at
}

// runStopped runs the program until its nth step, and reports whether that
// killed it, or else how many steps it took.
func (r *rig) runStopped(n int, args ...string) (killed bool, steps int) {
	r.t.Helper()
	program := exec.Command(os.Args[0], "-test.run=^TestStoppedProgram$")
	program.Env = append(os.Environ(), stopVar+"="+strconv.Itoa(n), dirVar+"="+r.dir, "CARDFLEET_STOP_ARGS="+strings.Join(args, " "))
	for k, v := range r.env {
		program.Env = append(program.Env, k+"="+v)
	}
	output, err := program.CombinedOutput()
	var ended *exec.ExitError
	if errors.As(err, &ended) && !ended.Exited() {
		return true, 0
	}
	require.NoError(r.t, err, "%s", output)
	_, count, ok := strings.Cut(string(output), "\nsteps: ")
	require.True(r.t, ok, "%s", output)
	steps, err = strconv.Atoi(strings.TrimSpace(count))
	require.NoError(r.t, err)
	return false, steps
}

// TestAnApplyStoppedAtAnyStepIsTakenUp stops an apply at each step. What the
// state says then is true: each change that the carrier made is in it, or is in
// doubt there. And the next applies end in the wanted state, with nothing done
// twice and no unbind that wasn't approved.
func TestAnApplyStoppedAtAnyStepIsTakenUp(t *testing.T) {
	whole, cards := doomed(t, 3)
	apply := []string{"apply", "-auto-approve", "-parallelism=2", "-approve-unbind=" + string(cards[0]) + "=" + firstDevice}
	killed, steps := whole.runStopped(-1, apply...)
	require.False(t, killed)
	require.Greater(t, steps, 60, "an apply of 7 actions has more steps than that")
	for n := 1; n <= steps+2; n++ { // a run may need a step more or less than another
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			r, cards := doomed(t, 3)
			r.runStopped(n, apply...)
			r.door.settled(t, nil)
			r.requireTrueState()
			takenUp(t, r, cards)
		})
	}
}

// requireTrueState compares what the carrier did with what the state says.
func (r *rig) requireTrueState() {
	r.t.Helper()
	var pulled struct {
		Cards []struct {
			ICCID  spec.ICCID
			Recent []struct{ Kind spec.Kind }
			Doubts []struct{ Kind spec.Kind }
		}
	}
	require.NoError(r.t, json.Unmarshal([]byte(r.want(0, r.run("state", "pull")).out), &pulled))
	said := map[string]bool{}
	for _, c := range pulled.Cards {
		for _, known := range append(c.Recent, c.Doubts...) {
			said[fmt.Sprint(c.ICCID, " ", known.Kind)] = true
		}
	}
	in := map[string]int{} // the history
	for _, e := range r.history().Events {
		if e.Outcome == "done" || e.Outcome == "in-doubt" {
			in[e.ICCID+" "+e.Kind]++
		}
	}
	for _, request := range r.world.Requests() {
		if request.Effect && request.ICCID != "" {
			what := fmt.Sprint(request.ICCID, " ", kindOf(request))
			assert.True(r.t, said[what], "the carrier did %s, and the state doesn't know: %+v", what, pulled.Cards)
			assert.Equal(r.t, 1, in[what], "the carrier did %s, and the history has that once", what)
		}
	}
}

// kindOf is the kind of change; a card here is either bound or unbound, so the
// one action that does both says enough.
func kindOf(r carriersim.Request) spec.Kind {
	switch {
	case r.Action == "DoIotUserStopResume":
		return spec.Stop
	case r.Action == "DoIotRecharge":
		return spec.Subscribe
	case r.ICCID == "89860000000000000000":
		return spec.Unbind
	default:
		return spec.ChangeBind
	}
}

func sleepFor(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
