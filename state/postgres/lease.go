package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// The lock expires when it wasn't renewed for beatsToExpiry beats. Its holder
// gives up a beat earlier.
const (
	beatsToExpiry = 3
	beatsToGiveUp = 2
)

var errLost = errors.New("the lock was removed or has expired: another run may have the state, so nothing more is written")

// lease is the lock as this backend has it, from when it was taken on.
type lease struct {
	token string
	id    string // of the lock, for people
	heart *stored.Heartbeat
}

// Lock implements [state.Backend]. It fills in the info's ID and Path where
// they are empty, and renews the lock until it is given back.
func (b *Backend) Lock(ctx context.Context, info state.LockInfo) (unlock func() error, err error) {
	return b.hold.Lock(ctx, info)
}

// Lost implements [state.Leased].
func (b *Backend) Lost() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lease == nil {
		return nil
	}
	return b.lease.heart.Lost()
}

// Assure implements [state.Leased].
func (b *Backend) Assure(ctx context.Context) error {
	b.mu.Lock()
	l := b.lease
	b.mu.Unlock()
	if l == nil {
		return errLost
	}
	return l.heart.Assure(ctx)
}

// persist has a write wait for a database that is away; see [stored.Heartbeat].
func (b *Backend) persist(attempt func() error) error {
	b.mu.Lock()
	l := b.lease
	b.mu.Unlock()
	if l == nil {
		return attempt()
	}
	return l.heart.Persist(passing, attempt)
}

// passing reports whether an error is of a database that is away, starts, stops
// or is full of connections: the same may succeed a little later.
func passing(err error) bool {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		switch said.Code[:min(2, len(said.Code))] {
		case "08", "53", "57": // connection, resources, operator's intervention (PostgreSQL 15, appendix A)
			return true
		}
		return false
	}
	var network net.Error
	var connect *pgconn.ConnectError
	return errors.As(err, &network) || errors.As(err, &connect) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.DeadlineExceeded) || pgconn.SafeToRetry(err)
}

// token is the lease's, which every write names; "" matches none.
func (b *Backend) token() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lease == nil {
		return ""
	}
	return b.lease.token
}

// acquire takes the lease, for [stored.Hold].
func (b *Backend) acquire(ctx context.Context, info *state.LockInfo) (release func() error, err error) {
	if info.ID == "" {
		info.ID = stored.NewUUID(b.env.Random)
	}
	if info.Path == "" {
		info.Path = b.place()
	}
	l := &lease{token: stored.NewUUID(b.env.Random), id: info.ID}
	begun := b.env.Now()
	if err := b.insertLease(ctx, l.token, *info); err != nil {
		var locked *state.LockedError
		if errors.As(err, &locked) {
			return nil, err
		}
		return nil, fmt.Errorf("lock the state %s: %w", b.place(), err)
	}
	pulse := stored.Pulse{Every: b.beat, GiveUp: beatsToGiveUp * b.beat, Now: b.env.Now, Ticker: b.env.Ticker, Gone: errLost, Sleep: b.env.Sleep, Away: b.env.Away}
	l.heart = stored.Keep(pulse, begun, func(ctx context.Context) error { return b.renew(ctx, l.token) })
	b.mu.Lock()
	b.lease = l
	b.mu.Unlock()
	return func() error { return b.release(l) }, nil
}

// insertLease takes the lease where nobody has it, or where it has expired.
func (b *Backend) insertLease(ctx context.Context, token string, info state.LockInfo) error {
	text, err := json.Marshal(info)
	if err != nil {
		return err
	}
	return b.within(ctx, toWrite, func(tx pgx.Tx) error {
		if err := b.prepare(ctx, tx); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			INSERT INTO `+b.table("leases")+` AS held (state_id, token, lock_id, info, renewed, expires)
			SELECT id, $2::uuid, $3, $4::json, clock_timestamp(), clock_timestamp() + $5::interval FROM `+b.table("states")+` WHERE name = $1
			ON CONFLICT (state_id) DO UPDATE SET (token, lock_id, info, renewed, expires)
				= (excluded.token, excluded.lock_id, excluded.info, excluded.renewed, excluded.expires)
				WHERE held.expires < clock_timestamp()`,
			b.name, token, info.ID, string(text), beatsToExpiry*b.beat)
		if err != nil || tag.RowsAffected() > 0 {
			return err
		}
		err = b.locked(ctx, tx)
		if errors.Is(err, state.ErrNotLocked) { // it was given back this instant
			return &state.LockedError{End: state.RunsOut}
		}
		return err
	})
}

// locked is a [*state.LockedError] that says who has the lock, and until when by
// the database's clock; [state.ErrNotLocked] where nobody has.
func (b *Backend) locked(ctx context.Context, tx pgx.Tx) error {
	var text []byte
	locked := &state.LockedError{End: state.RunsOut}
	lease := &locked.Lease
	err := tx.QueryRow(ctx, "SELECT info, renewed, expires, clock_timestamp() FROM "+b.table("leases")+" JOIN "+b.table("states")+" ON id = state_id WHERE name = $1", b.name).
		Scan(&text, &lease.Renewed, &lease.Expires, &lease.Seen)
	if errors.Is(err, pgx.ErrNoRows) {
		return state.ErrNotLocked
	}
	if err != nil {
		return err
	}
	if locked.Holder, err = holderOf(text); err != nil {
		return err
	}
	return locked
}

// holderOf reads who has the lock out of its row.
func holderOf(text []byte) (holder state.LockInfo, err error) {
	if err := json.Unmarshal(text, &holder); err != nil {
		return state.LockInfo{}, fmt.Errorf("the lock's row is damaged: %w", err)
	}
	return holder, nil
}

// renew puts off the lease's end; see [stored.Keep]. It fails with errLost where
// the lease is another run's.
func (b *Backend) renew(ctx context.Context, token string) error {
	return b.within(ctx, toWrite, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "UPDATE "+b.table("leases")+" SET renewed = clock_timestamp(), expires = clock_timestamp() + $2::interval WHERE token = $1",
			token, beatsToExpiry*b.beat)
		if err == nil && tag.RowsAffected() == 0 {
			return errLost
		}
		return err
	})
}

// release gives the lease back.
func (b *Backend) release(l *lease) error {
	l.heart.Stop()
	b.mu.Lock()
	b.lease = nil
	b.mu.Unlock()
	// The run may have been interrupted, and gives its lock back all the same.
	ctx, cancel := context.WithTimeout(context.Background(), b.beat)
	defer cancel()
	err := b.within(ctx, toWrite, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "DELETE FROM "+b.table("leases")+" WHERE token = $1", l.token)
		if err == nil && tag.RowsAffected() == 0 {
			return errLost
		}
		return err
	})
	if err != nil && !errors.Is(err, errLost) {
		err = stored.Stays(err, l.id, b.leaseOf())
	}
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
	err := b.within(ctx, toWrite, func(tx pgx.Tx) error {
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
		return b.locked(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("unlock the state %s: %w", b.place(), err)
	}
	return nil
}

var _ interface {
	state.Backend
	state.Leased
	state.ForceUnlocker
	state.Historian
} = (*Backend)(nil)

// leaseOf is how long a lease holds without a renewal.
func (b *Backend) leaseOf() time.Duration { return beatsToExpiry * b.beat }
