package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cardfleet/cardfleet/state"
)

// The lock expires when it wasn't renewed for beatsToExpiry beats. Its holder
// gives up a beat earlier: two beats without a renewal.
const (
	beatsToExpiry = 3
	beatsToGiveUp = 2
)

var errLost = errors.New("the lock was removed or has expired: another run may have the state, so nothing more is written")

// holding is the lease as this backend has it: taken once, for all who need it
// at the time. The zero value holds nothing.
type holding struct {
	users   int
	info    state.LockInfo
	token   string
	lost    chan struct{} // closed when the lease can't be kept
	stop    func()        // ends the renewals, and waits for that
	journal *journal      // open, or nil
	// base is the snapshot as it is stored, without its journal: what a commit
	// compares with. nil where it wasn't read under this lock.
	base *state.Snapshot
}

// Lock implements [state.Backend]. It fills in the info's ID and Path where
// they are empty, and renews the lock until it is given back.
func (b *Backend) Lock(ctx context.Context, info state.LockInfo) (unlock func() error, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hold.users > 0 {
		return nil, &state.LockedError{Holder: b.hold.info}
	}
	if err := b.acquire(ctx, info); err != nil {
		return nil, err
	}
	return sync.OnceValue(b.unlock), nil
}

// Lost implements [state.Leased].
func (b *Backend) Lost() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.hold.lost
}

// unlock ends the run, and the journal with it.
func (b *Backend) unlock() error {
	b.closeJournal()
	return b.release()
}

// take makes sure that this backend has the lock until release is called.
func (b *Backend) take(ctx context.Context, operation string) (release func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hold.users > 0 {
		b.hold.users++
	} else if err := b.acquire(ctx, state.LockInfo{Operation: operation, Version: b.env.Version}); err != nil {
		return nil, err
	}
	// A lock that can't be given back expires; what was done under it is done.
	return func() { _ = b.release() }, nil
}

// acquire takes the lock for its first user.
func (b *Backend) acquire(ctx context.Context, info state.LockInfo) error {
	if info.ID == "" {
		info.ID = b.uuid()
	}
	if info.Path == "" {
		info.Path = b.place()
	}
	token := b.uuid()
	if err := b.insertLease(ctx, token, info); err != nil {
		var locked *state.LockedError
		if errors.As(err, &locked) {
			return err
		}
		return fmt.Errorf("lock the state %s: %w", b.place(), err)
	}
	b.hold = holding{users: 1, info: info, token: token, lost: make(chan struct{})}
	b.hold.stop = b.startBeating(token, b.hold.lost)
	return nil
}

