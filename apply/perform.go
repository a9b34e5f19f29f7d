package apply

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// perform does one action at its carrier, where it may be done.
func (r *run) perform(ctx context.Context, s *step) Result {
	if result, lacks := unapproved(s.action); lacks {
		return result
	}
	if ctx.Err() == nil && r.isBroken() {
		return Result{Outcome: NotStarted, Reason: unstarted}
	}
	if why := r.withheld(ctx, s); why != "" {
		return Result{Outcome: NotStarted, Reason: why}
	}
	p := r.o.Providers[s.card.Provider]
	if p == nil {
		return Result{Outcome: Failed, Reason: fmt.Sprintf("the configuration has no provider %s", s.card.Provider)}
	}
	ctx, ended := r.o.Trace(ctx, s.card, s.action)
	result := r.carryOut(ctx, p, s)
	ended(result)
	return result
}

// unapproved is what becomes of an action that needs an approval and has none.
func unapproved(a *plan.Action) (result Result, lacks bool) {
	if a.Approved || !a.Guarded && !a.Kind.Irreversible() && !a.Final {
		return Result{}, false
	}
	return Result{Outcome: NotStarted, Reason: "it is not approved: " + a.Denial}, true
}

// carryOut looks at the card again, writes down the intent, calls, and writes down
// the outcome.
func (r *run) carryOut(ctx context.Context, p providers.Provider, s *step) Result {
	start := r.o.Now()
	memory := r.card(s)
	if reading, result, ok := r.precondition(ctx, p, s, memory); !ok {
		if result.Outcome == Dropped {
			r.outdate(s, memory, reading)
		}
		result.Elapsed = r.o.Now().Sub(start)
		return result
	}
	if why := r.withheld(ctx, s); why != "" { // since the card was read, which may have waited for its turn
		return Result{Outcome: NotStarted, Reason: why, Elapsed: r.o.Now().Sub(start)}
	}
	now := r.o.Now()
	intent := state.Record{
		Type: state.IntentRecord, At: now, Action: s.action.ID, Provider: s.card.Provider, ICCID: s.card.ICCID,
		Intent: &state.Intent{Change: s.action.Change, Key: s.action.Key}, Event: r.intended(s, now),
	}
	if err := r.journal(ctx, intent); err != nil {
		return Result{Outcome: NotStarted, Reason: unstarted}
	}
	r.o.OnStart(s.card, s.action)
	// From here on the call is under way: an interrupt keeps it from leaving, and
	// lets it end where it has left.
	result := r.call(ctx, p, s)
	result.Elapsed = r.o.Now().Sub(start)
	result.carrierAt = providers.CarrierTime(p, r.o.Now())
	return r.writeDown(context.WithoutCancel(ctx), s, result)
}

// precondition reads the card once more, where the carrier can report what is
// to be changed, and compares it and the state with what the action was planned
// from. Where something changed since, the action is dropped; the reading, where
// there is one, shows what.
func (r *run) precondition(ctx context.Context, p providers.Provider, s *step, memory *state.Card) (reading spec.Reading, dropped Result, ok bool) {
	if memory == nil {
		return reading, Result{Outcome: Dropped, Reason: "the state no longer has the card"}, false
	}
	able := r.able[s.card.Provider]
	if until := memory.Changed.Add(able.Cooldown); !memory.Changed.IsZero() && r.o.Now().Before(until) {
		return reading, Result{Outcome: Failed, Reason: fmt.Sprintf("not sent: the carrier takes another change of this card from %s on", until.UTC().Format("2006-01-02 15:04 UTC"))}, false
	}
	if why := undecided(s, memory, &able); why != "" {
		return reading, Result{Outcome: Dropped, Reason: why}, false
	}
	reading = spec.Reading{Provider: s.card.Provider, ICCID: s.card.ICCID}
	if attr := s.action.Kind.Attr(); able.Reads.Has(attr) {
		var err error
		reading, err = providers.ReadSpelled(ctx, p, s.card.ICCID, memory.OtherSpelling(), attr)
		switch {
		case ctx.Err() != nil:
			return reading, Result{Outcome: NotStarted, Reason: interruption(ctx)}, false
		case err != nil:
			return reading, Result{Outcome: Failed, Reason: fmt.Sprintf("the card could not be read before the change: %v", err), RequestID: providers.RequestIDOf(err), Denied: denied(err)}, false
		}
		reading.Provider, reading.CarrierAt = s.card.Provider, providers.CarrierTime(p, reading.At)
		reading = memory.Overlay(reading, able.Settle)
	}
	if why := stale(s.action, memory, reading); why != "" {
		tells, done := s.action.SeenIn(withBinding(reading, s.action, memory))
		return reading, Result{Outcome: Dropped, Reason: "stale: " + why, AsWanted: tells && done}, false
	}
	return reading, Result{}, true
}

