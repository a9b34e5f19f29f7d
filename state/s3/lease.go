package s3

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/state"
)

// A lease is good for leaseTime from its last renewal, and its holder stops
// counting on it giveUp after that. The time between the two is what the
// clocks of two machines may differ by.
const (
	leaseTime = 60 * time.Second
	giveUp    = 45 * time.Second
	heartbeat = 15 * time.Second
)

// lockFile is the lock object.
type lockFile struct {
	state.LockInfo
	Expires time.Time // unless it is renewed; another run may take it from then on
}

// lease is the lock as this backend holds it.
type lease struct {
	info state.LockInfo
	lost chan struct{}
	stop chan struct{} // closed by release
	done chan struct{} // closed when the heartbeat ended

	mu      sync.Mutex
	etag    string
	renewed time.Time // when the last renewal that came through was begun
}

// Lock implements [state.Backend]. It fills in the info's ID, Path and Created
// where they are empty. It takes over a lease that has run out.
func (b *Backend) Lock(ctx context.Context, info state.LockInfo) (unlock func() error, err error) {
	return b.hold.Lock(ctx, info)
}

// acquire takes the lease, and renews it until it is released; see [stored.NewHold].
func (b *Backend) acquire(ctx context.Context, info *state.LockInfo) (release func() error, err error) {
	b.complete(info)
	l := &lease{info: *info, lost: make(chan struct{}), stop: make(chan struct{}), done: make(chan struct{})}
	if err := b.takeLease(ctx, l); err != nil {
		return nil, err
	}
	b.setLease(l)
	tick, stopTicking := b.env.Ticker(heartbeat)
	go func() {
		defer close(l.done)
		defer stopTicking()
		b.keepAlive(l, tick)
	}()
	return func() error { return b.release(l) }, nil
}

func (b *Backend) complete(info *state.LockInfo) {
	info.ID = cmp.Or(info.ID, b.uuid())
	info.Path = cmp.Or(info.Path, b.name(b.key))
	if info.Created.IsZero() {
		info.Created = b.env.Now().UTC()
	}
}

// held is the lease as this process has it; nil where it has none.
func (b *Backend) held() *lease {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lease
}

func (b *Backend) setLease(l *lease) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lease = l
}

// lockAttempts is how often Lock starts again where the lock went or changed
// hands while it looked.
const lockAttempts = 4

func (b *Backend) takeLease(ctx context.Context, l *lease) error {
	etag := "" // of the lease that has run out; none at first
	for range lockAttempts {
		err := b.writeLock(ctx, l, etag)
		if !errors.Is(err, errTaken) {
			return b.lockError(err)
		}
		held, now, err := b.readLock(ctx)
		switch {
		case errors.Is(err, errAbsent):
			etag = ""
		case err != nil:
			return b.lockError(err)
		case b.env.Now().Before(held.Expires):
			return &state.LockedError{Holder: held.LockInfo}
		default:
			etag = now
		}
	}
	return &state.LockedError{}
}

func (b *Backend) lockError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("lock the state %s: %w", b.name(b.key), err)
}

func (b *Backend) lockKey() string { return b.key + ".lock" }

// writeLock writes the lock in the place of the one with that ETag, and notes it.
func (b *Backend) writeLock(ctx context.Context, l *lease, etag string) error {
	begun := b.env.Now()
	text, err := json.MarshalIndent(lockFile{l.info, begun.Add(leaseTime).UTC()}, "", "  ")
	if err != nil {
		panic(err) // strings and times
	}
	etag, err = b.store.put(ctx, b.lockKey(), bytes.NewReader(append(text, '\n')), etag, b.uuid())
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.etag, l.renewed = etag, begun
	return nil
}

func (b *Backend) readLock(ctx context.Context) (held lockFile, etag string, err error) {
	body, etag, err := b.store.get(ctx, b.lockKey())
	if err != nil {
		return held, "", err
	}
	defer body.Close() //nolint:errcheck // it was only read
	if err := json.NewDecoder(body).Decode(&held); err != nil || held.ID == "" {
		return held, "", fmt.Errorf("%s is no lock of cardfleet: look at it, and delete it by hand", b.name(b.lockKey()))
	}
	return held, etag, nil
}

