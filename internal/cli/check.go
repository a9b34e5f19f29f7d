package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
)

// runCheck says which actions of a saved plan would still run, as a merge queue
// asks before it lets the plan through. It changes nothing, the state included.
func (prog *program) runCheck(ctx context.Context, o planOptions) (err error) {
	err = prog.openRun(o.runOptions, o.check)
	if err != nil {
		return err
	}
	s, err := prog.openConfig(o.inputOptions, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.openState(); err != nil {
		return err
	}
	prior, err := s.store.Backend.Read(ctx)
	if err != nil {
		return err
	}
	p, err := s.loadPlan(o.check, prior, applyOptions{runOptions: o.runOptions}, plan.Approvals{})
	if err != nil {
		return err
	}
	results := apply.Check(ctx, apply.Options{
		Plan: p, Prior: prior, Providers: s.providers, Parallel: o.parallelism, Now: prog.env.Now, Sleep: prog.env.Sleep,
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	running := 0
	for _, r := range results {
		if r.Outcome == apply.Runs {
			running++
		} else {
			prog.out.result("%s\n", resultLine(r))
		}
		prog.out.event("info", "check", resultLine(r), map[string]any{"hook": hook(r.Card, r.Action), "outcome": r.Outcome, "reason": r.Reason})
	}
	prog.out.result("%s\n", prog.out.style.Bold(fmt.Sprintf("%d of %d actions would still run.", running, len(results))))
	if running < len(results) {
		return exit(exitPartial)
	}
	return nil
}
