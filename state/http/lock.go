package http

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	nethttp "net/http"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// Lock implements [state.Backend]. It fills in the info's ID and Path where
// they are empty. Without a lock_address it keeps nobody out but this program.
func (b *Backend) Lock(ctx context.Context, info state.LockInfo) (unlock func() error, err error) {
	return b.hold.Lock(ctx, info)
}

// WithoutLock implements [state.Lockless]. A server may refuse what is written then.
func (b *Backend) WithoutLock() { b.hold.Without() }

// acquire takes the lock; see [stored.NewHold].
func (b *Backend) acquire(ctx context.Context, info *state.LockInfo) (release func() error, err error) {
	info.ID = cmp.Or(info.ID, stored.NewUUID(b.env.Random))
	info.Path = cmp.Or(info.Path, b.place())
	if err := b.sendLock(ctx, *info); err != nil {
		return nil, err
	}
	b.setLockID(info.ID)
	return func() error {
		b.setLockID("")
		// The run may have been interrupted, and gives its lock back all the same.
		return b.sendUnlock(context.Background(), *info)
	}, nil
}

func (b *Backend) setLockID(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lockID, b.known = id, ""
}

// sendLock asks the server for the lock. A server that says that the lock is
// held under our own id has given it to an attempt whose answer was lost.
func (b *Backend) sendLock(ctx context.Context, info state.LockInfo) error {
	if b.urls.lock == nil {
		return nil
	}
	r := request{what: "lock the state", method: b.config.LockMethod, url: b.urls.lock, body: lockJSON(info)}
	err := b.retry(ctx, func() error { _, err := b.send(ctx, r); return err })
	reply, held := heldBy(err)
	if !held {
		return err
	}
	if reply.ID == info.ID {
		return nil
	}
	return &state.LockedError{Holder: withoutEcho(reply, info)}
}

// heldBy reads who holds the lock out of the answer that refuses it: the zero
// value where the server doesn't say.
func heldBy(err error) (holder state.LockInfo, held bool) {
	var failed *failure
	if !errors.As(err, &failed) || failed.status != nethttp.StatusLocked && failed.status != nethttp.StatusConflict {
		return state.LockInfo{}, false
	}
	if json.Unmarshal(failed.reply, &holder) != nil {
		return state.LockInfo{}, true
	}
	return holder, true
}

// withoutEcho takes out what a server repeats of the request in place of the
// holder's, as GitLab does (lib/api/terraform/state.rb; read 2026-11-21): a run
// must not be shown its own URL as the one to look at. The holder's ID, Who and
// Created are true.
func withoutEcho(holder, asked state.LockInfo) state.LockInfo {
	if asked.Info != "" && holder.Info == asked.Info {
		return state.LockInfo{ID: holder.ID, Who: holder.Who, Created: holder.Created, Path: holder.Path}
	}
	return holder
}

// sendUnlock gives a lock back. A refusal of a second attempt says that the
// first one did it.
func (b *Backend) sendUnlock(ctx context.Context, info state.LockInfo) error {
	if b.urls.unlock == nil {
		return nil
	}
	r := request{what: "unlock the state", method: b.config.UnlockMethod, url: b.urls.unlock, body: lockJSON(info)}
	attempts := 0
	err := b.retry(ctx, func() error {
		attempts++
		_, err := b.send(ctx, r)
		return err
	})
	if _, refused := heldBy(err); refused && attempts > 1 {
		return nil
	}
	return err
}

// ForceUnlock implements [state.ForceUnlocker]. The protocol can't ask who has
// the lock, but answers a try to take it with that.
func (b *Backend) ForceUnlock(ctx context.Context, id string) error {
	if b.urls.lock == nil {
		return state.ErrNotLocked
	}
	probe := state.LockInfo{ID: stored.NewUUID(b.env.Random), Operation: "force-unlock", Version: b.env.Version, Path: b.place()}
	err := b.sendLock(ctx, probe)
	var locked *state.LockedError
	switch {
	case err == nil:
		return errors.Join(state.ErrNotLocked, b.sendUnlock(context.WithoutCancel(ctx), probe))
	case !errors.As(err, &locked):
		return err
	case locked.Holder.ID != "" && locked.Holder.ID != id:
		return err
	}
	holder := locked.Holder // of no other id; the server has the last word
	holder.ID = id
	err = b.sendUnlock(ctx, holder)
	if _, refused := heldBy(err); refused {
		return locked
	}
	return err
}

// lockJSON is the lock as Terraform writes it: every field, also the empty
// ones, without which GitLab refuses it.
func lockJSON(info state.LockInfo) []byte {
	text, err := json.Marshal(info)
	if err != nil {
		panic(err) // strings and a time
	}
	return text
}
