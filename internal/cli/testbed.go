package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
	"github.com/cardfleet/cardfleet/spec/file"
	"github.com/cardfleet/cardfleet/state/local"
)

// testbed is where the runs of one test file go: a folder of their own with a state
// and a simulated world, and a clock that moves only when somebody waits.
type testbed struct {
	program *program // that reads the configuration, and shows nothing
	dir     string

	mu  sync.Mutex
	now time.Time
}

// newTestbed makes the folder, which close removes.
func (prog *program) newTestbed() (bed *testbed, err error) {
	bed = &testbed{now: prog.env.Now()}
	if bed.dir, err = os.MkdirTemp("", "cardfleet-test-"); err != nil {
		return nil, fmt.Errorf("make a folder for the test's state: %w", err)
	}
	env := *prog.env
	env.Out, env.Err, env.Now, env.Sleep = io.Discard, io.Discard, bed.clock, bed.sleep
	bed.program = &program{env: &env, chdir: prog.dir(), seen: prog.seen, bed: bed}
	bed.program.open(viewOptions{})
	return bed, nil
}

func (bed *testbed) close() error {
	bed.program.loads.Wait() // one that was given up may still read
	return os.RemoveAll(bed.dir)
}

func (bed *testbed) clock() time.Time {
	bed.mu.Lock()
	defer bed.mu.Unlock()
	return bed.now
}

// sleep waits in the testbed's time: no test waits for a carrier's rate or latency.
func (bed *testbed) sleep(ctx context.Context, d time.Duration) error {
	bed.mu.Lock()
	defer bed.mu.Unlock()
	bed.now = bed.now.Add(d)
	return ctx.Err()
}

// take has a fleet keep its state in the testbed, and has each provider answered by
// its simulated carrier. Nobody is told of its runs, and no worker takes them.
func (bed *testbed) take(fleet *spec.Fleet) {
	for i := range fleet.Providers {
		settings := maps.Clone(fleet.Providers[i].Settings)
		if settings == nil {
			settings = map[string]any{}
		}
		settings["endpoint"] = carriersim.Simulator
		fleet.Providers[i].Settings = settings
	}
	fleet.Backend = spec.Backend{Type: "local", Settings: map[string]any{"path": filepath.Join(bed.dir, "fleet.state")}}
	fleet.Encryption, fleet.Notify, fleet.Executor = nil, nil, nil
}

// betweenRuns is how long after a run the next one begins: long enough for what a
// carrier shows late, and for its pauses between two changes of a card.
const betweenRuns = time.Hour

// begin has a run begin with the world that it names, if any.
func (bed *testbed) begin(r *config.TestRun) error {
	_ = bed.sleep(context.Background(), betweenRuns) // that context never ends
	text := r.World
	if r.WorldFile != "" {
		var err error
		if text, err = file.Read(within(bed.program.dir(), r.WorldFile)); err != nil {
			return invalidWorld(r, err)
		}
	}
	if text == nil {
		return nil
	}
	path := local.Path(bed.dir, spec.Backend{}) + ".simulator.json"
	for _, old := range []string{path, path + ".log"} {
		if err := os.Remove(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("replace the simulated world: %w", err)
		}
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("replace the simulated world: %w", err)
	}
	if _, err := carriersim.Load(path); err != nil {
		return invalidWorld(r, err)
	}
	return nil
}

func invalidWorld(r *config.TestRun, err error) error {
	return mistakes(spec.Diagnostics{{
		Summary: "Invalid world", Subject: r.WorldAt, Detail: spec.Sentence(err) + " docs/simulator.md has what a world may say.",
	}})
}

// testOutcome is what a run of a test did.
type testOutcome struct {
	planned []byte // the plan, as show -json writes it
	checks  []spec.Check
	live    spec.Live
}

// run does what a run block says, and returns what it found that it must not. The
// error is of what kept it from looking.
func (bed *testbed) run(ctx context.Context, in inputOptions, r *config.TestRun) (found spec.Diagnostics, err error) {
	if err := bed.begin(r); err != nil {
		return nil, err
	}
	in.assignments = append(in.inOrder(), config.Assignment{Run: r})
	c, _, err := bed.program.openQuietly(ctx, in, true) // validate tells the warnings
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	s, err := c.openState()
	if err != nil {
		return nil, err
	}
	s.run.Places = placeFile(bed.dir)
	did, err := s.tested(ctx, r)
	if err != nil {
		return nil, err
	}
	return c.config.Judge(r, did.planned, did.checks, did.live)
}

