package stored

import (
	"strconv"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/lines"
)

// recordWriter writes records just as encoding/json writes them: see
// [lines.Writer]. Commits and runs are left to encoding/json.
type recordWriter struct{ *lines.Writer }

// list is the list of records as JSON, which is good until the next call.
func (w recordWriter) list(records []state.Record) ([]byte, error) {
	w.Begin()
	w.B = append(w.B, '[')
	for i := range records {
		w.Next(i)
		w.record(&records[i])
	}
	w.B = append(w.B, ']')
	return w.B, w.Err
}

func (w recordWriter) record(r *state.Record) {
	if !usual(*r) {
		w.Any("", r)
		return
	}
	w.number(`{"v":`, uint64(r.Version)) //nolint:gosec // a version is no less than 0
	w.number(`,"serial":`, r.Serial)
	w.number(`,"seq":`, r.Seq)
	w.Field(`,"type":`, string(r.Type))
	w.Clock(`,"at":`, r.At)
	w.Optional(`,"action":`, r.Action)
	w.Optional(`,"provider":`, string(r.Provider))
	w.Optional(`,"iccid":`, string(r.ICCID))
	if r.Intent != nil {
		w.intent(r.Intent)
	}
	if r.Card != nil {
		w.Card(`,"card":`, r.Card)
	}
	if r.Event != nil {
		w.event(r.Event)
	}
	w.B = append(w.B, '}')
}

// usual reports whether the record has no fields but those that record writes.
func usual(r state.Record) bool {
	r.Serial, r.Seq, r.Type, r.At, r.Action, r.Provider, r.ICCID, r.Intent, r.Card, r.Event = 0, 0, "", state.Record{}.At, "", "", "", nil, nil, nil
	return r == state.Record{Version: r.Version} && r.Version >= 0
}

func (w recordWriter) number(name string, n uint64) {
	w.B = strconv.AppendUint(append(w.B, name...), n, 10)
}

func (w recordWriter) intent(i *state.Intent) {
	w.B = append(w.B, `,"intent":{`...)
	start := len(w.B)
	w.Change(&i.Change)
	w.Optional(`,"key":`, i.Key)
	w.Optional(`,"ticket":`, i.Ticket)
	w.Flag(`,"accepted":true`, i.Accepted)
	w.Close(start)
}

func (w recordWriter) event(e *state.Event) {
	w.Clock(`,"event":{"at":`, e.At)
	w.Field(`,"iccid":`, string(e.ICCID))
	w.Field(`,"provider":`, string(e.Provider))
	w.Optional(`,"address":`, e.Address)
	w.Change(&e.Change)
	w.Field(`,"outcome":`, e.Outcome)
	w.Flag(`,"as_far_as_told":true`, e.AsFarAsTold)
	w.Flag(`,"settles":true`, e.Settles)
	w.Optional(`,"reason":`, e.Reason)
	w.Optional(`,"request_id":`, e.RequestID)
	if len(e.Approvals) > 0 {
		w.Any(`,"approvals":`, e.Approvals)
	}
	w.B = append(w.B, '}')
}
