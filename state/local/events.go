package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// What was done to cards is in the journal until a commit writes another
// snapshot. Then it becomes a file of its own in the folder .events, before the
// journal is dropped. A crash in between leaves a journal that the snapshot holds:
// whoever opens it next takes it over first.

func (b *Backend) eventsDir() string { return b.path + ".events" }

func (b *Backend) chronicle() *stored.Chronicle {
	return &stored.Chronicle{
		Codec: b.codec, Store: segmentFiles{b}, Now: b.env.Now, Keep: b.env.KeepHistory,
		Name: func(segment string) string { return filepath.Join(b.eventsDir(), segment) },
	}
}

// takeEvents puts what the journal adds to the history into it, a line of the
// journal at a time.
func (b *Backend) takeEvents(ctx context.Context, lineage string) error {
	var began stored.Beginning
	err := b.withJournal(func(f io.Reader) (err error) {
		began, err = b.codec.JournalBeginning(f, b.journalPath(), lineage)
		return err
	})
	if err != nil || began == (stored.Beginning{}) {
		return err
	}
	b.step("keep the events")
	return b.chronicle().Take(ctx, began, func(visit func(*state.Entry) error) error {
		return b.withJournal(func(f io.Reader) error {
			_, err := b.codec.JournalEntries(f, b.journalPath(), stored.Committed(lineage), state.EventQuery{}, visit)
			return err
		})
	})
}

// withJournal opens the journal, where there is one.
func (b *Backend) withJournal(read func(f io.Reader) error) error {
	f, err := os.Open(b.journalPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	defer f.Close() // it was only read
	return read(f)
}

// Events implements [state.Chronicler].
func (b *Backend) Events(ctx context.Context, q state.EventQuery, visit func(*state.Entry) error) error {
	return stored.Events(ctx, q, visit, func() (*stored.Opened, []*state.Entry, error) { return b.openEvents(ctx, q) })
}

// openEvents reads the journal, then the segments, then looks whether the snapshot
// is still the one from before: then no commit has moved anything meanwhile.
func (b *Backend) openEvents(ctx context.Context, q state.EventQuery) (*stored.Opened, []*state.Entry, error) {
	head, err := b.header()
	if err != nil {
		return nil, nil, err
	}
	var journal []*state.Entry
	began, err := b.journalEvents(head, q, func(e *state.Entry) error {
		journal = append(journal, e)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	opened, err := b.chronicle().Open(ctx)
	if err != nil {
		return nil, nil, err
	}
	now, err := b.header()
	switch {
	case err != nil:
		return nil, nil, err
	case now.Serial != head.Serial || now.Lineage != head.Lineage:
		return nil, nil, fmt.Errorf("read the history of %s: %w: %w", b.path, errReplaced, fs.ErrNotExist)
	case opened.Took(began):
		journal = nil
	}
	return opened, journal, nil
}

func (b *Backend) journalEvents(head stored.Header, q state.EventQuery, visit func(*state.Entry) error) (stored.Beginning, error) {
	var began stored.Beginning
	err := b.withJournal(func(f io.Reader) (err error) {
		began, err = b.codec.JournalEntries(f, b.journalPath(), head, q, visit)
		return err
	})
	return began, err
}

// segmentFiles are the files of the folder .events.
type segmentFiles struct{ b *Backend }

func (s segmentFiles) List(context.Context) ([]string, error) {
	entries, err := os.ReadDir(s.b.eventsDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (s segmentFiles) Get(_ context.Context, name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(s.b.eventsDir(), name))
}

// Put writes a file as a snapshot is written: temporary file → write → fsync →
// close → rename → fsync of the folder.
func (s segmentFiles) Put(_ context.Context, name string, text []byte) error {
	dir := s.b.eventsDir()
	if err := makeFolder(dir); err != nil {
		return err
	}
	tmp := filepath.Join(dir, "tmp")
	err := s.b.writeNew(tmp, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
	if err == nil {
		s.b.step("rename the events")
		err = rename(tmp, filepath.Join(dir, name))
	}
	if err != nil {
		return errors.Join(err, removeIfThere(tmp))
	}
	return syncDir(dir)
}

func (s segmentFiles) Remove(_ context.Context, names []string) error {
	for _, name := range names {
		s.b.step("drop events")
		if err := removeIfThere(filepath.Join(s.b.eventsDir(), name)); err != nil {
			return err
		}
	}
	return nil
}

var _ state.Chronicler = (*Backend)(nil)