// outdate remembers that the last reading of what was to be changed is not true
// any more, so that the next plan reads the card, however young that reading is.
func (r *run) outdate(s *step, memory *state.Card, reading spec.Reading) {
	if !reading.Known() {
		return
	}
	after := *memory
	after.Last.Has &^= s.action.Kind.Attr()
	r.setCard(s, &after)
}

// undecided says which earlier call of the card stands in the way; "" for none. What the
// carrier has accepted is asked about where it gave a ticket, and never sent again.
func undecided(s *step, memory *state.Card, able *spec.Capabilities) string {
	switch {
	case len(memory.Doubts) == 0:
		return ""
	case repeats(s.action, memory):
		d := &memory.Doubts[0]
		if asked := d.Ticket != "" && able.AsksAfter(d.Kind); d.UnderWay() && !asked {
			return fmt.Sprintf("the carrier accepted it at %s, and it isn't sent again", d.Since.UTC().Format("2006-01-02 15:04:05 UTC"))
		}
		return ""
	case sendsAgain(s, memory):
		return ""
	}
	return "an earlier change of this card is in doubt"
}

// repeats reports whether the action sends again what is in doubt, which the plan
// allows only for a call that names the value it replaces, or that sets a state.
func repeats(a *plan.Action, memory *state.Card) bool {
	return len(memory.Doubts) == 1 && memory.Doubts[0].Change == a.Change
}

// sendsAgain reports whether the plan has the card's stop or resume that is in doubt
// sent again, so that it is no reason to leave the card's other actions.
func sendsAgain(s *step, memory *state.Card) bool {
	return memory.Doubts[0].Kind.SetsState() && !memory.Doubts[0].UnderWay() && slices.ContainsFunc(s.card.Actions, func(a plan.Action) bool { return repeats(&a, memory) })
}

// stale says what changed since the action was planned; "" for nothing.
func stale(a *plan.Action, memory *state.Card, reading spec.Reading) string {
	if reading.Lifecycle.Gone() {
		return fmt.Sprintf("the carrier now reports the card as %s (%s)", reading.Lifecycle, reading.Status)
	}
	attr := a.Kind.Attr()
	reading = withBinding(reading, a, memory)
	switch {
	case attr == spec.AttrBinding && !reading.Tells(attr):
		return "the state no longer knows the card's device"
	case attr == spec.AttrBinding && reading.IMEI == "" && !a.BindsFirst():
		return "the card is bound to no device by now"
	case attr == spec.AttrPackages && !reading.Tells(attr), a.PendingIn(reading):
		return ""
	default:
		return overtaken(a.Change, reading)
	}
}

// withBinding is the reading with the device that the state has for a change of it, where
// the carrier can't report one.
func withBinding(reading spec.Reading, a *plan.Action, memory *state.Card) spec.Reading {
	if attr := a.Kind.Attr(); attr == spec.AttrBinding && !reading.Tells(attr) && memory.Binding.Known {
		reading.Has, reading.IMEI = reading.Has|attr, memory.Binding.IMEI
	}
	return reading
}