// keepAlive renews the lease until it is given back or lost.
func (b *Backend) keepAlive(l *lease, tick <-chan time.Time) {
	for {
		select {
		case <-l.stop:
			return
		case <-tick:
		}
		err := b.renew(l)
		if errors.Is(err, errTaken) || !b.alive(l) {
			close(l.lost)
			return
		}
	}
}

// renew writes the lock anew. A failure that isn't another's lock is no reason
// to give up: the next tick tries again, as long as there is time.
func (b *Backend) renew(l *lease) error {
	ctx, cancel := context.WithTimeout(context.Background(), heartbeat)
	defer cancel()
	l.mu.Lock()
	etag := l.etag
	l.mu.Unlock()
	err := b.writeLock(ctx, l, etag)
	if !errors.Is(err, errTaken) {
		return err
	}
	held, now, readErr := b.readLock(ctx)
	switch {
	case readErr != nil && !errors.Is(readErr, errAbsent):
		return readErr // nobody knows whose it is
	case readErr != nil || held.ID != l.info.ID:
		return errTaken
	}
	return b.writeLock(ctx, l, now) // an earlier renewal came through after all
}

// alive reports whether the lease may be counted on.
func (b *Backend) alive(l *lease) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return b.env.Now().Before(l.renewed.Add(giveUp))
}

// errLost says that the run has outlived its lock.
var errLost = errors.New("the lock of this run could not be renewed, and another run may have taken it")

// stillLeased refuses to write once the lease is lost. It goes by the clock,
// since a machine that slept wakes before its heartbeat does, and looks at the
// lock, which may have been removed by force.
func (b *Backend) stillLeased(ctx context.Context) error {
	l := b.held()
	if l == nil {
		return errLost // whoever writes holds the lock
	}
	select {
	case <-l.lost:
		return errLost
	default:
	}
	if !b.alive(l) {
		return errLost
	}
	return b.stillThere(ctx, l)
}

// stillThere looks whether the lock is the lease's.
func (b *Backend) stillThere(ctx context.Context, l *lease) error {
	etag, err := b.store.etag(ctx, b.lockKey())
	l.mu.Lock()
	same := etag == l.etag
	l.mu.Unlock()
	if same && err == nil {
		return nil
	}
	var held lockFile
	if err == nil { // a heartbeat may just be renewing it
		held, _, err = b.readLock(ctx)
	}
	if errors.Is(err, errAbsent) || err == nil && held.ID != l.info.ID {
		return errLost
	}
	return err
}

// Lost implements [state.Leased].
func (b *Backend) Lost() <-chan struct{} {
	l := b.held()
	if l == nil {
		return nil
	}
	return l.lost
}

// unlockTime is how long giving the lock back may take; then it runs out by itself.
const unlockTime = 30 * time.Second

// release ends the lease's heartbeat and gives the lock back.
func (b *Backend) release(l *lease) error {
	close(l.stop)
	<-l.done
	b.setLease(nil)
	ctx, cancel := context.WithTimeout(context.Background(), unlockTime)
	defer cancel()
	err := b.removeLock(ctx, l.info.ID)
	var other *state.LockedError
	if errors.Is(err, state.ErrNotLocked) || errors.As(err, &other) {
		err = errLost
	}
	if err != nil {
		return fmt.Errorf("unlock the state %s: %w", b.name(b.key), err)
	}
	return nil
}

// removeLock removes the lock with that ID.
func (b *Backend) removeLock(ctx context.Context, id string) error {
	for range lockAttempts {
		held, etag, err := b.readLock(ctx)
		switch {
		case errors.Is(err, errAbsent):
			return state.ErrNotLocked
		case err != nil:
			return err
		case held.ID != id:
			return &state.LockedError{Holder: held.LockInfo}
		}
		if err := b.store.remove(ctx, b.lockKey(), etag); !errors.Is(err, errTaken) {
			return err
		}
	}
	return errTaken
}

// ForceUnlock implements [state.ForceUnlocker].
func (b *Backend) ForceUnlock(ctx context.Context, id string) error {
	err := b.removeLock(ctx, id)
	var other *state.LockedError
	if err == nil || errors.Is(err, state.ErrNotLocked) || errors.As(err, &other) {
		return err
	}
	return fmt.Errorf("unlock the state %s: %w", b.name(b.key), err)
}
