package stored

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/lines"
)

// extractor makes the history's entries of a journal's records, which it is
// given in their order. An intent that its run left without an outcome is an
// entry too: what became of that call is in doubt.
type extractor struct {
	visit func(*state.Entry) error
	run   *state.Run
	open  []*state.Record // intents of the present run without an outcome
	// pending are entries of the last run that count once it commits.
	pending []*state.Entry
}

// Entries visits what the records add to the history, once they are committed.
func Entries(records []state.Record, visit func(*state.Entry) error) error {
	x := &extractor{visit: visit}
	for i := range records {
		if err := x.take(&records[i]); err != nil {
			return err
		}
	}
	return x.finish(math.MaxUint64)
}

func (x *extractor) take(r *state.Record) error {
	if r.Pending && r.Type == state.RunRecord {
		return x.wait(r)
	}
	if r.Type != state.CommitRecord {
		x.pending = nil // its commit failed
	}
	switch r.Type {
	case state.RunRecord:
		if err := x.begin(r); err != nil {
			return err
		}
	case state.CommitRecord:
		return x.committed()
	case state.IntentRecord:
		x.answer(r) // a second one of its action takes the place of the first
		x.open = append(x.open, r)
		return nil
	case state.OutcomeRecord:
		x.answer(r)
	}
	if r.Event == nil {
		return nil
	}
	return x.visit(&state.Entry{Serial: r.Serial, Seq: r.Seq, Run: x.run, Event: r.Event})
}

// wait takes a record that is pending.
func (x *extractor) wait(r *state.Record) error {
	if n := len(x.pending); n == 0 || x.pending[n-1].Run.ID != r.Run.ID {
		if err := x.end(); err != nil {
			return err
		}
		x.run, x.pending = r.Run, []*state.Entry{{Serial: r.Serial, Seq: r.Seq, Run: r.Run}}
	}
	if r.Event != nil {
		x.pending = append(x.pending, &state.Entry{Serial: r.Serial, Seq: r.Seq, Run: x.run, Event: r.Event})
	}
	return nil
}

// committed is the end of a serial.
func (x *extractor) committed() error {
	if err := x.end(); err != nil {
		return err
	}
	pending := x.pending
	x.pending = nil
	for _, e := range pending {
		if err := x.visit(e); err != nil {
			return err
		}
	}
	return nil
}

// finish is the end of the journal of a state that has the given serial by then.
func (x *extractor) finish(serial uint64) error {
	if len(x.pending) > 0 && x.pending[0].Serial < serial {
		return x.committed()
	}
	return x.end()
}

// begin is the record of a run, which also holds an event where that goes with
// no other record. A run that says so again is the same one.
func (x *extractor) begin(r *state.Record) error {
	if x.run != nil && x.run.ID == r.Run.ID {
		return nil
	}
	if err := x.end(); err != nil {
		return err
	}
	x.run = r.Run
	return x.visit(&state.Entry{Serial: r.Serial, Seq: r.Seq, Run: r.Run})
}

// answer ends the intent of the record's action.
func (x *extractor) answer(r *state.Record) {
	iccid := r.ID().ICCID
	x.open = slices.DeleteFunc(x.open, func(o *state.Record) bool { return o.Action == r.Action && o.ID().ICCID == iccid })
}

// end visits what the run left open.
func (x *extractor) end() error {
	for _, r := range x.open {
		e := Left(r)
		if err := x.visit(&state.Entry{Serial: r.Serial, Seq: r.Seq, Run: x.run, Event: &e}); err != nil {
			return err
		}
	}
	x.open = nil
	return nil
}

// InDoubt is the outcome of an event of which nobody knows what it did.
const InDoubt = "in-doubt"

// matcher is a query, ready for many entries.
type matcher struct {
	state.EventQuery
	cards map[spec.ICCID][]spec.ICCID // by what is left of them without a check digit
}

