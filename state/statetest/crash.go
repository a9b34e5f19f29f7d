package statetest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

const (
	// placeVar tells the test binary that it is the child, and where it writes.
	placeVar = "CARDFLEET_CRASH_PLACE"

	crashKills   = 30
	crashCards   = 4  // changed at the same time
	crashChanges = 5  // of each card between two commits
	crashLines   = 60 // the child is killed after at most so many acknowledged steps
)

// Crash runs a process that changes cards and commits, kills it at a random
// point, and looks: the state is whole, what was acknowledged is there, and a
// call under way is a doubt. It does so many times on one store. open opens
// the store at place in this process and, by the same name, in the other.
//
// The process is the test binary itself, which runs the calling test again.
func Crash(t *testing.T, place string, open func(place string) state.Backend) {
	if place := os.Getenv(placeVar); place != "" {
		err := crashChild(context.Background(), open(place))
		fmt.Fprintln(os.Stderr, "the child ended:", err)
		os.Exit(1)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var acked acknowledged
	for kill := range crashKills {
		out, errs := killAfter(t, place, random.IntN(crashLines))
		require.NoError(t, acked.take(out), "kill %d: %s", kill, errs)
		b := open(place)
		s := read(t, b)
		acked.check(t, s, fmt.Sprintf("kill %d", kill))
		checkEvents(t, b, s, fmt.Sprintf("kill %d", kill))
	}
	require.NotZero(t, acked.serial, "no child came as far as a commit")
}

// killAfter runs the child, kills it once it has acknowledged n steps, and
// returns all it said.
func killAfter(t *testing.T, place string, n int) (out []string, errs string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$")
	cmd.Env = append(os.Environ(), placeVar+"="+place)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if out = append(out, lines.Text()); len(out) == n+1 {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	_ = cmd.Wait() // it was killed; an end of its own is found by what it said
	require.Greater(t, len(out), n, "the child ended by itself: %s", &stderr)
	return out, stderr.String()
}

// crashChild changes cards for ever. Each step is acknowledged on standard
// output once it is durable. The status of card n counts its changes.
func crashChild(ctx context.Context, b state.Backend) error {
	unlock, err := b.Lock(ctx, state.LockInfo{Operation: "apply"})
	if err != nil {
		return err
	}
	defer func() { _ = unlock() }() // the process ends
	for {
		s, err := b.Read(ctx)
		if err != nil {
			return err
		}
		if err := crashRound(ctx, b, s); err != nil {
			return err
		}
		if s, err = b.Read(ctx); err != nil {
			return err
		}
		if err := b.Commit(ctx, s, state.Edits{}); err != nil {
			return err
		}
		fmt.Println("commit", s.Serial)
	}
}

func crashRound(ctx context.Context, b state.Backend, s *state.Snapshot) error {
	j, err := b.Journal(ctx)
	if err != nil {
		return err
	}
	if err := j.Append(ctx, Begin(fmt.Sprint("process ", os.Getpid()), noon)); err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make([]error, crashCards)
	for n := range crashCards {
		from := 0
		if c := s.Card(idOf(n).ICCID); c != nil {
			from, _ = strconv.Atoi(c.Last.Status) // a doubt may be about the next change: it is made again
		}
		wg.Go(func() { errs[n] = changeCard(ctx, j, n, from) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return j.Close()
}

// changeCard makes the changes after from, one after the other.
func changeCard(ctx context.Context, j state.Journal, n, from int) error {
	for i := from + 1; i <= from+crashChanges; i++ {
		id := idOf(n)
		step := strconv.Itoa(i)
		intent := state.Record{
			Type: state.IntentRecord, Action: "a" + step, At: noon, Provider: id.Provider, ICCID: id.ICCID,
			Intent: &state.Intent{Change: spec.Change{Kind: spec.Subscribe, To: step}},
		}
		if err := j.Append(ctx, intent); err != nil {
			return err
		}
		fmt.Println("begin", n, i)
		outcome := Happened(Card(n, step), "a"+step, noon)
		outcome.Event.To = step
		if err := j.Append(ctx, outcome); err != nil {
			return err
		}
		fmt.Println("done", n, i)
	}
	return nil
}

func idOf(n int) spec.CardID {
	c := Card(n, "")
	return c.ID()
}

// acknowledged is what the children said is durable.
type acknowledged struct {
	serial      uint64
	begun, done [crashCards]int
}

// take reads what a child said. A last line may be half written.
func (a *acknowledged) take(lines []string) error {
	for i, line := range lines {
		var n, change int
		switch word, rest, _ := strings.Cut(line, " "); word {
		case "commit":
			serial, err := strconv.ParseUint(rest, 10, 64)
			if err != nil {
				return fmt.Errorf("line %d: %w", i, err)
			}
			a.serial = max(a.serial, serial)
		case "begin", "done":
			if _, err := fmt.Sscan(rest, &n, &change); err != nil {
				return fmt.Errorf("line %d: %w", i, err)
			}
			a.begun[n] = max(a.begun[n], change)
			if word == "done" {
				a.done[n] = max(a.done[n], change)
			}
		default:
			return fmt.Errorf("the child said %q", line)
		}
	}
	return nil
}

// check compares the state with what was acknowledged. A step may be durable
// and its acknowledgement lost with the process, so the state may be a step ahead.
func (a *acknowledged) check(t *testing.T, s *state.Snapshot, when string) {
	t.Helper()
	require.GreaterOrEqual(t, s.Serial, a.serial, "%s: a commit is lost", when)
	for n := range crashCards {
		card := s.Card(idOf(n).ICCID)
		if card == nil {
			require.Zero(t, a.begun[n], "%s: card %d is lost", when, n)
			continue
		}
		done, _ := strconv.Atoi(card.Last.Status) // "" for a card whose first change is in doubt
		require.GreaterOrEqual(t, done, a.done[n], "%s: an outcome of card %d is lost", when, n)
		if a.begun[n] > done {
			require.Contains(t, doubted(card), strconv.Itoa(a.begun[n]), "%s: an intent of card %d is lost", when, n)
		}
	}
}

// checkEvents holds that the history has each change that the state has, once, in
// its order, and of the others only that they are in doubt.
func checkEvents(t *testing.T, b state.Backend, s *state.Snapshot, when string) {
	t.Helper()
	var done [crashCards]int
	require.NoError(t, chronicler(t, b).Events(t.Context(), state.EventQuery{}, func(e *state.Entry) error {
		if e.Event == nil || e.Event.Outcome != "done" {
			return nil
		}
		for n := range crashCards {
			if e.Event.ICCID == idOf(n).ICCID {
				done[n]++
				require.Equal(t, strconv.Itoa(done[n]), e.Event.To, "%s: an event of card %d is lost, or there twice", when, n)
			}
		}
		return nil
	}))
	for n := range crashCards {
		status := ""
		if card := s.Card(idOf(n).ICCID); card != nil {
			status = card.Last.Status
		}
		want, _ := strconv.Atoi(status) // "" for a card whose first change is in doubt
		require.Equal(t, want, done[n], "%s: card %d", when, n)
	}
}

func doubted(c *state.Card) []string {
	var to []string
	for _, d := range c.Doubts {
		to = append(to, d.To)
	}
	return to
}
