package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/fatih/color"
	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
	"github.com/cardfleet/cardfleet/spec/safe"
)

type testOptions struct {
	viewOptions
	inputOptions
	filters []string
	junit   string
}

func (prog *program) testCommand() *cli.Command {
	o := &testOptions{}
	return &cli.Command{
		Name:  "test",
		Usage: "try the configuration on simulated carriers, as *.fleettest.hcl say",
		Description: `Carries out the run blocks of the files *.fleettest.hcl, here and in the folder tests: each plans or
applies against simulated carriers, and its assert blocks say what must come of it. Every provider
is simulated, whatever its endpoint: no call leaves this machine, and no credential is needed. Each
file begins with a state and a world of its own, and the fleet's own state is left alone. The exit
code is 0 where every run passes, else 1.`,
		UsageText: `cardfleet test
cardfleet test -filter=tests/stops.fleettest.hcl
cardfleet test -junit-xml=tests.xml`,
		Flags: slices.Concat([]cli.Flag{
			&cli.StringSliceFlag{Name: "filter", Usage: "only the test file `FILE`; may be repeated", Destination: &o.filters},
			&cli.StringFlag{Name: "junit-xml", Usage: "write what became of each run to `FILE` too, as JUnit XML", Destination: &o.junit},
		}, o.inputOptions.flags(), o.viewOptions.flags()),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := noArguments(cmd); err != nil {
				return err
			}
			return prog.runTest(ctx, *o)
		},
	}
}

// testStatus is what became of a run, or of a file.
type testStatus string

const (
	testPass  testStatus = "pass"
	testFail  testStatus = "fail"  // an assertion doesn't hold, or a check fails
	testError testStatus = "error" // it could not be carried out
	testSkip  testStatus = "skip"  // an earlier one of the file had an error
)

// testedRun is a run block, and what became of it.
type testedRun struct {
	name   string
	status testStatus
	found  spec.Diagnostics
	took   time.Duration
}

// testedFile is a test file, and what became of its runs.
type testedFile struct {
	name  string
	began time.Time
	runs  []testedRun
}

// status is the worst that became of a run.
func (f *testedFile) status() testStatus {
	worst := testPass
	for i := range f.runs {
		switch s := f.runs[i].status; {
		case s == testError:
			return testError
		case s == testFail:
			worst = testFail
		}
	}
	return worst
}

func (prog *program) runTest(ctx context.Context, o testOptions) error {
	prog.open(o.viewOptions)
	if o.junit != "" {
		if err := canReplace(within(prog.dir(), o.junit)); err != nil {
			return fmt.Errorf("write the JUnit file: %w; nothing was run", err)
		}
	}
	tests, err := prog.loadTests(o.filters)
	if err != nil {
		return err
	}
	files := make([]testedFile, 0, len(tests))
	for _, t := range tests {
		f, err := prog.testFile(ctx, o.inputOptions, t)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	return prog.tested(files, o.junit)
}

// loadTests reads the test files before anything is run, so that every mistake in
// one of them is told at once.
func (prog *program) loadTests(filters []string) ([]*config.Test, error) {
	names, err := prog.testNames(filters)
	if err != nil {
		return nil, err
	}
	var tests []*config.Test
	var found spec.Diagnostics
	for _, name := range names {
		t, diags := config.LoadTest(prog.dir(), name)
		tests, found = append(tests, t), append(found, diags...)
	}
	if found.HasErrors() {
		return nil, mistakes(found)
	}
	prog.out.diagnostics(found)
	return tests, nil
}

// testNames are the test files that there are, or of these the filters.
func (prog *program) testNames(filters []string) ([]string, error) {
	names, err := config.TestFiles(prog.dir())
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, refuse("No test files", "There is no file *.fleettest.hcl, neither in %s nor in its folder tests. docs/testing.md says what one holds.", safe.Text(prog.dir()))
	}
	var kept []string
	for _, filter := range filters {
		name := path.Clean(strings.ReplaceAll(filter, "\\", "/"))
		if !slices.Contains(names, name) {
			return nil, refuse("Unknown test file", "There is no test file %s.%s There are: %s.", safe.Text(filter), didYouMean(name, names, ""), strings.Join(names, ", "))
		}
		kept = append(kept, name)
	}
	if len(filters) > 0 {
		names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(kept, name) })
	}
	return names, nil
}

