package cli

import (
	"cmp"
	"context"
	"fmt"

	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
)

// handedOver follows what workers have of a plan. Where earlier runs went on while it
// was made, what they changed meanwhile is planned and handed over too.
func (s *session) handedOver(ctx context.Context, h *handing, done *run.Applied, o applyOptions, planFile string, approvals plan.Approvals) (*run.Applied, error) {
	of := o // the rest's options
	of.refreshOptions = refreshOptions{mode: refreshFlag(plan.RefreshNone)}
	if o.report != "" {
		of.report += ".rest"
	}
	again, rest, againErr := s.handAgain(ctx, h, of, planFile != "", approvals)
	var err error
	if h.followed() {
		done, err = s.follow(ctx, h, done, o)
	}
	if rest == nil || !again.followed() {
		return done, cmp.Or(err, againErr)
	}
	rest, restErr := s.follow(ctx, again, rest, of)
	return cmp.Or(done, rest), cmp.Or(err, restErr, againErr)
}

// lookWhoGoesOn notes whether earlier runs go on. No other run is handed over until this
// one is: the state's lock is held.
func (h *handing) lookWhoGoesOn(ctx context.Context) error {
	if h == nil || h.before != nil {
		return nil
	}
	runs, err := h.work.Runs(ctx, false)
	h.crossed = len(runs) > 0
	return err
}

// handAgain plans once more, from the state, after earlier runs went on while the plan
// was made. What they carried out after their cards were read isn't in it; and what they
// had begun when the new plan superseded it still comes to its end. Of a part of the fleet
// nothing is said of other cards, so nothing is superseded there.
func (s *session) handAgain(ctx context.Context, h *handing, o applyOptions, saved bool, approvals plan.Approvals) (*handing, *run.Applied, error) {
	if head := h.plan.Head(); !h.crossed || head.Partial != "" || head.RefreshOnly || len(head.Incomplete) > 0 {
		return nil, nil, nil
	}
	if err := h.earlier.LetEnd(ctx, h.work, s.env.Sleep); err != nil {
		return nil, nil, err
	}
	again := &handing{work: h.work, part: h.part, before: h, saved: saved}
	done, err := s.locked(ctx, again, o, "", approvals)
	return again, done, err
}

// hasNews reports whether there is more to hand over than right before, and says so.
// Nothing is added to a saved plan: others have read it.
func (h *handing) hasNews(s *session, p *run.Planned) (bool, error) {
	if h == nil || h.before == nil {
		return true, nil
	}
	var only func(spec.ICCID) bool
	if h.saved {
		only = h.before.earlier.Unwanted
	}
	cards, err := h.earlier.News(p.Plan, h.before.plan, h.part, only)
	switch {
	case err != nil || cards == 0:
		return false, err
	case h.saved:
		return false, &mistaken{exitPartial, spec.Diagnostics{{
			Summary: "Cards changed by an earlier run",
			Detail:  fmt.Sprintf("%s aren't as the configuration wants them: an earlier run had begun to change them when this plan was handed over. Plan again.", spec.Capital(counted(cards, "card"))),
		}}}
	}
	s.out.say("%s changed by earlier runs while this was planned. Planned again, by what workers recorded:\n", spec.Capital(counted(cards, "card")))
	return true, nil
}
