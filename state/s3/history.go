package s3

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// keptVersions is how many replaced snapshots the history has; the present one
// is there besides.
const keptVersions = 10

func (b *Backend) historyPrefix() string { return b.key + ".history/" }

func (b *Backend) historyKey(serial uint64) string {
	return fmt.Sprintf("%s%020d", b.historyPrefix(), serial)
}

// keep copies the present snapshot, which has that serial and ETag, into the
// history, where it may take the place of one that was put back by hand.
func (b *Backend) keep(ctx context.Context, serial uint64, etag string) {
	// A commit doesn't fail for its history: the state is what counts.
	_ = b.store.copy(ctx, b.key, etag, b.historyKey(serial))
}

// keepMissing is keep for a snapshot that should be there already: a crash may
// have come between its commit and its keeping.
func (b *Backend) keepMissing(ctx context.Context, serial uint64, etag string) {
	if serial == 0 {
		return
	}
	if _, err := b.store.etag(ctx, b.historyKey(serial)); errors.Is(err, errAbsent) {
		b.keep(ctx, serial, etag)
	}
}

// shorten drops what is too old.
func (b *Backend) shorten(ctx context.Context) error {
	list, err := b.kept(ctx)
	if err != nil || len(list) <= keptVersions+1 {
		return err
	}
	var keys []string
	for _, v := range list[keptVersions+1:] {
		keys = append(keys, b.historyKey(v.Serial))
	}
	return b.store.removeAll(ctx, keys)
}

// kept lists the history by what the keys say, the newest first. Other objects
// there are left alone.
func (b *Backend) kept(ctx context.Context) ([]state.Version, error) {
	objects, err := b.store.list(ctx, b.historyPrefix())
	if err != nil {
		return nil, fmt.Errorf("read the history %s: %w", b.name(b.historyPrefix()), err)
	}
	var list []state.Version
	for _, o := range slices.Backward(objects) {
		if n, err := strconv.ParseUint(strings.TrimPrefix(*o.Key, b.historyPrefix()), 10, 64); err == nil {
			list = append(list, state.Version{Serial: n, Written: aws.ToTime(o.LastModified).UTC(), Name: strconv.FormatUint(n, 10)})
		}
	}
	return list, nil
}

// newestKept is the highest serial that this state ever had, as its history
// has it. Only an encrypted state is held to it: a plain one is put back by
// hand where a person wants an older one.
func (b *Backend) newestKept(ctx context.Context) (uint64, error) {
	if b.env.Sealer == nil {
		return 0, nil
	}
	list, err := b.kept(ctx)
	if len(list) == 0 {
		return 0, err
	}
	return list[0].Serial, nil
}

// History implements [state.Historian].
func (b *Backend) History(ctx context.Context) ([]state.Version, error) {
	now, _, err := b.header(ctx)
	if err != nil {
		return nil, err
	}
	kept, err := b.kept(ctx)
	if err != nil {
		return nil, err
	}
	var list []state.Version
	for _, v := range kept {
		if v.Serial == now.Serial {
			continue // it wasn't replaced
		}
		head, err := b.versionHeader(ctx, v.Serial)
		if errors.Is(err, errAbsent) {
			continue // a commit dropped it meanwhile
		}
		if err != nil {
			return nil, err
		}
		v.Lineage, v.Cards = head.Lineage, head.Cards
		list = append(list, v)
	}
	return list, nil
}

func (b *Backend) versionHeader(ctx context.Context, serial uint64) (stored.Header, error) {
	key := b.historyKey(serial)
	body, _, err := b.store.get(ctx, key)
	if err != nil {
		return stored.Header{}, fmt.Errorf("read the history %s: %w", b.name(key), err)
	}
	defer body.Close() //nolint:errcheck // the rest isn't wanted
	return b.codec.DecodeHeader(body, b.name(key))
}

// ReadVersion implements [state.Historian]. The name is a serial.
func (b *Backend) ReadVersion(ctx context.Context, name string) (*state.Snapshot, error) {
	serial, err := strconv.ParseUint(name, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("the history of the state has no version %q: %w", name, os.ErrNotExist)
	}
	key := b.historyKey(serial)
	body, _, err := b.store.get(ctx, key)
	if errors.Is(err, errAbsent) {
		return nil, fmt.Errorf("the history of the state has no version %q: %w", name, os.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("read the history %s: %w", b.name(key), err)
	}
	defer body.Close() //nolint:errcheck // it was only read
	s, err := b.codec.Decode(body, b.name(key))
	if err == nil && s.Serial != serial {
		err = fmt.Errorf("read the state %s: it has serial %d: another state was put in its place", b.name(key), s.Serial)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}
