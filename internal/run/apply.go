package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Applied is a plan that was carried out, or as much of it as could be.
type Applied struct {
	*Planned               // Prior is the state as it is now, where that was committed
	Report   *apply.Report // what became of each action
	Serial   uint64        // of the state that the run started from
	// Started is before the first action, Finished after the commit.
	Started, Finished time.Time
	Interrupted       bool
	Committed         bool // the state has what was done
	// Unnoted is why the state's place could not be remembered; see [Places]. It
	// is nil where it was, and where nothing was committed.
	Unnoted error
}

// Apply carries out a plan, and commits what became of it; the caller holds the
// state's lock, and has asked [Planned.Allowed]. It never starts a guarded
// action without an approval. A cancelled context starts nothing more: calls
// that have left come to their end, and the commit is made. No call leaves once
// the lock's lease can't be counted on.
//
// Where it returns an error with what was applied, bookkeeping failed: the
// state or its journal doesn't have all that was done. Without that, nothing
// was started.
func (s *Session) Apply(ctx context.Context, p *Planned, parallel int) (*Applied, error) {
	durable := context.WithoutCancel(ctx)
	done := &Applied{Planned: p, Serial: p.Prior.Serial, Started: s.Env.Now()}
	if err := s.makeRoom(durable, p.absent); err != nil {
		return nil, err
	}
	if err := s.commitSpellings(durable, p.Prior); err != nil {
		return nil, err
	}
	journal, err := s.Backend.Journal(durable)
	if err != nil {
		return nil, err
	}
	done.Report = s.carryOut(ctx, p, journal, parallel)
	done.Report.Edits.Fleet = s.fleetAfter(p, done.Report)
	commit := s.Backend.Commit(durable, p.Prior, done.Report.Edits)
	done.Committed = commit == nil
	if done.Committed {
		done.Unnoted = s.notePlace()
	}
	done.Finished, done.Interrupted = s.Env.Now(), ctx.Err() != nil
	return done, done.bookkeeping(commit, journal.Close())
}

// bookkeeping says what the state and its journal lack, each error once.
func (a *Applied) bookkeeping(commit, closed error) error {
	broken := a.Report.Broken
	switch {
	case commit == nil && broken == nil:
		return closed
	case commit == nil:
		return fmt.Errorf("nothing more was started once the journal failed; the state has what was done until then: %w", broken)
	}
	return errors.Join(broken, fmt.Errorf("the state could not be saved; %s: %w", a.kept(errors.Join(broken, commit)), commit))
}

// kept is what the journal has of a run whose state could not be saved.
func (a *Applied) kept(err error) string {
	switch n := a.Unrecorded(); {
	case errors.Is(err, state.ErrConflict):
		return "another run has written it meanwhile, so nobody knows what its journal still has of this run: the next plan looks at the cards"
	case n == 0 && a.Report.Count(apply.Done)+a.Report.Count(apply.InDoubt) == 0:
		return "this run changed nothing, so neither it nor its journal lacks anything"
	case n == 1:
		return "its journal has that a call left and not what came of it, which the next run looks into; the rest it takes over"
	case n > 0:
		return fmt.Sprintf("its journal has that %d calls left and not what came of them, which the next run looks into; the rest it takes over", n)
	default:
		return "its journal holds what was done, and the next run takes that over"
	}
}

// Unrecorded is of how many calls neither the state nor its journal has what
// came of them.
func (a *Applied) Unrecorded() int {
	if a.Committed {
		return 0
	}
	return a.Report.Unrecorded
}

// commitSpellings commits the cards that are declared in another spelling, before
// the journal speaks of them in that: after a crash they would be there twice.
func (s *Session) commitSpellings(ctx context.Context, prior *state.Snapshot) error {
	if len(prior.Respelled) == 0 {
		return nil
	}
	if err := s.Backend.Commit(ctx, prior, prior.Settlement()); err != nil {
		return fmt.Errorf("remember cards in the spelling that they are declared in: %w", err)
	}
	prior.Respelled = nil
	return nil
}

func (s *Session) carryOut(ctx context.Context, p *Planned, journal state.Journal, parallel int) *apply.Report {
	s.Watcher.Begin(Changing, s.calls(p.Plan))
	defer s.Watcher.End(Changing)
	defer s.throttles.tell(s.Watcher)()
	defer s.gate.goBy(s.Backend)()
	s.tellKeys(p.Prior)
	for i := range p.Settled {
		s.Watcher.Finished(p.Settled[i])
	}
	f := &flight{watcher: s.Watcher, calls: map[*plan.Action]*plan.Card{}}
	defer f.tellOfRest(ctx, s.Env.Sleep)()
	report := apply.Run(ctx, apply.Options{
		Plan: p.Plan, Prior: p.Prior, Refreshed: p.Refreshed, Providers: s.Providers, Journal: journal, Parallel: parallel,
		Now: s.Env.Now, Sleep: s.Env.Sleep, OnStart: f.started, OnFinish: f.finished,
	})
	report.Results = p.withSettled(report.Results)
	return report
}

