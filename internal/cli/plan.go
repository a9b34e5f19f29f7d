package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
)

type planOptions struct {
	runOptions
	approvalOptions
	out              string
	detailedExitCode bool
	check            string
}

func (prog *program) planCommand() *cli.Command {
	o := &planOptions{}
	return &cli.Command{
		Name:  "plan",
		Usage: "read live state and print what would change; calls nothing that changes a card",
		UsageText: `cardfleet plan
cardfleet plan -out=fleet.fleetplan -detailed-exitcode`,
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "save the plan to `FILE`, for apply", Destination: &o.out},
			&cli.StringFlag{Name: "check", Usage: "say which actions of the saved plan in `PLANFILE` would still run; exit with 5 where one wouldn't", Destination: &o.check},
			&cli.BoolFlag{Name: "detailed-exitcode", Usage: "exit with 0 for no difference, 2 for changes or cards that need attention", Destination: &o.detailedExitCode},
		}, o.approvalOptions.flags(), o.runOptions.flags()),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := noArguments(cmd); err != nil {
				return err
			}
			if o.check != "" && (o.out != "" || o.detailedExitCode) {
				return refuse("Options don't go together", "plan -check makes no plan: leave out -out and -detailed-exitcode.")
			}
			if o.check != "" {
				if err := o.refuseForSaved(); err != nil {
					return err
				}
				return prog.runCheck(ctx, *o)
			}
			return prog.runPlan(ctx, *o)
		},
	}
}

// preparePlan opens the output and the report to be retried, and refuses files
// before anything is read or called.
func (prog *program) preparePlan(o *planOptions) error {
	if err := prog.openRun(o.runOptions, o.out); err != nil {
		return err
	}
	if err := o.openRetry(prog.dir()); err != nil {
		return err
	}
	if o.out == "" {
		return nil
	}
	if err := canReplace(within(prog.dir(), o.out)); err != nil {
		return fmt.Errorf("save the plan: %w; nothing was read or called", err)
	}
	return nil
}

