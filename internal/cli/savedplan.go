package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/internal/workers"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/plan/render"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres"
)

// loadPlan reads a saved plan, and holds it against the variables, the
// configuration, the state, the approvals and the limits of the moment.
func (s *session) loadPlan(ctx context.Context, planFile string, rows *run.Rows, o run.Options) (*run.Planned, error) {
	e := s.fleet.Encryption
	saved, err := readPlan(within(s.dir(), planFile), s.keysOf, e != nil && e.Enforced)
	if err != nil {
		return nil, err
	}
	if diags := s.otherVariables(saved.Plan.Head()); len(diags) > 0 {
		return nil, mistakes(diags)
	}
	o.Elsewhere = s.carriedByWorkers
	p, err := s.run.Judge(ctx, saved, rows, o)
	if err != nil {
		return nil, err
	}
	switch {
	case p.Carried != nil:
		s.out.say("This plan was applied at %s. A plan is carried out once.\n\n", timeText(p.Carried.At))
	case p.Outdated:
		s.out.diagnostics(spec.Diagnostics{{
			Severity: spec.Warning, Summary: "The configuration has changed since the plan was saved",
			Detail: "Of the plan's actions, those are carried out that the configuration still asks for; what else changed since then needs another plan. Approvals and limits are those of the configuration as it is now.",
		}})
	}
	return p, nil
}

// carriedByWorkers is when workers carried a saved plan out, all of it; nil where they
// didn't.
func (s *session) carriedByWorkers(ctx context.Context, digest string) (*state.CarriedOut, error) {
	b, ok := s.run.Backend.(*postgres.Backend)
	if !ok {
		return nil, nil //nolint:nilnil // there are no workers
	}
	runs, err := b.EndedRuns(ctx)
	if err != nil {
		return nil, err
	}
	return workers.CarriedOut(runs, digest)
}

// showJudged shows a plan. Where nothing of a saved one is left to be done, that
// is no fleet without changes: what became of its actions says the summary.
func (s *session) showJudged(p *run.Planned) error {
	if len(p.Settled) == 0 || p.Plan.Head().Changes() {
		return s.out.plan(render.LookAt(p.Plan))
	}
	if s.out.lines() {
		return s.out.planEvents(p.Plan)
	}
	return nil
}

