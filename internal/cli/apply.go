package cli

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec/safe"
)

type applyOptions struct {
	runOptions
	approvalOptions
	handingOptions
	autoApprove    bool
	skipUnapproved bool
	skipUnread     bool
	report         string
}

func (prog *program) applyCommand() *cli.Command {
	o := &applyOptions{}
	return &cli.Command{
		Name:      "apply",
		Usage:     "plan and ask, or carry out what a saved plan has and is still wanted",
		ArgsUsage: "[PLANFILE]",
		Description: `Without PLANFILE, plans, asks, and carries the plan out. With one, carries out just those
of its actions that configuration, policy and state still ask for, without asking. The
others are dropped and reported, as is one whose card has changed since. Variables that
the plan was given with -var and -var-file are given again, with the same values.
An unbind closes a card's account for good, so it runs only with an approval of exactly
that card and device; -auto-approve never stands in for one.`,
		UsageText: `cardfleet apply
cardfleet apply -auto-approve
cardfleet apply fleet.fleetplan
cardfleet apply -approve-unbind=89860617030017300390=861536030196001
cardfleet apply -auto-approve -for=50m
cardfleet apply -report=run.jsonl
cardfleet apply -retry=run.jsonl`,
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "auto-approve", Usage: "don't ask; approves no unbind", Destination: &o.autoApprove},
			&cli.StringSliceFlag{Name: "approve-unbind", Usage: "approve the unbind of a card from just this device: `ICCID=IMEI`; may be repeated", Destination: &o.approveUnbind},
			&cli.StringFlag{Name: "report", Usage: "write what became of each action to `FILE`, for people and for -retry", Destination: &o.report},
			&cli.BoolFlag{Name: "skip-unapproved", Usage: "run the rest, and leave out what lacks an approval", Destination: &o.skipUnapproved},
			&cli.BoolFlag{Name: "skip-unread", Usage: "run an incomplete plan, without the carriers that can't be read", Destination: &o.skipUnread},
		}, o.handingOptions.flags(), o.approvalOptions.flags(), o.runOptions.flags()),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if cmd.Args().Len() > 1 {
				return refuse("Too many arguments", "apply takes one saved plan at most.")
			}
			return prog.runApply(ctx, *o, cmd.Args().First())
		},
	}
}

// runApply is an apply from its options to its message: what ends it before
// the configuration is read is told to nobody else.
func (prog *program) runApply(ctx context.Context, o applyOptions, planFile string) error {
	o.began = prog.env.Now()
	if err := prog.prepareApply(&o, planFile); err != nil {
		return err
	}
	c, err := prog.openConfig(ctx, o.inputOptions, true)
	if err != nil {
		return err
	}
	c.boundApply()
	done, err := c.apply(ctx, o, planFile)
	err = errors.Join(err, c.close())
	c.tellApply(ctx, done, err) // last of all: nobody waits for the lock meanwhile
	return err
}

// prepareApply opens the output and the report to be retried, and refuses
// options and files before anything is read or called.
func (prog *program) prepareApply(o *applyOptions, planFile string) error {
	if err := prog.openRun(o.runOptions, planFile, o.report, o.approvals); err != nil {
		return err
	}
	if planFile != "" {
		if err := o.refuseForSaved(); err != nil {
			return err
		}
	}
	dir := prog.dir()
	if err := o.openRetry(dir); err != nil {
		return err
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
	return prog.mayAsk(*o, planFile)
}

// mayAsk makes sure that there is somebody to ask where that is needed.
func (prog *program) mayAsk(o applyOptions, planFile string) error {
	if planFile != "" || o.autoApprove || (prog.env.InTTY && !o.json) {
		return nil
	}
	return refuse("Nobody to ask", "apply asks before it changes anything, and there is no terminal to ask on. Give it a saved plan, or -auto-approve.")
}

// apply is the walk of an apply: state, lock, plan, approvals and limits, the
// question, the run, the commit. It returns what was carried out; nil where
// nothing was.
func (c *configuration) apply(ctx context.Context, o applyOptions, planFile string) (done *run.Applied, err error) {
	approvals, err := c.approvals(o.approvalOptions, planFile)
	if err != nil {
		return nil, err
	}
	if len(o.approveUnbind) > 0 && c.fleet.Policy.AllowedSigners != "" {
		return nil, refuse("Unsigned approval", "-approve-unbind is an unsigned approval, and the policy names allowed_signers, so only signed ones count.")
	}
	if err := c.checkHanding(o.handingOptions); err != nil {
		return nil, err
	}
	s, err := c.openState()
	if err != nil {
		return nil, err
	}
	h, err := s.beginHanding(ctx)
	if err != nil {
		return nil, err
	}
	defer h.close()
	done, err = s.locked(ctx, h, o, planFile, approvals)
	if err != nil || h == nil || done == nil {
		return done, err
	}
	return s.handedOver(ctx, h, done, o, planFile, approvals)
}

// locked is what an apply does while it holds the state's lock.
func (s *session) locked(ctx context.Context, h *handing, o applyOptions, planFile string, approvals plan.Approvals) (done *run.Applied, err error) {
	until := s.lastStart(o.handingOptions)
	ctx, unlock, err := s.lock(ctx, s.lockWithin(o.runOptions, until))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(run.OrLeaseLost(ctx, err), unlock()) }()
	if err := h.lookWhoGoesOn(ctx); err != nil {
		return nil, err
	}
	p, err := s.planToApply(ctx, o, planFile, approvals, until)
	if err != nil {
		return nil, err
	}
	waited, err := h.waitForCalls(ctx, s, p, o)
	if err == nil && waited { // and what these calls did isn't in the plan
		p, err = s.planToApply(ctx, o, planFile, approvals, until)
	}
	if err != nil {
		return nil, err
	}
	if err := h.judge(ctx, s, p, o); err != nil {
		return nil, err
	}
	if more, err := h.hasNews(s, p); err != nil || !more {
		return nil, err
	}
	if err := s.consent(ctx, p, o, planFile); err != nil {
		return nil, err
	}
	return s.carryOut(ctx, h, p, o)
}

