package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
)

// runCheck says which actions of a saved plan would still run, as a merge queue
// asks before it lets the plan through. It changes nothing, the state included.
func (prog *program) runCheck(ctx context.Context, o planOptions) (err error) {
	if err := prog.openRun(o.runOptions, o.check); err != nil {
		return err
	}
	c, err := prog.openConfig(ctx, o.inputOptions, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	s, err := c.openState()
	if err != nil {
		return err
	}
	prior, absent, err := s.run.Prior(ctx, o.acceptNewState)
	if err != nil {
		return err
	}
	approvals, err := s.approvals(o.approvalOptions, o.check)
	if err != nil {
		return err
	}
	how := o.forRun(approvals)
	how.Absent = absent
	p, err := s.loadPlan(ctx, o.check, run.RowsOf(prior), how)
	if err != nil {
		return err
	}
	results, err := s.run.Check(ctx, p, o.parallelism)
	if err != nil {
		return err
	}
	s.sayApprovals(p.Plan)
	s.sayLimits(p.Plan.Head())
	return exit(prog.checked(p, results))
}

// checked says what would become of each action, and returns the exit code.
func (prog *program) checked(p *run.Planned, results []apply.Result) int {
	running, asWanted := 0, 0
	for _, r := range results {
		switch {
		case r.Outcome == apply.Runs:
			running++
		case r.AsWanted:
			asWanted++
		}
		unapproved := r.Outcome == apply.NotStarted && r.Action.Guarded && !r.Action.Approved // which sayApprovals has said
		if r.Outcome != apply.Runs && !unapproved {
			prog.out.result("%s\n", resultLine(r))
		}
		prog.out.event("info", "check", resultLine(r), map[string]any{"hook": hook(r.Card, r.Action), "outcome": string(r.Outcome), "reason": r.Reason})
	}
	refused := p.Carried == nil && !run.AsWanted(results) && p.Allowed(run.Lenience{}) != nil
	line := fmt.Sprintf("%d of %d actions would still run.", running, len(results))
	if refused {
		line = noneRuns(p, running, len(results))
	}
	switch {
	case run.AsWanted(results):
		line += " " + wantedWords(p, len(results))
	case asWanted > 0:
		line += fmt.Sprintf(" As wanted by now: %d.", asWanted)
	}
	prog.out.result("%s\n", prog.out.style.Bold(line))
	if refused {
		return exitPartial
	}
	return codeOfCheck(p, results)
}

// noneRuns says of a plan that apply refuses that none of its actions would run, and
// how many could without those that lack an approval.
func noneRuns(p *run.Planned, could, of int) string {
	line := fmt.Sprintf("0 of %d actions would still run: apply refuses the plan as it is.", of)
	if could > 0 && p.Allowed(run.Lenience{Unapproved: true}) == nil {
		line += fmt.Sprintf(" With -skip-unapproved it would carry out %d.", could)
	}
	return line
}

// codeOfCheck is what apply would exit with, as far as its actions alone say.
func codeOfCheck(p *run.Planned, results []apply.Result) int {
	if p.Carried != nil || run.AsWanted(results) {
		return exitOK
	}
	for _, r := range results {
		if r.Outcome != apply.Runs && r.Outcome != apply.Done {
			return exitPartial
		}
	}
	return exitOK
}

// sayLimits says which limits, checks and unread carriers would stop the apply,
// for the actions that would still run.
func (s *session) sayLimits(p *plan.Plan) {
	if len(p.Incomplete) > 0 {
		s.out.diagnostics(spec.Diagnostics{{
			Severity: spec.Warning, Summary: "The plan is incomplete",
			Detail: fmt.Sprintf("Apply would refuse the plan, since %s could not be read at all when it was made. To go on without it, add -skip-unread to apply.", unread(p)),
		}})
	}
	for _, l := range p.Limits {
		s.out.diagnostics(spec.Diagnostics{{
			Severity: spec.Warning, Summary: "A policy limit is passed", Detail: "Apply would refuse the plan. " + strings.Join(render.LimitText(l), " "),
		}})
	}
	s.sayChecks(p.Checks)
}

// sayApprovals says which guarded actions of a plan have their approvals, and
// what the others lack.
func (s *session) sayApprovals(from plan.Source) {
	p := from.Head()
	n := p.Summary()
	if n.Guarded == 0 {
		return
	}
	have := "have what they need"
	if n.Guarded == 1 {
		have = "has what it needs"
	}
	line := fmt.Sprintf("Approvals: %d of %s %s.", n.Approved, counted(n.Guarded, "guarded action"), have)
	if lacking := lackingApproval(from, 20); len(lacking) > 0 {
		line += "\n" + strings.Join(lacking, "\n")
	}
	s.out.result("%s\n", line)
	s.out.event("info", "approvals", line, map[string]any{"approvals": map[string]any{"guarded": n.Guarded, "approved": n.Approved, "required": p.Policy.Required()}})
}

// sayChecks warns of checks that fail, where no plan says so.
func (prog *program) sayChecks(checks []spec.Check) {
	for i := range checks {
		if checks[i].Status == spec.CheckFails {
			prog.out.diagnostics(spec.Diagnostics{{Severity: spec.Warning, Summary: "A check fails", Detail: spec.Capital(render.CheckText(&checks[i]))}})
		}
	}
}
