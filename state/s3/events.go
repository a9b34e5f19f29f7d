package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// What was done to cards is in the journal until a commit. Then it becomes an
// object below KEY.events/, before the journal is deleted. A crash in between
// leaves a journal of an older serial: the next commit takes it over.

func (b *Backend) eventsPrefix() string { return b.key + ".events/" }

func (b *Backend) chronicle() *stored.Chronicle {
	return &stored.Chronicle{
		Codec: b.codec, Store: segmentObjects{b}, Now: b.env.Now, Keep: b.env.KeepHistory,
		Name: func(segment string) string { return b.name(b.eventsPrefix() + segment) },
	}
}

// takeEvents puts what a journal adds to the history into it. keys are its groups.
func (b *Backend) takeEvents(ctx context.Context, keys []string, lineage string) error {
	text, err := b.texts(ctx, keys)
	if err != nil {
		return err
	}
	began, err := b.codec.JournalBeginning(text(), b.name(b.journalPrefix()), lineage)
	if err != nil {
		return err
	}
	return b.chronicle().Take(ctx, began, func(visit func(*state.Entry) error) error {
		_, err := b.codec.JournalEntries(text(), b.name(b.journalPrefix()), stored.Committed(lineage), state.EventQuery{}, visit)
		return err
	})
}

// Events implements [state.Chronicler].
func (b *Backend) Events(ctx context.Context, q state.EventQuery, visit func(*state.Entry) error) error {
	return stored.Events(ctx, q, visit, func() (*stored.Opened, []*state.Entry, error) { return b.openEvents(ctx, q) })
}

// openEvents reads the journals, then the segments, then looks whether the
// snapshot is still the one from before: then no commit has moved anything
// meanwhile.
func (b *Backend) openEvents(ctx context.Context, q state.EventQuery) (*stored.Opened, []*state.Entry, error) {
	head, etag, err := b.header(ctx)
	if err != nil {
		return nil, nil, err
	}
	journals, err := b.journals(ctx)
	if err != nil {
		return nil, nil, err
	}
	found := make([]journalEvents, len(journals))
	for i, keys := range journals {
		if found[i], err = b.eventsOf(ctx, keys, head, q); err != nil {
			return nil, nil, err
		}
	}
	opened, err := b.chronicle().Open(ctx)
	if err != nil {
		return nil, nil, err
	}
	now, err := b.store.etag(ctx, b.key)
	switch {
	case err != nil && !errors.Is(err, errAbsent):
		return nil, nil, fmt.Errorf("read the history of %s: %w", b.name(b.key), err)
	case now != etag:
		return nil, nil, fmt.Errorf("read the history of %s: %w: %w", b.name(b.key), errReplaced, fs.ErrNotExist)
	}
	var entries []*state.Entry
	for _, j := range found {
		if !opened.Took(j.began) {
			entries = append(entries, j.entries...)
		}
	}
	return opened, entries, nil
}

// journalEvents is what a journal adds to the history.
type journalEvents struct {
	began   stored.Beginning
	entries []*state.Entry
}

func (b *Backend) eventsOf(ctx context.Context, keys []string, head stored.Header, q state.EventQuery) (j journalEvents, err error) {
	text, err := b.texts(ctx, keys)
	if errors.Is(err, errAbsent) { // a commit has taken it over since it was listed
		return j, fmt.Errorf("%w: %w", err, fs.ErrNotExist)
	}
	if err != nil {
		return j, err
	}
	j.began, err = b.codec.JournalEntries(text(), b.name(b.journalPrefix()), head, q, func(e *state.Entry) error {
		j.entries = append(j.entries, e)
		return nil
	})
	return j, err
}

// journals are the groups of each journal that is there, the oldest first. Those
// of an older serial are what a commit that was cut short left.
func (b *Backend) journals(ctx context.Context) ([][]string, error) {
	objects, err := b.store.list(ctx, b.journalPrefix())
	if err != nil {
		return nil, fmt.Errorf("read the journal %s: %w", b.name(b.journalPrefix()), err)
	}
	var journals [][]string
	last := uint64(0)
	for _, o := range objects { // their names sort by serial
		n, ok := b.groupSerial(*o.Key)
		if !ok {
			continue
		}
		if len(journals) == 0 || n != last {
			journals, last = append(journals, nil), n
		}
		journals[len(journals)-1] = append(journals[len(journals)-1], *o.Key)
	}
	return journals, nil
}

// segmentObjects are the objects below KEY.events/.
type segmentObjects struct{ b *Backend }

func (s segmentObjects) List(ctx context.Context) ([]string, error) {
	objects, err := s.b.store.list(ctx, s.b.eventsPrefix())
	if err != nil {
		return nil, err
	}
	names := make([]string, len(objects))
	for i, o := range objects {
		names[i] = strings.TrimPrefix(*o.Key, s.b.eventsPrefix())
	}
	return names, nil
}

func (s segmentObjects) Get(ctx context.Context, name string) ([]byte, error) {
	body, _, err := s.b.store.get(ctx, s.b.eventsPrefix()+name)
	if errors.Is(err, errAbsent) {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	defer body.Close() //nolint:errcheck // it was only read
	return io.ReadAll(body)
}

func (s segmentObjects) Put(ctx context.Context, name string, text []byte) error {
	key := s.b.eventsPrefix() + name
	etag, err := s.b.store.etag(ctx, key)
	if err != nil && !errors.Is(err, errAbsent) {
		return err
	}
	_, err = s.b.store.put(ctx, key, bytes.NewReader(text), etag, s.b.uuid())
	return err
}

func (s segmentObjects) Remove(ctx context.Context, names []string) error {
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = s.b.eventsPrefix() + name
	}
	return s.b.store.removeAll(ctx, keys)
}

var _ state.Chronicler = (*Backend)(nil)