// planToApply makes the plan, or loads the one that was saved, under the lock. until is
// when an apply starts nothing more; zero is no such time.
func (s *session) planToApply(ctx context.Context, o applyOptions, planFile string, approvals plan.Approvals, until time.Time) (*run.Planned, error) {
	rows, absent, err := s.run.RowsToApply(ctx, o.acceptNewState, o.retry.file != "", s.config.HasOutputs())
	if err != nil {
		return nil, err
	}
	if err := s.checkRetry(o.retry, rows.Head); err != nil {
		return nil, err
	}
	how := o.forRun(approvals)
	how.Absent = absent
	p, err := s.planWithin(ctx, rows, o, planFile, how, until)
	if err != nil {
		return nil, err
	}
	p.Until = until
	return p, nil
}

// planWithin reads and plans until an apply's time is over. The rows are read again
// after that, so they were opened without such an end.
func (s *session) planWithin(ctx context.Context, rows *run.Rows, o applyOptions, planFile string, how run.Options, until time.Time) (*run.Planned, error) {
	if planFile != "" {
		return s.loadPlan(ctx, planFile, rows, how)
	}
	if err := o.refreshOptions.check(); err != nil {
		return nil, err
	}
	within, over := s.run.Within(ctx, until)
	defer over()
	p, err := s.run.PlanToApply(within, rows, how, o.autoApprove)
	return p, outOfTime(within, err)
}

func orNone(s string) string {
	if s == "" {
		return "none yet"
	}
	return safe.Text(s)
}

// consent shows the plan, refuses what isn't allowed, and asks where somebody
// wants to be asked.
func (s *session) consent(ctx context.Context, p *run.Planned, o applyOptions, planFile string) error {
	if err := s.showJudged(p); err != nil {
		return err
	}
	if err := p.Allowed(run.Lenience{Unread: o.skipUnread, Unapproved: o.skipUnapproved}); err != nil {
		return err
	}
	made := p.Plan.Head()
	something := made.Changes() || made.RefreshOnly && !made.Clean() || len(made.Policy.Weaker)+len(made.DefinitionTexts()) > 0
	if planFile != "" || !something || o.autoApprove {
		return nil
	}
	return s.ask(ctx)
}

// ask asks whether the plan is to be carried out.
func (s *session) ask(ctx context.Context) error {
	return askWhether(ctx, s.env, s.out, "Do you want to carry this out?", refuse("Apply cancelled", "Nothing was changed."))
}

// askWhether asks on the terminal; only yes is yes, and anything else is the error
// otherwise. An interrupt ends the waiting for an answer.
func askWhether(ctx context.Context, env *Env, out *output, question string, otherwise error) error {
	out.say("\n%s\n  Only 'yes' will be accepted to approve.\n\n  Enter a value: ", question)
	line, err := env.answer(ctx)
	switch {
	case err != nil:
		return err
	case line != "yes":
		return otherwise
	}
	out.say("\n")
	return nil
}

// carryOut runs the plan, and says what became of each action.
func (s *session) carryOut(ctx context.Context, h *handing, p *run.Planned, o applyOptions) (*run.Applied, error) {
	done, err := s.applyOrHandOver(ctx, h, p, o)
	if done == nil || err == nil && h.followed() {
		return done, err // what workers have of it is told by [session.follow]
	}
	if unread := s.summary(done); unread != nil {
		err = errors.Join(err, unread)
	}
	s.sayUnnoted(done.Unnoted)
	s.report(o.report, o.inputOptions, done, 0)
	if err != nil {
		return done, &failure{exitPartial, err}
	}
	if err := s.outputsAfter(ctx, done, o); err != nil {
		return done, err
	}
	return done, exit(codeOf(ctx, done.Report))
}

// applyOrHandOver carries the plan out here, or as much of it as workers don't.
func (s *session) applyOrHandOver(ctx context.Context, h *handing, p *run.Planned, o applyOptions) (*run.Applied, error) {
	if h == nil {
		return s.run.Apply(ctx, p, o.parallelism)
	}
	return s.handOver(ctx, h, p, o)
}

// outputsAfter shows the outputs, if any, with what is live after the run.
func (s *session) outputsAfter(ctx context.Context, done *run.Applied, o applyOptions) error {
	if !s.config.HasOutputs() {
		return nil // and nobody needs a reading of every card, nor of the privacy numbers
	}
	outputs, err := s.outputs(s.run.LiveAfter(ctx, done, o.forRun(plan.Approvals{})))
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
	case r.AsWanted():
		return exitOK
	case r.Count(apply.Failed)+r.Count(apply.Dropped)+r.Count(apply.InDoubt) > 0:
		return exitPartial
	default:
		return exitOK
	}
}
