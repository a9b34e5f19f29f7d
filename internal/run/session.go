package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Session is a fleet with its carriers and its state. Each field is needed, but for
// those of checks.
type Session struct {
	Store
	Carriers
	Fleet *spec.Fleet
	// Checks judges the configuration's check blocks by what was read; nil where it
	// has none. ChecksRead says that they look at cards or privacy numbers.
	Checks     func(spec.Live) ([]spec.Check, spec.Diagnostics)
	ChecksRead bool
	Watcher    Watcher
	Place      Place // of the state
	Places     Places
	// Trace follows the actions of an apply; nil follows none.
	Trace apply.Trace
}

// Options say how cards are read, and what is planned. The zero value plans the
// whole fleet from the state, and reads nothing.
type Options struct {
	Select  plan.Selection
	Refresh plan.Refresh
	// Readings says that what is known of the cards is wanted beside a draft of a
	// plan, also where no carrier is asked.
	Readings bool
	Budget   int // the most calls that reading may take; 0 is no limit
	// Parallel is how many cards are worked on at once at each provider; 0 is
	// as many as its rate can use.
	Parallel    int
	RefreshOnly bool
	Accepted    map[spec.Kind]int // limits that are lifted where just so many are planned
	Approvals   plan.Approvals
	Absent      *Absence // of the state, as [Session.Prior] returned it; nil where there is one
	// Variables are what the plan keeps of those given on the command line, for
	// a plan of the time that it is given.
	Variables func(planned time.Time) []plan.Variable
	// Elsewhere is when others have carried out the saved plan with a digest, as far as the
	// state's own memory of plans doesn't have it; nil asks nobody, and a nil answer is never.
	Elsewhere func(ctx context.Context, digest string) (*state.CarriedOut, error)
}

// asks reports whether carriers are asked at all.
func (o Options) asks() bool { return o.Refresh.Mode != plan.RefreshNone }

// Planned is a plan on the way to be shown, saved or applied.
type Planned struct {
	Plan plan.Source
	// Prior is the state that it was made from, or that a saved one was held against:
	// its head alone, where the state is read or was committed card by card.
	Prior *state.Snapshot
	// Numbers are the privacy numbers, where they were read.
	Numbers   []spec.NumberReading
	Digest    string // of the file that it was saved in; "" for one that was made now
	Approvals plan.Approvals
	// Withdrawn are the signatures of which an action is no longer wanted.
	Withdrawn []state.Spent
	// Outdated says that the configuration has changed since the plan was saved.
	Outdated bool
	// Settled are the actions of a saved plan that are not carried out: they are
	// as wanted already, or not wanted any more.
	Settled []apply.Result
	// Carried is when the saved plan was carried out before; nil for one that wasn't.
	Carried *state.CarriedOut
	// Until is when nothing more of it is started; zero is no such time. See
	// [Carriers.LastStart].
	Until time.Time
	// Handed are the guarded actions, by [plan.ActionName], that are carried out
	// elsewhere: their approvals are spent.
	Handed map[string]bool
	absent *Absence                        // of the state
	order  map[string]int                  // the saved plan's order of actions, by their ids
	rows   *Rows                           // of Prior
	fed    map[spec.ProviderName]time.Time // see [Session.fedUntil]
	news   apply.News                      // what readings and the configuration say of cards of Prior
	// memory is what the state has of the card at a place of the plan, with the news
	// taken over.
	memory func(place int, c *plan.Card) *state.Card
	// remembered is what the state had of a card of a saved plan before the run; nil for
	// nothing.
	remembered func(iccid spec.ICCID) *state.Card
}

// MistakesError are mistakes in the configuration that only show against the
// state and what is live.
type MistakesError struct{ Diags spec.Diagnostics }

// Error is the first mistake.
func (e *MistakesError) Error() string {
	if len(e.Diags) == 1 {
		return e.Diags[0].Summary
	}
	return fmt.Sprintf("%s, and %d more mistakes", e.Diags[0].Summary, len(e.Diags)-1)
}

// PlanToApply is [Session.Draft] for a run that holds the state's lock. What was read
// is taken into the state, which the run starts from. Where ctx ends while
// carriers are read, what was read until then is committed. A card that changed
// outside is to be shown before it is taken over, so it is left as it was
// unless unasked says that nobody wants to be asked.
func (s *Session) PlanToApply(ctx context.Context, rows *Rows, o Options, unasked bool) (*Planned, error) {
	live, err := s.known(ctx, rows, o)
	if err != nil {
		if rows.whole == nil {
			return nil, err
		}
		return nil, errors.Join(err, s.keep(ctx, rows.whole, live, o, unasked))
	}
	d, in, err := s.draft(ctx, rows, live, o)
	if err != nil {
		return nil, err
	}
	withdrawn, err := plan.Withdrawn(d, in)
	if err != nil {
		return nil, err
	}
	p := &Planned{
		Plan: d, Numbers: live.Numbers, Approvals: o.Approvals, Withdrawn: withdrawn, absent: o.Absent,
		fed: live.fed, news: apply.News{Wanted: s.Fleet.Cards, Live: live.fresh(), Capabilities: s.Capabilities},
	}
	p.memory = p.memoryOf(d)
	p.heldAgainst(rows)
	return p, nil
}