// overtaken says how the card is where it no longer shows what the change replaces.
func overtaken(c spec.Change, reading spec.Reading) string {
	switch c.Kind.Attr() {
	case spec.AttrBinding:
		return fmt.Sprintf("the card is bound to %s by now", reading.IMEI)
	case spec.AttrPackages:
		if reading.HasPackage(c.Package()) {
			return fmt.Sprintf("the card has package %s by now", c.Package())
		}
		return fmt.Sprintf("the card no longer has package %s", c.Package())
	default:
		if c.Kind == spec.Stop {
			return fmt.Sprintf("the card is no longer in service (%s)", reading.Status)
		}
		return fmt.Sprintf("the card is no longer stopped by its owner (%s)", reading.Status)
	}
}

// call makes the change, and finds out what it did where the answer was lost. Of
// a call that was sent before, by a run that ended, no refusal says that the card
// is as it was. A refused stop or resume failed all the same, and leaves the
// earlier one in doubt as it was.
func (r *run) call(ctx context.Context, p providers.Provider, s *step) Result {
	memory := r.card(s)
	again := repeats(s.action, memory)
	change, taken := changeOf(s), (*acceptance)(nil)
	if again && memory.Doubts[0].UnderWay() {
		d := &memory.Doubts[0]
		change.Ticket, taken = d.Ticket, &acceptance{d.Ticket, d.Since, d.CarrierSince}
	}
	receipt, now, err := r.do(ctx, p, s, change)
	if taken = cmp.Or(taken, now); taken != nil && err != nil {
		return r.awaited(ctx, p, s, taken, err)
	}
	proof := providers.ProofOf(err)
	switch {
	case err == nil && receipt.Already:
		return Result{Outcome: Done, Reason: "the card was in that state already", RequestID: receipt.RequestID}
	case err == nil:
		return Result{Outcome: Done, RequestID: receipt.RequestID, later: receipt.Accepted}
	case stopped(err):
		return Result{Outcome: NotStarted, Reason: unsent(ctx, err)}
	case proof.Effect(again && !s.action.Kind.SetsState()) == providers.EffectNone:
		return Result{Outcome: Failed, Reason: err.Error(), RequestID: providers.RequestIDOf(err), Denied: denied(err)}
	case again && proof == providers.NeverSeen:
		return Result{Outcome: InDoubt, Reason: "it was not sent again: " + err.Error(), RequestID: providers.RequestIDOf(err), unsent: true}
	}
	return r.settle(ctx, p, s, err, again && refuses(err))
}

// do sends a change. taken is that the carrier accepted it just now, and makes it later;
// that is in the journal before it is waited for.
func (r *run) do(ctx context.Context, p providers.Provider, s *step, change providers.Change) (receipt providers.Receipt, taken *acceptance, err error) {
	change.Accepted = func(ctx context.Context, ticket string) error {
		taken = r.takenNow(p, ticket)
		return r.accepted(ctx, s, taken)
	}
	receipt, err = p.Do(ctx, change)
	if taken == nil && providers.Accepted(err) { // by a carrier that is asked nothing more
		taken = r.takenNow(p, "")
	}
	return receipt, taken, err
}

// denied reports whether the carrier refuses the account, whatever the call.
func denied(err error) bool {
	cause, known := providers.CauseOf(err)
	return known && cause == providers.Denied
}

// refuses reports whether the carrier refuses a call because the card isn't at
// the value that the call replaces.
func refuses(err error) bool {
	cause, _ := providers.CauseOf(err)
	return err != nil && cause == providers.PriorMismatch && providers.ProofOf(err) == providers.Declined
}

// stopped reports whether the call never left, since the run ends.
func stopped(err error) bool {
	cause, _ := providers.CauseOf(err)
	return err != nil && cause == providers.Stopped && providers.EffectOf(err) == providers.EffectNone
}

// unsent says why a call that was under way never left.
func unsent(ctx context.Context, err error) string {
	if ctx.Err() != nil {
		return interruption(ctx) + " before it was sent"
	}
	return err.Error()
}

// takenNow is a change that the carrier has just accepted.
func (r *run) takenNow(p providers.Provider, ticket string) *acceptance {
	now := r.o.Now()
	return &acceptance{ticket, now, providers.CarrierTime(p, now)}
}

