package workers

import (
	"context"
	"slices"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres"
)

// UnderWay is why an action is left whose call is under way: a worker goes on with it.
const UnderWay = "under way"

// Lately are the runs with what workers recorded of the slices that they have begun. A
// slice itself says what became of it when it ends.
func Lately(ctx context.Context, work *postgres.Work, history state.Chronicler, runs []postgres.WorkRun) ([]postgres.WorkRun, error) {
	var going []int64
	for i := range runs {
		if runs[i].Ended.IsZero() {
			going = append(going, runs[i].Number)
		}
	}
	if len(going) == 0 || history == nil {
		return runs, nil
	}
	now, begun, err := work.Begun(ctx, going)
	if err != nil {
		return nil, err
	}
	for i := range begun {
		at := slices.IndexFunc(now, func(r postgres.WorkRun) bool { return r.Number == begun[i].Number })
		if at < 0 {
			continue
		}
		if err := countBegun(ctx, history, &now[at], &begun[i]); err != nil {
			return nil, err
		}
	}
	all := slices.Clone(runs)
	for i := range all {
		if at := slices.IndexFunc(now, func(r postgres.WorkRun) bool { return r.Number == all[i].Number }); at >= 0 {
			all[i] = now[at]
		}
	}
	return all, nil
}

// countBegun counts what was recorded of a slice that was begun.
func countBegun(ctx context.Context, history state.Chronicler, r *postgres.WorkRun, s *postgres.WorkSlice) error {
	recorded, cards, err := recordedIn(ctx, history, r, s)
	if err != nil {
		return err
	}
	var n postgres.WorkCounts
	for _, c := range cards {
		for i := range c.Actions {
			if e := recorded[Named(c.ICCID, c.Actions[i].Change)]; e != nil {
				count(&n, resultFrom(c, &c.Actions[i], e).Outcome)
			}
		}
	}
	for i := range r.Accounts {
		if a := &r.Accounts[i]; a.Account == s.Account {
			a.Done, a.Failed, a.Dropped, a.InDoubt = a.Done+n.Done, a.Failed+n.Failed, a.Dropped+n.Dropped, a.InDoubt+n.InDoubt
			a.Left -= n.Done + n.Failed + n.Dropped + n.InDoubt
		}
	}
	return nil
}

// recordedIn are the outcomes that were recorded of a slice's cards, by card and change.
func recordedIn(ctx context.Context, history state.Chronicler, r *postgres.WorkRun, s *postgres.WorkSlice) (map[string]*state.Event, []*card, error) {
	cards, err := decodeCards(s.Cards)
	if err != nil || !s.Begun || history == nil {
		return nil, cards, err
	}
	info, err := InfoOf(r)
	if err != nil {
		return nil, nil, err
	}
	recorded, err := recordedOf(ctx, history, info.Run.ID, iccidsOf(cards))
	return recorded, cards, err
}
