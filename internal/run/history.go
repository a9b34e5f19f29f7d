package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// newRun is what the history says of this run of the program.
func (s Store) newRun(operation string) *state.Run {
	return &state.Run{
		ID: stored.NewUUID(s.Env.Random), Operation: operation, Started: s.Env.Now().UTC(), Who: cmp.Or(s.Env.Origin.Author, s.Env.Who),
		Info: s.Env.Info, Commit: s.Env.Origin.Commit, Version: s.Env.Version,
	}
}

// begins is the record with which a run begins.
func begins(r *state.Run) state.Record {
	return state.Record{Type: state.RunRecord, At: r.Started, Run: r}
}

// said is a record that adds an event to the history, and does nothing else.
func said(r *state.Run, e *state.Event) state.Record {
	return state.Record{Type: state.RunRecord, At: e.At, Run: &state.Run{ID: r.ID}, Event: e}
}

// pending are the records of what a run does by its commit alone.
func pending(r *state.Run, events []*state.Event) []state.Record {
	records := []state.Record{begins(r)}
	for _, e := range events {
		records = append(records, said(r, e))
	}
	for i := range records {
		records[i].Pending = true
	}
	return records
}

// eventOf is an event of a card that a person's command made, in the state alone.
func eventOf(r *state.Run, c *state.Card, change spec.Change, reason string) *state.Event {
	return &state.Event{
		At: r.Started, ICCID: c.ICCID, Provider: c.Provider, Address: c.Address, Change: change,
		Outcome: apply.Done.Hyphened(), Reason: reason,
	}
}

// write appends records to the journal; the commit that follows ends it.
func (s Store) write(ctx context.Context, records ...state.Record) error {
	j, err := s.Backend.Journal(ctx)
	if err != nil {
		return err
	}
	return errors.Join(j.Append(ctx, records...), j.Close())
}

// beginRun writes that an apply begins, and what is known of its actions by then:
// those of a saved plan that are not wanted any more, and the doubts that readings
// have ended.
func (s *Session) beginRun(ctx context.Context, p *Planned, j state.Journal) (*state.Run, error) {
	r := s.newRun("apply")
	r.Plan = p.Digest
	records := []state.Record{begins(r)}
	for i := range p.Settled {
		if result := &p.Settled[i]; result.Outcome == apply.Dropped {
			records = append(records, said(r, apply.EventOf(result.Card, result.Action, result, r.Started)))
		}
	}
	settled, err := p.endedDoubts(r)
	if err != nil {
		return nil, err
	}
	// A journal that can't be written fails from then on, and the run says so once.
	_ = j.Append(ctx, append(records, settled...)...)
	return r, p.tellDrift(ctx, r, j)
}

const (
	// drifting is the kind of an event that tells what somebody else changed, and
	// seenOutside its outcome. No plan has it.
	drifting    = spec.Kind("drift")
	seenOutside = "outside"
)

// tellDrift tells what changed outside, as far as this run takes it into the
// state: a later run finds it no more.
func (p *Planned) tellDrift(ctx context.Context, r *state.Run, j state.Journal) error {
	if len(p.news.Live) == 0 {
		return nil
	}
	var records []state.Record
	write := func() {
		_ = j.Append(ctx, records...) // as in beginRun
		records = nil
	}
	err := p.Plan.Each(func(place int, c *plan.Card) error {
		for i := range c.Drift {
			if !p.toldWithDoubt(place, c, &c.Drift[i]) {
				records = append(records, said(r, outside(c, &c.Drift[i], r.Started)))
			}
		}
		if len(records) >= copiedAtOnce {
			write()
		}
		return nil
	})
	if len(records) > 0 {
		write()
	}
	return err
}

// outside is the event of what changed outside, as a run tells it at a time.
func outside(c *plan.Card, d *plan.Drift, at time.Time) *state.Event {
	return &state.Event{
		At: at, ICCID: c.ICCID, Provider: c.Provider, Address: c.Address, Change: spec.Change{Kind: drifting, From: d.From, To: d.To},
		Outcome: seenOutside, Reason: d.Attribute + ": " + d.Cause,
	}
}

// toldWithDoubt reports whether [Planned.tellUndone] has told the drift: a call that
// a saved plan made against it is in doubt, and the carrier still shows what that
// call started from.
func (p *Planned) toldWithDoubt(place int, c *plan.Card, drift *plan.Drift) bool {
	made, ok := p.Plan.(*plan.Draft)
	if !ok {
		return false
	}
	_, before := made.Before(place)
	_, live := p.news.Of(c.ICCID)
	if before == nil || live == nil {
		return false
	}
	return slices.ContainsFunc(before.Doubts, func(d state.Doubt) bool {
		if !d.Tried || d.Kind.Attr().String() != drift.Attribute || !d.PendingIn(*live) {
			return false
		}
		_, had := d.SeenIn(before.Reading())
		return had || d.Kind.Attr() != spec.AttrPackages // of several packages, another may have changed
	})
}

