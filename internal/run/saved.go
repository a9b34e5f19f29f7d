package run

import (
	"cmp"
	"slices"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/state"
)

// Judge holds a saved plan against the configuration, the policy, the state and
// the approvals of the moment: see [plan.Keep]. What isn't carried out of it is
// in Settled. A plan that was made from another fleet's state gives a
// [*Refusal]; mistakes in the configuration, which no plan is made with, give a
// [*MistakesError].
// rows have the state whole.
func (s *Session) Judge(saved *Saved, rows *Rows, o Options) (*Planned, error) {
	prior := rows.Head
	if lineage := saved.Plan.Lineage; lineage != "" && lineage != prior.Lineage {
		return nil, &Refusal{Reason: PlanOfOtherState, Given: Identity{Lineage: lineage}, Found: identityOf(prior)}
	}
	if name, same := saved.Plan.SameDefinitions(s.Fleet); !same {
		return nil, &Refusal{Reason: PlanOfOtherDefinition, Name: name}
	}
	kept, diags := plan.Keep(saved.Plan, plan.Input{
		Fleet: s.Fleet, Prior: prior, Capabilities: s.Capabilities, Paces: s.Paces, Accounts: s.Accounts,
		Approvals: o.Approvals, Accepted: o.Accepted, FirstRun: o.Absent.looked(), Lost: o.Absent.lost(), Now: s.Env.Now().UTC(), Version: s.Env.Version,
	})
	if kept == nil {
		return nil, &MistakesError{diags}
	}
	s.Watcher.Warn(diags)
	if err := s.judgeSavedChecks(kept.Plan, saved.Plan.Checks); err != nil {
		return nil, err
	}
	p := &Planned{
		Plan: kept.Plan, Prior: prior, Digest: saved.Digest, Approvals: o.Approvals, Outdated: saved.Plan.Config != s.Fleet.Digest,
		Carried: carried(prior, saved.Digest), order: orderOf(saved.Plan), absent: o.Absent,
		rows: rows, news: apply.News{Wanted: s.Fleet.Cards, Capabilities: s.Capabilities},
	}
	p.memory = p.told(apply.MemoryIn(prior, prior.Settlement()))
	p.settle(kept)
	return p, nil
}

// told is what the state has of a card, with the configuration's word taken over.
func (p *Planned) told(memory func(int, *plan.Card) *state.Card) func(int, *plan.Card) *state.Card {
	var one state.Card
	return func(place int, c *plan.Card) *state.Card {
		before := memory(place, c)
		if before == nil {
			return nil
		}
		wanted, _ := p.news.Of(c.ICCID)
		one = p.news.Take(before, wanted, nil)
		return &one
	}
}

// carried is when the state's runs carried the plan out; nil where they didn't.
func carried(prior *state.Snapshot, digest string) *state.CarriedOut {
	for i := len(prior.Fleet.Plans) - 1; i >= 0; i-- {
		if c := &prior.Fleet.Plans[i]; digest != "" && c.Digest == digest {
			return c
		}
	}
	return nil
}

func orderOf(saved *plan.Plan) map[string]int {
	order := map[string]int{}
	for i := range saved.Cards {
		for _, a := range saved.Cards[i].Actions {
			order[a.ID] = len(order)
		}
	}
	return order
}

// settle takes in what isn't carried out. Of a plan that was carried out before
// that is all of it: what isn't as wanted any more takes a plan that was made
// since.
func (p *Planned) settle(kept *plan.Kept) {
	for _, l := range kept.Left {
		r := apply.Result{Card: l.Card, Action: l.Action, Outcome: apply.Dropped, Reason: "not wanted any more: " + l.Reason}
		switch {
		case l.AsWanted:
			r.Outcome, r.Reason, r.AsWanted = apply.Done, l.Reason, true
		case p.Carried != nil:
			r.Outcome = apply.NotStarted
		}
		p.Settled = append(p.Settled, r)
	}
	if p.Carried == nil {
		return
	}
	for i := range kept.Plan.Cards {
		c := &kept.Plan.Cards[i]
		for j := range c.Actions {
			p.Settled = append(p.Settled, apply.Result{
				Card: c, Action: &c.Actions[j], Outcome: apply.NotStarted,
				Reason: "the plan is carried out once, and this is not as wanted by now; make another plan",
			})
		}
	}
	p.Plan = withoutActions(kept.Plan)
}

// withoutActions is the plan with nothing to do.
func withoutActions(p *plan.Plan) *plan.Plan {
	idle := *p
	idle.Cards, idle.Limits, idle.Costs, idle.Windows, idle.Money = slices.Clone(p.Cards), nil, nil, nil, nil
	for i := range idle.Cards {
		idle.Cards[i].Actions = nil
	}
	return &idle
}

// withSettled adds what a saved plan doesn't carry out to the results, in the
// order of the saved plan.
func (p *Planned) withSettled(results []apply.Result) []apply.Result {
	if len(p.Settled) == 0 {
		return results
	}
	all := slices.Concat(results, p.Settled)
	slices.SortStableFunc(all, func(a, b apply.Result) int { return cmp.Compare(p.order[a.Action.ID], p.order[b.Action.ID]) })
	return all
}

// AsWanted reports whether there are actions, and nothing had to be done for any
// of them.
func AsWanted(results []apply.Result) bool {
	return len(results) > 0 && !slices.ContainsFunc(results, func(r apply.Result) bool { return !r.AsWanted })
}

// carriedBy reports whether it is a saved plan that is carried out by now, all
// of it, and wasn't before.
func (p *Planned) carriedBy(r *apply.Report) bool {
	if p.Digest == "" || p.Carried != nil || r.Broken != nil || p.Handed != nil {
		return false
	}
	return r.Count(apply.Done) == r.Len() || r.AsWanted()
}
