package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

type applyOptions struct {
	runOptions
	approvalOptions
	autoApprove    bool
	skipUnapproved bool
	skipUnread     bool
	report         string
}

func (prog *program) applyCommand() *cli.Command {
	o := &applyOptions{}
	return &cli.Command{
		Name:      "apply",
		Usage:     "plan and ask, or carry out a saved plan exactly",
		ArgsUsage: "[PLANFILE]",
		Description: `Without PLANFILE, plans, asks, and carries the plan out. With one, carries out just its
actions, without asking: one whose card has changed since is dropped and reported.
An unbind closes a card's account for good, so it runs only with an approval of exactly
that card and device; -auto-approve never stands in for one.`,
		UsageText: `cardfleet apply
cardfleet apply -auto-approve
cardfleet apply fleet.fleetplan
cardfleet apply -approve-unbind=89860617030017300390=861536030196001
cardfleet apply -report=run.jsonl
cardfleet apply -retry=run.jsonl`,
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "auto-approve", Usage: "don't ask; approves no unbind", Destination: &o.autoApprove},
			&cli.StringSliceFlag{Name: "approve-unbind", Usage: "approve the unbind of a card from just this device: `ICCID=IMEI`; may be repeated", Destination: &o.approveUnbind},
			&cli.StringFlag{Name: "report", Usage: "write what became of each action to `FILE`, for people and for -retry", Destination: &o.report},
			&cli.BoolFlag{Name: "skip-unapproved", Usage: "run the rest, and leave out what lacks an approval", Destination: &o.skipUnapproved},
			&cli.BoolFlag{Name: "skip-unread", Usage: "run an incomplete plan, without the carriers that can't be read", Destination: &o.skipUnread},
		}, o.approvalOptions.flags(), o.runOptions.flags()),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if cmd.Args().Len() > 1 {
				return refuse("Too many arguments", "apply takes one saved plan at most.")
			}
			return prog.runApply(ctx, *o, cmd.Args().First())
		},
	}
}

// runApply is the walk of an apply: configuration, lock, state, plan,
// approvals and limits, the question, the run, the commit.
func (prog *program) runApply(ctx context.Context, o applyOptions, planFile string) (err error) {
	err = prog.openRun(o.runOptions, planFile, o.report, o.approvals)
	if err != nil {
		return err
	}
	dir := prog.dir()
	if err := o.openRetry(dir); err != nil {
		return err
	}
	if o.retry.file != "" && planFile != "" {
		return refuse("Options don't go together", "A saved plan is carried out exactly, and -retry makes a new one. Leave one of them out; plan -retry -out saves a plan of what is to be retried.")
	}
	if o.report != "" {
		if err := notAmong(dir, "-report", o.report, planFile, o.approvals); err != nil {
			return err
		}
		if err := checkReport(within(dir, o.report)); err != nil {
			return err
		}
	}
	if _, err := unbinds(o.approveUnbind); err != nil {
		return err
	}
	if err := prog.mayAsk(o, planFile); err != nil {
		return err
	}
	s, err := prog.openConfig(o.inputOptions, true)
	if err != nil {
		return err
	}
	defer func() { s.tellApply(ctx, err) }() // last of all: nobody waits for the lock meanwhile
	defer func() { err = errors.Join(err, s.close()) }()
	approvals, err := s.approvals(o.approvalOptions, planFile)
	if err != nil {
		return err
	}
	if len(o.approveUnbind) > 0 && s.fleet.Policy.AllowedSigners != "" {
		return refuse("Unsigned approval", "-approve-unbind is an unsigned approval, and the policy names allowed_signers, so only signed ones count.")
	}
	if err := s.openState(); err != nil {
		return err
	}
	if o.lock {
		held, unlock, locked := s.store.Hold(ctx, "apply", o.lockTimeout)
		if locked != nil {
			return locked
		}
		ctx = held
		defer func() { err = errors.Join(run.OrLeaseLost(held, err), unlock()) }()
	}
	return s.apply(ctx, o, planFile, approvals)
}

// mayAsk makes sure that there is somebody to ask where that is needed.
func (prog *program) mayAsk(o applyOptions, planFile string) error {
	if planFile != "" || o.autoApprove || (prog.env.InTTY && !o.json) {
		return nil
	}
	return refuse("Nobody to ask", "apply asks before it changes anything, and there is no terminal to ask on. Give it a saved plan, or -auto-approve.")
}

func iccids(args []string) ([]spec.ICCID, error) {
	var out []spec.ICCID
	for _, a := range args {
		iccid, err := iccidArgument(a)
		if err != nil {
			return nil, err
		}
		out = append(out, iccid)
	}
	return out, nil
}

