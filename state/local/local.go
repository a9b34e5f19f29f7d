// Package local keeps the state in files: a snapshot at a path, and beside it,
// under the same name with an ending,
//
//	.journal   what happened since the snapshot was written, commits included
//	.backup    the snapshot before it; nothing ever reads it but a person
//	.lock      held by the run that may write; the system drops it with the process
//	.lockinfo  who that is
//	.history/  the last snapshots, by serial, each with the journal behind it
//	.events/   what was done to cards before the snapshot was written
//	.tmp       a snapshot being written; of no meaning once its writer is gone
//
// A commit is a line of the journal, so that it costs what it changes. Once the
// journal is long beside the snapshot, a commit writes another snapshot.
//
// A crash between any two steps leaves the old state or the new one. Reading
// takes no lock and is right beside a run that writes. Start reading at [Backend].
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// Backend keeps a state in files. Make one with [New].
type Backend struct {
	path  string
	env   state.Env
	codec stored.Codec
	step  func(name string) // never nil
	// longest is longestJournal, but in tests.
	longest func(snapshot int64) int64
	hold    *stored.Hold
	file    *flock.Flock // the lock's, where hold has it
}

// New is the state whose snapshot is at path. It touches nothing yet. A path
// that is a symbolic link stands for the file behind it, since a commit
// replaces the file and would otherwise replace the link.
func New(path string, env state.Env) *Backend {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // with an error there is no file yet, and path is where it will be
	}
	codec := stored.Codec{WrittenBy: env.Version, Sealer: env.Sealer}
	b := &Backend{path: path, env: env, codec: codec, step: env.Step, longest: longestJournal}
	if b.step == nil {
		b.step = func(string) {}
	}
	b.hold = stored.NewHold(env.Version, b.acquire)
	return b
}

// readAttempts is how often Read starts again where a commit came between its
// steps. Each attempt needs another commit to fail.
const readAttempts = 8

var errReplaced = errors.New("another run replaces it over and over")

// Read implements [state.Backend].
func (b *Backend) Read(ctx context.Context) (*state.Snapshot, error) {
	for range readAttempts {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read the state %s: %w", b.path, err)
		}
		s, err := b.readOnce()
		if !errors.Is(err, errReplaced) {
			return s, err
		}
	}
	return nil, fmt.Errorf("read the state %s: %w", b.path, errReplaced)
}

// readOnce reads the snapshot, then its journal, then looks whether the
// snapshot is still the one it read. Only then do the two belong together.
func (b *Backend) readOnce() (*state.Snapshot, error) {
	newest, err := b.newestKept() // before the snapshot, which can only be newer
	if err != nil {
		return nil, err
	}
	s, err := b.snapshot()
	if err != nil {
		return nil, err
	}
	l, journalErr := b.readLog(s.Lineage, s.Serial)
	if journalErr != nil { // a run that opens the journal may just have cut off a torn line
		l, journalErr = b.readLog(s.Lineage, s.Serial)
	}
	now, err := b.header()
	switch {
	case err != nil:
		return nil, err
	case now.Serial != s.Serial || now.Lineage != s.Lineage:
		return nil, errReplaced
	}
	if err := b.checkReplay(max(l.serial, s.Serial), newest); err != nil { // before what is wrong with the journal: that follows from it
		return nil, err
	}
	if journalErr != nil {
		return nil, journalErr
	}
	return b.replay(s, l.records)
}

// Rows implements [state.RowReader].
func (b *Backend) Rows(ctx context.Context) (*state.Rows, error) {
	for range readAttempts {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read the state %s: %w", b.path, err)
		}
		rows, err := b.rowsOnce(ctx)
		if !errors.Is(err, errReplaced) {
			return rows, err
		}
	}
	return nil, fmt.Errorf("read the state %s: %w", b.path, errReplaced)
}

// rowsOnce is readOnce for a state that is read card by card. What is wrong with
// the files is said by readOnce.
func (b *Backend) rowsOnce(ctx context.Context) (*state.Rows, error) {
	newest, err := b.newestKept()
	if err != nil {
		return nil, state.ErrTangled
	}
	text, err := os.ReadFile(b.path)
	if err != nil {
		return nil, state.ErrTangled
	}
	f, err := b.codec.Open(text)
	if err != nil {
		return nil, state.ErrTangled
	}
	l, err := b.readLog(f.Head.Lineage, f.Head.Serial)
	if err != nil || max(l.serial, f.Head.Serial) < newest {
		return nil, state.ErrTangled
	}
	now, err := b.header()
	switch {
	case err != nil:
		return nil, state.ErrTangled
	case now.Serial != f.Head.Serial || now.Lineage != f.Head.Lineage:
		return nil, errReplaced
	}
	return f.Rows(ctx, l.records)
}

