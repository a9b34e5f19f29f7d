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
	// Run is what the history says of this run.
	Run         *state.Run
	Interrupted bool
	// Left is of how many actions no more is known than that they were not started: the
	// report doesn't have them.
	Left      int
	Committed bool // the state has what was done
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
	calls, err := s.calls(p.Plan)
	if err != nil {
		return nil, err
	}
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
	if done.Run, err = s.beginRun(durable, p, journal); err != nil {
		return nil, errors.Join(err, journal.Close())
	}
	done.Report = s.carryOut(ctx, done, calls, journal, parallel)
	if err := p.tellUndone(durable, done.Run, done.Report, s.Env.Now(), journal); err != nil {
		done.Report.Broken = err
	}
	commit := s.commit(durable, p, done.Report)
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

func (s *Session) carryOut(ctx context.Context, done *Applied, calls []Share, journal state.Journal, parallel int) *apply.Report {
	p := done.Planned
	s.Watcher.Begin(Changing, calls)
	defer s.Watcher.End(Changing)
	defer s.throttles.tell(s.Watcher)()
	defer s.gate.goBy(s.Backend)()
	s.tellKeys(p.Prior)
	for i := range p.Settled {
		s.Watcher.Finished(p.Settled[i])
	}
	ctx, over := s.Within(ctx, p.Until)
	defer over()
	f := &flight{watcher: s.Watcher, calls: map[*plan.Action]*plan.Card{}}
	defer f.tellOfRest(ctx, s.Env.Sleep)()
	report := apply.Run(ctx, apply.Options{
		Plan: p.Plan, Memory: p.memory, Providers: s.Providers, Journal: journal, Run: done.Run, Parallel: parallel,
		Now: s.Env.Now, Sleep: s.Env.Sleep, Held: s.held(p), OnStart: f.started, OnFinish: f.finished, Trace: s.Trace,
	})
	report.Settle(p.Settled, p.order)
	return report
}

// fleetAfter is what the state remembers of the fleet once the apply has ended:
// its policy and signers, its accounts, the signatures that count no more, and
// the saved plan that is carried out by now. It is nil where that is as it was.
func (s *Session) fleetAfter(p *Planned, r *apply.Report) (*state.Fleet, error) {
	now := s.Env.Now().UTC()
	after := p.Prior.Fleet
	policy, people := plan.Recorded(s.Fleet.Policy, p.Approvals.Signers)
	after.Policy, after.Signers = &policy, people
	after.Accounts = s.accountsAfter(after.Accounts)
	after.Carriers = plan.CarrierDigests(s.Fleet)
	if err := s.feedsAfter(&after, p, r); err != nil {
		return nil, err
	}
	var unread error
	outcomes := sync.OnceValue(func() (outcomes map[string]apply.Outcome) { // where something is signed
		outcomes, unread = outcomesByName(r)
		return outcomes
	})
	used := plan.Used(p.Approvals, p.Prior.Lineage, now,
		func(action string) bool {
			o := outcomes()[action]
			return o == apply.Done || o == apply.InDoubt || p.Handed[action]
		},
		func(action string) bool { return outcomes()[action] == apply.Dropped })
	if unread != nil {
		return nil, unread
	}
	after.Spent = plan.Remember(after.Spent, slices.Concat(used, p.Withdrawn), now)
	if p.carriedBy(r) {
		after.Carried(state.CarriedOut{Digest: p.Digest, At: now, Run: s.Env.Info})
	}
	if after.Equal(&p.Prior.Fleet) {
		return nil, nil
	}
	return &after, nil
}

func outcomesByName(r *apply.Report) (map[string]apply.Outcome, error) {
	outcomes := make(map[string]apply.Outcome, r.Len())
	err := r.Each(func(result *apply.Result) error {
		outcomes[plan.ActionName(result.Card, result.Action)] = result.Outcome
		return nil
	})
	return outcomes, err
}

// calls is how many actions call each carrier, in the configuration's order.
func (s *Session) calls(p plan.Source) ([]Share, error) {
	counts := map[spec.ProviderName]int{}
	err := p.Each(func(_ int, c *plan.Card) error {
		for i := range c.Actions {
			if c.Actions[i].Kind.CallsCarrier() {
				counts[c.Provider]++
			}
		}
		return nil
	})
	costs := p.Head().Costs
	calls := make(map[spec.ProviderName]int, len(costs))
	for i := range costs {
		calls[costs[i].Provider] = costs[i].Calls
	}
	var shares []Share
	for i := range s.Fleet.Providers {
		if name := s.Fleet.Providers[i].Name; counts[name] > 0 {
			shares = append(shares, Share{name, counts[name], calls[name]})
		}
	}
	return shares, err
}

// LiveAfter is what the state has of readings after a run, changes made
// included, and the privacy numbers. These are read now where the plan didn't
// and carriers may be asked.
func (s *Session) LiveAfter(ctx context.Context, done *Applied, o Options) spec.Live {
	numbers := done.Numbers
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
func (a *Applied) Done(kind spec.Kind) int { return a.Report.Done(kind) }

// Complete reports whether all is done, whoever did it, and the state has it.
func (a *Applied) Complete() bool {
	all := a.Left == 0 && (a.Report.Count(apply.Done) == a.Report.Len() || a.Report.AsWanted())
	return all && a.Committed && a.Report.Broken == nil
}

// ReportHeader says which run a report is of.
func (a *Applied) ReportHeader(version string) apply.ReportHeader {
	digest := a.Digest
	if digest == "" {
		digest = plan.Digest(a.Plan)
	}
	head := a.Plan.Head()
	return apply.ReportHeader{
		Version: version, Lineage: a.Prior.Lineage, Serial: a.Serial, Config: head.Config, Plan: digest, Partial: head.Partial,
		Started: a.Started, Finished: a.Finished, Interrupted: a.Interrupted, Run: a.Run,
	}
}