// apply plans or loads a plan, and carries it out; with the lock held.
func (s *session) apply(ctx context.Context, o applyOptions, planFile string, approvals plan.Approvals) error {
	prior, err := s.store.Backend.Read(ctx)
	if err != nil {
		return err
	}
	if err := s.checkRetry(o.retry, prior); err != nil {
		return err
	}
	var p *plan.Plan
	var refreshed state.Edits
	if planFile != "" {
		p, err = s.loadPlan(planFile, prior, o, approvals)
	} else {
		p, refreshed, err = s.freshPlan(ctx, prior, o, approvals)
	}
	if err != nil {
		return err
	}
	s.out.plan(p)
	if err := allowed(p, o); err != nil {
		return err
	}
	if planFile == "" && (p.Changes() || p.RefreshOnly && !p.Clean()) && !o.autoApprove {
		if err := s.ask(); err != nil {
			return err
		}
	}
	return s.carryOut(ctx, p, prior, refreshed, o)
}

// freshPlan reads what is live and plans. What was read is an edit of the
// state, which the run starts from.
func (s *session) freshPlan(ctx context.Context, prior *state.Snapshot, o applyOptions, approvals plan.Approvals) (*plan.Plan, state.Edits, error) {
	p, l, err := s.makePlan(ctx, prior, o.runOptions, approvals)
	if ctx.Err() != nil {
		err = errors.Join(err, s.keep(ctx, prior, l, o))
	}
	if err != nil {
		return nil, state.Edits{}, err
	}
	return p, apply.Refresh(prior, s.fleet, l.fresh(), s.caps), nil
}

// loadPlan reads a saved plan, and judges it by the state, the approvals and
// the limits of the moment.
func (s *session) loadPlan(planFile string, prior *state.Snapshot, o applyOptions, approvals plan.Approvals) (*plan.Plan, error) {
	path := within(s.dir(), planFile)
	if err := s.encryptedPlan(path); err != nil {
		return nil, err
	}
	p, digest, err := readPlan(path, s.keysOf)
	if err != nil {
		return nil, err
	}
	s.digest = digest
	if p.Lineage != "" && p.Lineage != prior.Lineage {
		return nil, refuse("Plan of another state", "The plan was made from a state of lineage %s, but this state's lineage is %s: it belongs to another fleet, or the state was made anew. Make the plan again.",
			p.Lineage, orNone(prior.Lineage))
	}
	if p.Config != s.fleet.Digest {
		s.out.diagnostics(spec.Diagnostics{{
			Severity: spec.Warning, Summary: "The configuration has changed since the plan was saved",
			Detail: "The plan's actions are carried out as they were reviewed; what changed since then needs another plan. Approvals and limits are those of the configuration as it is now.",
		}})
	}
	plan.Guard(p, s.fleet, prior, approvals, s.env.Now().UTC())
	p.Limits = plan.CheckLimits(p, s.fleet.Policy, o.accepted)
	return p, nil
}

func orNone(s string) string {
	if s == "" {
		return "none yet"
	}
	return s
}

// allowed checks approvals and limits: all of it, before any call that changes
// a card.
func allowed(p *plan.Plan, o applyOptions) error {
	var diags spec.Diagnostics
	if len(p.Incomplete) > 0 && !o.skipUnread {
		names := make([]string, 0, len(p.Incomplete))
		for _, inc := range p.Incomplete {
			names = append(names, string(inc.Provider))
		}
		return refuse("The plan is incomplete", "Nothing was changed, since %s could not be read at all. Once it answers, run apply again; to go on without it, add -skip-unread.", strings.Join(names, ", "))
	}
	for _, l := range p.Limits {
		text := render.LimitText(l)
		diags = append(diags, spec.Diagnostic{Summary: "A policy limit is passed", Detail: "Nothing was changed. " + strings.Join(text, " ")})
	}
	if missing := p.Unapproved(); len(missing) > 0 && !o.skipUnapproved {
		diags = append(diags, unapproved(p))
	}
	if len(diags) > 0 {
		return &mistaken{exitRefused, diags}
	}
	return nil
}

