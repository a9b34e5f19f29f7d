package state

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"strconv"
	"sync"
)

// A journal is a file of lines. Each line is what one fsync made durable:
//
//	d2a3f6c1 153 [{"v":1,"serial":3,"seq":1,"type":"intent",…},…]
//
// a CRC-32C in hex, the length of the list in bytes, and the list of records.
// The checksum covers the length and the list. A line is written only once the
// one before it is durable. So a crash can tear the last line and no other,
// and a line that is broken in another way was damaged after it was written.

// mostInLine is how many records one line takes at most.
const mostInLine = 1000

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// JournalFile is what a [JournalWriter] writes to: a file, open for appending.
type JournalFile interface {
	io.Writer
	Sync() error
	Close() error
}

// JournalWriter appends records to a file, as a [Journal]. Callers that append
// at the same time share an fsync: the first one to come writes for all who
// come while it waits for its turn. It starts no goroutine.
type JournalWriter struct {
	name    string
	codec   Codec
	lineage string // of the snapshot, where the codec seals
	serial  uint64

	// turn is full while somebody writes, and guards the fields below. It is a
	// channel, not a mutex, so that a test can tell waiting from working.
	turn chan struct{}
	file JournalFile
	seq  uint64
	err  error // why no more is written: the first failure, or that it is closed
	buf  bytes.Buffer

	mu   sync.Mutex // guards next; never held while writing
	next *group     // those who wait for the next write; nil where nobody does
}

// group is the records of those who share a write.
type group struct {
	records []Record
	done    chan struct{}
	err     error // once done is closed
}

// NewJournalWriter appends to file, which is named name in errors, behind the
// record seq of the journal that follows the snapshot serial.
func NewJournalWriter(file JournalFile, name string, serial, seq uint64) *JournalWriter {
	return &JournalWriter{name: name, turn: make(chan struct{}, 1), file: file, serial: serial, seq: seq}
}

// Append makes the records durable before it returns. A context that is over
// appends nothing; one that ends later is not looked at, since a record that is
// half written is neither there nor not there. After a failed write or fsync
// every later Append fails too: what the disk holds by then is unknown.
func (j *JournalWriter) Append(ctx context.Context, records ...Record) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("append to the journal %s: %w", j.name, err)
	}
	if len(records) == 0 {
		return nil
	}
	g, leads := j.join(records)
	if leads {
		j.write(g)
	}
	<-g.done
	return g.err
}

// join adds the records to the next group, which whoever founds it leads.
func (j *JournalWriter) join(records []Record) (g *group, leads bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.next == nil {
		j.next, leads = &group{done: make(chan struct{})}, true
	}
	j.next.records = append(j.next.records, records...)
	return j.next, leads
}

// write waits for its turn, closes the group to others and writes it.
func (j *JournalWriter) write(g *group) {
	j.turn <- struct{}{}
	defer func() { <-j.turn }()
	j.mu.Lock()
	j.next = nil
	j.mu.Unlock()

	for len(g.records) > 0 && j.err == nil {
		n := min(len(g.records), mostInLine)
		j.err = j.writeLine(g.records[:n])
		g.records = g.records[n:]
	}
	g.err = j.err
	close(g.done)
}

// writeLine numbers the records and makes one line of them durable.
func (j *JournalWriter) writeLine(records []Record) error {
	for i := range records {
		r := &records[i]
		r.Version, r.Serial, r.Seq = RecordVersion, j.serial, j.seq+1
		next, seq := r.Next()
		j.serial, j.seq = next, seq-1
	}
	line, err := j.codec.frame(&j.buf, j.lineage, records)
	if err != nil {
		return fmt.Errorf("append to the journal %s: %w", j.name, err)
	}
	if _, err = j.file.Write(line); err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("the journal %s can't be written, so no change can be recorded and none is begun: %w", j.name, err)
	}
	return nil
}

// Serial is that of the snapshot that the next record follows.
func (j *JournalWriter) Serial() uint64 {
	j.turn <- struct{}{}
	defer func() { <-j.turn }()
	return j.serial
}

// Close closes the file. Those who wait for a write are served or fail first.
func (j *JournalWriter) Close() error {
	j.turn <- struct{}{}
	defer func() { <-j.turn }()
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	if j.err == nil {
		j.err = fmt.Errorf("the journal %s: %w", j.name, fs.ErrClosed)
	}
	if err != nil {
		return fmt.Errorf("close the journal %s: %w", j.name, err)
	}
	return nil
}

