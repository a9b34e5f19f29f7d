package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"time"
)

// options say what to measure.
type options struct {
	sizes []int
	only  *regexp.Regexp // of what is measured: "`validate`, blocks, 1000 cards"
	skip  *regexp.Regexp // of what is left out, likewise
	best  int            // of how many runs
	base  string         // a program to measure beside this one; "" for none
	peers []peer         // Terraform and OpenTofu, where they are measured
	log   io.Writer
}

// enough is how long a run is at which the first is taken for the best.
const enough = 5 * time.Second

// result is one row at one size.
type result struct {
	used
	Calls int
	Rate  int // requests a second that were allowed
	// State, Plan and After are sizes of files in bytes: the state before, the
	// saved plan, and the state after an apply.
	State, Plan, After int64
	// Base is what the other program took; zero where none was measured.
	Base used
}

// results are what was measured: by row and size.
type results struct {
	sizes   []int
	fleets  map[string]map[int]result
	startup map[string]used
	// baseStartup is the same of the other program.
	baseStartup map[string]used
	comparison  comparison
	about       about
}

// session is one measuring under way.
type session struct {
	options
	dir      string // holds the program and the fleets; removed at the end
	program  string
	carriers *carriers
	states   map[string]string // files of states that were made, by kind and size
	results  *results
}

// measure builds the program and measures every row at every size.
func measure(ctx context.Context, o options) (_ *results, err error) {
	dir, err := os.MkdirTemp("", "cardfleet-measure-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a leftover temporary folder is harmless
	s := &session{
		options: o, dir: dir, program: filepath.Join(dir, "cardfleet"), states: map[string]string{},
		results: &results{sizes: o.sizes, fleets: map[string]map[int]result{}, startup: map[string]used{}, baseStartup: map[string]used{}, about: aboutHere(ctx)},
	}
	if err := s.build(ctx); err != nil {
		return nil, err
	}
	if s.carriers, err = serve(); err != nil {
		return nil, err
	}
	defer func() { _ = s.carriers.server.Close() }() // it was only read from
	if err := s.startup(ctx); err != nil {
		return nil, err
	}
	for _, n := range o.sizes {
		if err := s.size(ctx, n); err != nil {
			return nil, err
		}
	}
	if err := s.terraform(ctx); err != nil {
		return nil, err
	}
	return s.results, nil
}

// build builds the program, without the C library: whether a machine has a C compiler
// makes no difference to what is measured.
func (s *session) build(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", s.program, "github.com/cardfleet/cardfleet")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w: %s", err, tail(out))
	}
	return nil
}

// startup measures what a command costs before it has a fleet to work on.
func (s *session) startup(ctx context.Context) error {
	dir, err := s.folder("quickstart")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "main.fleet.hcl"), []byte(quickstart), 0o600); err != nil {
		return err
	}
	for _, c := range []struct {
		name string
		args []string
	}{{startVersion, []string{"version"}}, {startPlan, []string{"plan"}}} {
		best, err := s.bestOf(ctx, 3*s.best, s.program, dir, c.args)
		if err != nil {
			return err
		}
		s.results.startup[c.name] = best
		if s.base != "" {
			if s.results.baseStartup[c.name], err = s.bestOf(ctx, 3*s.best, s.base, dir, c.args); err != nil {
				return err
			}
		}
	}
	return nil
}

// bestOf is the run of several that took the least CPU.
func (s *session) bestOf(ctx context.Context, runs int, program, dir string, args []string) (best used, err error) {
	for i := range runs {
		u, err := runOne(ctx, dir, append([]string{program}, args...)...)
		if err != nil {
			return used{}, err
		}
		if i == 0 || u.CPU < best.CPU {
			best = u
		}
		if u.Wall > enough {
			break
		}
	}
	return best, nil
}

// size measures every row at one size.
func (s *session) size(ctx context.Context, n int) error {
	for _, r := range rows() {
		if !s.measures(r, n) {
			continue
		}
		got, err := s.row(ctx, r, n, s.program)
		if err != nil {
			return fmt.Errorf("%s, %d cards: %w", r.name, n, err)
		}
		if s.base != "" {
			if got.Base, err = s.beside(ctx, r, n, got); err != nil {
				return err
			}
		}
		if s.results.fleets[r.name] == nil {
			s.results.fleets[r.name] = map[int]result{}
		}
		s.results.fleets[r.name][n] = got
		fmt.Fprintf(s.log, "%s, %d cards: %.2f s of CPU, %.2f s, %d MiB, %d calls\n", r.name, n, got.CPU.Seconds(), got.Wall.Seconds(), got.Peak>>20, got.Calls)
	}
	return nil
}

