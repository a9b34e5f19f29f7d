package local

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// Lock implements [state.Backend]. It fills in the info's ID and Path where
// they are empty.
func (b *Backend) Lock(ctx context.Context, info state.LockInfo) (unlock func() error, err error) {
	return b.hold.Lock(ctx, info)
}

// WithoutLock implements [state.Lockless].
func (b *Backend) WithoutLock() { b.hold.Without() }

// acquire takes the lock from other processes.
func (b *Backend) acquire(_ context.Context, info *state.LockInfo) (release func() error, err error) {
	if err := os.MkdirAll(filepath.Dir(b.path), 0o700); err != nil {
		return nil, fmt.Errorf("lock the state %s: %w", b.path, err)
	}
	own, err := openOwn(b.path+".lock", os.O_RDONLY|os.O_CREATE)
	if err != nil {
		return nil, fmt.Errorf("lock the state %s: %w", b.path, err)
	}
	own.Close() // it was only made, and looked at
	file := flock.New(b.path+".lock", flock.SetPermissions(0o600), flock.SetFlag(os.O_CREATE|os.O_RDONLY|noFollow))
	ok, err := file.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the state %s: %w", b.path, err)
	}
	if !ok {
		return nil, &state.LockedError{Holder: b.holder(), End: state.WithProcess}
	}
	if info.ID == "" {
		info.ID = stored.NewUUID(b.env.Random)
	}
	if info.Path == "" {
		info.Path = b.path
	}
	b.sayWho(*info)
	b.file = file
	return b.unlock, nil
}

// unlock gives the lock back.
func (b *Backend) unlock() error {
	_ = os.Remove(b.infoPath()) // of no meaning without the lock
	// The lock file stays: if it went, two runs could each lock one of the name.
	if err := b.file.Unlock(); err != nil {
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
	_ = writeOwn(b.infoPath(), append(text, '\n'))
}

// mostInfo is how many bytes are read of a lock's info, which has a few hundred.
const mostInfo = 1 << 16

// holder reads who has the lock; the zero value where nobody says.
func (b *Backend) holder() state.LockInfo {
	f, err := openOwn(b.infoPath(), os.O_RDONLY)
	if err != nil {
		return state.LockInfo{}
	}
	defer f.Close() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, mostInfo))
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