// appendLine frames a list in buf, whose content it replaces.
func appendLine(buf *bytes.Buffer, list any) ([]byte, error) {
	buf.Reset()
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(list); err != nil { // ends the line
		return nil, err
	}
	text := buf.Bytes()
	head := strconv.AppendInt(nil, int64(len(text)-1), 10)
	sum := lineSum(head, text[:len(text)-1])
	return append(fmt.Appendf(nil, "%08x %s ", sum, head), text...), nil
}

func lineSum(length, list []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, list)
}

// ReadJournal reads the journal named name in errors. A last line that a crash
// tore is left out; end is the offset at which whole lines end. Any other line
// that can't be read is an error with its number.
func ReadJournal(r io.Reader, name string) (records []Record, end int64, err error) {
	return Codec{}.ReadJournal(r, name, "")
}

// ReadJournal is [ReadJournal] for what the codec's writer wrote behind the
// snapshot of that lineage.
func (c Codec) ReadJournal(r io.Reader, name, lineage string) (records []Record, end int64, err error) {
	lines := newLineReader(r)
	fail := func(err error) ([]Record, int64, error) {
		return nil, 0, fmt.Errorf("the journal %s, line %d: %w", name, lines.n, err)
	}
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			return records, end, nil
		}
		if err != nil {
			return fail(err)
		}
		list, err := parseLine(line)
		if err != nil && torn(line) && lines.atEnd() {
			return records, end, nil
		}
		if err != nil {
			return fail(err)
		}
		if list, err = c.unframe(list, lineage); err != nil {
			return fail(err)
		}
		if records, err = appendRecords(records, list); err != nil {
			return fail(err)
		}
		end += int64(len(line))
	}
}

var errDamaged = errors.New("it was damaged after it was written, and is no line that a crash left: " +
	"restore the file from a copy, or move it away and lose what was recorded since the last commit")

// parseLine checks the frame and returns the list of records in it.
func parseLine(line []byte) ([]byte, error) {
	sum, length, list, ok := splitLine(line)
	if !ok || !bytes.HasSuffix(list, []byte("\n")) {
		return nil, errDamaged
	}
	list = list[:len(list)-1]
	n, err := strconv.Atoi(string(length))
	if err != nil || n != len(list) || string(sum) != fmt.Sprintf("%08x", lineSum(length, list)) {
		return nil, errDamaged
	}
	return list, nil
}

func splitLine(line []byte) (sum, length, list []byte, ok bool) {
	sum, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok {
		return nil, nil, nil, false
	}
	length, list, ok = bytes.Cut(rest, []byte(" "))
	return sum, length, list, ok
}

// torn reports whether a crash explains a broken last line: it is shorter than
// its head says, or blocks of it never reached the disk and read as zeros.
// Anything else is damage, and may hide a record that was acknowledged.
func torn(line []byte) bool {
	if bytes.Contains(line, []byte{0, 0}) {
		return true
	}
	if line[len(line)-1] == '\n' {
		return false
	}
	_, length, list, ok := splitLine(line)
	if !ok {
		return true
	}
	n, err := strconv.Atoi(string(length))
	return err != nil || len(list) <= n
}

// appendRecords decodes a list, and checks that no record is missing.
func appendRecords(records []Record, list []byte) ([]Record, error) {
	dec := json.NewDecoder(bytes.NewReader(list))
	dec.DisallowUnknownFields()
	var more []Record
	if err := dec.Decode(&more); err != nil {
		return nil, decodeError(list, err)
	}
	for i := range more {
		if err := more[i].check(); err != nil {
			return nil, err
		}
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
			if v.Version > RecordVersion {
				return (&Record{Version: v.Version}).check()
			}
		}
	}
	return fmt.Errorf("it holds no records of ours: %w", err)
}

// follows checks the numbers: they count up by one, and from one after a commit.
func follows(records []Record, next *Record) error {
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
func LastSeq(records []Record) uint64 {
	if len(records) == 0 {
		return 0
	}
	return records[len(records)-1].Seq
}

// Next is the number of the record that follows r.
func (r *Record) Next() (serial, seq uint64) {
	if r.Type == CommitRecord {
		return r.Serial + 1, 1
	}
	return r.Serial, r.Seq + 1
}
