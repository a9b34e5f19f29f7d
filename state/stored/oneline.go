package stored

import (
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/lines"
)

// RecordWriter writes records one by one, for a store that keeps each by itself. It
// is for one goroutine. Make one with [NewRecordWriter].
type RecordWriter struct{ w recordWriter }

// NewRecordWriter has room for one record.
func NewRecordWriter() *RecordWriter { return &RecordWriter{recordWriter{lines.NewWriter()}} }

// Text is the record as JSON, which is good until the next call.
func (w *RecordWriter) Text(r *state.Record) ([]byte, error) {
	w.w.Begin()
	w.w.record(r)
	return w.w.B, w.w.Err
}

// Wanted reports which entries the query wants.
func Wanted(q state.EventQuery) func(*state.Entry) bool { return matching(q).wants }

// Left is the event of an intent that nothing answered.
func Left(r *state.Record) state.Event {
	e := state.Event{}
	if r.Event != nil {
		e = *r.Event
	}
	e.At, e.ICCID, e.Provider, e.Change = r.At, r.ID().ICCID, r.ID().Provider, r.Intent.Change
	e.Outcome, e.Reason = InDoubt, state.Unanswered
	return e
}
