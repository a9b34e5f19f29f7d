package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
)

// runCheck says which actions of a saved plan would still run, as a merge queue
// asks before it lets the plan through. It changes nothing, the state included.
func (prog *program) runCheck(ctx context.Context, o planOptions) (err error) {
	if err := prog.openRun(o.runOptions, o.check); err != nil {
		return err
	}
	c, err := prog.openConfig(o.inputOptions, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	s, err := c.openState()
	if err != nil {
		return err
	}
	prior, err := s.run.Read(ctx, s.fleet)
	if err != nil {
		return err
	}
	approvals, err := s.approvals(o.approvalOptions, o.check)
	if err != nil {
		return err
	}
	p, err := s.loadPlan(o.check, prior, o.forRun(approvals))
	if err != nil {
		return err
	}
	results, err := s.run.Check(ctx, p, o.parallelism)
	if err != nil {
		return err
	}
	s.sayApprovals(p.Plan)
	return exit(prog.checked(results))
}

// checked says what would become of each action, and returns the exit code.
func (prog *program) checked(results []apply.Result) int {
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
		return exitPartial
	}
	return exitOK
}

// sayApprovals says which guarded actions of a plan have their approvals, and
// what the others lack. That alone is no reason for an exit code: apply says so
// before its first call.
func (s *session) sayApprovals(p *plan.Plan) {
	n := p.Summary()
	if n.Guarded == 0 {
		return
	}
	have := "have what they need"
	if n.Guarded == 1 {
		have = "has what it needs"
	}
	line := fmt.Sprintf("Approvals: %d of %s %s.", n.Approved, counted(n.Guarded, "guarded action"), have)
	if lacking := lackingApproval(p, 20); len(lacking) > 0 {
		line += "\n" + strings.Join(lacking, "\n")
	}
	s.out.result("%s\n", line)
	s.out.event("info", "approvals", line, map[string]any{"approvals": map[string]any{"guarded": n.Guarded, "approved": n.Approved, "required": p.Policy.Required()}})
}