// tested plans, and applies where the run says so.
func (s *session) tested(ctx context.Context, r *config.TestRun) (*testOutcome, error) {
	approvals, err := s.approvals(approvalOptions{}, "")
	if err != nil {
		return nil, err
	}
	o := runOptions{refreshOptions: refreshOptions{mode: "true"}}
	how := o.forRun(approvals)
	how.Readings = true
	if r.Apply {
		return s.testedApply(ctx, r, how)
	}
	return s.testedPlan(ctx, how)
}

// testedPlan is a plan. One that can't be made whole is an error.
func (s *session) testedPlan(ctx context.Context, how run.Options) (*testOutcome, error) {
	rows, absent, err := s.run.PriorRows(ctx, false, true)
	if err != nil {
		return nil, err
	}
	how.Absent = absent
	p, err := s.run.Draft(ctx, rows, how)
	if err != nil {
		return nil, err
	}
	did, err := outcomeOf(p.Plan)
	if err != nil {
		return nil, err
	}
	did.live = spec.Live{Cards: p.Live.Cards, Numbers: p.Live.Numbers}
	return did, nil
}

// outcomeOf is what a plan says of itself.
func outcomeOf(p plan.Source) (*testOutcome, error) {
	if left := p.Head().Incomplete; len(left) > 0 {
		return nil, refuse("The plan is incomplete", "%s could not be read at all: %s.", left[0].Provider, left[0].Reason)
	}
	var text bytes.Buffer
	if err := render.JSON(&text, p, ""); err != nil {
		return nil, err
	}
	return &testOutcome{planned: text.Bytes(), checks: p.Head().Checks}, nil
}

// testedApply is an apply that nobody is asked about.
func (s *session) testedApply(ctx context.Context, r *config.TestRun, how run.Options) (did *testOutcome, err error) {
	ctx, unlock, err := s.lock(ctx, runOptions{lock: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	rows, absent, err := s.run.RowsToApply(ctx, false, true, true)
	if err != nil {
		return nil, err
	}
	how.Absent = absent
	p, err := s.run.PlanToApply(ctx, rows, how, true)
	if err != nil {
		return nil, err
	}
	if did, err = outcomeOf(p.Plan); err != nil {
		return nil, err
	}
	err = p.Allowed(run.Lenience{})
	if refusedAsExpected(err, r) {
		return s.testedPlan(ctx, how) // which also has what was read
	}
	if err != nil {
		return nil, err
	}
	return did, s.carryOutTested(ctx, p, how, did)
}

// refusedAsExpected reports whether nothing keeps a plan from being carried out but
// checks that are expected to fail.
func refusedAsExpected(err error, r *config.TestRun) bool {
	var refused *run.Refusal
	if !errors.As(err, &refused) || refused.Reason != run.NotAllowed || refused.Unapproved || len(refused.Plan.Head().Limits) > 0 {
		return false
	}
	for _, c := range refused.Plan.Head().Checks {
		if c.Refuses() && !r.Expects(c.Name) {
			return false
		}
	}
	return true
}

// carryOutTested carries a plan out, and judges the checks by what is live then.
func (s *session) carryOutTested(ctx context.Context, p *run.Planned, how run.Options, did *testOutcome) error {
	done, err := s.run.Apply(ctx, p, 0)
	if err != nil {
		return err
	}
	if exit := codeOf(ctx, done.Report); exit != exitOK {
		return undoneError(done)
	}
	did.live = s.run.LiveAfter(ctx, done, how)
	checks, diags := s.config.Checks(did.live)
	if diags.HasErrors() {
		return mistakes(diags)
	}
	did.checks = checks
	return nil
}

// mostUndone is how many actions are told one by one that an apply didn't get done.
const mostUndone = 10

// undoneError says which actions of an apply were not done.
func undoneError(done *run.Applied) error {
	var lines []string
	left := 0
	err := done.Report.Each(func(r *apply.Result) error {
		if r.Outcome == apply.Done {
			return nil
		}
		if left++; left <= mostUndone {
			lines = append(lines, resultLine(*r))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return refuse("Apply incomplete", "%s not done:\n%s", counted(left, "action"), strings.Join(lines, "\n"))
}
