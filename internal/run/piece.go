package run

import (
	"context"
	"slices"
	"time"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Piece is a part of a plan that is carried out apart from the rest, and from who
// made it. Each field but the last is needed.
type Piece struct {
	Plan *plan.Plan
	// Memories are what the state has of the plan's cards.
	Memories map[spec.ICCID]*state.Card
	Journal  state.Journal
	Lease    state.Leased // no call that changes something leaves without it
	Run      *state.Run   // as the history has it
	Parallel int          // see [apply.Options]; 0 will do
	// Held is [apply.Options].Held.
	Held func(kind spec.Kind, now time.Time) (reason string)
	// Trace is [apply.Options].Trace.
	Trace apply.Trace
}

// CarryOut carries out a piece as [Session.Apply] does a plan: in the same order, with
// the same guard, the intent of each call in the journal before it leaves. What
// became of the cards is in the journal and in the report; nothing is committed.
func (c Carriers) CarryOut(ctx context.Context, env Env, w Watcher, p Piece) *apply.Report {
	defer c.gate.goByLease(p.Lease)()
	defer c.throttles.tell(w)()
	c.tellMemories(p.Memories)
	return apply.Run(ctx, apply.Options{
		Plan: p.Plan, Memory: func(_ int, card *plan.Card) *state.Card { return p.Memories[card.ICCID] },
		Providers: c.Providers, Journal: p.Journal, Run: p.Run, Held: p.Held, DeniedWaits: true, Parallel: p.Parallel,
		Now: env.Now, Sleep: env.Sleep, OnStart: w.Started, OnFinish: w.Finished, Trace: p.Trace,
	})
}

// tellMemories is [Session.tellKeys] where no more is known than what the state has.
func (c Carriers) tellMemories(memories map[spec.ICCID]*state.Card) {
	nobody := &spec.Fleet{}
	find := func(iccid spec.ICCID) providers.Key {
		if memory := memories[iccid]; memory != nil {
			return keyOf(nobody, &state.Snapshot{Cards: []state.Card{*memory}}, iccid)
		}
		return providers.Key{}
	}
	for _, p := range c.Providers {
		if keyed, ok := p.(providers.Keyed); ok {
			keyed.SetKeys(find)
		}
	}
}

// Look is what a reading showed of a card with calls in doubt. The zero value is of
// a card that wasn't read.
type Look struct {
	Settled []state.Settled
	// Shown is the reading with the card's recent changes laid over it.
	Shown spec.Reading
}

// LookAgain reads cards with calls in doubt, and takes into their memories what the
// readings show. What it settles is in the journal before it returns. since is from
// when on the calls are known here. A card that can't be read stays in doubt.
func (c Carriers) LookAgain(ctx context.Context, env Env, p Piece, since time.Time) (looks map[spec.ICCID]Look, err error) {
	c.tellMemories(p.Memories)
	looks = map[spec.ICCID]Look{}
	var records []state.Record
	for i := range p.Plan.Cards {
		card := &p.Plan.Cards[i]
		memory := p.Memories[card.ICCID]
		if memory == nil || len(memory.Doubts) == 0 {
			continue
		}
		reading, able := c.look(ctx, card.Provider, memory)
		if ctx.Err() != nil {
			return looks, ctx.Err()
		}
		if !reading.Known() {
			continue
		}
		reading.Watched = max(reading.At.Sub(since), 0)
		after, ended := memory.SettleDoubts(reading, &able)
		looks[card.ICCID] = Look{Settled: ended, Shown: after.Overlay(reading, able.Settle)}
		after.TakeReading(reading) // which gives the doubts that are left the carrier's clock
		switch {
		case len(ended) > 0:
			records = append(records, recordsOfEnded(p.Run, memory, &after, ended, env.Now().UTC())...)
		case clockless(memory.Doubts) && !clockless(after.Doubts):
			records = append(records, state.Record{Type: state.PutRecord, At: env.Now().UTC(), Provider: after.Provider, ICCID: after.ICCID, Card: &after})
		default:
			continue
		}
		p.Memories[card.ICCID] = &after
	}
	if len(records) == 0 {
		return looks, nil
	}
	return looks, p.Journal.Append(context.WithoutCancel(ctx), records...)
}

// clockless reports whether nobody knows yet since when, by the carrier's clock, one of
// the calls is in doubt.
func clockless(doubts []state.Doubt) bool {
	return slices.ContainsFunc(doubts, func(d state.Doubt) bool { return d.CarrierSince.IsZero() })
}

// look reads all of the card that its doubts are about.
func (c Carriers) look(ctx context.Context, name spec.ProviderName, memory *state.Card) (spec.Reading, spec.Capabilities) {
	able := c.Capabilities[name]
	var attrs spec.Attr
	for _, d := range memory.Doubts {
		attrs |= d.Kind.Attr()
	}
	p := c.Providers[name]
	if p == nil || able.Reads&attrs == 0 {
		return spec.Reading{}, able
	}
	reading, err := providers.ReadSpelled(ctx, p, memory.ICCID, memory.OtherSpelling(), able.Reads&attrs)
	if err != nil {
		return spec.Reading{}, able // and nothing is known of it
	}
	reading.Provider, reading.ICCID = name, memory.ICCID
	reading.CarrierAt = providers.CarrierTime(p, reading.At)
	return reading, able
}

// recordsOfEnded are the records of a card of which a reading shows what became of calls
// that were in doubt.
func recordsOfEnded(r *state.Run, before, after *state.Card, ended []state.Settled, at time.Time) []state.Record {
	records := make([]state.Record, 0, len(ended))
	for i, d := range ended {
		e := endedEvent(r, before, d)
		e.At = at
		rec := said(r, e)
		if i == 0 {
			rec = state.Record{Type: state.PutRecord, At: at, Provider: after.Provider, ICCID: after.ICCID, Card: after, Event: e}
		}
		records = append(records, rec)
	}
	return records
}
