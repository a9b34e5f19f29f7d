package http

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"

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
	release, err := b.take(ctx, "journal")
	if err != nil {
		return nil, err
	}
	j, err := b.openJournal(ctx, release)
	if err != nil {
		release()
		return nil, fmt.Errorf("open the journal of %s: %w", b.place(), err)
	}
	return j, nil
}

func (b *Backend) openJournal(ctx context.Context, release func()) (*journal, error) {
	w, err := b.continueJournal(ctx)
	if err != nil {
		return nil, err
	}
	j := &journal{JournalWriter: w}
	j.closed = sync.OnceValue(func() error {
		defer release()
		b.mu.Lock()
		b.hold.journal = nil
		b.mu.Unlock()
		return w.Close()
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hold.journal != nil {
		return nil, errors.New("it is open already")
	}
	b.hold.journal = j
	return j, nil
}

// continueJournal reads the journal, so that the next record follows its last.
func (b *Backend) continueJournal(ctx context.Context) (*state.JournalWriter, error) {
	doc, err := b.get(ctx)
	if err != nil {
		return nil, err
	}
	lines, records, err := doc.records(b.place())
	if err != nil {
		return nil, err
	}
	seq := uint64(0)
	if n := len(records); n > 0 {
		seq = records[n-1].Seq
	}
	file := &journalFile{backend: b, stored: doc, lines: lines}
	return state.NewJournalWriter(file, b.place(), doc.serial, seq), nil
}

// journalFile is the journal within the document: what is written to it is
// durable once the whole document is.
type journalFile struct {
	backend *Backend
	stored  *document // as this run wrote or read it last
	lines   []byte    // all of the journal
}

func (f *journalFile) Write(line []byte) (int, error) {
	f.lines = append(f.lines, line...)
	return len(line), nil
}

// Sync replaces the document, if it is still the one that this run knows.
//
// It has no context: those who wait for it are many, and a record half written
// is neither there nor not there. Each request has its own time limit.
func (f *journalFile) Sync() error {
	ctx := context.Background()
	b := f.backend
	b.writing.Lock()
	defer b.writing.Unlock()
	now, err := b.get(ctx)
	if err != nil {
		return err
	}
	if now.sum() != f.stored.sum() {
		return state.ErrConflict
	}
	next := *f.stored
	next.writes++
	next.writtenBy = b.env.Version
	if next.journal, err = compress(f.lines); err != nil {
		return err
	}
	if err := b.put(ctx, &next); err != nil {
		return err
	}
	f.stored = &next
	return nil
}

// Close implements [state.JournalFile]. All is written by then.
func (f *journalFile) Close() error { return nil }

func compress(lines []byte) ([]byte, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return z.EncodeAll(lines, nil), nil
}

// closeJournal ends the journal where one is open. A commit holds what it
// recorded, and an end without one leaves it for the next reader.
func (b *Backend) closeJournal() {
	b.mu.Lock()
	j := b.hold.journal
	b.mu.Unlock()
	if j != nil {
		_ = j.Close() // its records are durable: closing can't lose them
	}
}
