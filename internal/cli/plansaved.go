package cli

import (
	"strings"

	"github.com/cardfleet/cardfleet/plan"
)

// ofAnotherPlan are the options given that say which plan is made, and so say
// nothing of a plan that is saved already. -refresh=false isn't among them: it
// also says that the outputs after a run ask no carrier.
func (o *runOptions) ofAnotherPlan() []string {
	var names []string
	for _, option := range []struct {
		name  string
		given bool
	}{
		{"-refresh-only", o.refreshOnly},
		{"-target", len(o.targets) > 0},
		{"-exclude", len(o.excludes) > 0},
		{"-select", len(o.labels) > 0},
		{"-retry", o.retry.file != ""},
		{"-refresh=changed", plan.RefreshMode(o.mode) == plan.RefreshChanged},
		{"-max-age", o.maxAge != 0},
		{"-refresh-budget", o.budget != 0},
	} {
		if option.given {
			names = append(names, option.name)
		}
	}
	return names
}

// refuseForSaved refuses options that a saved plan can't be carried out or
// checked with.
func (o *runOptions) refuseForSaved() error {
	names := o.ofAnotherPlan()
	if len(names) == 0 {
		return nil
	}
	them := "it"
	if len(names) > 1 {
		them = "them"
	}
	return refuse("Options don't go together", "A saved plan is carried out as it was saved. Leave out %s, or make another plan with %s: plan %s … -out=FILE.",
		strings.Join(names, ", "), them, names[0])
}
