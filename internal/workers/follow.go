package workers

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres"
)

// followEvery is how often a run is looked at by who follows it.
const followEvery = 500 * time.Millisecond

// lastLook is how long who follows a run no longer looks what is known of it.
const lastLook = 5 * time.Second

// Follow tells what becomes of a run's actions, from the first on, until the run has
// ended, or until nothing of it can go on: it waits for a window, or its accounts are
// stuck. Then it returns the run as it is. A database that is away is waited for. Where
// ctx ends or sleep fails, what is known by then is told too, and that is the error.
func Follow(ctx context.Context, work *postgres.Work, id string, sleep func(context.Context, time.Duration) error, tell func(*Result)) (*postgres.WorkRun, error) {
	last := int64(0)
	var r *postgres.WorkRun
	look := func(ctx context.Context) error {
		now, err := work.Run(ctx, id)
		if err == nil {
			r = now
			last, err = results(ctx, work, r.ID, last, tell)
		}
		return err
	}
	for {
		err := work.Patiently(ctx, func() error { return look(ctx) })
		switch {
		case err != nil && ctx.Err() == nil:
			return nil, err
		case err == nil && over(r):
			return r, nil
		case err == nil:
			err = sleep(ctx, followEvery)
		}
		if err != nil {
			after, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastLook)
			defer cancel()
			_ = look(after) // else what was seen before is the last
			return r, err
		}
	}
}

// Following says to workers that an apply follows its run, and tells of its end itself.
// One that is heard of no more follows no longer.
type Following struct {
	work    *postgres.Work
	run     string
	now     func() time.Time
	renewed time.Time
}

// For how long it counts that a run is followed, and how often that is said.
const (
	followedFor = 45 * time.Second
	renewEvery  = 15 * time.Second
)

// Follows is how a run is followed from now on.
func Follows(work *postgres.Work, run string, now func() time.Time) *Following {
	return &Following{work: work, run: run, now: now}
}

// Renew says that the run is followed, where that wasn't said lately. Where it can't be
// said, a worker tells of the end.
func (f *Following) Renew(ctx context.Context) error {
	now := f.now()
	if now.Sub(f.renewed) < renewEvery {
		return nil
	}
	_, err := f.work.Due(ctx, followedUntil(f.run), now.Add(followedFor))
	if err == nil {
		f.renewed = now
	}
	return err
}

// Leave says that nobody follows the run any more, and reports whether its end is the
// caller's to tell: it has ended, and nobody has told of it. r is the run as it was
// seen last; nil is one that goes on.
func (f *Following) Leave(ctx context.Context, r *postgres.WorkRun) (tell bool, err error) {
	if r == nil || r.Ended.IsZero() {
		_, err := f.work.Due(ctx, leftSince(f.run), f.now())
		return false, err
	}
	return f.work.Due(ctx, postgres.EndOf(r.ID), r.Ended)
}

// The names of what is kept of a run's follower go with those of its end.
func followedUntil(run string) string { return postgres.EndOf(run) + "/followed" }
func leftSince(run string) string     { return postgres.EndOf(run) + "/left" }

// followed reports whether somebody follows the run, who tells of its end.
func followed(ctx context.Context, work *postgres.Work, run string, now time.Time) (bool, error) {
	until, err := work.LastDue(ctx, followedUntil(run))
	if err != nil || !now.Before(until) {
		return false, err
	}
	left, err := work.LastDue(ctx, leftSince(run))
	return left.IsZero(), err
}

// results tells the results after the last one, and returns the last.
func results(ctx context.Context, work *postgres.Work, id string, last int64, tell func(*Result)) (int64, error) {
	err := work.Results(ctx, id, last, func(r *postgres.WorkResult) error {
		last = r.ID
		return decodeResults(r.Results, func(one *Result) error {
			tell(one)
			return nil
		})
	})
	return last, err
}

// over reports whether nothing of the run goes on by itself soon.
func over(r *postgres.WorkRun) bool {
	if !r.Ended.IsZero() {
		return true
	}
	for i := range r.Accounts {
		a := &r.Accounts[i]
		waits := a.Left == a.Waiting && a.Waits != "" && a.Waits != otherFirst && a.Waits != notShownYet
		if a.Left > 0 && a.Stuck == "" && !waits {
			return false
		}
	}
	return true
}