// unapproved says which actions lack an approval, and why.
func unapproved(p *plan.Plan) spec.Diagnostic {
	const shown = 20
	remedy := "Add the approval blocks that the plan shows."
	if unbinds := p.Summary().ByKind[spec.Unbind]; unbinds.Approved < unbinds.Guarded {
		remedy = "Add the approval blocks that the plan shows, or -approve-unbind=ICCID=IMEI for each unbind."
	}
	if p.Policy.SignersOnly {
		remedy = "Only signed approvals count here: cardfleet approve PLANFILE signs a saved plan."
	}
	lines := lackingApproval(p, shown)
	return spec.Diagnostic{
		Summary: "Approvals are missing",
		Detail: "Nothing was changed. These actions need a person's approval of exactly this card and device:\n" + strings.Join(lines, "\n") +
			"\n" + remedy + " -skip-unapproved runs the rest without them. -auto-approve never stands in for an approval.",
	}
}

// lackingApproval lists the guarded actions that lack an approval, with the
// reason, up to so many; the others are counted.
func lackingApproval(p *plan.Plan, limit int) []string {
	var lines []string
	n := 0
	for i := range p.Cards {
		c := &p.Cards[i]
		for _, a := range c.Actions {
			if !a.Guarded || a.Approved {
				continue
			}
			if n++; n <= limit {
				lines = append(lines, fmt.Sprintf("  %s: %s: %s", cardOf(c), a.Change, a.Denial))
			}
		}
	}
	if n > limit {
		lines = append(lines, fmt.Sprintf("  … and %d more", n-limit))
	}
	return lines
}

// cardOf names a card: its address, and its ICCID where that isn't in it.
func cardOf(c *plan.Card) string {
	if strings.Contains(c.Address, string(c.ICCID)) {
		return c.Address
	}
	return c.Address + " (" + string(c.ICCID) + ")"
}

// ask asks on the terminal; only yes is yes.
func (s *session) ask() error {
	s.out.say("\nDo you want to carry this out?\n  Only 'yes' will be accepted to approve.\n\n  Enter a value: ")
	line, err := bufio.NewReader(s.env.In).ReadString('\n')
	if err != nil && line == "" || strings.TrimSpace(line) != "yes" {
		return refuse("Apply cancelled", "Nothing was changed.")
	}
	s.out.say("\n")
	return nil
}

// carryOut runs the plan, commits the state and says what became of each action.
func (s *session) carryOut(ctx context.Context, p *plan.Plan, prior *state.Snapshot, refreshed state.Edits, o applyOptions) error {
	durable := context.WithoutCancel(ctx)
	started := s.env.Now()
	journal, err := s.store.Backend.Journal(durable)
	if err != nil {
		return err
	}
	report := s.run(ctx, p, prior, refreshed, journal, o)
	s.ran = report
	serial := prior.Serial // that the run started from
	commit := s.store.Backend.Commit(durable, prior, report.Edits)
	err = errors.Join(report.Broken, journal.Close())
	if commit != nil {
		err = errors.Join(err, fmt.Errorf("the state could not be saved; its journal holds what was done, and the next run takes that over: %w", commit))
	}
	s.summary(report, err == nil)
	s.report(o.report, runEnding{plan: p, started: started, lineage: prior.Lineage, serial: serial, interrupted: ctx.Err() != nil}, report)
	if err != nil {
		return &failure{exitPartial, err}
	}
	if err := s.outputsAfter(ctx, prior, o); err != nil {
		return err
	}
	return exit(codeOf(ctx, report))
}

// outputsAfter shows the outputs, if any, with what is live after the run.
func (s *session) outputsAfter(ctx context.Context, snap *state.Snapshot, o applyOptions) error {
	if !s.config.HasOutputs() {
		return nil // and nobody needs a reading of every card, nor of the privacy numbers
	}
	outputs, err := s.outputs(s.liveAfter(ctx, snap, o))
	if err != nil {
		return err
	}
	if outputs != "" {
		s.out.result("\n%s", outputs)
	}
	return nil
}

// codeOf is a finished run's exit code.
func codeOf(ctx context.Context, r *apply.Report) int {
	switch {
	case ctx.Err() != nil:
		return exitInterrupted
	case r.Count(apply.Failed)+r.Count(apply.Dropped)+r.Count(apply.InDoubt) > 0:
		return exitPartial
	default:
		return exitOK
	}
}

