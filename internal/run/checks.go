package run

import (
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
)

// readings reports whether what is known of the cards is wanted beside a plan.
func (s *Session) readings(o Options) bool { return o.Readings || s.ChecksRead }

// judgeChecks has the plan say which checks hold, by what was read for it.
func (s *Session) judgeChecks(p *plan.Plan, live *Live) error {
	if s.Checks == nil {
		return nil
	}
	checks, diags := s.Checks(spec.Live{Cards: live.Cards, Numbers: live.Numbers})
	if diags.HasErrors() {
		return &MistakesError{diags}
	}
	s.Watcher.Warn(diags)
	p.Checks = checks
	return nil
}

// judgeSavedChecks is judgeChecks for a saved plan, for which nothing is read: what
// the configuration alone decides is judged anew, and of the rest counts what was
// found when the plan was made. Which checks there are, and which of them refuse,
// says the configuration as it is now.
func (s *Session) judgeSavedChecks(p *plan.Plan, saved []spec.Check) error {
	if err := s.judgeChecks(p, &Live{}); err != nil {
		return err
	}
	found := make(map[string]*spec.Check, len(saved))
	for i := range saved {
		found[saved[i].Name] = &saved[i]
	}
	for i := range p.Checks {
		c := &p.Checks[i]
		if was := found[c.Name]; was != nil && c.Status == spec.CheckUnknown {
			c.Status, c.Message = was.Status, was.Message
		}
	}
	return nil
}
