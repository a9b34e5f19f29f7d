package stored

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/lines"
)

// ReadJournal reads the journal named name in errors. A last line that a crash
// tore is left out; end is the offset at which whole lines end. Any other line
// that can't be read is an error with its number.
func ReadJournal(r io.Reader, name string) (records []state.Record, end int64, err error) {
	return Codec{}.ReadJournal(r, name, "")
}

// ReadJournal is [ReadJournal] for what the codec's writer wrote behind the
// snapshot of that lineage.
func (c Codec) ReadJournal(r io.Reader, name, lineage string) (records []state.Record, end int64, err error) {
	in := lines.NewReader(r)
	var reader RecordReader
	fail := func(err error) ([]state.Record, int64, error) {
		return nil, 0, fmt.Errorf("the journal %s, line %d: %w", name, in.Number(), err)
	}
	for {
		line, err := in.Next()
		if errors.Is(err, io.EOF) {
			return records, end, nil
		}
		if err != nil {
			return fail(err)
		}
		list, err := parseLine(line)
		if err != nil && torn(line) && in.AtEnd() {
			return records, end, nil
		}
		if err != nil {
			return fail(err)
		}
		if list, err = c.unframe(list, lineage); err != nil {
			return fail(err)
		}
		if records, err = reader.appendTo(records, list); err != nil {
			return fail(err)
		}
		end += int64(len(line))
	}
}

// appendTo reads a list, and checks that no record is missing.
func (r *RecordReader) appendTo(records []state.Record, list []byte) ([]state.Record, error) {
	more, err := r.list(list)
	if err != nil {
		return nil, err
	}
	for i := range more {
		if err := follows(records, &more[i]); err != nil {
			return nil, err
		}
		records = append(records, more[i])
	}
	return records, nil
}

// decodeError prefers the news that a newer program wrote the list.
func decodeError(list []byte, err error) error {
	var versions []struct {
		Version int `json:"v"`
	}
	if json.Unmarshal(list, &versions) == nil {
		for _, v := range versions {
			if v.Version > state.RecordVersion {
				return checkRecord(&state.Record{Version: v.Version})
			}
		}
	}
	return fmt.Errorf("it holds no records of ours: %w", err)
}

// follows checks the numbers: they count up by one, and from one after a commit.
func follows(records []state.Record, next *state.Record) error {
	serial, seq := next.Serial, uint64(1) // of the first record
	if n := len(records); n > 0 {
		serial, seq = records[n-1].Next()
	}
	if next.Serial != serial || next.Seq != seq {
		return fmt.Errorf("record %d of serial %d stands where record %d of serial %d is missing", next.Seq, next.Serial, seq, serial)
	}
	return nil
}

// LastSeq is the number of the last record, behind which a journal goes on; 0
// for none.
func LastSeq(records []state.Record) uint64 {
	if len(records) == 0 {
		return 0
	}
	return records[len(records)-1].Seq
}