func (s *session) run(ctx context.Context, p *plan.Plan, prior *state.Snapshot, refreshed state.Edits, journal state.Journal, o applyOptions) *apply.Report {
	progress := s.out.progress("apply", "changing")
	bars := map[spec.ProviderName]*carrierProgress{}
	totals := map[spec.ProviderName]int{}
	for i := range p.Cards {
		for _, a := range p.Cards[i].Actions {
			if a.Kind.CallsCarrier() {
				totals[p.Cards[i].Provider]++
			}
		}
	}
	for i := range s.fleet.Providers {
		if name := s.fleet.Providers[i].Name; totals[name] > 0 {
			bars[name] = progress.carrier(string(name), totals[name])
		}
	}
	defer progress.end()
	return apply.Run(ctx, apply.Options{
		Plan: p, Prior: prior, Refreshed: refreshed, Providers: s.providers, Journal: journal, Parallel: o.parallelism,
		Now: s.env.Now, Sleep: s.env.Sleep,
		OnStart: s.started,
		OnFinish: func(r apply.Result) {
			if bar := bars[r.Card.Provider]; bar != nil && r.Action.Kind.CallsCarrier() {
				bar.add()
			}
			s.finished(r)
		},
	})
}

func hook(c *plan.Card, a *plan.Action) map[string]any {
	return map[string]any{"address": c.Address, "iccid": c.ICCID, "provider": c.Provider, "action": a.Kind, "id": a.ID}
}

func (s *session) started(c *plan.Card, a *plan.Action) {
	if !s.out.lines() {
		return
	}
	h := hook(c, a)
	h["elapsed_seconds"], h["request_id"] = 0.0, ""
	s.out.event("info", "apply_start", fmt.Sprintf("%s: %s starts", c.Address, a.Kind), map[string]any{"hook": h})
}

// finished tells of one action: at once where lines can be written, and with
// the summary where bars are shown.
func (s *session) finished(r apply.Result) {
	if !s.out.live {
		s.out.result("%s\n", resultLine(r))
	}
	if !s.out.lines() {
		return
	}
	h := hook(r.Card, r.Action)
	h["elapsed_seconds"], h["request_id"], h["outcome"] = r.Elapsed.Seconds(), r.RequestID, r.Outcome
	level, kind := "info", "apply_complete"
	if r.Outcome != apply.Done {
		level, kind = "error", "apply_errored"
		h["reason"] = r.Reason
	}
	s.out.event(level, kind, resultLine(r), map[string]any{"hook": h})
}

// resultLine is what became of an action:
// "card.x: change-bind 8615… -> 8615…: done (request 8906…)".
func resultLine(r apply.Result) string {
	line := fmt.Sprintf("%s: %s: %s", cardOf(r.Card), r.Action.Change, r.Outcome)
	if r.Reason != "" {
		line += ": " + r.Reason
	}
	if r.RequestID != "" && !strings.Contains(line, r.RequestID) {
		line += " (request " + r.RequestID + ")"
	}
	return line
}

// summary ends a run: what wasn't done, one by one, and the counts of all. A
// run is complete when all is done, and the state has it.
func (s *session) summary(r *apply.Report, committed bool) {
	counts := map[string]any{"operation": "apply"}
	parts := make([]string, 0, 5)
	for _, o := range apply.Outcomes() {
		n := r.Count(o)
		counts[o.Word()] = n
		parts = append(parts, fmt.Sprintf("%d %s", n, o))
	}
	for _, kind := range spec.Kinds() {
		counts[kind.Field()] = doneOf(r, kind)
	}
	line := "Apply complete! " + strings.Join(parts, ", ") + "."
	if r.Count(apply.Done) < len(r.Results) || !committed {
		line = "Apply incomplete: " + strings.Join(parts, ", ") + "."
	}
	s.out.event("info", "change_summary", line, map[string]any{"changes": counts})
	if s.out.live {
		for _, result := range r.Results {
			s.out.result("%s\n", resultLine(result))
		}
	}
	if r.Count(apply.InDoubt) > 0 {
		s.out.result("\nWhat is in doubt may have been done or not. The next plan looks again, and says how to settle it.\n")
	}
	s.out.result("\n%s\n", s.out.style.Bold(line))
}

func doneOf(r *apply.Report, kind spec.Kind) int {
	n := 0
	for i := range r.Results {
		if r.Results[i].Action.Kind == kind && r.Results[i].Outcome == apply.Done {
			n++
		}
	}
	return n
}

// liveAfter is what the state remembers of readings, changes made included,
// and the privacy numbers, which are read now where the plan didn't.
func (s *session) liveAfter(ctx context.Context, snap *state.Snapshot, o applyOptions) spec.Live {
	if s.numbers == nil && o.asks() && ctx.Err() == nil {
		s.numbers = s.readNumbers(ctx)
	}
	l := spec.Live{Cards: make([]spec.Reading, 0, len(snap.Cards)), Numbers: s.numbers}
	for i := range snap.Cards {
		l.Cards = append(l.Cards, snap.Cards[i].Reading())
	}
	return l
}
