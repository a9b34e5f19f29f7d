// Package local keeps the state in files: the snapshot at a path, and beside
// it, under the same name with an ending,
//
//	.journal   what happened since the snapshot was written
//	.backup    the snapshot before it; nothing ever reads it but a person
//	.lock      held by the run that may write; the system drops it with the process
//	.lockinfo  who that is
//	.history/  the last snapshots, by serial; the present one is among them
//	.tmp       a snapshot being written; of no meaning once its writer is gone
//
// A crash between any two steps leaves the old snapshot with its journal or
// the new snapshot. Reading takes no lock and is right beside a run that writes.
// Start reading at [Backend].
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/cardfleet/cardfleet/state"
)

// Env is what the backend takes from the world around it. Every field is needed but Sealer.
type Env struct {
	// Random fills p with random bytes, for lineages and lock ids.
	Random func(p []byte)
	// Version of the program, for the snapshot's header.
	Version string
	// Sealer encrypts snapshot and journal; nil leaves them plain.
	Sealer state.Sealer
}

// Backend keeps a state in files. Make one with [New].
type Backend struct {
	path  string
	env   Env
	codec state.Codec
	// step is called before each step of a write that a crash can part from
	// the next. Tests stop the program there.
	step func(name string)

	mu   sync.Mutex
	hold holding
}

// New is the state whose snapshot is at path. It touches nothing yet. A path
// that is a symbolic link stands for the file behind it, since a commit
// replaces the file and would otherwise replace the link.
func New(path string, env Env) *Backend {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // with an error there is no file yet, and path is where it will be
	}
	codec := state.Codec{WrittenBy: env.Version, Sealer: env.Sealer}
	return &Backend{path: path, env: env, codec: codec, step: func(string) {}}
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
	if err := b.checkReplay(s, newest); err != nil {
		return nil, err
	}
	records, _, journalErr := b.records(s.Lineage)
	if journalErr != nil { // a run that opens the journal may just have cut off a torn line
		records, _, journalErr = b.records(s.Lineage)
	}
	now, err := b.header()
	switch {
	case err != nil:
		return nil, err
	case now.Serial != s.Serial || now.Lineage != s.Lineage:
		return nil, errReplaced
	case journalErr != nil:
		return nil, journalErr
	}
	return b.replay(s, records)
}

func (b *Backend) replay(s *state.Snapshot, records []state.Record) (*state.Snapshot, error) {
	if len(records) == 0 {
		return s, nil
	}
	if err := b.checkSerial(records, s.Serial); err != nil {
		return nil, err
	}
	after, err := state.Replay(s, records)
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
func (b *Backend) header() (state.Header, error) {
	f, err := os.Open(b.path)
	if errors.Is(err, os.ErrNotExist) {
		return state.Header{}, nil
	}
	if err != nil {
		return state.Header{}, fmt.Errorf("read the state: %w", err)
	}
	defer f.Close() // it was only read
	head, err := b.codec.DecodeHeader(f, b.path)
	if err != nil {
		return state.Header{}, b.withBackup(err)
	}
	return head, nil
}

// records reads the journal of the state of that lineage; end is where its
// whole lines end.
func (b *Backend) records(lineage string) (records []state.Record, end int64, err error) {
	f, err := os.Open(b.journalPath())
	if errors.Is(err, os.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read the journal: %w", err)
	}
	defer f.Close() // it was only read
	return b.codec.ReadJournal(f, b.journalPath(), lineage)
}

// Commit implements [state.Backend]. Without the lock it takes the lock for as
// long as it runs, so that comparing and replacing is one step.
func (b *Backend) Commit(ctx context.Context, s *state.Snapshot) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("commit the state %s: %w", b.path, err)
	}
	release, err := b.take(state.LockInfo{Operation: "commit"})
	if err != nil {
		return err
	}
	defer release()
	stored, err := b.header()
	if err != nil {
		return err
	}
	if stored.Serial != s.Serial || stored.Lineage != "" && stored.Lineage != s.Lineage {
		return fmt.Errorf("commit the state %s: %w (it has serial %d of lineage %q; expected serial %d of lineage %q)",
			b.path, state.ErrConflict, stored.Serial, stored.Lineage, s.Serial, s.Lineage)
	}
	next := &state.Snapshot{Lineage: s.Lineage, Serial: s.Serial + 1, Cards: s.Cards}
	if next.Lineage == "" {
		next.Lineage = b.uuid()
	}
	b.keep(stored.Serial) // a crash may have come between a commit and its keeping
	if err := b.replace(func(w io.Writer) error { return b.codec.Encode(w, next) }); err != nil {
		return fmt.Errorf("commit the state %s: %w", b.path, err)
	}
	s.Lineage, s.Serial = next.Lineage, next.Serial
	b.keep(s.Serial)
	b.closeJournal()
	b.step("drop the journal")
	_ = os.Remove(b.journalPath()) // one that stays behind is harmless: its records are of an older serial
	return nil
}

func (b *Backend) journalPath() string { return b.path + ".journal" }
func (b *Backend) backupPath() string  { return b.path + ".backup" }

// uuid is a random UUID, version 4 (RFC 9562, section 5.4).
func (b *Backend) uuid() string {
	var u [16]byte
	b.env.Random(u[:])
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}
