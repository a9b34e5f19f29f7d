package cli

import (
	"context"
	"errors"
	"time"

	"github.com/cardfleet/cardfleet/state"
)

// errLeaseLost is why a run's context ends where its lock can't be kept.
var errLeaseLost = errors.New("the state's lock could not be kept, and another run may have it by now: nothing more was started, " +
	"and calls under way came to their end; the next run looks what became of them")

// hold takes the state's lock, as lock does. Where the lock is a lease that
// can't be kept, the context that it returns ends: nothing more is started.
func (s *session) hold(ctx context.Context, operation string, patience time.Duration) (held context.Context, unlock func() error, err error) {
	release, err := s.lock(ctx, operation, patience)
	if err != nil {
		return nil, nil, err
	}
	leased, ok := s.backend.(state.Leased)
	if !ok {
		return ctx, release, nil
	}
	held, cancel := context.WithCancelCause(ctx)
	lost, watched := leased.Lost(), make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-lost:
			cancel(errLeaseLost)
		case <-held.Done():
		}
	}()
	return held, func() error {
		cancel(nil)
		<-watched
		return release()
	}, nil
}

// orLeaseLost is how a run ended, with the reason where that was a lost lease.
func orLeaseLost(ctx context.Context, err error) error {
	if err == nil || !errors.Is(context.Cause(ctx), errLeaseLost) {
		return err
	}
	var exit *exitError
	if errors.As(err, &exit) {
		return &exitError{code: exitPartial, diags: exit.diags, err: errors.Join(errLeaseLost, exit.err)}
	}
	return &exitError{code: exitFailed, err: errors.Join(errLeaseLost, err)}
}
