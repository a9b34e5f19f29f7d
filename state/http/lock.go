package http

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	nethttp "net/http"
	"time"

	"github.com/cardfleet/cardfleet/spec/safe"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// Lock implements [state.Backend]. It fills in the info's ID and Path where
// they are empty. Without a lock_address it keeps nobody out but this program.
func (b *Backend) Lock(ctx context.Context, info state.LockInfo) (unlock func() error, err error) {
	return b.hold.Lock(ctx, info)
}

// WithoutLock implements [state.Lockless]. A server may refuse what is written then.
func (b *Backend) WithoutLock() {
	b.lockless.Store(true)
	b.hold.Without()
}

// acquire takes the lock; see [stored.NewHold].
func (b *Backend) acquire(ctx context.Context, info *state.LockInfo) (release func() error, err error) {
	info.ID = cmp.Or(info.ID, stored.NewUUID(b.env.Random))
	info.Path = cmp.Or(info.Path, b.place())
	if err := b.sendLock(ctx, *info); err != nil {
		return nil, err
	}
	deaf := b.listen(ctx)
	b.setLockID(info.ID)
	return func() error {
		defer deaf()
		unsaved := b.setLockID("")
		// The run may have been interrupted, and gives its lock back all the same.
		return left(info.ID, unsaved, b.sendUnlock(context.Background(), lockJSON(*info)))
	}, nil
}

// setLockID begins with a lock, or ends with it: what was known under the last one
// is forgotten. unsaved says that the last write under it failed.
func (b *Backend) setLockID(id string) (unsaved bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	unsaved = b.unsaved
	b.lockID, b.known, b.unsaved = id, "", false
	return unsaved
}

// left is the error of a lock that may have stayed. No run comes by it then, and
// it never ends by itself.
func left(id string, unsaved bool, err error) error {
	if err == nil {
		return nil
	}
	why := "all that there was to save is saved, and only the lock stays: "
	if unsaved {
		why = "the lock stays: "
	}
	return fmt.Errorf("%w; %sit never ends by itself, so no run starts until it is removed: cardfleet force-unlock %s", err, why, safe.Text(id))
}

// sendLock asks the server for the lock. A server that says that the lock is
// held under our own id has given it to an attempt whose answer was lost.
func (b *Backend) sendLock(ctx context.Context, info state.LockInfo) error {
	if b.urls.lock == nil {
		return nil
	}
	r := request{what: "lock the state", method: b.config.LockMethod, url: b.urls.lock, body: lockJSON(info)}
	asked := false
	err := b.retry(ctx, func() error {
		asked = asked || ctx.Err() == nil
		_, err := b.send(ctx, r)
		return err
	})
	reply, held := heldBy(err)
	switch {
	case asked && ctx.Err() != nil && !held && err != nil:
		return fmt.Errorf("%w; the server may have locked it all the same: if the next run finds the lock %s, cardfleet force-unlock %s removes it", err, info.ID, info.ID)
	case !held:
		return err
	case reply.ID == info.ID:
		return nil
	}
	var failed *failure
	errors.As(err, &failed)
	return &heldError{state.LockedError{Holder: withoutEcho(reply, info)}, failed.reply}
}

// heldError is a lock that another run has, with the holder's document.
type heldError struct {
	state.LockedError
	document []byte // as the server gave it; nil where it gave none
}

// Unwrap gives the [*state.LockedError].
func (e *heldError) Unwrap() error { return &e.LockedError }

// heldBy reads who holds the lock out of the answer that refuses it: the zero
// value where the server doesn't say. A field that is none of Terraform's kind
// takes nothing away from the others.
func heldBy(err error) (holder state.LockInfo, held bool) {
	var failed *failure
	if !errors.As(err, &failed) || failed.status != nethttp.StatusLocked && failed.status != nethttp.StatusConflict {
		return state.LockInfo{}, false
	}
	var said struct{ ID, Operation, Info, Who, Version, Created, Path json.RawMessage }
	if json.Unmarshal(failed.reply, &said) != nil {
		return state.LockInfo{}, true
	}
	created, err := time.Parse(time.RFC3339Nano, text(said.Created))
	if err != nil {
		created = time.Time{}
	}
	return state.LockInfo{
		ID: text(said.ID), Operation: text(said.Operation), Info: text(said.Info), Who: text(said.Who),
		Version: text(said.Version), Created: created, Path: text(said.Path),
	}, true
}

// text is a JSON string; "" for anything else.
func text(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
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

// sendUnlock gives a lock back; document is what the server knows of it. A
// refusal of a second attempt says that the first one did it.
func (b *Backend) sendUnlock(ctx context.Context, document []byte) error {
	if b.urls.unlock == nil {
		return nil
	}
	r := request{what: "unlock the state", method: b.config.UnlockMethod, url: b.urls.unlock, body: document}
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
	var held *heldError
	switch {
	case err == nil:
		return errors.Join(state.ErrNotLocked, left(probe.ID, false, b.sendUnlock(context.WithoutCancel(ctx), lockJSON(probe))))
	case !errors.As(err, &held):
		return err
	case held.Holder.ID != "" && held.Holder.ID != id:
		return err
	}
	err = b.sendUnlock(ctx, held.documentOf(id))
	if _, refused := heldBy(err); refused {
		return held
	}
	return err
}

// documentOf is what the lock with this id is removed with: what the server gave
// of it, byte for byte, since some compare all of it with what they have. Where
// the server gave no document, the id is what can be said; it has the last word.
func (e *heldError) documentOf(id string) []byte {
	if e.Holder.ID != "" {
		return e.document
	}
	holder := e.Holder
	holder.ID = id
	return lockJSON(holder)
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