func timeText(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// givenVariables are the variables that -var and -var-file set, as a plan of
// that time keeps them.
func (c *configuration) givenVariables(planned time.Time) []plan.Variable {
	var list []plan.Variable
	for _, v := range c.config.Given() {
		list = append(list, plan.VariableOf(v.Name, v.JSON, v.Sensitive, planned))
	}
	return list
}

// otherVariables are the errors where variables that the plan was given have
// other values now. Values count wherever they come from now.
func (c *configuration) otherVariables(saved *plan.Plan) spec.Diagnostics {
	given := map[string]bool{}
	for _, v := range c.config.Given() {
		given[v.Name] = true
	}
	var diags spec.Diagnostics
	for _, was := range saved.Variables {
		now, declared := c.config.Variable(was.Name)
		if declared && was.Holds(now.JSON, now.Sensitive, saved.Timestamp) {
			continue
		}
		d := spec.Diagnostic{Summary: "Another value than the plan's"}
		switch {
		case !declared:
			d.Summary = "A variable of the plan is missing"
			d.Detail = fmt.Sprintf("The plan was made with -var or -var-file setting %q, and the configuration has no variable of that name by now. Make the plan again.", was.Name)
		case !given[was.Name]:
			d.Summary = "A variable of the plan is missing"
			d.Detail = fmt.Sprintf("The plan was made with -var or -var-file setting var.%s, and here nothing gives it the same value%s. Give it again as for the plan; a plan's own values are never used.", was.Name, valueHint(was, now))
		default:
			d.Detail = fmt.Sprintf("var.%s has another value than the plan was made with%s. Give it the same, or make the plan again.", was.Name, valueHint(was, now))
		}
		diags = append(diags, d)
	}
	return diags
}

// valueHint shows both values, where they may be shown and are short.
func valueHint(was plan.Variable, now config.Variable) string {
	const longest = 80
	if was.Digest != "" || now.Sensitive || len(was.Value)+len(now.JSON) > longest {
		return ""
	}
	return fmt.Sprintf(": %s then, %s now", was.Value, now.JSON)
}

// nextCommand is the command that applies a plan, as it can be typed: in the same
// folder, with the options that apply needs too, as the plan was given them. The
// values of sensitive variables are left to the environment.
func (c *configuration) nextCommand(o planOptions) string {
	words := append([]string{"apply"}, c.variableWords(o.inputOptions)...)
	add := func(name, value string) {
		if value != "" {
			words = append(words, "-"+name+"="+value)
		}
	}
	for _, kind := range spec.LimitKinds() {
		if n, ok := o.accepted[kind]; ok {
			add("accept-count", fmt.Sprintf("%s:%d", kind, n))
		}
	}
	if o.acceptNewState {
		words = append(words, "-accept-new-state")
	}
	add("approvals", o.approvals)
	add("allowed-signers", o.allowedSigners)
	return c.command(append(words, o.out)...)
}

// variableWords are the options that set variables, but for sensitive ones.
func (c *configuration) variableWords(in inputOptions) []string {
	var words []string
	for _, a := range in.assignments {
		switch {
		case a.File != "":
			words = append(words, "-var-file="+a.File)
		case !c.sensitive(a.Name):
			words = append(words, "-var="+a.Name+"="+a.Value)
		}
	}
	return words
}

func (c *configuration) sensitive(variable string) bool {
	v, _ := c.config.Variable(variable)
	return v.Sensitive
}

// sayNext says how to carry out the plan that was saved, and what has to be done before.
func (s *session) sayNext(o planOptions, p *plan.Plan) {
	how := "To carry out exactly this:"
	refuses := slices.ContainsFunc(p.Checks, func(c spec.Check) bool { return c.Refuses() })
	if counted := p.Summary(); refuses || len(p.Limits)+len(p.Incomplete) > 0 || counted.Approved < counted.Guarded {
		how = "apply refuses it as it is, as said above. Once that is settled, this carries out exactly this plan:"
	}
	var withheld []string
	for _, a := range o.assignments {
		if a.File == "" && s.sensitive(a.Name) {
			withheld = append(withheld, "CARDFLEET_VAR_"+a.Name)
		}
	}
	if len(withheld) > 0 {
		how = fmt.Sprintf("First give %s in the environment the value that the plan was given. %s", strings.Join(withheld, ", "), how)
	}
	s.out.say("\nSaved the plan to %s. %s\n  %s\n", o.out, how, s.nextCommand(o))
}

// command is a command of this program, as it can be typed in the same place.
func (prog *program) command(words ...string) string {
	line := "cardfleet"
	if prog.chdir != "" {
		line += " " + shellWord("-chdir="+prog.chdir)
	}
	for _, w := range words {
		line += " " + shellWord(w)
	}
	return line
}

// shellWord is a word as a POSIX shell takes it for one.
func shellWord(w string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_=./:,@%+", r)
	}
	if w != "" && !strings.ContainsFunc(w, func(r rune) bool { return !plain(r) }) {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}

// wantedWords says that nothing of a plan had to be done; "" where something had.
func wantedWords(p *run.Planned, results int) string {
	all := fmt.Sprintf("its %s are as wanted", counted(results, "action"))
	if results == 1 {
		all = "its action is as wanted"
	}
	if p.Carried != nil {
		return fmt.Sprintf("Nothing was to be done: the plan was applied at %s, and %s.", timeText(p.Carried.At), all)
	}
	return "Nothing was to be done: " + all + " by now."
}
