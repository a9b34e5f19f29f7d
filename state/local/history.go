package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/cardfleet/cardfleet/state"
)

// keptVersions is how many replaced snapshots the history has; the present one
// is there besides.
const keptVersions = 10

func (b *Backend) historyDir() string { return b.path + ".history" }

func (b *Backend) historyPath(serial uint64) string {
	return filepath.Join(b.historyDir(), strconv.FormatUint(serial, 10))
}

// keep gives the present snapshot, which has that serial, a second name in the
// history, and drops what is too old. A link costs no space until the state is
// replaced. A commit doesn't fail for its history: the state is what counts.
func (b *Backend) keep(serial uint64) {
	if serial == 0 {
		return
	}
	b.step("keep in the history")
	if err := os.MkdirAll(b.historyDir(), 0o700); err != nil {
		return
	}
	_ = b.linkToHistory(serial)
	b.step("shorten the history")
	serials, _ := b.kept()
	for len(serials) > keptVersions+1 {
		_ = os.Remove(b.historyPath(serials[0]))
		serials = serials[1:]
	}
}

// linkToHistory takes the place of a version with the same serial, which is of
// a state that was put back by hand meanwhile.
func (b *Backend) linkToHistory(serial uint64) error {
	tmp := filepath.Join(b.historyDir(), "tmp")
	if err := removeIfThere(tmp); err != nil {
		return err
	}
	err := os.Link(b.path, tmp)
	if err != nil { // no hard links here, as on FAT
		err = b.writeNew(tmp, b.copyTo)
	}
	if err == nil {
		err = rename(tmp, b.historyPath(serial))
	}
	return errors.Join(err, removeIfThere(tmp)) // POSIX leaves both names of one file
}

// kept lists the serials in the history, the oldest first. Other files there
// are left alone.
func (b *Backend) kept() ([]uint64, error) {
	entries, err := os.ReadDir(b.historyDir())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	var serials []uint64
	for _, e := range entries {
		if n, err := strconv.ParseUint(e.Name(), 10, 64); err == nil {
			serials = append(serials, n)
		}
	}
	slices.Sort(serials)
	return serials, nil
}

// newestKept is the highest serial that this state ever had, as its history
// has it. Only an encrypted state is held to it: a plain one is put back by
// hand where a person wants an older one.
func (b *Backend) newestKept() (uint64, error) {
	if b.env.Sealer == nil {
		return 0, nil
	}
	serials, err := b.kept()
	if len(serials) == 0 {
		return 0, err
	}
	return serials[len(serials)-1], nil
}

// checkReplay refuses an old state in a newer one's place: its seal is sound,
// but the history shows that it isn't the last one.
func (b *Backend) checkReplay(s *state.Snapshot, newest uint64) error {
	if s.Serial >= newest {
		return nil
	}
	return fmt.Errorf("read the state %s: it has serial %d, but its history has serial %d: an older state was put in its place; "+
		"copy %s over it, or, where the older one is right, move what is newer out of %s",
		b.path, s.Serial, newest, b.historyPath(newest), b.historyDir())
}

// History implements [state.Historian].
func (b *Backend) History(ctx context.Context) ([]state.Version, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	now, err := b.header()
	if err != nil {
		return nil, err
	}
	serials, err := b.kept()
	if err != nil {
		return nil, err
	}
	var list []state.Version
	for _, serial := range slices.Backward(serials) {
		if serial == now.Serial {
			continue // it wasn't replaced
		}
		v, err := b.version(serial)
		if errors.Is(err, os.ErrNotExist) {
			continue // a commit dropped it meanwhile
		}
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func (b *Backend) version(serial uint64) (state.Version, error) {
	f, err := os.Open(b.historyPath(serial))
	if err != nil {
		return state.Version{}, fmt.Errorf("read the history: %w", err)
	}
	defer f.Close() // it was only read
	info, err := f.Stat()
	if err != nil {
		return state.Version{}, fmt.Errorf("read the history: %w", err)
	}
	head, err := b.codec.DecodeHeader(f, f.Name())
	if err != nil {
		return state.Version{}, err
	}
	return state.Version{
		Serial: head.Serial, Lineage: head.Lineage, Written: info.ModTime().UTC(), Cards: head.Cards, Name: strconv.FormatUint(serial, 10),
	}, nil
}

// ReadVersion implements [state.Historian]. The name is a serial.
func (b *Backend) ReadVersion(ctx context.Context, name string) (*state.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read version %s of the state: %w", name, err)
	}
	serial, err := strconv.ParseUint(name, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("the history of the state has no version %q: %w", name, os.ErrNotExist)
	}
	f, err := os.Open(b.historyPath(serial))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("the history of the state has no version %q: %w", name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	defer f.Close() // it was only read
	s, err := b.codec.Decode(f, f.Name())
	if err == nil && s.Serial != serial {
		err = fmt.Errorf("read the state %s: it has serial %d: another state was put in its place", f.Name(), s.Serial)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}
