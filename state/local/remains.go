package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/cardfleet/cardfleet/state"
)

// aside is the ending of what is left of a lost state, with a number from the
// second on.
const aside = ".lost"

// Remains implements [state.Remainder]: it names the journal and the history,
// where they are of a state that was committed.
func (b *Backend) Remains(ctx context.Context) ([]string, error) {
	paths, err := b.remains(ctx)
	names := make([]string, 0, len(paths))
	for _, path := range paths {
		names = append(names, filepath.Base(path))
	}
	return names, err
}

func (b *Backend) remains(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("look for what is left of the state %s: %w", b.path, err)
	}
	if !b.isGone() {
		return nil, nil // what is wrong with it says who reads it
	}
	history, err := b.hasHistory()
	if err != nil {
		return nil, err
	}
	var paths []string
	if b.hasJournal() && (history || b.followsCommit()) {
		paths = append(paths, b.journalPath())
	}
	if history {
		paths = append(paths, b.historyDir())
	}
	if !b.isGone() { // a first run committed meanwhile
		return nil, nil
	}
	return paths, nil
}

func (b *Backend) isGone() bool {
	_, err := os.Stat(b.path)
	return errors.Is(err, os.ErrNotExist)
}

func (b *Backend) hasHistory() (bool, error) {
	for _, ending := range []string{"", journalEnding, commitEnding} {
		if serials, err := b.inHistory(ending); err != nil || len(serials) > 0 {
			return len(serials) > 0, err
		}
	}
	return false, nil
}

func (b *Backend) hasJournal() bool {
	info, err := os.Stat(b.journalPath())
	return err == nil && info.Size() > 0
}

// followsCommit reports whether the journal belongs to a snapshot. That of a
// first run, which was cut short before its commit, belongs to none and is
// replayed.
func (b *Backend) followsCommit() bool {
	_, err := b.readLog("", 0)
	if err != nil { // a run that opens the journal may just have cut off a torn line
		_, err = b.readLog("", 0)
	}
	return err != nil
}

// PutAside implements [state.Remainder].
func (b *Backend) PutAside(ctx context.Context) error {
	paths, err := b.remains(ctx)
	if err != nil {
		return err
	}
	for _, path := range paths {
		to := path + aside
		for n := 2; exists(to); n++ {
			to = path + aside + strconv.Itoa(n)
		}
		b.step("put aside")
		if err := rename(path, to); err != nil {
			return fmt.Errorf("put aside what is left of the state %s: %w", b.path, err)
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, os.ErrNotExist)
}

var _ state.Remainder = (*Backend)(nil)
