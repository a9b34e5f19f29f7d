package workers

import (
	"slices"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres"
)

// whole reports whether a saved plan is carried out once workers have done what is left
// of it: all else of it is done, or was as wanted.
func (h *HandOver) whole(left remaining) bool {
	here := h.Applied.Report
	return h.Applied.Digest != "" && left.forNobody == 0 && here.Count(apply.Done) == here.Len()
}

// CarriedOut is when runs carried out the saved plan with that digest, all of it; nil
// where they didn't. runs are those that have ended.
func CarriedOut(runs []postgres.WorkRun, digest string) (*state.CarriedOut, error) {
	done := map[string]bool{}
	for i := range runs {
		done[runs[i].ID] = allDone(&runs[i])
	}
	for i := range runs {
		r := &runs[i]
		if !done[r.ID] {
			continue
		}
		info, err := InfoOf(r)
		if err != nil {
			return nil, err
		}
		notDone := func(id string) bool { return !done[id] }
		if info.Whole && info.Plan == digest && !slices.ContainsFunc(info.With, notDone) {
			return &state.CarriedOut{Digest: digest, At: r.Ended, Run: info.Run.Info}, nil
		}
	}
	return nil, nil //nolint:nilnil // no run did
}

// allDone reports whether each action of a run is done.
func allDone(r *postgres.WorkRun) bool {
	return !slices.ContainsFunc(r.Accounts, func(a postgres.WorkAccount) bool { return a.Done != a.Actions })
}