// tellUndone tells what changed outside as far as a saved plan was carried out
// against it. Such a run reads no more than what it changes, so that this alone is
// in the state then: what it left alone is told by the run that reads it.
func (p *Planned) tellUndone(ctx context.Context, r *state.Run, done *apply.Report, at time.Time, j state.Journal) error {
	if p.Digest == "" || done.Broken != nil {
		return nil //nolint:nilerr // a journal that broke is told by the run itself
	}
	var records []state.Record
	told := map[spec.ICCID]spec.Attr{}
	err := done.Each(func(result *apply.Result) error {
		c, a := result.Card, result.Action
		attr := a.Kind.Attr()
		called := a.Kind.CallsCarrier() && !result.AsWanted && (result.Outcome == apply.Done || result.Outcome == apply.InDoubt)
		if !called || told[c.ICCID].Has(attr) || p.wasInDoubt(c.ICCID, a.Change) {
			return nil
		}
		for i := range c.Drift {
			if d := &c.Drift[i]; d.Attribute == attr.String() {
				told[c.ICCID] |= attr
				records = append(records, said(r, outside(c, d, at.UTC())))
			}
		}
		return nil
	})
	if err != nil || len(records) == 0 {
		return err
	}
	return j.Append(ctx, records...)
}

// wasInDoubt reports whether the change was tried before this run.
func (p *Planned) wasInDoubt(iccid spec.ICCID, change spec.Change) bool {
	before := p.remembered(iccid)
	return before != nil && slices.ContainsFunc(before.Doubts, func(d state.Doubt) bool { return d.Tried && d.Change == change })
}

// endedDoubts are the records of cards of which a reading shows what became of a
// call that was in doubt. They remember the card as it is by then, so that no
// later run finds the same again.
func (p *Planned) endedDoubts(r *state.Run) (records []state.Record, err error) {
	if len(p.news.Live) == 0 || !p.rows.hasDoubts() {
		return nil, nil
	}
	of := p.news.Walk()
	err = p.rows.each(func(before *state.Card) error {
		wanted, live := of(before.ICCID)
		if len(before.Doubts) == 0 || live == nil || live.Provider != before.Provider {
			return nil
		}
		able := p.news.Capabilities[live.Provider]
		_, settled := before.SettleDoubts(*live, &able)
		if len(settled) == 0 {
			return nil
		}
		after := p.news.Take(before, wanted, live)
		records = append(records, recordsOfEnded(r, before, &after, settled, r.Started)...)
		return nil
	})
	return records, err
}

// endedEvent is the event of a call that was in doubt, and that a reading ended.
func endedEvent(r *state.Run, before *state.Card, d state.Settled) *state.Event {
	shown := "that it was done"
	if !d.Done {
		shown = "that it had no effect"
	}
	e := eventOf(r, before, d.Change, "the carrier shows "+shown+", of what was in doubt since "+d.Since.UTC().Format(time.RFC3339))
	e.RequestID, e.Settles = d.RequestID, true
	if !d.Done {
		e.Outcome = apply.Failed.Hyphened()
	}
	return e
}

