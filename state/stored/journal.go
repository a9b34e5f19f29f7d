package stored

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/cardfleet/cardfleet/state"
)

// A journal is a file of lines, and says what happened since a snapshot. A run
// appends to it before and after each call:
//
//	j := codec.NewJournalWriter(file, "fleet.state.journal", head, 0)
//	err := j.Append(ctx, intent) // durable now: the call may be made
//	…
//	err = j.Append(ctx, outcome) // the card is as the outcome says
//
// Whoever comes later reads the snapshot, the journal, and both together:
//
//	records, end, err := codec.ReadJournal(file, "fleet.state.journal", head.Lineage)
//	now, err := Replay(snapshot, records)
//
// Each line is what one fsync made durable:
//
//	d2a3f6c1 153 [{"v":1,"serial":3,"seq":1,"type":"intent",…},…]
//	│        │   └ the list of records; where the codec seals, a text of JSON:
//	│        │     an age file in base64, and in it lineage and list
//	│        └ the length of the list in bytes
//	└ CRC-32C of length and list, in hex
//
// A line is written only once the one before it is durable. So a crash can tear
// the last line and no other, and a line that is broken in another way was
// damaged after it was written. Records are numbered without a gap: serial is
// that of the snapshot they follow, seq counts from 1 behind each commit.

// mostInLine is how many records one line takes at most.
const mostInLine = 1000

// JournalFile is what a [JournalWriter] writes to: a file, open for appending.
type JournalFile interface {
	io.Writer
	Sync() error
	Close() error
}

// JournalWriter appends records to a file, as a [state.Journal]. Callers that append
// at the same time share an fsync: the first one to come writes for all who
// come while it waits for its turn. It starts no goroutine.
type JournalWriter struct {
	// Gather waits a moment before a write that others will likely want to share,
	// since several shared the last one: an fsync costs as much CPU as ten records.
	// nil waits for nobody. Set it before the first Append.
	Gather func()

	name    string
	codec   Codec
	lineage string // of the snapshot, where the codec seals
	serial  uint64

	// turn is full while somebody writes, and guards the fields below. It is a
	// channel, not a mutex, so that a test can tell waiting from working.
	turn   chan struct{}
	file   JournalFile
	seq    uint64
	shared bool  // several callers shared the last write
	err    error // why no more is written: the first failure, or that it is closed
	frames *framing

	mu   sync.Mutex // guards next; never held while writing
	next *group     // those who wait for the next write; nil where nobody does
}

// group is the records of those who share a write.
type group struct {
	records []state.Record
	callers int
	done    chan struct{}
	err     error // once done is closed
}

// NewJournalWriter appends to file, which is named name in errors, behind the
// record seq of the journal that follows the snapshot serial.
func NewJournalWriter(file JournalFile, name string, serial, seq uint64) *JournalWriter {
	return &JournalWriter{name: name, turn: make(chan struct{}, 1), file: file, serial: serial, seq: seq, frames: newFraming()}
}

// Append makes the records durable before it returns. A context that is over
// appends nothing; one that ends later is not looked at, since a record that is
// half written is neither there nor not there. After a failed write or fsync
// every later Append fails too: what the disk holds by then is unknown.
func (j *JournalWriter) Append(ctx context.Context, records ...state.Record) error {
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
func (j *JournalWriter) join(records []state.Record) (g *group, leads bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.next == nil {
		j.next, leads = &group{done: make(chan struct{})}, true
	}
	j.next.records = append(j.next.records, records...)
	j.next.callers++
	return j.next, leads
}

// write waits for its turn, closes the group to others and writes it.
func (j *JournalWriter) write(g *group) {
	j.turn <- struct{}{}
	defer func() { <-j.turn }()
	if j.shared && j.Gather != nil && j.err == nil {
		j.Gather()
	}
	j.mu.Lock()
	j.next, j.shared = nil, g.callers > 1
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
func (j *JournalWriter) writeLine(records []state.Record) error {
	for i := range records {
		r := &records[i]
		r.Version, r.Serial, r.Seq = state.RecordVersion, j.serial, j.seq+1
		next, seq := r.Next()
		j.serial, j.seq = next, seq-1
	}
	line, err := j.codec.frame(j.frames, j.lineage, records)
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

// Err is why nothing more is written; nil while there is no reason.
func (j *JournalWriter) Err() error {
	j.turn <- struct{}{}
	defer func() { <-j.turn }()
	return j.err
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
