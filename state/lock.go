package state

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cardfleet/cardfleet/spec/safe"
)

// LockInfo says who holds a lock, with Terraform's field names.
type LockInfo struct {
	ID        string
	Operation string // "apply"
	Info      string // free text: the run's URL in CI
	Who       string // user@host
	Version   string // of the program
	Created   time.Time
	Path      string // what is locked
}

// LockedError says that another run holds the lock.
type LockedError struct {
	Holder LockInfo // the zero value where the backend can't say
	End    LockEnd
	Lease  Lease // with [RunsOut]
}

// LockEnd is what becomes of a lock whose run has died.
type LockEnd int

// The ends.
const (
	NeverEnds   LockEnd = iota // somebody has to remove it; see [ForceUnlocker]
	WithProcess                // the system drops it with the process that holds it
	RunsOut                    // it is a lease, which its run renews
)

// Lease is until when a lock holds that has to be renewed. The times are of one
// clock: the store's, or that of the machine that looked.
type Lease struct {
	Renewed time.Time // last
	Expires time.Time // unless it is renewed before
	Seen    time.Time // when it was looked at
}

// Error names the holder.
func (e *LockedError) Error() string {
	if e.Holder.ID == "" {
		return "the state is locked by another run"
	}
	return fmt.Sprintf("the state is locked by %s since %s (%s)",
		safe.Text(cmp.Or(e.Holder.Who, "somebody")), e.Holder.Created.Format(time.RFC3339), safe.Text(cmp.Or(e.Holder.Operation, "unknown operation")))
}

// The pauses between two attempts to lock, as Terraform makes them.
const (
	firstPause   = time.Second
	longestPause = 16 * time.Second
)

// TellEvery is the time between two times that a run says whom it waits for.
const TellEvery = 30 * time.Second

// Patience is how long a run waits for a lock, and who is told of it.
type Patience struct {
	For time.Duration // 0 tries once
	// Waits is told who holds the lock, and how long the run has waited and will
	// wait at most: once at first, and then after each [TellEvery]. nil is nobody.
	Waits func(held *LockedError, waited, left time.Duration)
}

// LockWithin locks the state, and where another run holds it tries again until
// the pauses come to patience; then the error is the last [*LockedError].
// Other errors end it at once. sleep waits, or returns the context's error.
func LockWithin(ctx context.Context, b Backend, info LockInfo, patience Patience,
	sleep func(ctx context.Context, d time.Duration) error,
) (unlock func() error, err error) {
	var waited time.Duration
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		unlock, err := b.Lock(ctx, info)
		var locked *LockedError
		left := patience.For - waited
		if !errors.As(err, &locked) || left <= 0 {
			return unlock, err
		}
		now := min(pause, left)
		if patience.Waits != nil {
			if waited%TellEvery == 0 {
				patience.Waits(locked, waited, left)
			}
			now = min(now, TellEvery-waited%TellEvery)
		}
		if err := sleep(ctx, now); err != nil {
			return nil, fmt.Errorf("wait for the lock: %w (%w)", err, locked)
		}
		waited += now
	}
}