// tell says in the history that something was done to the state as a whole.
func (s Store) tell(ctx context.Context, operation, detail string) (err error) {
	held, unlock, err := s.Hold(ctx, operation, state.Patience{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(OrLeaseLost(held, err), unlock()) }()
	r := s.newRun(operation)
	r.Detail = detail
	return s.write(held, begins(r))
}

// copiedAtOnce is how many records of another state's history are written together.
const copiedAtOnce = 1000

// copyHistory writes the history of another state into the journal, but for the runs
// that are there already.
func (s Store) copyHistory(ctx context.Context, from Store, j state.Journal) error {
	source, able := from.Backend.(state.Chronicler)
	target, keeps := s.Backend.(state.Chronicler)
	if !able || !keeps {
		return nil
	}
	known := map[string]bool{}
	err := target.Events(ctx, state.EventQuery{}, func(e *state.Entry) error {
		if e.Run != nil {
			known[e.Run.ID] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	var records []state.Record
	last := ""
	err = source.Events(ctx, state.EventQuery{}, func(e *state.Entry) error {
		if e.Run == nil || known[e.Run.ID] {
			return nil // of the first, nobody knows whose they are
		}
		if e.Run.ID != last {
			last = e.Run.ID
			records = append(records, begins(e.Run))
		}
		if e.Event != nil {
			event := *e.Event
			records = append(records, said(e.Run, &event))
		}
		if len(records) < copiedAtOnce {
			return nil
		}
		written := records
		records = nil
		return j.Append(ctx, written...)
	})
	if err != nil {
		return err
	}
	return j.Append(ctx, records...)
}

// forgotten is the event of a card that is dropped.
func forgotten(r *state.Run, c *state.Card) *state.Event {
	return eventOf(r, c, spec.Change{Kind: spec.Forget}, "")
}

// resolving is the kind of an event that settled what was in doubt. No plan has it.
const resolving spec.Kind = "resolve"

// resolved is the event of a card that a person settled.
func resolved(r *state.Run, before, after *state.Card) *state.Event {
	change := spec.Change{Kind: resolving}
	if b := after.Binding; b.Known {
		change.From, change.To = string(before.Binding.IMEI), string(b.IMEI)
	}
	reason := ""
	for _, d := range before.Doubts {
		if reason != "" {
			reason += "; "
		}
		reason += fmt.Sprintf("%s was in doubt since %s", d.Change, d.Since.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	return eventOf(r, after, change, reason)
}

// Wanted says which part of the history is wanted. The zero value is all of it.
type Wanted struct {
	Card  string // as [Names] has it; "" is every card, and the runs themselves
	Since time.Time
	Run   string // the id of the only run; "" is any
}

// Events visits the wanted entries of the history, the oldest first. An ICCID
// wants what was done to that card. Another name wants what was done to the cards
// that the state names so, and what was done to any card while it had the name. A
// name of no form that a card's has is a [*Refusal].
func (s Store) Events(ctx context.Context, wanted Wanted, visit func(*state.Entry) error) error {
	c, ok := s.Backend.(state.Chronicler)
	if !ok {
		return &Refusal{Reason: NoHistory}
	}
	q := state.EventQuery{Since: wanted.Since, Run: wanted.Run}
	if wanted.Card == "" {
		return c.Events(ctx, q, visit)
	}
	_, text, at := strings.Cut(wanted.Card, "/")
	if !at {
		text = wanted.Card
	}
	if iccid, err := spec.ParseICCID(text); err == nil {
		q.ICCIDs = []spec.ICCID{iccid} // the history is indexed by these
		if !at {
			return c.Events(ctx, q, visit)
		}
	}
	snap, err := s.Backend.Read(ctx)
	if err != nil {
		return err
	}
	rows, err := NamesOf(snap.Rows()).Look(wanted.Card)
	if err != nil {
		return err
	}
	named := namedNow(rows)
	had := namedThen(wanted.Card)
	return c.Events(ctx, q, func(e *state.Entry) error {
		if e.Event != nil && (named(e.Event.ICCID) || had(e.Event)) {
			return visit(e)
		}
		return nil
	})
}

// namedNow reports whether a card, in any spelling, is one of the rows.
func namedNow(rows []state.Card) func(spec.ICCID) bool {
	byStem := make(map[spec.ICCID][]spec.ICCID, len(rows))
	for i := range rows {
		iccid := rows[i].ICCID
		byStem[iccid.Stem()] = append(byStem[iccid.Stem()], iccid)
	}
	return func(iccid spec.ICCID) bool { return slices.ContainsFunc(byStem[iccid.Stem()], iccid.SameCard) }
}

// namedThen reports whether the card had the name when that happened to it.
func namedThen(name string) func(*state.Event) bool {
	if strings.ContainsAny(name, "*?") {
		glob := globOf(name)
		return func(e *state.Event) bool { return hadAddress(e, name) || glob.names(e.Address, e.Provider, e.ICCID) }
	}
	if provider, text, at := strings.Cut(name, "/"); at {
		if iccid, err := spec.ParseICCID(text); err == nil {
			return func(e *state.Event) bool { return string(e.Provider) == provider && e.ICCID.SameCard(iccid) }
		}
	}
	return func(e *state.Event) bool { return hadAddress(e, name) }
}

// hadAddress reports whether the name is the address that the card had then, or
// its block's.
func hadAddress(e *state.Event, name string) bool {
	block, _, keyed := strings.Cut(e.Address, "[")
	return e.Address == name || keyed && block == name
}

// LastEvents are the last events of each card, the oldest first: so many at most.
// Where the backend keeps none, there are none.
func (s Store) LastEvents(ctx context.Context, cards []state.Card, most int) (map[spec.ICCID][]state.Entry, error) {
	last := make(map[spec.ICCID][]state.Entry, len(cards))
	c, ok := s.Backend.(state.Chronicler)
	if !ok {
		return last, nil
	}
	q := state.EventQuery{}
	for i := range cards {
		q.ICCIDs = append(q.ICCIDs, cards[i].ICCID)
	}
	err := c.Events(ctx, q, func(e *state.Entry) error {
		own, event := *e, *e.Event // an entry is good until this returns
		own.Event = &event
		if e.Run != nil {
			begun := *e.Run
			own.Run = &begun
		}
		list := last[event.ICCID]
		list = append(list, own)
		last[event.ICCID] = list[max(0, len(list)-most):]
		return nil
	})
	return last, err
}
