package stored

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/lines"
)

// RecordReader reads records just as encoding/json reads them, to which it leaves those
// that are seldom written: see [lines.Scanner]. It refuses what it doesn't know. One
// reader for many records is faster than one for each. It is for one goroutine; the zero
// value is ready.
type RecordReader struct{ scan recordScanner }

// Read reads what [RecordWriter.Text] wrote.
func (r *RecordReader) Read(text []byte) (state.Record, error) {
	var record state.Record
	if r.scan.Begin(text); r.scan.record(&record) && r.scan.End() {
		return record, checkRecord(&record)
	}
	record = state.Record{}
	alone, err := decodeStrictly(text, &record)
	if err != nil {
		return state.Record{}, decodeError([]byte("["+string(text)+"]"), err)
	}
	if !alone {
		return state.Record{}, errors.New("something follows the record")
	}
	return record, checkRecord(&record)
}

// list reads a list of records, and checks each by itself.
func (r *RecordReader) list(text []byte) ([]state.Record, error) {
	records, ok := r.scan.list(text)
	if !ok {
		records = nil
		if _, err := decodeStrictly(text, &records); err != nil {
			return nil, decodeError(text, err)
		}
	}
	for i := range records {
		if err := checkRecord(&records[i]); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// CardReader is [RecordReader] for a card by itself, as its line of a snapshot has it. It
// refuses fields that we don't know, since they would be lost with the next write.
type CardReader struct{ scan lines.Scanner }

// Read reads a card.
func (r *CardReader) Read(text []byte) (state.Card, error) {
	var c state.Card
	if r.scan.Card(text, &c) {
		return c, nil
	}
	c = state.Card{}
	alone, err := decodeStrictly(text, &c)
	if err != nil {
		return state.Card{}, fmt.Errorf("this is not a card: %w", err)
	}
	if !alone {
		return state.Card{}, errors.New("something follows the card in its row")
	}
	return c, nil
}

// decodeStrictly decodes the first value of a text, and refuses fields that we don't know.
// alone reports whether nothing follows it.
func decodeStrictly(text []byte, v any) (alone bool, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	err = dec.Decode(v)
	return dec.InputOffset() == int64(len(text)), err
}

// recordScanner reads records as recordWriter writes them. Its methods are as those of
// [lines.Scanner].
type recordScanner struct{ lines.Scanner }

func (s *recordScanner) list(text []byte) (records []state.Record, ok bool) {
	s.Begin(text)
	if !s.Skip("[") {
		return nil, false
	}
	for {
		var r state.Record
		if !s.record(&r) {
			return nil, false
		}
		records = append(records, r)
		if !s.Skip(",") {
			return records, s.Skip("]") && s.End()
		}
	}
}

func (s *recordScanner) record(r *state.Record) bool {
	var version uint64
	ok := s.Number(`{"v":`, &version) && version <= state.RecordVersion && s.Number(`,"serial":`, &r.Serial) && s.Number(`,"seq":`, &r.Seq)
	kind, hasKind := s.Word(`,"type":"`)
	if !ok || !hasKind || !s.Skip(`,"at":"`) {
		return false
	}
	r.Version, r.Type = int(version), state.RecordType(kind) //nolint:gosec // it is a version that this program knows
	if r.At, ok = s.Clock(); !ok {
		return false
	}
	provider, iccid := "", ""
	ok = s.Optional(`,"action":"`, &r.Action) && s.OptionalWord(`,"provider":"`, &provider) && s.Optional(`,"iccid":"`, &iccid)
	r.Provider, r.ICCID = spec.ProviderName(provider), spec.ICCID(iccid)
	return ok && s.intent(&r.Intent) && s.card(&r.Card) && s.event(&r.Event) && s.Skip("}")
}

func (s *recordScanner) intent(to **state.Intent) bool {
	if !s.Skip(`,"intent":{"kind":"`) {
		return true
	}
	i := &state.Intent{}
	*to = i
	return s.change(&i.Change) && s.Optional(`,"key":"`, &i.Key) && s.Optional(`,"ticket":"`, &i.Ticket) && s.Skip("}")
}

// change is a change, behind the name of its first field.
func (s *recordScanner) change(c *spec.Change) bool {
	kind, ok := s.Word("")
	c.Kind = spec.Kind(kind)
	return ok && s.Optional(`,"from":"`, &c.From) && s.Optional(`,"to":"`, &c.To)
}

func (s *recordScanner) card(to **state.Card) bool {
	if !s.Skip(`,"card":`) {
		return true
	}
	*to = &state.Card{}
	return s.Memory("", *to)
}

func (s *recordScanner) event(to **state.Event) bool {
	if !s.Skip(`,"event":{"at":"`) {
		return true
	}
	e := &state.Event{}
	*to = e
	var ok bool
	if e.At, ok = s.Clock(); !ok {
		return false
	}
	iccid, ok := s.Text(`,"iccid":"`)
	provider, ok2 := s.Word(`,"provider":"`)
	e.ICCID, e.Provider = spec.ICCID(iccid), spec.ProviderName(provider)
	if !ok || !ok2 || !s.OptionalEscaped(`,"address":"`, &e.Address) || !s.Skip(`,"kind":"`) || !s.change(&e.Change) {
		return false
	}
	e.Outcome, ok = s.Word(`,"outcome":"`)
	e.AsFarAsTold, e.Settles = s.Skip(`,"as_far_as_told":true`), s.Skip(`,"settles":true`)
	return ok && s.OptionalEscaped(`,"reason":"`, &e.Reason) && s.Optional(`,"request_id":"`, &e.RequestID) && s.Skip("}")
}