// insertLease takes the lease where there is none, or none that holds still.
func (b *Backend) insertLease(ctx context.Context, token string, info state.LockInfo) error {
	text, err := json.Marshal(info)
	if err != nil {
		return err
	}
	return b.within(ctx, pgx.TxOptions{}, func(tx pgx.Tx) error {
		if err := b.prepare(ctx, tx); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			INSERT INTO `+b.table("leases")+` AS held (state_id, token, lock_id, info, renewed, expires)
			SELECT id, $2, $3, $4, clock_timestamp(), clock_timestamp() + $5::interval FROM `+b.table("states")+` WHERE name = $1
			ON CONFLICT (state_id) DO UPDATE SET (token, lock_id, info, renewed, expires)
				= (excluded.token, excluded.lock_id, excluded.info, excluded.renewed, excluded.expires)
				WHERE held.expires < clock_timestamp()`,
			b.name, token, info.ID, text, beatsToExpiry*b.beat)
		if err != nil || tag.RowsAffected() > 0 {
			return err
		}
		holder, err := b.holder(ctx, tx)
		if err != nil {
			return err
		}
		return &state.LockedError{Holder: holder}
	})
}

// holder reads who has the lock; the zero value where nobody has.
func (b *Backend) holder(ctx context.Context, tx pgx.Tx) (state.LockInfo, error) {
	var text []byte
	err := tx.QueryRow(ctx, "SELECT info FROM "+b.table("leases")+" JOIN "+b.table("states")+" ON id = state_id WHERE name = $1", b.name).Scan(&text)
	if errors.Is(err, pgx.ErrNoRows) {
		return state.LockInfo{}, nil
	}
	if err != nil {
		return state.LockInfo{}, err
	}
	var info state.LockInfo
	if err := json.Unmarshal(text, &info); err != nil {
		return state.LockInfo{}, fmt.Errorf("the lock's row is damaged: %w", err)
	}
	return info, nil
}

// startBeating renews the lease at each tick, until stop is called or the
// lease is lost; then it closes lost.
func (b *Backend) startBeating(token string, lost chan struct{}) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ticks, stopTicks := b.env.Tick(b.beat)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer stopTicks()
		missed := 0
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks:
			}
			if missed = b.beatOnce(ctx, token, missed); missed >= beatsToGiveUp && ctx.Err() == nil {
				close(lost)
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}

// beatOnce renews the lease, and counts the beats that were missed in a row. A
// lease that is another's by now is lost at once.
func (b *Backend) beatOnce(ctx context.Context, token string, missed int) int {
	ctx, cancel := context.WithTimeout(ctx, b.beat)
	defer cancel()
	err := b.renew(ctx, token)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errLost):
		return beatsToGiveUp
	default:
		return missed + 1
	}
}

func (b *Backend) renew(ctx context.Context, token string) error {
	return b.within(ctx, pgx.TxOptions{}, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "UPDATE "+b.table("leases")+" SET renewed = clock_timestamp(), expires = clock_timestamp() + $2::interval WHERE token = $1",
			token, beatsToExpiry*b.beat)
		if err == nil && tag.RowsAffected() == 0 {
			return errLost
		}
		return err
	})
}

// release gives the lock back with its last user.
func (b *Backend) release() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hold.users--; b.hold.users > 0 {
		return nil
	}
	token := b.hold.token
	b.hold.stop()
	b.hold = holding{}
	// The run may have been interrupted, and gives its lock back all the same.
	ctx, cancel := context.WithTimeout(context.Background(), b.beat)
	defer cancel()
	err := b.within(ctx, pgx.TxOptions{}, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "DELETE FROM "+b.table("leases")+" WHERE token = $1", token)
		if err == nil && tag.RowsAffected() == 0 {
			return errLost
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("unlock the state %s: %w", b.place(), err)
	}
	return nil
}

// checkLease refuses to go on without the lease, and keeps others from taking
// it until the transaction ends.
func (b *Backend) checkLease(ctx context.Context, tx pgx.Tx, token string) error {
	var one int
	err := tx.QueryRow(ctx, "SELECT 1 FROM "+b.table("leases")+" WHERE token = $1 FOR SHARE", token).Scan(&one)
	if errors.Is(err, pgx.ErrNoRows) {
		return errLost
	}
	return err
}

// ForceUnlock implements [state.ForceUnlocker].
func (b *Backend) ForceUnlock(ctx context.Context, id string) error {
	err := b.within(ctx, pgx.TxOptions{}, func(tx pgx.Tx) error {
		there, err := b.there(ctx, tx)
		if err != nil {
			return err
		}
		if !there {
			return state.ErrNotLocked
		}
		tag, err := tx.Exec(ctx, "DELETE FROM "+b.table("leases")+" USING "+b.table("states")+" WHERE id = state_id AND name = $1 AND lock_id = $2", b.name, id)
		if err != nil || tag.RowsAffected() > 0 {
			return err
		}
		holder, err := b.holder(ctx, tx)
		switch {
		case err != nil:
			return err
		case holder == state.LockInfo{}:
			return state.ErrNotLocked
		}
		return &state.LockedError{Holder: holder}
	})
	if err != nil {
		return fmt.Errorf("unlock the state %s: %w", b.place(), err)
	}
	return nil
}

// remember keeps what is stored, to compare the next commit with.
func (b *Backend) remember(stored *state.Snapshot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hold.users > 0 {
		b.hold.base = stored
	}
}

// locked reports whether this backend has the lock, as far as it knows.
func (b *Backend) locked() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.hold.users > 0
}

var _ interface {
	state.Backend
	state.Leased
	state.ForceUnlocker
	state.Historian
} = (*Backend)(nil)

// leaseOf is how long a lease holds without a renewal.
func (b *Backend) leaseOf() time.Duration { return beatsToExpiry * b.beat }
