package run

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Judge holds a saved plan against the configuration, the policy, the state and
// the approvals of the moment: see [plan.Keep]. What isn't carried out of it is
// in Settled. A plan that was made from another fleet's state gives a
// [*Refusal]; mistakes in the configuration, which no plan is made with, give a
// [*MistakesError]. Plan and state are read card by card where that can be done, and
// whole where not.
func (s *Session) Judge(ctx context.Context, saved *Saved, rows *Rows, o Options) (*Planned, error) {
	head := saved.Plan.Head()
	if lineage := head.Lineage; lineage != "" && lineage != rows.Head.Lineage {
		return nil, &Refusal{Reason: PlanOfOtherState, Given: Identity{Lineage: lineage}, Found: identityOf(rows.Head)}
	}
	if name, same := head.SameDefinitions(s.Fleet); !same {
		return nil, &Refusal{Reason: PlanOfOtherDefinition, Name: name}
	}
	before, err := carriedBefore(ctx, rows.Head, saved.Digest, o)
	if err != nil {
		return nil, err
	}
	p := &Planned{
		Digest: saved.Digest, Approvals: o.Approvals, Outdated: head.Config != s.Fleet.Digest, Carried: before,
		absent: o.Absent, news: apply.News{Wanted: s.Fleet.Cards, Capabilities: s.Capabilities},
	}
	diags, err := s.hold(ctx, p, saved.Plan, rows, o)
	if err != nil {
		return nil, err
	}
	s.Watcher.Warn(diags)
	if err := s.judgeSavedChecks(p.Plan.Head(), head.Checks); err != nil {
		return nil, err
	}
	return p, nil
}

// hold holds a saved plan against the present, card by card where that can be done.
func (s *Session) hold(ctx context.Context, p *Planned, saved plan.Source, rows *Rows, o Options) (spec.Diagnostics, error) {
	f, stored := saved.(*plan.File)
	if stored {
		diags, err := s.keepFile(ctx, p, f, rows, o)
		if !errors.Is(err, plan.ErrHeldWhole) {
			return diags, err
		}
	}
	whole, held := saved.(*plan.Plan)
	if !held {
		var err error
		if whole, err = f.Whole(); err != nil {
			return nil, err
		}
	}
	return s.keepWhole(ctx, p, whole, rows, o)
}

// keepFile is [plan.KeepFile] in a session.
func (s *Session) keepFile(ctx context.Context, p *Planned, f *plan.File, rows *Rows, o Options) (spec.Diagnostics, error) {
	in := s.ofNow(rows.Head, o)
	in.Rows = rows.Each
	kept, diags, err := plan.KeepFile(f, in)
	if errors.Is(err, state.ErrTangled) {
		if err := s.whole(ctx, rows); err != nil {
			return nil, err
		}
		in.Prior, in.Rows = rows.whole, nil
		kept, diags, err = plan.KeepFile(f, in)
	}
	switch {
	case err != nil:
		return nil, err
	case kept == nil:
		return nil, &MistakesError{diags}
	}
	p.Plan, p.remembered = kept, kept.Remembered
	p.heldAgainst(rows)
	p.memory = p.told(func(place int, _ *plan.Card) *state.Card {
		_, memory := kept.Before(place)
		return memory
	})
	if err := p.settle(kept.Left); err != nil {
		return nil, err
	}
	if len(p.Settled) > 0 {
		p.order = kept.Order()
	}
	return diags, nil
}

// keepWhole is [plan.Keep] in a session.
func (s *Session) keepWhole(ctx context.Context, p *Planned, saved *plan.Plan, rows *Rows, o Options) (spec.Diagnostics, error) {
	if err := s.whole(ctx, rows); err != nil {
		return nil, err
	}
	kept, diags := plan.Keep(saved, s.ofNow(rows.whole, o))
	if kept == nil {
		return nil, &MistakesError{diags}
	}
	p.Plan, p.order = kept.Plan, orderOf(saved)
	p.Prior, p.rows, p.remembered = rows.whole, rows, rows.whole.Card
	p.memory = p.told(apply.MemoryIn(rows.whole, rows.whole.Settlement()))
	return diags, p.settle(kept.Left)
}

// ofNow is what a saved plan is held against.
func (s *Session) ofNow(prior *state.Snapshot, o Options) plan.Input {
	return plan.Input{
		Fleet: s.Fleet, Prior: prior, Capabilities: s.Capabilities, Paces: s.Paces, Accounts: s.Accounts,
		Approvals: o.Approvals, Accepted: o.Accepted, FirstRun: o.Absent.looked(), Lost: o.Absent.lost(), Now: s.Env.Now().UTC(), Version: s.Env.Version,
	}
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

// carriedBefore is when the plan was carried out, by the state's runs or elsewhere; nil
// where it wasn't.
func carriedBefore(ctx context.Context, prior *state.Snapshot, digest string, o Options) (*state.CarriedOut, error) {
	if c := carried(prior, digest); c != nil || digest == "" || o.Elsewhere == nil {
		return c, nil
	}
	return o.Elsewhere(ctx, digest)
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
func (p *Planned) settle(left []plan.Left) error {
	for _, l := range left {
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
		return nil
	}
	kept := p.Plan
	p.Plan = plan.Idle(kept)
	return kept.Each(func(_ int, visited *plan.Card) error {
		if len(visited.Actions) == 0 {
			return nil
		}
		c := visited.Clone()
		for j := range c.Actions {
			p.Settled = append(p.Settled, apply.Result{
				Card: &c, Action: &c.Actions[j], Outcome: apply.NotStarted,
				Reason: "the plan is carried out once, and this is not as wanted by now; make another plan",
			})
		}
		return nil
	})
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