// accepted writes down that the carrier has accepted a change, before it is waited for:
// a run that ends meanwhile leaves it to the next.
func (r *run) accepted(ctx context.Context, s *step, taken *acceptance) error {
	return r.journal(ctx, state.Record{
		Type: state.IntentRecord, At: taken.at, Action: s.action.ID, Provider: s.card.Provider, ICCID: s.card.ICCID,
		Intent: &state.Intent{Change: s.action.Change, Key: s.action.Key, Ticket: taken.ticket, Accepted: true}, Event: r.intended(s, taken.at),
	})
}

// awaited is what became of a change that the carrier accepted, and that isn't known
// to be done: the carrier says that it failed, a reading shows it, or it stays in
// doubt. It is never sent again.
func (r *run) awaited(ctx context.Context, p providers.Provider, s *step, taken *acceptance, err error) Result {
	id := providers.RequestIDOf(err)
	if providers.ProofOf(err) == providers.Declined {
		return Result{Outcome: Failed, Reason: err.Error(), RequestID: id, ended: true}
	}
	if shown, _ := r.look(context.WithoutCancel(ctx), p, s); shown {
		return Result{Outcome: Done, Reason: "the carrier shows that it was done", RequestID: id}
	}
	return Result{Outcome: InDoubt, Reason: err.Error(), RequestID: id, taken: taken}
}

func changeOf(s *step) providers.Change {
	a := s.action
	return providers.Change{Change: a.Change, ICCID: s.card.ICCID, Key: a.Key}
}

// pauses are the waits before each look at a card whose answer was lost.
func pauses() []time.Duration { return []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} }

// settle finds out what became of a call that may have had its effect: by
// reading the card, and by sending the call again only where that can do no
// harm: where it names the value that it replaces, so that the carrier refuses
// a second one, or where a reading shows that the first had no effect and a
// repeat would change nothing twice. What stays unknown is in doubt. refused
// reports that the carrier has refused a second one already: then the call is
// not sent any more, and only a reading can say that it was done. An interrupt
// lets it look, and sends nothing again.
func (r *run) settle(ctx context.Context, p providers.Provider, s *step, lost error, refused bool) Result {
	named, looks := r.able[s.card.Provider].ReplacesByName(s.action.Kind), r.looks(s)
	looking := context.WithoutCancel(ctx)
	for _, pause := range pauses() {
		if refused && (r.told(s) || !looks) || r.o.Sleep(looking, pause) != nil {
			break
		}
		shown, read := r.look(looking, p, s)
		if shown {
			return Result{Outcome: Done, Reason: "the answer was lost; the carrier shows that it was done", RequestID: providers.RequestIDOf(lost)}
		}
		if refused || !named && !(read && s.action.Kind.SetsState()) {
			continue
		}
		receipt, taken, err := r.do(ctx, p, s, changeOf(s))
		switch {
		case err == nil:
			return Result{Outcome: Done, Reason: "the answer was lost; sent again", RequestID: receipt.RequestID, later: receipt.Accepted}
		case taken != nil:
			return r.awaited(ctx, p, s, taken, err)
		case named && refuses(err):
			refused, lost = true, err
		}
	}
	if refused {
		return r.refused(s, lost)
	}
	return Result{Outcome: InDoubt, Reason: lost.Error(), RequestID: providers.RequestIDOf(lost), waits: providers.Waits(lost)}
}

// refused is what a refused repetition proves: that the card isn't at the device
// that the call names. Where that was the card's device for sure, the first call
// took it away, as far as the carrier tells. Where it was only believed, the card
// may have been elsewhere all the time. An unbind closes an account for good, so
// it is never taken as done for that.
func (r *run) refused(s *step, refusal error) Result {
	id, a := providers.RequestIDOf(refusal), s.action
	switch {
	case r.told(s):
		return Result{Outcome: Done, AsFarAsTold: true, RequestID: id,
			Reason: "as far as the carrier tells: the answer was lost, and it refuses a second one"}
	case a.Kind == spec.ChangeBind:
		return Result{Outcome: InDoubt, refused: true, RequestID: id, Reason: fmt.Sprintf(
			"the answer was lost, and the carrier refuses a second one: so the card isn't bound to %s, which was only believed to be its device (%s). It is bound to %s if the call was done, else to a device that isn't known here",
			a.From, r.card(s).Binding.Belief(), a.To)}
	default:
		return Result{Outcome: InDoubt, refused: true, RequestID: id,
			Reason: "the answer was lost, and the carrier refuses a second one, but doesn't show that the first was done: " + refusal.Error()}
	}
}

