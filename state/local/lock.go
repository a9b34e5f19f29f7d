package local

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/gofrs/flock"

	"github.com/cardfleet/cardfleet/state"
)

// holding is the lock as this backend has it: taken once, for all who need it
// at the time. The zero value holds nothing.
type holding struct {
	users   int
	file    *flock.Flock
	info    state.LockInfo
	journal *journal // open, or nil
}

// Lock implements [state.Backend]. It fills in the info's ID and Path where
// they are empty.
func (b *Backend) Lock(ctx context.Context, info state.LockInfo) (unlock func() error, err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("lock the state %s: %w", b.path, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hold.users > 0 {
		return nil, &state.LockedError{Holder: b.hold.info}
	}
	if err := b.acquire(info); err != nil {
		return nil, err
	}
	return sync.OnceValue(b.unlock), nil
}

// unlock ends the run, and the journal with it.
func (b *Backend) unlock() error {
	b.closeJournal()
	return b.release()
}

// take makes sure that this backend has the lock until release is called.
func (b *Backend) take(info state.LockInfo) (release func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hold.users > 0 {
		b.hold.users++
	} else if err := b.acquire(info); err != nil {
		return nil, err
	}
	// The system drops a lock that can't be given back when the program ends.
	return func() { _ = b.release() }, nil
}

// acquire takes the lock for its first user.
func (b *Backend) acquire(info state.LockInfo) error {
	if err := os.MkdirAll(filepath.Dir(b.path), 0o700); err != nil {
		return fmt.Errorf("lock the state %s: %w", b.path, err)
	}
	file := flock.New(b.path+".lock", flock.SetPermissions(0o600))
	ok, err := file.TryLock()
	if err != nil {
		return fmt.Errorf("lock the state %s: %w", b.path, err)
	}
	if !ok {
		return &state.LockedError{Holder: b.holder()}
	}
	if info.ID == "" {
		info.ID = b.uuid()
	}
	if info.Path == "" {
		info.Path = b.path
	}
	b.hold = holding{users: 1, file: file, info: info}
	b.sayWho(info)
	return nil
}

// release gives the lock back with its last user.
func (b *Backend) release() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hold.users--; b.hold.users > 0 {
		return nil
	}
	_ = os.Remove(b.infoPath()) // of no meaning without the lock
	file := b.hold.file
	b.hold = holding{}
	// The lock file stays: if it went, two runs could each lock one of the name.
	if err := file.Unlock(); err != nil {
		return fmt.Errorf("unlock the state %s: %w", b.path, err)
	}
	return nil
}

// sayWho leaves word for those who find the state locked. It stands beside the
// lock, since Windows lets nobody read a locked file. Where it can't be
// written, they learn that the state is locked, and not by whom.
func (b *Backend) sayWho(info state.LockInfo) {
	text, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		panic(err) // strings and a time
	}
	_ = os.WriteFile(b.infoPath(), append(text, '\n'), 0o600)
}

// holder reads who has the lock; the zero value where nobody says.
func (b *Backend) holder() state.LockInfo {
	text, err := os.ReadFile(b.infoPath())
	if err != nil {
		return state.LockInfo{}
	}
	var info state.LockInfo
	if json.Unmarshal(text, &info) != nil {
		return state.LockInfo{} // half written: it was locked this instant
	}
	return info
}

func (b *Backend) infoPath() string { return b.path + ".lockinfo" }
