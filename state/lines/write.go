package lines

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Writer writes lines just as encoding/json writes them, in a fifth of the time:
// what is remembered of a card, and what other lines are made of. What few cards
// have is left to encoding/json: packages, doubts. Tests hold the two alike, and
// fail where a type gets another field.
type Writer struct {
	B    []byte // what was written
	Err  error  // the first; what was written since then is of no use
	rare bytes.Buffer
	json *json.Encoder
	keys []string
}

// NewWriter makes a writer.
func NewWriter() *Writer {
	w := &Writer{}
	w.json = json.NewEncoder(&w.rare)
	w.json.SetEscapeHTML(false)
	return w
}

// Begin begins anew, in the same room.
func (w *Writer) Begin() { w.B, w.Err = w.B[:0], nil }

// Close ends an object whose fields begin at start, each with a comma before it.
func (w *Writer) Close(start int) {
	if len(w.B) > start {
		w.B = slices.Delete(w.B, start, start+1)
	}
	w.B = append(w.B, '}')
}

// Binding writes what is known of a device, if anything is.
func (w *Writer) Binding(v *state.Binding) {
	if *v == (state.Binding{}) {
		return
	}
	w.B = append(w.B, `,"binding":{`...)
	start := len(w.B)
	w.Flag(`,"known":true`, v.Known)
	if v.Unconfirmed != state.Confirmed {
		w.Any(`,"unconfirmed":`, v.Unconfirmed)
	}
	w.Flag(`,"as_far_as_told":true`, v.AsFarAsTold)
	w.Optional(`,"imei":`, string(v.IMEI))
	w.Close(start)
}

// Change writes the fields of a change among those of its action.
func (w *Writer) Change(c *spec.Change) {
	if *c == (spec.Change{Kind: c.Kind, From: c.From, To: c.To}) {
		w.Field(`,"kind":`, string(c.Kind))
		w.Optional(`,"from":`, c.From)
		w.Optional(`,"to":`, c.To)
		return
	}
	start := len(w.B)
	w.Any("", *c)
	w.B[start] = ',' // its braces are the action's
	w.B = w.B[:len(w.B)-1]
}

// Memory writes what is remembered of a card behind the name, if anything is.
func (w *Writer) Memory(name string, m *state.Card) {
	if !isZero(m) {
		w.Card(name, m)
	}
}

// Card writes what is remembered of a card behind the name.
func (w *Writer) Card(name string, m *state.Card) {
	w.B = append(w.B, name...)
	w.Field(`{"provider":`, string(m.Provider))
	w.Field(`,"iccid":`, string(m.ICCID))
	w.Field(`,"address":`, m.Address)
	w.Optional(`,"msisdn":`, m.MSISDN)
	w.Labels(`,"labels":`, m.Labels)
	w.Labels(`,"carrier_ids":`, m.CarrierIDs)
	w.Binding(&m.Binding)
	w.Flag(`,"prevent_unbind":true`, m.PreventUnbind)
	w.last(&m.Last)
	w.Time(`,"changed":`, m.Changed)
	w.Time(`,"since":`, m.Since)
	w.recent(m.Recent)
	if len(m.Doubts) > 0 {
		w.Any(`,"doubts":`, m.Doubts)
	}
	w.B = append(w.B, '}')
}

// isZero reports whether nothing is remembered of a card at all.
func isZero(m *state.Card) bool {
	return m.Provider == "" && m.ICCID == "" && m.Address == "" && m.MSISDN == "" && m.Labels == nil && m.CarrierIDs == nil &&
		m.Binding == (state.Binding{}) && !m.PreventUnbind && isZeroLast(&m.Last) && m.Changed.IsZero() && m.Since.IsZero() && m.Recent == nil && m.Doubts == nil
}

func isZeroLast(l *state.Last) bool {
	return l.At.IsZero() && l.Status == "" && l.Lifecycle == "" && l.Reason == "" && !l.ForDevice && l.Has == 0 && l.IMEI == "" && l.Packages == nil
}

func (w *Writer) recent(list []state.Change) {
	if len(list) == 0 {
		return
	}
	w.B = append(w.B, `,"recent":[`...)
	for i := range list {
		w.Next(i)
		w.B = append(w.B, '{')
		start := len(w.B)
		w.Change(&list[i].Change)
		w.Clock(`,"at":`, list[i].At)
		w.Time(`,"carrier_at":`, list[i].CarrierAt)
		w.Flag(`,"accepted":true`, list[i].Accepted)
		w.Close(start)
	}
	w.B = append(w.B, ']')
}

