package local

import (
	"context"
	"fmt"
	"sync"

	"github.com/cardfleet/cardfleet/state"
)

// journal is the backend's open journal. It gives the lock back with its end.
type journal struct {
	*state.JournalWriter
	closed func() error
}

// Close implements [state.Journal]. It may be called twice.
func (j *journal) Close() error { return j.closed() }

// Journal implements [state.Backend]. Without the lock it holds the lock until
// the journal is closed.
func (b *Backend) Journal(ctx context.Context) (state.Journal, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open the journal %s: %w", b.journalPath(), err)
	}
	release, err := b.take(state.LockInfo{Operation: "journal"})
	if err != nil {
		return nil, err
	}
	j, err := b.openJournal(release)
	if err != nil {
		release()
		return nil, err
	}
	return j, nil
}

func (b *Backend) openJournal(release func()) (*journal, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hold.journal != nil {
		return nil, fmt.Errorf("open the journal %s: it is open already", b.journalPath())
	}
	w, err := b.continueJournal()
	if err != nil {
		return nil, err
	}
	j := &journal{JournalWriter: w}
	j.closed = sync.OnceValue(func() error {
		defer release()
		b.mu.Lock()
		defer b.mu.Unlock()
		b.hold.journal = nil
		return w.Close()
	})
	b.hold.journal = j
	return j, nil
}

// continueJournal opens the journal behind its last record. It cuts off what a
// crash tore, so that no line ever follows a broken one, and records that the
// snapshot holds already.
func (b *Backend) continueJournal() (*state.JournalWriter, error) {
	head, err := b.header()
	if err != nil {
		return nil, err
	}
	records, end, err := b.records(head.Lineage)
	if err != nil {
		return nil, err
	}
	if err := b.checkSerial(records, head.Serial); err != nil {
		return nil, err
	}
	seq := uint64(0)
	if n := len(records); n > 0 && records[n-1].Serial == head.Serial {
		seq = records[n-1].Seq
	} else {
		end = 0
	}
	f, err := b.openBehind(b.journalPath(), end)
	if err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	return b.codec.NewJournalWriter(f, b.journalPath(), head, seq), nil
}

// checkSerial refuses a journal that is ahead of the snapshot. The records of
// one that is behind it are in the snapshot already.
func (b *Backend) checkSerial(records []state.Record, serial uint64) error {
	if len(records) == 0 {
		return nil
	}
	if last := records[len(records)-1].Serial; last > serial {
		return fmt.Errorf("the journal %s follows serial %d of the state, but %s has serial %d: "+
			"it was replaced by an older one; put the newer one back, or move the journal away and lose what it recorded",
			b.journalPath(), last, b.path, serial)
	}
	return nil
}

// closeJournal ends the journal where one is open. A commit holds what it
// recorded, and an end without one leaves it for the next reader: either way
// its records are durable, and closing it can't lose them.
func (b *Backend) closeJournal() {
	b.mu.Lock()
	j := b.hold.journal
	b.mu.Unlock()
	if j != nil {
		_ = j.Close()
	}
}
