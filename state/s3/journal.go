package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// The journal is an object for each group of records that was committed
// together, with the group's line in it as stored.ReadJournal knows it. Their
// numbers count from 1 and are never written twice, so that of two runs that
// both believe to hold the lock one can't go on.

func (b *Backend) journalPrefix() string { return b.key + ".journal/" }

func (b *Backend) groupKey(serial uint64, n int) string {
	return fmt.Sprintf("%s%020d/%010d", b.journalPrefix(), serial, n)
}

// groupSerial is the serial in a group's key.
func (b *Backend) groupSerial(key string) (uint64, bool) {
	serial, _, ok := strings.Cut(strings.TrimPrefix(key, b.journalPrefix()), "/")
	n, err := strconv.ParseUint(serial, 10, 64)
	return n, ok && err == nil
}

// groups are the keys of the journal that follows the serial. One that is
// ahead of it is refused.
func (b *Backend) groups(ctx context.Context, serial uint64) ([]string, error) {
	objects, err := b.store.list(ctx, b.journalPrefix())
	if err != nil {
		return nil, fmt.Errorf("read the journal %s: %w", b.name(b.journalPrefix()), err)
	}
	var keys []string
	for _, o := range objects {
		switch n, ok := b.groupSerial(*o.Key); {
		case ok && n > serial:
			return nil, fmt.Errorf("the journal %s follows serial %d of the state, but %s has serial %d: "+
				"it was replaced by an older one; put the newer one back, or delete the journal and lose what it recorded",
				b.name(b.journalPrefix()), n, b.name(b.key), serial)
		case ok && n == serial:
			keys = append(keys, *o.Key)
		}
	}
	return keys, nil
}

// atOnce is how many objects are read at the same time.
const atOnce = 32

// journalOf reads the journal of a snapshot.
func (b *Backend) journalOf(ctx context.Context, lineage string, serial uint64) ([]state.Record, error) {
	keys, err := b.groups(ctx, serial)
	if err != nil {
		return nil, err
	}
	return b.records(ctx, keys, lineage)
}

func (b *Backend) records(ctx context.Context, keys []string, lineage string) ([]state.Record, error) {
	text, err := b.texts(ctx, keys)
	if err != nil {
		return nil, err
	}
	records, _, err := b.codec.ReadJournal(text(), b.name(b.journalPrefix()), lineage)
	return records, err
}

// texts reads groups. What it returns reads them one behind the other, from the
// first on each time.
func (b *Backend) texts(ctx context.Context, keys []string) (all func() io.Reader, err error) {
	texts := make([][]byte, len(keys))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i, key := range keys {
		g.Go(func() error {
			text, err := b.group(ctx, key)
			texts[i] = text
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return func() io.Reader {
		readers := make([]io.Reader, len(texts))
		for i := range texts {
			readers[i] = bytes.NewReader(texts[i])
		}
		return io.MultiReader(readers...)
	}, nil
}

// group reads one object. A store writes it whole or not at all, so that a
// line without its end is damage.
func (b *Backend) group(ctx context.Context, key string) ([]byte, error) {
	body, _, err := b.store.get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read the journal %s: %w", b.name(key), err)
	}
	defer body.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("read the journal %s: %w", b.name(key), err)
	}
	if !bytes.HasSuffix(text, []byte("\n")) {
		return nil, fmt.Errorf("the journal %s was damaged after it was written: its line has no end", b.name(key))
	}
	return text, nil
}

// Journal implements [state.Backend]. Without the lock it holds the lock until
// the journal is closed.
func (b *Backend) Journal(ctx context.Context) (state.Journal, error) {
	return b.hold.Journal(ctx, b.continueJournal)
}

// continueJournal reads the journal, so that the next record follows its last.
func (b *Backend) continueJournal(ctx context.Context) (*stored.JournalWriter, error) {
	head, _, err := b.header(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := b.groups(ctx, head.Serial)
	if err != nil {
		return nil, err
	}
	records, err := b.records(ctx, keys, head.Lineage)
	if err != nil {
		return nil, err
	}
	file := &journalFile{b: b, serial: head.Serial, n: len(keys)}
	return b.codec.NewJournalWriter(file, b.name(b.journalPrefix()), head, stored.LastSeq(records)), nil
}

// journalFile makes an object of each line. It implements [stored.JournalFile].
type journalFile struct {
	b      *Backend
	serial uint64
	n      int // objects that are there
	line   []byte
}

// Write takes a line.
func (f *journalFile) Write(p []byte) (int, error) {
	f.line = append(f.line, p...)
	return len(p), nil
}

// appendTime is how long one group may take, with the SDK's own repeats.
const appendTime = 30 * time.Second

// Sync writes the line as an object, and waits for a store that is away. It has
// its own context: what is half appended when a run is interrupted is neither
// there nor not there.
func (f *journalFile) Sync() error {
	id := f.b.uuid()
	err := f.b.persist(func() error { return f.put(id) })
	f.n, f.line = f.n+1, f.line[:0]
	return err
}

// put writes the line as an object. An attempt that is told from others by its
// id finds what an earlier one of that id wrote.
func (f *journalFile) put(id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), appendTime)
	defer cancel()
	if err := f.b.stillLeased(ctx); err != nil {
		return err
	}
	_, err := f.b.store.put(ctx, f.b.groupKey(f.serial, f.n+1), bytes.NewReader(f.line), "", id)
	if errors.Is(err, errTaken) {
		return errors.New("another run writes this journal")
	}
	return err
}

// Close has nothing to do: every line is an object by then.
func (f *journalFile) Close() error { return nil }

// dropJournal deletes the journals that the snapshot of that serial includes, once
// the history has what they add.
func (b *Backend) dropJournal(ctx context.Context, lineage string, serial uint64) error {
	journals, err := b.journals(ctx)
	if err != nil {
		return err
	}
	for _, keys := range journals {
		if n, _ := b.groupSerial(keys[0]); n >= serial {
			continue
		}
		if err := b.takeEvents(ctx, keys, lineage); err != nil {
			return err
		}
		if err := b.store.removeAll(ctx, keys); err != nil {
			return err
		}
	}
	return nil
}
