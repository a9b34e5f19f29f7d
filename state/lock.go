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

// LockWithin locks the state, and where another run holds it tries again until
// the pauses come to patience; then the error is the last [*LockedError].
// Other errors end it at once. sleep waits, or returns the context's error.
func LockWithin(ctx context.Context, b Backend, info LockInfo, patience time.Duration,
	sleep func(ctx context.Context, d time.Duration) error,
) (unlock func() error, err error) {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		unlock, err := b.Lock(ctx, info)
		var locked *LockedError
		if !errors.As(err, &locked) || patience <= 0 {
			return unlock, err
		}
		pause = min(pause, patience)
		if err := sleep(ctx, pause); err != nil {
			return nil, fmt.Errorf("wait for the lock: %w (%w)", err, locked)
		}
		patience -= pause
	}
}