// told reports whether a refused repetition says that the change was done: it
// is a change of the device, and the old one was read, or set by a call of ours
// that was answered.
func (r *run) told(s *step) bool {
	b := r.card(s).Binding
	return s.action.Kind == spec.ChangeBind && b.Certain() && b.IMEI.Same(spec.IMEI(s.action.From))
}

// looks reports whether a reading can show the change.
func (r *run) looks(s *step) bool {
	return s.action.Kind == spec.Unbind || r.able[s.card.Provider].Reads.Has(s.action.Kind.Attr())
}

// look reads the card: shown reports that it has the new value by this call, read
// that the carrier answered at all and can tell.
func (r *run) look(ctx context.Context, p providers.Provider, s *step) (shown, read bool) {
	if !r.looks(s) {
		return false, false
	}
	reading, err := providers.ReadSpelled(ctx, p, s.card.ICCID, r.card(s).OtherSpelling(), s.action.Kind.Attr())
	if err != nil {
		return false, false
	}
	reading.CarrierAt = providers.CarrierTime(p, reading.At)
	tells, done := r.card(s).Shows(s.action.Change, reading, r.able[s.card.Provider].Settle)
	return done, tells
}

// writeDown takes the outcome over into the card and the journal.
func (r *run) writeDown(ctx context.Context, s *step, result Result) Result {
	id, now := s.card.ID(), r.o.Now()
	memory := *r.card(s)
	switch result.Outcome {
	case Done:
		memory.Done(state.Change{Change: s.action.Change, At: now, CarrierAt: result.carrierAt, Accepted: result.later})
		memory.Binding.AsFarAsTold = memory.Binding.AsFarAsTold || result.AsFarAsTold
	case Failed:
		if result.ended {
			memory.NoEffect(s.action.Change)
		}
	case InDoubt:
		if result.unsent {
			break // and the doubt is as it was
		}
		memory.InDoubt(doubtOf(s, &result, now))
	}
	after := &memory
	records := []state.Record{{
		Type: state.OutcomeRecord, At: now, Action: s.action.ID, Provider: id.Provider, ICCID: id.ICCID, Card: after,
		Event: r.eventOfCall(s, &result, now),
	}}
	result.told = true
	if forgets(s, result) {
		after = nil
		records = append(records, state.Record{Type: state.DropRecord, At: now, Action: s.action.ID, Provider: id.Provider, ICCID: id.ICCID})
	}
	r.setCard(s, after)
	if err := r.journal(ctx, records...); err != nil {
		r.countUnrecorded()
		result.Reason = strings.TrimPrefix(result.Reason+"; the journal has no record of this outcome", "; ")
	}
	return result
}

// doubtOf is what the state remembers of an action whose outcome nobody knows at a time.
// What the carrier accepted is in doubt since then, however often it is asked about.
func doubtOf(s *step, result *Result, now time.Time) state.Doubt {
	d := state.Doubt{
		Change: s.action.Change, Key: s.action.Key,
		Since: now, CarrierSince: result.carrierAt, RequestID: result.RequestID, Reason: result.Reason, Tried: true, Refused: result.refused, Waits: result.waits,
	}
	if taken := result.taken; taken != nil {
		d.Accepted, d.Ticket, d.Since, d.CarrierSince = true, taken.ticket, taken.at, taken.carrierAt
	}
	return d
}

// forgets reports whether the card leaves the state with this action: it left
// the configuration, and what the policy wants of such a card is done.
func forgets(s *step, result Result) bool {
	return s.card.Leaving && result.Outcome == Done && (s.action.Kind == spec.Unbind || s.action.Kind == spec.Stop)
}