// testFile carries out the runs of a file, one after the other.
func (prog *program) testFile(ctx context.Context, in inputOptions, t *config.Test) (f testedFile, err error) {
	bed, err := prog.newTestbed()
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, bed.close()) }()
	f = testedFile{name: t.Name, began: prog.env.Now()}
	prog.out.result("%s... in progress\n", safe.Text(t.Name))
	for _, r := range t.Runs {
		one := testedRun{name: r.Name, status: testSkip}
		if f.status() != testError {
			if one, err = prog.testRun(ctx, in, bed, r); err != nil {
				return f, err
			}
		}
		f.runs = append(f.runs, one)
		prog.tellTestRun(&f, &one)
	}
	prog.out.result("%s... %s\n", safe.Text(t.Name), prog.testWord(f.status()))
	prog.out.event("info", "test_file", fmt.Sprintf("%s... %s", t.Name, f.status()), map[string]any{
		"test_file": map[string]any{"path": t.Name, "status": f.status()},
	})
	return f, nil
}

// testRun carries out one run. The error is an interrupt.
func (prog *program) testRun(ctx context.Context, in inputOptions, bed *testbed, r *config.TestRun) (testedRun, error) {
	began := prog.env.Now()
	found, err := bed.run(ctx, in, r)
	prog.out.hide(bed.program.out.hidden)
	one := testedRun{name: r.Name, status: testPass, found: found, took: prog.env.Now().Sub(began)}
	switch {
	case ctx.Err() != nil:
		return one, ctx.Err()
	case err != nil:
		one.status, one.found = testError, endingOf(err, false).diags
	case found.HasErrors():
		one.status = testFail
	}
	for i := range one.found {
		if d := &one.found[i]; d.Subject == nil {
			d.Subject = &r.At // of what has no place the run's will do
		}
	}
	return one, nil
}

func (prog *program) tellTestRun(f *testedFile, one *testedRun) {
	prog.out.result("  run %q... %s\n", safe.Text(one.name), prog.testWord(one.status))
	prog.out.event("info", "test_run", fmt.Sprintf("  run %q... %s", one.name, one.status), map[string]any{
		"test_run": map[string]any{"path": f.name, "run": one.name, "status": one.status},
	})
	prog.out.diagnostics(one.found)
}

// testWord is a status in its colour.
func (prog *program) testWord(s testStatus) string {
	hue := map[testStatus]color.Attribute{testPass: color.FgGreen, testFail: color.FgRed, testError: color.FgRed, testSkip: color.Faint}[s]
	return prog.out.style.Paint(prog.out.style.Lang.Word(string(s)), hue)
}

// tested ends a command: the counts of all runs, the JUnit file, and the exit code.
func (prog *program) tested(files []testedFile, junit string) error {
	counts := map[testStatus]int{}
	for i := range files {
		for _, r := range files[i].runs {
			counts[r.status]++
		}
	}
	passed := counts[testFail]+counts[testError] == 0
	line := fmt.Sprintf("%d passed, %d failed", counts[testPass], counts[testFail]+counts[testError])
	if n := counts[testSkip]; n > 0 {
		line += fmt.Sprintf(", %d skipped", n)
	}
	head := "Success!"
	if !passed {
		head = "Failure!"
	}
	prog.out.result("\n%s %s.\n", prog.out.style.Bold(head), line)
	prog.out.event("info", "test_summary", head+" "+line+".", map[string]any{"test_summary": map[string]any{
		"passed": counts[testPass], "failed": counts[testFail], "errored": counts[testError], "skipped": counts[testSkip],
	}})
	if junit != "" {
		err := replaceFile(within(prog.dir(), junit), func(w io.Writer) error { return writeJUnit(w, files, prog.out.redact) })
		if err != nil {
			return fmt.Errorf("write the JUnit file: %w", err)
		}
	}
	if !passed {
		return exit(exitFailed)
	}
	return nil
}