func matching(q state.EventQuery) *matcher {
	m := &matcher{EventQuery: q, cards: make(map[spec.ICCID][]spec.ICCID, len(q.ICCIDs))}
	for _, c := range q.ICCIDs {
		m.cards[c.Stem()] = append(m.cards[c.Stem()], c)
	}
	return m
}

// wants reports whether the query wants the entry.
func (m *matcher) wants(e *state.Entry) bool {
	switch {
	case e.At().Before(m.Since):
		return false
	case m.Run != "" && (e.Run == nil || e.Run.ID != m.Run):
		return false
	case len(m.cards) == 0:
		return true
	case e.Event == nil:
		return false
	}
	return slices.ContainsFunc(m.cards[e.Event.ICCID.Stem()], e.Event.ICCID.SameCard)
}

// fewCards is for how many cards a text is searched for each of them.
const fewCards = 4

// mayHold reports whether a text in which records are may hold something that
// the query wants. It costs a search, where reading the text costs a hundred.
func (m *matcher) mayHold(text []byte) bool {
	if len(m.ICCIDs) == 0 || len(m.ICCIDs) > fewCards || bytes.Contains(text, []byte(`"type":"run"`)) {
		return true
	}
	return slices.ContainsFunc(m.ICCIDs, func(c spec.ICCID) bool { return bytes.Contains(text, []byte(c.Stem())) })
}

// isCommit reports whether a list that isn't read begins with a commit, as one
// does that has a line for itself.
func isCommit(list []byte) bool {
	return bytes.Contains(list[:min(len(list), 100)], []byte(`"type":"commit"`))
}

// Committed is the head of a state of that lineage that holds all of a journal.
func Committed(lineage string) Header { return Header{Lineage: lineage, Serial: math.MaxUint64} }

// JournalBeginning reads how a journal begins; the zero value for one without
// records.
func (c Codec) JournalBeginning(r io.Reader, name, lineage string) (Beginning, error) {
	in := lines.NewReader(r)
	line, err := in.Next()
	if errors.Is(err, io.EOF) {
		return Beginning{}, nil
	}
	if err != nil {
		return Beginning{}, err
	}
	list, err := parseLine(line)
	if err != nil && torn(line) {
		return Beginning{}, nil
	}
	if err == nil {
		list, err = c.unframe(list, lineage)
	}
	var records []state.Record
	if err == nil {
		records, err = new(RecordReader).list(list)
	}
	if err != nil {
		return Beginning{}, fmt.Errorf("the journal %s, line 1: %w", name, err)
	}
	return BeginningOf(records), nil
}

// JournalEntries reads a journal, as [Codec.ReadJournal] does, for what it adds to
// the history. Lines that hold nothing that the query wants are passed over, so
// that a long journal is searched and not read. head is of the state as it is by
// now, and began the journal's beginning.
func (c Codec) JournalEntries(r io.Reader, name string, head Header, q state.EventQuery, visit func(*state.Entry) error) (began Beginning, err error) {
	in, m := lines.NewReader(r), matching(q)
	var reader RecordReader
	x := &extractor{visit: func(e *state.Entry) error {
		if !m.wants(e) {
			return nil
		}
		return visit(e)
	}}
	for first := true; ; first = false {
		line, err := in.Next()
		if errors.Is(err, io.EOF) {
			return began, x.finish(head.Serial)
		}
		if err != nil {
			return began, err
		}
		list, err := parseLine(line)
		if err != nil && torn(line) && in.AtEnd() {
			return began, x.finish(head.Serial)
		}
		if err == nil {
			list, err = c.unframe(list, head.Lineage)
		}
		var records []state.Record
		switch {
		case err != nil:
		case first || m.mayHold(list):
			records, err = reader.list(list)
		case isCommit(list):
			err = x.committed()
		}
		if err != nil {
			return began, fmt.Errorf("the journal %s, line %d: %w", name, in.Number(), err)
		}
		if first {
			began = BeginningOf(records)
		}
		for i := range records {
			if err := x.take(&records[i]); err != nil {
				return began, err
			}
		}
	}
}