func (w *Writer) last(l *state.Last) {
	if isZeroLast(l) {
		return
	}
	w.B = append(w.B, `,"last":{`...)
	start := len(w.B)
	w.Time(`,"at":`, l.At)
	w.Optional(`,"status":`, l.Status)
	w.Optional(`,"lifecycle":`, string(l.Lifecycle))
	w.Optional(`,"reason":`, l.Reason)
	w.Flag(`,"for_device":true`, l.ForDevice)
	if l.Has != 0 {
		w.B = strconv.AppendUint(append(w.B, `,"has":`...), uint64(l.Has), 10)
	}
	w.Optional(`,"imei":`, string(l.IMEI))
	if len(l.Packages) > 0 {
		w.Any(`,"packages":`, l.Packages)
	}
	w.Close(start)
}

// Next writes a comma before all elements of a list but the first.
func (w *Writer) Next(i int) {
	if i > 0 {
		w.B = append(w.B, ',')
	}
}

// Flag writes a text where it is set.
func (w *Writer) Flag(text string, set bool) {
	if set {
		w.B = append(w.B, text...)
	}
}

// Field writes a field whose name has its quotes and its colon.
func (w *Writer) Field(name, value string) {
	w.B = append(w.B, name...)
	w.Text(value)
}

// Optional is Field for a value that is left out where it is empty.
func (w *Writer) Optional(name, value string) {
	if value != "" {
		w.Field(name, value)
	}
}

// Texts writes a list of texts, if there are any.
func (w *Writer) Texts(name string, list []string) {
	if len(list) > 0 {
		w.B = append(w.B, name...)
		w.List(list)
	}
}

// List writes a list of texts.
func (w *Writer) List(list []string) {
	w.B = append(w.B, '[')
	for i, s := range list {
		w.Next(i)
		w.Text(s)
	}
	w.B = append(w.B, ']')
}

// Labels writes texts by their names, in order, if there are any.
func (w *Writer) Labels(name string, m map[string]string) {
	if len(m) == 0 {
		return
	}
	w.B = append(w.B, name...)
	w.keys = w.keys[:0]
	for k := range m {
		w.keys = append(w.keys, k)
	}
	slices.Sort(w.keys)
	w.B = append(w.B, '{')
	for i, k := range w.keys {
		w.Next(i)
		w.Text(k)
		w.Field(":", m[k])
	}
	w.B = append(w.B, '}')
}

// Time writes a time, if there is one.
func (w *Writer) Time(name string, t time.Time) {
	if !t.IsZero() {
		w.Clock(name, t)
	}
}

// Clock writes a time.
func (w *Writer) Clock(name string, t time.Time) {
	if t.Year() < 0 || t.Year() > 9999 || !usualZone(t) {
		w.Any(name, t)
		return
	}
	w.B = append(append(w.B, name...), '"')
	w.B = append(t.AppendFormat(w.B, time.RFC3339Nano), '"')
}

// usualZone reports whether a time's zone is written as it is by JSON too.
func usualZone(t time.Time) bool {
	if t.Location() == time.UTC {
		return true
	}
	const most = 23 * 60 * 60
	_, offset := t.Zone()
	return -most <= offset && offset <= most
}

// Text writes a text. One with a character that JSON writes in another way is
// left to encoding/json.
func (w *Writer) Text(s string) {
	start, from, ascii := len(w.B), 0, true
	w.B = append(w.B, '"')
	for i := 0; i < len(s); i++ {
		if i+8 <= len(s) && plain(eightOf(s[i:])) {
			i += 7
			continue
		}
		switch c := s[i]; {
		case c == '"' || c == '\\':
			w.B = append(append(w.B, s[from:i]...), '\\')
			from = i
		case c < ' ' || c >= utf8.RuneSelf && ascii && !printable(s):
			w.B = w.B[:start]
			w.Any("", s)
			return
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	w.B = append(append(w.B, s[from:]...), '"')
}

// eightOf are the first eight bytes of s, as a number.
func eightOf(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// printable reports whether JSON has the characters beyond ASCII as they are.
func printable(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError || r == '\u2028' || r == '\u2029' {
			return false
		}
	}
	return true
}

// Any writes a value by encoding/json.
func (w *Writer) Any(name string, v any) {
	w.B = append(w.B, name...)
	w.rare.Reset()
	if err := w.json.Encode(v); err != nil && w.Err == nil {
		w.Err = err
	}
	w.B = append(w.B, bytes.TrimSuffix(w.rare.Bytes(), []byte("\n"))...)
}