// Rest tells what is left of a run, and why: each action that has not begun, and those
// whose call is [UnderWay]. Of slices that were begun it tells what was recorded.
func Rest(ctx context.Context, work *postgres.Work, history state.Chronicler, r *postgres.WorkRun, tell func(*Result)) error {
	rest := &rest{run: r, history: history, told: map[string]bool{}, tell: tell}
	return work.Patiently(ctx, func() (err error) {
		if rest.calls, err = work.UnderWay(ctx, r.ID); err != nil {
			return err
		}
		return work.OpenSlices(ctx, r.ID, func(s *postgres.WorkSlice) error { return rest.slice(ctx, s) })
	})
}

// rest is what is left of a run, as it is told.
type rest struct {
	run     *postgres.WorkRun
	history state.Chronicler
	calls   []postgres.UnderWay
	told    map[string]bool // by the actions' ids
	tell    func(*Result)
}

func (w *rest) slice(ctx context.Context, s *postgres.WorkSlice) error {
	recorded, cards, err := recordedIn(ctx, w.history, w.run, s)
	if err != nil {
		return err
	}
	var account *postgres.WorkAccount
	if at := slices.IndexFunc(w.run.Accounts, func(a postgres.WorkAccount) bool { return a.Account == s.Account }); at >= 0 {
		account = &w.run.Accounts[at]
	}
	for _, c := range cards {
		for i := range c.Actions {
			a := &c.Actions[i]
			if w.told[a.ID] {
				continue
			}
			w.told[a.ID] = true
			r := &apply.Result{Card: &c.Card, Action: a, Outcome: apply.NotStarted, Reason: whyLeft(w.run, account, s)}
			if e := recorded[Named(c.ICCID, a.Change)]; e != nil {
				r = resultFrom(c, a, e)
			} else if slices.ContainsFunc(w.calls, func(call postgres.UnderWay) bool { return call.Action == a.ID }) {
				r.Reason = UnderWay
			}
			one := resultOf(r)
			w.tell(&one)
		}
	}
	return nil
}

// whyLeft says why a slice has not begun.
func whyLeft(r *postgres.WorkRun, a *postgres.WorkAccount, s *postgres.WorkSlice) string {
	switch {
	case !r.Cancelled.IsZero():
		return "the run was cancelled by " + r.CancelledBy
	case a != nil && a.Stuck != "":
		return fmt.Sprintf("account %s can't go on: %s", s.Account, a.Stuck)
	case s.Waits != "":
		return s.Waits
	default:
		return "no worker has begun it yet"
	}
}

// Each tells what became of each of the run's actions, as far as that is known, then
// what is left of it.
func Each(ctx context.Context, work *postgres.Work, history state.Chronicler, r *postgres.WorkRun, tell func(*Result)) error {
	if _, err := results(ctx, work, r.ID, 0, tell); err != nil {
		return err
	}
	return Rest(ctx, work, history, r, tell)
}

// Heard is what was heard of a run: of each action what became of it, or why it is left.
type Heard struct{ results []apply.Result }

// Put takes what was heard of an action, once an action.
func (h *Heard) Put(r *apply.Result) { h.results = append(h.results, *r) }

// Report is that of a run from all that was heard: its plan is what that tells.
func (h *Heard) Report() (*plan.Plan, *apply.Report, error) {
	p := &plan.Plan{}
	places := map[string]int{}
	for i := range h.results {
		r := &h.results[i]
		key := r.Card.Address + " " + string(r.Card.ICCID)
		at, known := places[key]
		if !known {
			at = len(p.Cards)
			places[key] = at
			p.Cards = append(p.Cards, *r.Card)
		}
		p.Cards[at].Actions = append(p.Cards[at].Actions, *r.Action)
	}
	recorder, err := apply.NewRecorder(p)
	if err != nil {
		return nil, nil, err
	}
	for i := range h.results {
		recorder.Put(&h.results[i])
	}
	return p, recorder.Report(), nil
}

// InfoOf is what a run tells of itself.
func InfoOf(r *postgres.WorkRun) (*Info, error) {
	info := &Info{}
	if err := json.Unmarshal(r.Info, info); err != nil {
		return nil, fmt.Errorf("what run %s tells of itself can't be read: %w", r.ID, err)
	}
	return info, nil
}

// Shares is how much the run has to do at each provider; of those that share an
// account, the first stands for all.
func (i *Info) Shares(r *postgres.WorkRun) []run.Share {
	var shares []run.Share
	for k := range r.Accounts {
		a := &r.Accounts[k]
		shares = append(shares, run.Share{Provider: spec.ProviderName(a.Account), Count: a.Actions, Calls: 2 * a.Actions})
	}
	return shares
}