func (prog *program) runPlan(ctx context.Context, o planOptions) (err error) {
	if err := prog.preparePlan(&o); err != nil {
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
	prior, absent, err := s.run.PriorRows(ctx, o.acceptNewState, o.retry.file != "")
	if err != nil {
		return err
	}
	if err := s.checkRetry(o.retry, prior.Head); err != nil {
		return err
	}
	approvals, err := s.approvals(o.approvalOptions, o.out)
	if err != nil {
		return err
	}
	if err := o.refreshOptions.check(); err != nil {
		return err
	}
	how := o.forRun(approvals)
	how.Absent = absent
	if o.out != "" {
		how.Variables = s.givenVariables
	}
	how.Readings = s.config.HasOutputs()
	p, err := s.run.Draft(ctx, prior, how)
	if err != nil {
		return err
	}
	return s.planned(ctx, p, o)
}

// planned shows a plan, and saves it where that is wanted.
func (s *session) planned(ctx context.Context, p *run.Drafted, o planOptions) error {
	outputs, err := s.outputs(spec.Live{Cards: p.Live.Cards, Numbers: p.Live.Numbers})
	if err != nil {
		return err
	}
	if err := s.shownAndSaved(p.Plan, o.out); err != nil {
		return err
	}
	if err := s.sayAtWorkers(ctx, p.Plan); err != nil {
		return err
	}
	if o.out != "" {
		s.sayNext(o, p.Plan.Head())
	}
	if outputs != "" {
		s.out.result("\n%s", outputs)
	}
	if err := errors.Join(s.tellDrift(ctx, p.Plan), s.tellApprovals(ctx, p.Plan, o.out)); err != nil {
		return err
	}
	made := p.Plan.Head()
	switch {
	case len(made.Incomplete) > 0:
		return exit(exitFailed)
	case o.detailedExitCode && !made.Clean():
		return exit(exitChanges)
	}
	return nil
}

// shownAndSaved shows a plan, which is in the file out by then; "" for none. A
// plan that can't be saved is shown all the same.
func (s *session) shownAndSaved(p plan.Source, out string) error {
	look := render.LookAt(p) // at the cards as they are saved: each is compared once for both
	var unsaved error
	if out != "" {
		unsaved = s.savePlan(within(s.dir(), out), look)
	}
	if err := s.out.plan(look); err != nil {
		return err
	}
	return unsaved
}

// savePlan writes the plan file, whole or not at all.
func (s *session) savePlan(path string, p plan.Source) error {
	sealer, err := s.keysOf()
	if err != nil {
		return err
	}
	if err := replaceFile(path, func(w io.Writer) error { return run.WritePlan(w, p, sealer) }); err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	return nil
}

// plan shows a plan.
func (o *output) plan(p *render.Look) error {
	if o.lines() {
		if err := o.planEvents(p); err != nil {
			return err
		}
	}
	if o.json {
		return nil
	}
	var b strings.Builder
	if err := p.Text(&b, o.style); err != nil { // a strings.Builder takes everything
		return err
	}
	o.write(o.env.Out, b.String())
	return nil
}

func (o *output) planEvents(from plan.Source) error {
	p := from.Head()
	if p.FirstRun != "" {
		o.event("info", "first_run", render.FirstRunText(p.FirstRun), map[string]any{"first_run": p.FirstRun})
	}
	if weaker := p.Policy.Weaker; len(weaker) > 0 {
		o.event("warn", "policy", "The policy is weaker than at the last apply: "+strings.Join(weaker, "; "), map[string]any{"policy": map[string]any{"weaker": weaker}})
	}
	for _, text := range p.DefinitionTexts() {
		o.event("warn", "definition", spec.Capital(text)+".", map[string]any{"definition": text})
	}
	for i := range p.Checks {
		if c := &p.Checks[i]; c.Status != spec.CheckPasses {
			o.event("warn", "check_status", spec.Capital(render.CheckText(c)), map[string]any{"check_status": c})
		}
	}
	err := from.Each(func(_ int, c *plan.Card) error {
		o.cardEvents(c)
		return nil
	})
	if err != nil {
		return err
	}
	for i := range p.Numbers {
		n := &p.Numbers[i]
		for _, note := range n.Attention {
			o.event("warn", "attention", n.Address+": "+note.Summary, map[string]any{"attention": map[string]any{
				"address": n.Address, "provider": n.Provider, "summary": note.Summary, "detail": note.Detail,
			}})
		}
	}
	summary := map[string]any{"changes": render.Counts{Operation: "plan", Summary: p.Summary()}}
	if p.Money != nil {
		summary["money"] = render.MoneyOf(p.Money)
	}
	if len(p.Windows) > 0 {
		summary["windows"] = render.TimingsOf(p.Windows)
	}
	o.event("info", "change_summary", render.LastLine(p), summary)
	return nil
}

func (o *output) cardEvents(c *plan.Card) {
	if len(c.Actions) > 0 {
		kinds := make([]string, 0, len(c.Actions))
		for _, a := range c.Actions {
			kinds = append(kinds, string(a.Kind))
		}
		o.event("info", "planned_change", c.Address+": plan to "+strings.Join(kinds, ", "), map[string]any{"change": render.CardOf(c)})
	}
	if len(c.Drift) > 0 {
		o.event("info", "drift", c.Address+": changed outside", map[string]any{"drift": map[string]any{
			"address": c.Address, "iccid": c.ICCID, "provider": c.Provider, "changes": render.CardOf(c).Drift,
		}})
	}
	for _, n := range c.Attention {
		o.event("warn", "attention", c.Address+": "+n.Summary, map[string]any{"attention": map[string]any{
			"address": c.Address, "iccid": c.ICCID, "provider": c.Provider, "summary": n.Summary, "detail": n.Detail,
		}})
	}
}

// outputs evaluates the output blocks. With -json it tells them; else it
// returns them as text, "" for none.
func (c *configuration) outputs(l spec.Live) (string, error) {
	if !c.config.HasOutputs() {
		return "", nil // a plan of a million cards doesn't index what was read for nobody
	}
	outputs, diags := c.config.Outputs(l)
	if diags.HasErrors() {
		return "", mistakes(diags)
	}
	c.out.diagnostics(diags)
	if len(outputs) == 0 {
		return "", nil
	}
	values := map[string]any{}
	var b strings.Builder
	b.WriteString(c.out.style.Bold("Outputs:") + "\n\n")
	for _, v := range outputs {
		values[v.Name] = outputJSON(v)
		fmt.Fprintf(&b, "%s = %s\n", v.Name, outputText(v))
	}
	c.out.event("info", "outputs", fmt.Sprintf("Outputs: %d", len(outputs)), map[string]any{"outputs": values})
	return b.String(), nil
}

func outputJSON(v spec.Output) map[string]any {
	if v.Sensitive {
		return map[string]any{"sensitive": true}
	}
	return map[string]any{"sensitive": false, "value": json.RawMessage(v.Value)}
}

func outputText(v spec.Output) string {
	switch {
	case v.Sensitive:
		return "(sensitive value)"
	case len(v.Value) == 0:
		return "null"
	default:
		return string(v.Value)
	}
}
