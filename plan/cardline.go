package plan

import (
	"strconv"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/lines"
)

// lineWriter writes the line of a card in a saved plan just as encoding/json
// writes it: see [lines.Writer]. Drift is left to encoding/json besides. A test
// holds the two alike, and fails where a type gets another field.
type lineWriter struct{ *lines.Writer }

func newLineWriter() *lineWriter { return &lineWriter{lines.NewWriter()} }

// card is the card's line, which is good until the next call.
func (w *lineWriter) card(c *Card) ([]byte, error) {
	w.Begin()
	w.Field(`{"card":{"address":`, c.Address)
	w.Field(`,"provider":`, string(c.Provider))
	w.Field(`,"iccid":`, string(c.ICCID))
	w.Optional(`,"msisdn":`, c.MSISDN)
	w.Labels(`,"labels":`, c.Labels)
	w.Optional(`,"file":`, c.File)
	if c.Line != 0 {
		w.B = strconv.AppendInt(append(w.B, `,"line":`...), int64(c.Line), 10)
	}
	w.values(`,"before":`, &c.Before)
	w.values(`,"after":`, &c.After)
	w.actions(c.Actions)
	w.notes(c)
	w.Memory(`,"memory":`, &c.Memory)
	w.Time(`,"since":`, c.Since)
	if c.Account != 0 {
		w.B = strconv.AppendUint(append(w.B, `,"account":`...), uint64(c.Account), 10)
	}
	w.Flag(`,"leaving":true`, c.Leaving)
	w.B = append(w.B, "}}\n"...)
	return w.B, w.Err
}

func (w *lineWriter) notes(c *Card) {
	if len(c.Attention) > 0 {
		w.B = append(w.B, `,"attention":[`...)
		for i, n := range c.Attention {
			w.Next(i)
			w.Field(`{"summary":`, n.Summary)
			w.Field(`,"detail":`, n.Detail)
			w.B = append(w.B, '}')
		}
		w.B = append(w.B, ']')
	}
	if len(c.Drift) > 0 {
		w.Any(`,"drift":`, c.Drift)
	}
	w.Texts(`,"notes":`, c.Notes)
}

func (w *lineWriter) values(name string, v *Values) {
	if v.Binding == (state.Binding{}) && v.Active == 0 && v.Packages == nil && v.Status == "" && v.Lifecycle == "" {
		return
	}
	w.B = append(append(w.B, name...), '{')
	start := len(w.B)
	w.Binding(&v.Binding)
	if v.Active != 0 {
		w.B = strconv.AppendInt(append(w.B, `,"active":`...), int64(v.Active), 10)
	}
	if v.Packages != nil {
		w.B = append(w.B, `,"packages":`...)
		w.List(v.Packages)
	}
	w.Optional(`,"status":`, v.Status)
	w.Optional(`,"lifecycle":`, string(v.Lifecycle))
	w.Close(start)
}

func (w *lineWriter) actions(actions []Action) {
	if len(actions) == 0 {
		return
	}
	w.B = append(w.B, `,"actions":[`...)
	for i := range actions {
		w.Next(i)
		w.action(&actions[i])
	}
	w.B = append(w.B, ']')
}

func (w *lineWriter) action(a *Action) {
	w.Field(`{"id":`, a.ID)
	w.Change(&a.Change)
	w.Texts(`,"needs":`, a.Needs)
	w.Optional(`,"key":`, a.Key)
	w.B = strconv.AppendBool(append(w.B, `,"guarded":`...), a.Guarded)
	w.B = strconv.AppendBool(append(w.B, `,"approved":`...), a.Approved)
	if a.Required != 0 {
		w.B = strconv.AppendInt(append(w.B, `,"required":`...), int64(a.Required), 10)
	}
	if len(a.Approvals) > 0 {
		w.Any(`,"approvals":`, a.Approvals)
	}
	w.Optional(`,"denial":`, a.Denial)
	w.B = append(w.B, '}')
}