// fleetAfter is what the state remembers of the fleet once the apply has ended:
// its policy and signers, its accounts, the signatures that count no more, and
// the saved plan that is carried out by now. It is nil where that is as it was.
func (s *Session) fleetAfter(p *Planned, r *apply.Report) *state.Fleet {
	now := s.Env.Now().UTC()
	after := p.Prior.Fleet
	policy, people := plan.Recorded(s.Fleet.Policy, p.Approvals.Signers)
	after.Policy, after.Signers = &policy, people
	after.Accounts = s.accountsAfter(after.Accounts)
	after.Carriers = plan.CarrierDigests(s.Fleet)
	outcomes := sync.OnceValue(func() map[string]apply.Outcome { return outcomesByName(r.Results) }) // where something is signed
	used := plan.Used(p.Approvals, p.Prior.Lineage, now,
		func(action string) bool { o := outcomes()[action]; return o == apply.Done || o == apply.InDoubt },
		func(action string) bool { return outcomes()[action] == apply.Dropped })
	after.Spent = plan.Remember(after.Spent, slices.Concat(used, p.Withdrawn), now)
	if p.carriedBy(r) {
		after.Carried(state.CarriedOut{Digest: p.Digest, At: now, Run: s.Env.Info})
	}
	if after.Equal(&p.Prior.Fleet) {
		return nil
	}
	return &after
}

func outcomesByName(results []apply.Result) map[string]apply.Outcome {
	outcomes := make(map[string]apply.Outcome, len(results))
	for i := range results {
		outcomes[plan.ActionName(results[i].Card, results[i].Action)] = results[i].Outcome
	}
	return outcomes
}

// calls is how many actions call each carrier, in the configuration's order.
func (s *Session) calls(p *plan.Plan) []Share {
	counts := map[spec.ProviderName]int{}
	for i := range p.Cards {
		for _, a := range p.Cards[i].Actions {
			if a.Kind.CallsCarrier() {
				counts[p.Cards[i].Provider]++
			}
		}
	}
	calls := make(map[spec.ProviderName]int, len(p.Costs))
	for i := range p.Costs {
		calls[p.Costs[i].Provider] = p.Costs[i].Calls
	}
	var shares []Share
	for i := range s.Fleet.Providers {
		if name := s.Fleet.Providers[i].Name; counts[name] > 0 {
			shares = append(shares, Share{name, counts[name], calls[name]})
		}
	}
	return shares
}

// LiveAfter is what the state has of readings after a run, changes made
// included, and the privacy numbers. These are read now where the plan didn't
// and carriers may be asked.
func (s *Session) LiveAfter(ctx context.Context, done *Applied, o Options) spec.Live {
	numbers := done.Live.Numbers
	if numbers == nil && o.asks() && ctx.Err() == nil {
		numbers = s.ReadNumbers(ctx, s.Fleet)
	}
	l := spec.Live{Cards: make([]spec.Reading, 0, len(done.Prior.Cards)), Numbers: numbers}
	for i := range done.Prior.Cards {
		l.Cards = append(l.Cards, done.Prior.Cards[i].Reading())
	}
	return l
}

// Done is how many actions of a kind were done.
func (a *Applied) Done(kind spec.Kind) int {
	n := 0
	for i := range a.Report.Results {
		if a.Report.Results[i].Action.Kind == kind && a.Report.Results[i].Outcome == apply.Done {
			n++
		}
	}
	return n
}

// Complete reports whether all is done, whoever did it, and the state has it.
func (a *Applied) Complete() bool {
	all := a.Report.Count(apply.Done) == len(a.Report.Results) || AsWanted(a.Report.Results)
	return all && a.Committed && a.Report.Broken == nil
}

// ReportHeader says which run a report is of.
func (a *Applied) ReportHeader(version string) apply.ReportHeader {
	digest := a.Digest
	if digest == "" {
		digest = plan.Digest(a.Plan)
	}
	return apply.ReportHeader{
		Version: version, Lineage: a.Prior.Lineage, Serial: a.Serial, Config: a.Plan.Config, Plan: digest, Partial: a.Plan.Partial,
		Started: a.Started, Finished: a.Finished, Interrupted: a.Interrupted,
	}
}