// heldAgainst notes the state that a plan was made from which is read again after it is
// carried out. A commit makes the next state of this one.
func (p *Planned) heldAgainst(rows *Rows) {
	p.Prior, p.rows = rows.Head, rows
	if rows.whole == nil {
		return
	}
	own := *p.Prior
	if len(own.Respelled) > 0 { // see commitSpellings; a run's own commit sees to itself
		own.Cards = slices.Clone(own.Cards)
	}
	p.Prior, p.rows = &own, rows.of(&own)
}

// memoryOf is [Planned].memory for a plan that was made now.
func (p *Planned) memoryOf(d *plan.Draft) func(place int, c *plan.Card) *state.Card {
	var one state.Card
	return func(place int, c *plan.Card) *state.Card {
		wanted, memory := d.Before(place)
		if memory == nil {
			return nil
		}
		var live *spec.Reading
		if len(p.news.Live) > 0 {
			_, live = p.news.Of(c.ICCID)
		}
		one = p.news.Take(memory, wanted, live)
		return &one
	}
}

// input is what a plan is made from.
func (s *Session) input(prior *state.Snapshot, live *Live, o Options) plan.Input {
	return plan.Input{
		Fleet: s.Fleet, Prior: prior, Live: live.Cards, Numbers: live.Numbers, Incomplete: live.incomplete, Reads: live.reads,
		Capabilities: s.Capabilities, Paces: s.Paces, Accounts: s.Accounts, Approvals: o.Approvals, Accepted: o.Accepted, Select: o.Select, RefreshOnly: o.RefreshOnly,
		FirstRun: o.Absent.looked(), Lost: o.Absent.lost(), Now: s.Env.Now().UTC(), Version: s.Env.Version, Origin: s.Env.Origin,
	}
}

// setVariables has the plan keep the variables that were given.
func (o *Options) setVariables(p *plan.Plan) {
	if o.Variables != nil {
		p.Variables = o.Variables(p.Timestamp)
	}
}

// keep commits what was read before an interrupt, so that another run can go on
// from there.
func (s *Session) keep(ctx context.Context, prior *state.Snapshot, live *Live, o Options, unasked bool) error {
	if errors.Is(context.Cause(ctx), ErrLeaseLost) {
		return nil
	}
	readings := slices.DeleteFunc(slices.Clone(live.fresh()), func(r spec.Reading) bool { return !r.Known() })
	if !unasked {
		drifted := s.drifted(prior, readings, o)
		readings = slices.DeleteFunc(readings, func(r spec.Reading) bool { return drifted[r.ICCID] })
	}
	edits := apply.Refresh(prior, s.Fleet, readings, s.Capabilities)
	if len(edits.Put) == 0 {
		return nil
	}
	kept := 0
	for i := range readings {
		if prior.Card(readings[i].ICCID) != nil {
			kept++
		}
	}
	durable := context.WithoutCancel(ctx)
	err := s.makeRoom(durable, o.Absent)
	if err == nil {
		err = s.Backend.Commit(durable, prior, edits)
	}
	if err != nil {
		return fmt.Errorf("keep what was read until the interrupt: %w", err)
	}
	s.Watcher.Kept(kept)
	return nil
}

// drifted are the cards that changed outside, by these readings.
func (s *Session) drifted(prior *state.Snapshot, readings []spec.Reading, o Options) map[spec.ICCID]bool {
	p, _ := plan.Diff(plan.Input{ // its mistakes come out with the plan itself
		Fleet: s.Fleet, Prior: prior, Live: readings, Capabilities: s.Capabilities, Select: o.Select, RefreshOnly: true, Now: s.Env.Now().UTC(),
	})
	set := map[spec.ICCID]bool{}
	for i := range p.Cards {
		if len(p.Cards[i].Drift) > 0 {
			set[p.Cards[i].ICCID] = true
		}
	}
	return set
}

// Check says which of a plan's actions would still run. It changes nothing, the
// state included. There is a result for each action, in the plan's order; of a
// saved plan, for those too that are not wanted any more.
func (s *Session) Check(ctx context.Context, p *Planned, parallel int) ([]apply.Result, error) {
	s.tellKeys(p.Prior)
	results, err := apply.Check(ctx, apply.Options{
		Plan: p.Plan, Memory: p.memory, Providers: s.Providers, Parallel: parallel, Now: s.Env.Now, Sleep: s.Env.Sleep,
	})
	if err != nil {
		return nil, err
	}
	return p.withSettled(results), ctx.Err()
}

// Lenience is what a run may leave out.
type Lenience struct {
	Unread     bool // the carriers that could not be read at all
	Unapproved bool // the guarded actions that lack an approval
}

// Allowed says with a [*Refusal] why the plan may not be carried out: all of it,
// before any call that changes a card.
func (p *Planned) Allowed(l Lenience) error {
	head := p.Plan.Head()
	if len(head.Incomplete) > 0 && !l.Unread {
		return &Refusal{Reason: Incomplete, Plan: p.Plan}
	}
	n := head.Summary()
	unapproved := !l.Unapproved && n.Guarded > n.Approved
	if unapproved || len(head.Limits) > 0 || slices.ContainsFunc(head.Checks, func(c spec.Check) bool { return c.Refuses() }) {
		return &Refusal{Reason: NotAllowed, Plan: p.Plan, Unapproved: unapproved}
	}
	return nil
}