func (b *Backend) replay(s *state.Snapshot, records []state.Record) (*state.Snapshot, error) {
	if len(records) == 0 {
		return s, nil
	}
	after, err := stored.Replay(s, records)
	if err != nil {
		return nil, fmt.Errorf("the journal %s: %w", b.journalPath(), err)
	}
	return after, nil
}

// snapshot reads the snapshot file; the zero snapshot where there is none.
func (b *Backend) snapshot() (*state.Snapshot, error) {
	f, err := os.Open(b.path)
	if errors.Is(err, os.ErrNotExist) {
		return &state.Snapshot{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	defer f.Close() // it was only read
	s, err := b.codec.Decode(f, b.path)
	if err != nil {
		return nil, b.withBackup(err)
	}
	return s, nil
}

// withBackup says what can be done about a snapshot that can't be read.
func (b *Backend) withBackup(err error) error {
	if _, statErr := os.Stat(b.backupPath()); statErr != nil || errors.Is(err, state.ErrSealed) {
		return err
	}
	return fmt.Errorf("%w; the state before the last commit is in %s", err, b.backupPath())
}

// header reads what the snapshot file is, without its cards.
func (b *Backend) header() (stored.Header, error) {
	f, err := os.Open(b.path)
	if errors.Is(err, os.ErrNotExist) {
		return stored.Header{}, nil
	}
	if err != nil {
		return stored.Header{}, fmt.Errorf("read the state: %w", err)
	}
	defer f.Close() // it was only read
	head, err := b.codec.DecodeHeader(f, b.path)
	if err != nil {
		return stored.Header{}, b.withBackup(err)
	}
	return head, nil
}

// Commit implements [state.Backend]. Without the lock it takes the lock for as
// long as it runs, so that comparing and replacing is one step.
func (b *Backend) Commit(ctx context.Context, s *state.Snapshot, e state.Edits) error {
	if err := e.Check(); err != nil {
		return fmt.Errorf("commit the state %s: %w", b.path, err)
	}
	return b.commit(ctx, s, whole{s, e})
}

func (b *Backend) commit(ctx context.Context, s *state.Snapshot, c changes) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("commit the state %s: %w", b.path, err)
	}
	release, err := b.hold.Take(ctx, "commit")
	if err != nil {
		return err
	}
	defer release()
	head, err := b.header()
	if err != nil {
		return err
	}
	w, err := b.writer(ctx)
	if err != nil {
		return err
	}
	defer b.hold.CloseJournal()
	if err = stored.CheckBase(s, head.Lineage, w.Serial()); err == nil {
		err = b.store(ctx, w, head, s, c)
	}
	if err != nil {
		return fmt.Errorf("commit the state %s: %w", b.path, err)
	}
	return nil
}

// store stores the changes as a line of the journal, or with a snapshot.
func (b *Backend) store(ctx context.Context, w *stored.JournalWriter, head stored.Header, s *state.Snapshot, c changes) error {
	if w.Err() == nil { // behind a torn line nothing is written any more
		commit, err := c.few(b.room(head))
		if err != nil {
			return err
		}
		if commit != nil {
			return b.commitLine(ctx, w, s, c, commit)
		}
	}
	return b.commitSnapshot(ctx, head, s, c)
}

// commitSnapshot writes the state anew, and drops the journal.
func (b *Backend) commitSnapshot(ctx context.Context, head stored.Header, s *state.Snapshot, c changes) error {
	next := c.next()
	if next.Lineage == "" {
		next.Lineage = stored.NewUUID(b.env.Random)
	}
	b.keep(head.Serial) // a crash may have come between a commit and its keeping
	if s.Serial > head.Serial {
		b.keepJournal(head.Serial)
	}
	if err := b.replace(func(w io.Writer) error { return c.encode(w, b.codec, next) }); err != nil {
		return err
	}
	*s = *next
	b.keep(s.Serial)
	b.hold.CloseJournal() // Windows removes no file that is open
	// The state is committed by now. A journal that stays behind is harmless: its
	// records are of an older serial, and whoever opens it next drops it in this way.
	_ = b.dropJournal(context.WithoutCancel(ctx), s.Lineage)
	b.shorten(s.Serial)
	return nil
}

// dropJournal drops a journal that the snapshot holds, once the history has what
// it adds.
func (b *Backend) dropJournal(ctx context.Context, lineage string) error {
	if err := b.takeEvents(ctx, lineage); err != nil {
		return err
	}
	b.step("drop the journal")
	// Removed and not cut: the file may have another name in the history.
	return removeIfThere(b.journalPath())
}

func (b *Backend) journalPath() string { return b.path + ".journal" }
func (b *Backend) backupPath() string  { return b.path + ".backup" }