// beside measures a row by the other build. What that can't do yet isn't measured, and
// neither is what it had less to do for than this one.
func (s *session) beside(ctx context.Context, r row, n int, this result) (used, error) {
	other, err := s.row(ctx, r, n, s.base)
	if ctx.Err() != nil {
		return used{}, err
	}
	if err == nil && other.didLess(this) {
		err = errors.New("it made fewer calls, or a smaller plan, and so did something else")
	}
	if err != nil {
		fmt.Fprintf(s.log, "%s, %d cards, isn't measured by %s: %v\n", r.name, n, s.base, err)
		return used{}, nil
	}
	return other.used, nil
}

// didLess reports whether a run can't have done what another did: it made less than
// half of the calls, or its plan, in whichever format, is less than a quarter.
func (r result) didLess(than result) bool {
	return 2*r.Calls < than.Calls || 4*r.Plan < than.Plan
}

// measures reports whether a row is measured at a size.
func (s *session) measures(r row, n int) bool {
	name := fmt.Sprintf("%s, %d cards", r.name, n)
	return (r.most == 0 || n <= r.most) && s.only.MatchString(name) && !s.skip.MatchString(name)
}

// row measures one row at one size, in a folder of its own.
func (s *session) row(ctx context.Context, r row, n int, program string) (result, error) {
	dir, err := s.folder("fleet")
	if err != nil {
		return result{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a leftover temporary folder is harmless
	s.carriers.play(described(r, n))
	if err := s.lay(ctx, program, dir, r, n); err != nil {
		return result{}, err
	}
	debug.FreeOSMemory() // what made the fleet is garbage, and the machine is the program's now
	got := result{State: sizeOf(filepath.Join(dir, stateFile))}
	if r.calls {
		got.Rate = rate(n)
	}
	if got.used, err = s.measured(ctx, program, r, dir); err != nil {
		return result{}, err
	}
	got.Calls = s.carriers.calls()
	got.Plan, got.After = sizeOf(filepath.Join(dir, planFile)), sizeOf(filepath.Join(dir, stateFile))
	return got, nil
}

// lay writes a row's fleet and its state. Another build may know another format
// of the state, so it makes its own, by adopting the cards as they are.
func (s *session) lay(ctx context.Context, program, dir string, r row, n int) error {
	if program == s.program {
		if err := writeFleet(dir, r, n, s.carriers.base); err != nil || r.first {
			return err
		}
		return s.copyState(ctx, dir, r, n)
	}
	if !r.first {
		adopted := r
		adopted.changes, adopted.once = 0, false
		if err := writeFleet(dir, adopted, n, s.carriers.base); err != nil {
			return err
		}
		if _, err := runOne(ctx, dir, append([]string{program}, adopting(r)...)...); err != nil {
			return err
		}
	}
	return writeFleet(dir, r, n, s.carriers.base)
}

// adopting is how a build takes the cards of a row into its state. It has to read
// them where the row changes any: another build may not know otherwise what to change.
func adopting(r row) []string {
	if r.changes > 0 {
		return []string{"apply", "-auto-approve"}
	}
	return []string{"apply", "-refresh=false", "-auto-approve"}
}

// measured runs a row's command by a program.
func (s *session) measured(ctx context.Context, program string, r row, dir string) (used, error) {
	if r.before != nil {
		if err := runBefore(ctx, program, r, dir); err != nil {
			return used{}, err
		}
	}
	runs := s.best
	if r.calls || r.once {
		runs = 1 // a second run would find other cards
	}
	return s.bestOf(ctx, runs, program, dir, r.args)
}

// runBefore runs what a row needs done, and keeps what it prints.
func runBefore(ctx context.Context, program string, r row, dir string) error {
	out, err := os.Create(filepath.Join(dir, printed))
	if err != nil {
		return err
	}
	cmd := interruptible(ctx, program, r.before...)
	cmd.Dir, cmd.Stdout = dir, out
	if err := cmd.Run(); err != nil {
		return errors.Join(fmt.Errorf("%v: %w", r.before, err), out.Close())
	}
	return out.Close()
}

func (s *session) folder(name string) (string, error) { return os.MkdirTemp(s.dir, name+"-") }

// copyState puts the state of the row's fleet into its folder. It is made once
// for all rows that have the same.
func (s *session) copyState(ctx context.Context, dir string, r row, n int) error {
	kind := fmt.Sprintf("%s-%t-%d", r.provider(), r.keyed(), n)
	if s.states[kind] == "" {
		made, err := s.folder(kind)
		if err != nil {
			return err
		}
		path := filepath.Join(made, stateFile)
		if err := writeState(ctx, path, r, n); err != nil {
			return err
		}
		s.states[kind] = path
	}
	data, err := os.ReadFile(s.states[kind])
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, stateFile), data, 0o600)
}

// sizeOf is the size of a file; 0 for none.
func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		if !os.IsNotExist(err) {
			panic(err) // a file that we made
		}
		return 0
	}
	return info.Size()
}
