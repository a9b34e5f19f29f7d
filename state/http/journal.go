package http

import (
	"bytes"
	"context"

	"github.com/klauspost/compress/zstd"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// Journal implements [state.Backend]. Without the lock it holds the lock until
// the journal is closed.
func (b *Backend) Journal(ctx context.Context) (state.Journal, error) {
	return b.hold.Journal(ctx, b.continueJournal)
}

// continueJournal reads the journal, so that the next record follows its last.
func (b *Backend) continueJournal(ctx context.Context) (*stored.JournalWriter, error) {
	doc, err := b.get(ctx)
	if err != nil {
		return nil, err
	}
	head, err := doc.header(b.codec, b.place())
	if err != nil {
		return nil, err
	}
	var lines bytes.Buffer
	records, err := doc.records(b.codec, b.place(), &lines)
	if err != nil {
		return nil, err
	}
	b.firstSeen(doc)
	if err := b.checkKnown(doc); err != nil {
		return nil, err
	}
	file := &journalFile{backend: b, lines: lines.Bytes()}
	return b.codec.NewJournalWriter(file, b.place(), head, stored.LastSeq(records)), nil
}

// journalFile is the journal within the document: what is written to it is
// durable once the whole document is.
type journalFile struct {
	backend *Backend
	lines   []byte // all of the journal
}

func (f *journalFile) Write(line []byte) (int, error) {
	f.lines = append(f.lines, line...)
	return len(line), nil
}

// Sync replaces the document, if it is still the one that this run knows.
//
// It has no context: those who wait for it are many, and a record half written
// is neither there nor not there. Each request has its own time limit.
func (f *journalFile) Sync() (err error) {
	ctx := context.Background()
	b := f.backend
	b.writing.Lock()
	defer b.writing.Unlock()
	defer func() { b.saved(err) }()
	now, err := b.get(ctx)
	if err != nil {
		return err
	}
	if err := b.checkKnown(now); err != nil {
		return err
	}
	next := *now
	next.writes++
	next.writtenBy = b.env.Version
	if next.journal, err = compress(f.lines); err != nil {
		return err
	}
	return b.put(ctx, now, &next)
}

// Close implements [stored.JournalFile]. All is written by then.
func (f *journalFile) Close() error { return nil }

func compress(lines []byte) ([]byte, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return z.EncodeAll(lines, nil), nil
}
