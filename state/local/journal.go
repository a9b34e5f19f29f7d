package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// The journal file is a log: the records of runs, and the commits that end
// them, one behind the other, since the snapshot beside it was written.

// Journal implements [state.Backend]. Without the lock it holds the lock until
// the journal is closed.
func (b *Backend) Journal(ctx context.Context) (state.Journal, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open the journal %s: %w", b.journalPath(), err)
	}
	j, err := b.hold.Journal(ctx, b.continueJournal)
	if err != nil {
		return nil, err
	}
	return j, nil
}

// log is what the journal file holds.
type log struct {
	records []state.Record
	end     int64 // where its whole lines end
	// serial and seq are the number of the last record that is of use: of the
	// snapshot's serial, or a later one that commits made. seq 0 is none.
	serial, seq uint64
	over        bool // the snapshot holds all of it, so that it is of no more use
}

// readLog reads the journal file beside a snapshot.
func (b *Backend) readLog(lineage string, serial uint64) (log, error) {
	return b.readLogAt(b.journalPath(), lineage, serial)
}

func (b *Backend) readLogAt(path, lineage string, serial uint64) (log, error) {
	l := log{serial: serial}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return l, fmt.Errorf("read the journal: %w", err)
	}
	defer f.Close() // it was only read
	if l.records, l.end, err = b.codec.ReadJournal(f, path, lineage); err != nil || len(l.records) == 0 {
		return l, err
	}
	if first := l.records[0].Serial; first > serial {
		return l, fmt.Errorf("the journal %s follows serial %d of the state, but %s has serial %d: "+
			"it was replaced by an older one; put the newer one back, or move the journal away and lose what it recorded",
			path, first, b.path, serial)
	}
	last, next := l.records[len(l.records)-1].Next()
	if l.over = last < serial; !l.over {
		l.serial, l.seq = last, next-1
	}
	return l, nil
}

// continueJournal opens the journal behind its last record. It cuts off what a
// crash tore, so that no line ever follows a broken one, and puts away a
// journal that the snapshot holds already.
func (b *Backend) continueJournal(ctx context.Context) (*stored.JournalWriter, error) {
	head, err := b.header()
	if err != nil {
		return nil, err
	}
	l, err := b.readLog(head.Lineage, head.Serial)
	if err != nil {
		return nil, err
	}
	if l.over {
		if err := b.dropJournal(context.WithoutCancel(ctx), head.Lineage); err != nil {
			return nil, fmt.Errorf("open the journal: %w", err)
		}
		l.end = 0
	}
	f, err := b.openBehind(b.journalPath(), l.end)
	if err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	head.Serial = l.serial
	w := b.codec.NewJournalWriter(f, b.journalPath(), head, l.seq)
	if b.env.Sleep != nil {
		w.Gather = func() { _ = b.env.Sleep(context.Background(), gathering) } // it never ends early
	}
	return w, nil
}

// gathering is how long a write waits for others to share it: about what an fsync
// takes, and nothing beside a carrier's answer.
const gathering = 2 * time.Millisecond

// writer is what writes the journal, which it opens where it isn't.
func (b *Backend) writer(ctx context.Context) (*stored.JournalWriter, error) {
	if w := b.hold.Writer(); w != nil {
		return w, nil
	}
	if _, err := b.hold.Journal(ctx, b.continueJournal); err != nil {
		return nil, err
	}
	return b.hold.Writer(), nil
}

// bytesAnEdit is about what a card takes in the journal.
const bytesAnEdit = 400

// longestJournal is up to which length a journal is short beside a snapshot of
// that size, which is compressed: reading it takes less time than the snapshot.
func longestJournal(snapshot int64) int64 {
	const short, times = 1 << 20, 2
	return max(short, times*snapshot)
}

// room is how many edits a commit may have that is a line of the journal, which is
// short with it; -1 for none. There has to be a snapshot of the present version that
// was written with the same keys. So the first commit to a state of an older version
// moves it over.
func (b *Backend) room(head stored.Header) int {
	if head.Serial == 0 || !head.Present() || !b.codec.Keeps(head) {
		return -1
	}
	snapshot, err := os.Stat(b.path)
	if err != nil {
		return -1 // and writing it anew will say why
	}
	left := b.longest(snapshot.Size())
	if journal, err := os.Stat(b.journalPath()); err == nil {
		left -= journal.Size()
	}
	if left < 0 {
		return -1
	}
	return int(left / bytesAnEdit)
}

// commitLine writes the edits and the commit as one line of the journal, so
// that a crash leaves all of it or nothing.
func (b *Backend) commitLine(ctx context.Context, w *stored.JournalWriter, s *state.Snapshot, c changes, commit *state.Commit) error {
	b.step("write the commit")
	if err := w.Append(ctx, state.Record{Type: state.CommitRecord, At: b.env.Now().UTC(), Commit: commit}); err != nil {
		return err
	}
	c.onto(commit)
	s.Serial++
	b.markCommit(s.Serial)
	return nil
}

// keepJournal gives the journal, which follows the snapshot of that serial, a
// second name in the history: the commits in it are versions.
func (b *Backend) keepJournal(serial uint64) {
	if _, err := os.Stat(b.journalPath()); serial == 0 || err != nil {
		return
	}
	b.step("keep the journal")
	_ = b.linkToHistory(b.journalPath(), b.historyPath(serial)+journalEnding) // a commit doesn't fail for its history
}

func copyFile(from string) func(w io.Writer) error {
	return func(w io.Writer) error {
		f, err := os.Open(from)
		if err != nil {
			return err
		}
		defer f.Close() // it was only read
		_, err = io.Copy(w, f)
		return err
	}
}
