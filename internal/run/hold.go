package run

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/cardfleet/cardfleet/state"
)

// ErrLeaseLost is why a run's context ends where its lock can't be kept.
var ErrLeaseLost = errors.New("the state's lock could not be kept, and another run may have it by now: nothing more was started, " +
	"and calls under way came to their end; the next run looks what became of them")

// LeaseLostError is how a run ended that lost its lock on the way.
type LeaseLostError struct {
	Err error // with which it ended
}

// Error says first that the lock was lost.
func (e *LeaseLostError) Error() string { return errors.Join(ErrLeaseLost, e.Err).Error() }

// Unwrap gives [ErrLeaseLost] and what the run ended with.
func (e *LeaseLostError) Unwrap() []error { return []error{ErrLeaseLost, e.Err} }

// Hold takes the state's lock for an operation. Where another run has it, Hold
// tries again until patience is over, and then returns a [*state.LockedError].
// Where ctx ends while it waits, the error is ctx's, with that one.
//
// The context that it returns is the run's from then on. Where the lock is a
// lease that can't be kept, that context ends: nothing more is started.
func (s Store) Hold(ctx context.Context, operation string, patience state.Patience) (held context.Context, unlock func() error, err error) {
	release, err := state.LockWithin(ctx, s.Backend, s.lockInfo(operation), patience, s.Env.Sleep)
	if err != nil {
		return nil, nil, err
	}
	leased, ok := s.Backend.(state.Leased)
	if !ok {
		return ctx, release, nil
	}
	held, cancel := context.WithCancelCause(ctx)
	lost, watched := leased.Lost(), make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-lost:
			cancel(ErrLeaseLost)
		case <-held.Done():
		}
	}()
	return held, func() error {
		cancel(nil)
		<-watched
		return release()
	}, nil
}

// HoldNothing has the run go without the state's lock: whoever runs it sees to it
// that no other run is under way. It is called before the state is used. A
// backend that can't be written to so is a [Refusal].
func (s Store) HoldNothing() error {
	lockless, ok := s.Backend.(state.Lockless)
	if !ok {
		return &Refusal{Reason: NeedsLock}
	}
	lockless.WithoutLock()
	return nil
}

func (s Store) lockInfo(operation string) state.LockInfo {
	var id [8]byte
	s.Env.Random(id[:])
	return state.LockInfo{
		ID: hex.EncodeToString(id[:]), Operation: operation, Who: s.Env.Who,
		Version: s.Env.Version, Created: s.Env.Now().UTC(), Info: s.Env.Info,
	}
}

// OrLeaseLost is how a run ended, as a [*LeaseLostError] where the lock was
// lost; nil where it had done all before. ctx is the one that Hold returned.
func OrLeaseLost(ctx context.Context, err error) error {
	if err == nil || !errors.Is(context.Cause(ctx), ErrLeaseLost) {
		return err
	}
	return &LeaseLostError{Err: err}
}
