package apply

import (
	"context"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/state"
)

// Hyphened is the outcome as programs read it: "in-doubt".
func (o Outcome) Hyphened() string { return strings.ReplaceAll(string(o), " ", "-") }

// MarshalText is [Outcome.Hyphened].
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.Hyphened()), nil }

// UnmarshalText reads what MarshalText wrote, and what reports had before: "in doubt".
func (o *Outcome) UnmarshalText(text []byte) error {
	*o = Outcome(strings.ReplaceAll(string(text), "-", " "))
	return nil
}

// EventOf is what the history says of an action that ended at a time.
func EventOf(c *plan.Card, a *plan.Action, r *Result, at time.Time) *state.Event {
	return &state.Event{
		At: at.UTC(), ICCID: c.ICCID, Provider: c.Provider, Address: c.Address, Change: a.Change, Outcome: r.Outcome.Hyphened(),
		AsFarAsTold: r.AsFarAsTold, Reason: r.Reason, RequestID: r.RequestID, Approvals: approvalsOf(a),
	}
}

// approvalsOf are those that count for the action.
func approvalsOf(a *plan.Action) []state.EventApproval {
	if len(a.Approvals) == 0 {
		return nil
	}
	list := make([]state.EventApproval, len(a.Approvals))
	for i, given := range a.Approvals {
		list[i] = state.EventApproval{By: given.By, Fingerprint: given.Fingerprint, Reason: given.Reason}
	}
	return list
}

// event is that of a step, where the run keeps a history.
func (r *run) event(s *step, result *Result, at time.Time) *state.Event {
	if r.o.Run == nil {
		return nil
	}
	return EventOf(s.card, s.action, result, at)
}

// eventOfCall is that of a step whose intent was written: nil where its call never left,
// which is no part of what was done.
func (r *run) eventOfCall(s *step, result *Result, at time.Time) *state.Event {
	if result.Outcome == NotStarted || r.comesLater(result) {
		return nil
	}
	return r.event(s, result, at)
}

// comesLater reports whether the action is tried again; see [Options.DeniedWaits].
func (r *run) comesLater(result *Result) bool {
	return r.o.DeniedWaits && result.Outcome == Failed && result.Denied
}

// intended is what an intent says for the history: by it, a call that nothing ends
// is known to have been approved.
func (r *run) intended(s *step, at time.Time) *state.Event {
	return r.event(s, &Result{Outcome: InDoubt, Reason: state.Unanswered}, at)
}

// untoldAtOnce is how many events wait for each other to be written.
const untoldAtOnce = 512

// tell keeps the events of steps that ended without a record of their own: they
// were dropped, or failed before a call was made. One that was as wanted is none.
func (r *run) tell(ended []Result) {
	if r.o.Run == nil {
		return
	}
	r.mu.Lock()
	for i := range ended {
		e := &ended[i]
		if !e.told && !e.AsWanted && !r.comesLater(e) && (e.Outcome == Dropped || e.Outcome == Failed) {
			r.untold = append(r.untold, EventOf(e.Card, e.Action, e, r.o.Now()))
		}
	}
	full := len(r.untold) >= untoldAtOnce
	r.mu.Unlock()
	if full {
		r.tellRest()
	}
}

// tellRest writes the events that wait.
func (r *run) tellRest() {
	r.mu.Lock()
	events := r.untold
	r.untold = nil
	r.mu.Unlock()
	records := make([]state.Record, len(events))
	for i, e := range events {
		records[i] = state.Record{Type: state.RunRecord, At: e.At, Run: &state.Run{ID: r.o.Run.ID}, Event: e}
	}
	if !r.isBroken() {
		_ = r.journal(context.Background(), records...) // it is the report's, which says it once
	}
}
