package s3

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// A lease is good for beatsToExpiry beats from its last renewal. Its holder stops
// counting on the lease beatsToGiveUp after that renewal. The clocks of two
// machines may differ by the time between the two.
const (
	heartbeat     = 15 * time.Second // unless [state.Env].Beat says otherwise
	beatsToExpiry = 4
	beatsToGiveUp = 3
)

// beat is how often the lease is renewed.
func (b *Backend) beat() time.Duration { return cmp.Or(b.env.Beat, heartbeat) }

// lockFile is the lock object.
type lockFile struct {
	state.LockInfo
	// Expires is when another run may take the lock, unless it is renewed.
	Expires time.Time
}

// lease is the lock as this backend holds it.
type lease struct {
	info  state.LockInfo
	heart *stored.Heartbeat

	mu   sync.Mutex
	etag string // of the lock object as this run wrote it last
}

// Lock implements [state.Backend]. It fills in the info's ID, Path and Created
// where they are empty. It takes over a lease that has run out.
func (b *Backend) Lock(ctx context.Context, info state.LockInfo) (unlock func() error, err error) {
	return b.hold.Lock(ctx, info)
}

// acquire takes the lease, and renews it until it is released; see [stored.NewHold].
func (b *Backend) acquire(ctx context.Context, info *state.LockInfo) (release func() error, err error) {
	b.complete(info)
	l := &lease{info: *info}
	begun, err := b.takeLease(ctx, l)
	if err != nil {
		return nil, err
	}
	if err := b.prove(ctx, l); err != nil {
		// What the store has is this run's lock, or in an unfit store anybody's.
		return nil, errors.Join(b.lockError(err), b.giveUp(ctx, l))
	}
	pulse := stored.Pulse{
		Every: b.beat(), GiveUp: beatsToGiveUp * b.beat(), Now: b.env.Now, Ticker: b.env.Ticker, Gone: errTaken, Sleep: b.env.Sleep, Away: b.env.Away,
	}
	l.heart = stored.Keep(pulse, begun, func(ctx context.Context) error { return b.renew(ctx, l) })
	b.setLease(l)
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

// takeLease writes the lock where nobody has it, or where it has run out. It
// returns when the write that came through was begun.
func (b *Backend) takeLease(ctx context.Context, l *lease) (begun time.Time, err error) {
	etag := "" // of the lease that has run out; none at first
	for range lockAttempts {
		begun = b.env.Now()
		err := b.writeLock(ctx, l, etag)
		if !errors.Is(err, errTaken) {
			return begun, b.lockError(err)
		}
		held, now, err := b.readLock(ctx)
		switch {
		case errors.Is(err, errAbsent):
			etag = ""
		case err != nil:
			return begun, b.lockError(err)
		case b.env.Now().Before(held.Expires):
			return begun, b.lockedBy(held)
		default:
			etag = now
		}
	}
	return begun, &state.LockedError{End: state.RunsOut}
}

// lockedBy says who has the lock, and until when by the clocks of those who
// renew it and look at it.
func (b *Backend) lockedBy(held lockFile) *state.LockedError {
	return &state.LockedError{Holder: held.LockInfo, End: state.RunsOut, Lease: state.Lease{
		Renewed: held.Expires.Add(-beatsToExpiry * b.beat()), Expires: held.Expires, Seen: b.env.Now(),
	}}
}

func (b *Backend) lockError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("lock the state %s: %w", b.name(b.key), err)
}

func (b *Backend) lockKey() string { return b.key + ".lock" }

// writeLock writes the lock in the place of the one with that ETag, and notes
// the new ETag.
func (b *Backend) writeLock(ctx context.Context, l *lease, etag string) error {
	etag, err := b.store.put(ctx, b.lockKey(), bytes.NewReader(b.lockText(l)), etag, b.uuid())
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.etag = etag
	return nil
}

// lockText is the lock object as it is written now.
func (b *Backend) lockText(l *lease) []byte {
	text, err := json.MarshalIndent(lockFile{l.info, b.env.Now().Add(beatsToExpiry * b.beat()).UTC()}, "", "  ")
	if err != nil {
		panic(err) // strings and times
	}
	return append(text, '\n')
}

func (b *Backend) readLock(ctx context.Context) (held lockFile, etag string, err error) {
	body, etag, err := b.store.get(ctx, b.lockKey())
	if err != nil {
		return held, "", err
	}
	defer body.Close() //nolint:errcheck // it was only read
	if held, err = lockOf(body); err != nil {
		return held, "", fmt.Errorf("%s %w", b.name(b.lockKey()), err)
	}
	return held, etag, nil
}

// largestLock is more than a lock object ever has, in bytes.
const largestLock = 1 << 20

var errNoLock = errors.New("is no lock of cardfleet: look at it, and delete it by hand")

// lockOf reads a lock object.
func lockOf(body io.Reader) (held lockFile, err error) {
	if err := json.NewDecoder(io.LimitReader(body, largestLock)).Decode(&held); err != nil || held.ID == "" {
		return lockFile{}, errNoLock
	}
	return held, nil
}

// renew writes the lock anew; see [stored.Keep]. It fails with errTaken where the
// lock is another run's.
func (b *Backend) renew(ctx context.Context, l *lease) error {
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

// errLost says that the run has outlived its lock.
var errLost = errors.New("the lock of this run could not be renewed, and another run may have taken it")

// stillLeased refuses to write once the lease is lost. It goes by the clock, and
// looks at the lock, which may have been removed by force.
func (b *Backend) stillLeased(ctx context.Context) error {
	l := b.held()
	if l == nil || !l.heart.Alive() { // nil: whoever writes holds the lock
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

// Assure implements [state.Leased].
func (b *Backend) Assure(ctx context.Context) error {
	l := b.held()
	if l == nil {
		return errLost
	}
	return l.heart.Assure(ctx)
}

// persist has a write wait for a store that is away; see [stored.Heartbeat].
func (b *Backend) persist(attempt func() error) error {
	l := b.held()
	if l == nil {
		return attempt()
	}
	return l.heart.Persist(passing, attempt)
}

// Lost implements [state.Leased].
func (b *Backend) Lost() <-chan struct{} {
	l := b.held()
	if l == nil {
		return nil
	}
	return l.heart.Lost()
}

// unlockTime is how long giving the lock back may take; then it runs out by itself.
const unlockTime = 30 * time.Second

// release ends the lease's heartbeat and gives the lock back.
func (b *Backend) release(l *lease) error {
	l.heart.Stop()
	b.setLease(nil)
	ctx, cancel := context.WithTimeout(context.Background(), unlockTime)
	defer cancel()
	err := b.removeLock(ctx, l.info.ID)
	var other *state.LockedError
	switch {
	case errors.Is(err, state.ErrNotLocked) || errors.As(err, &other):
		err = errLost
	case err != nil:
		err = stored.Stays(err, l.info.ID, beatsToExpiry*b.beat())
	}
	if err != nil {
		return fmt.Errorf("unlock the state %s: %w", b.name(b.key), err)
	}
	return nil
}

// giveUp removes a lock that was taken in vain.
func (b *Backend) giveUp(ctx context.Context, l *lease) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTime)
	defer cancel()
	if err := b.removeLock(ctx, l.info.ID); err != nil {
		return fmt.Errorf("unlock the state %s, whose lock runs out by itself: %w", b.name(b.key), err)
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
			return b.lockedBy(held)
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
