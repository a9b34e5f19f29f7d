// Package s3 keeps the state in a bucket of Amazon S3, or of a store that
// speaks its protocol and knows conditional writes. Beside the snapshot, which
// is the object KEY, are
//
//	KEY.lock                  the lease of the run that may write
//	KEY.journal/SERIAL/N      what happened since the snapshot SERIAL, an object a group
//	KEY.history/SERIAL        the last snapshots; the present one is among them
//	KEY.events/N-M            what was done to cards before the snapshot was written
//
// Every write is conditional: on the ETag of the object that it replaces, or
// on there being none. So of two writers one fails, whatever the lease says.
// Start reading at [Backend].
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// Backend keeps a state in a bucket. Make one with [New].
type Backend struct {
	store *store
	key   string
	env   state.Env
	codec stored.Codec
	hold  *stored.Hold

	proved atomic.Bool // the store knows conditional writes

	mu    sync.Mutex
	lease *lease // nil: not locked
}

// New is the state that the settings name. It sends nothing yet.
func New(s Settings, env state.Env) (*Backend, error) {
	store, err := newStore(s, env)
	if err != nil {
		return nil, err
	}
	b := &Backend{store: store, key: s.Key, env: env, codec: stored.Codec{WrittenBy: env.Version, Sealer: env.Sealer}}
	b.hold = stored.NewHold(env.Version, b.acquire)
	return b, nil
}

// name is how errors call an object.
func (b *Backend) name(key string) string { return "s3://" + b.store.bucket + "/" + key }

// readAttempts is how often Read starts again where a commit came between its
// steps. Each attempt needs another commit to fail.
const readAttempts = 8

var errReplaced = errors.New("another run replaces it over and over")

// Read implements [state.Backend].
func (b *Backend) Read(ctx context.Context) (*state.Snapshot, error) {
	for range readAttempts {
		s, err := b.readOnce(ctx)
		if !errors.Is(err, errReplaced) {
			return s, err
		}
	}
	return nil, fmt.Errorf("read the state %s: %w", b.name(b.key), errReplaced)
}

// readOnce reads the snapshot, then its journal, then looks whether the
// snapshot is still the one it read. Only then do the two belong together.
func (b *Backend) readOnce(ctx context.Context) (*state.Snapshot, error) {
	newest, err := b.newestKept(ctx) // before the snapshot, which can only be newer
	if err != nil {
		return nil, err
	}
	s, etag, err := b.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if err := stored.CheckNewest(s, newest, b.name(b.historyKey(newest)), b.name(b.historyPrefix())); err != nil {
		return nil, fmt.Errorf("read the state %s: %w", b.name(b.key), err)
	}
	records, journalErr := b.journalOf(ctx, s.Lineage, s.Serial)
	now, err := b.store.etag(ctx, b.key)
	switch {
	case err != nil && !errors.Is(err, errAbsent):
		return nil, fmt.Errorf("read the state %s: %w", b.name(b.key), err)
	case now != etag:
		return nil, errReplaced
	case journalErr != nil:
		return nil, journalErr
	case len(records) == 0:
		return s, nil
	}
	after, err := stored.Replay(s, records)
	if err != nil {
		return nil, fmt.Errorf("the journal %s: %w", b.name(b.journalPrefix()), err)
	}
	return after, nil
}

// snapshot reads the snapshot object; the zero snapshot, with no ETag, where there is none.
func (b *Backend) snapshot(ctx context.Context) (s *state.Snapshot, etag string, err error) {
	body, etag, err := b.store.get(ctx, b.key)
	if errors.Is(err, errAbsent) {
		return &state.Snapshot{}, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("read the state %s: %w", b.name(b.key), err)
	}
	defer body.Close() //nolint:errcheck // it was only read
	s, err = b.codec.Decode(body, b.name(b.key))
	return s, etag, err
}

// header reads what the snapshot object is, without its cards.
func (b *Backend) header(ctx context.Context) (head stored.Header, etag string, err error) {
	body, etag, err := b.store.get(ctx, b.key)
	if errors.Is(err, errAbsent) {
		return stored.Header{}, "", nil
	}
	if err != nil {
		return stored.Header{}, "", fmt.Errorf("read the state %s: %w", b.name(b.key), err)
	}
	defer body.Close() //nolint:errcheck // the rest isn't wanted
	head, err = b.codec.DecodeHeader(body, b.name(b.key))
	return head, etag, err
}

// Commit implements [state.Backend]. It writes the whole snapshot, in the place
// of the one that was compared with s. Without the lock it takes the lock for
// as long as it runs.
func (b *Backend) Commit(ctx context.Context, s *state.Snapshot, e state.Edits) error {
	id := b.uuid()
	err := b.hold.Commit(ctx, s, e, b.uuid(), func(next *state.Snapshot) error {
		return b.persist(func() error { return b.replace(ctx, s, next, id) })
	})
	if err != nil {
		return fmt.Errorf("commit the state %s: %w", b.name(b.key), err)
	}
	return nil
}

// replace puts next in the place of s, if s is what is stored. An attempt after
// one whose answer was lost finds next there, written with the same id.
func (b *Backend) replace(ctx context.Context, s, next *state.Snapshot, id string) error {
	if err := b.stillLeased(ctx); err != nil {
		return err
	}
	present, etag, err := b.header(ctx)
	if err != nil {
		return err
	}
	if err := stored.CheckBase(s, present.Lineage, present.Serial); err != nil {
		now, by, headErr := b.store.head(ctx, b.key)
		if headErr != nil || by != id {
			return err
		}
		b.tidy(context.WithoutCancel(ctx), next, now)
		return nil
	}
	b.keepMissing(ctx, present.Serial, etag)
	etag, err = b.putSnapshot(ctx, next, etag, id)
	if errors.Is(err, errTaken) {
		return state.ErrConflict
	}
	if err != nil {
		return err
	}
	b.tidy(context.WithoutCancel(ctx), next, etag)
	return nil
}

// putSnapshot puts the snapshot in the place of the object with that ETag. It goes
// through a file, since a request has to say how long it is and may have to be
// sent twice: in memory that would be a second copy of the state.
func (b *Backend) putSnapshot(ctx context.Context, s *state.Snapshot, etag, id string) (string, error) {
	f, err := os.CreateTemp("", "cardfleet-*.state")
	if err != nil {
		return "", err
	}
	defer func() {
		_ = f.Close() // what counts was sent
		_ = os.Remove(f.Name())
	}()
	if err := b.codec.Encode(f, s); err != nil {
		return "", err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	return b.store.put(ctx, b.key, f, etag, id)
}

// tidy keeps the new snapshot in the history and drops what is over. What
// stays behind is harmless: a journal of an older serial is read for the history
// alone, and a version that is missing in the history is kept by the next commit.
func (b *Backend) tidy(ctx context.Context, s *state.Snapshot, etag string) {
	b.keep(ctx, s.Serial, etag)
	_ = b.shorten(ctx)
	_ = b.dropJournal(ctx, s.Lineage, s.Serial)
}

func (b *Backend) uuid() string { return stored.NewUUID(b.env.Random) }
