package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/stored"
)

// The history is a folder:
//
//	SERIAL           a snapshot file; the present one is among them
//	SERIAL.journal   the journal behind it, with the commits that it had
//	SERIAL.commit    empty: there was a commit of that serial. Only an encrypted
//	                 state has it, and only of commits behind the last snapshot

const (
	journalEnding = ".journal"
	commitEnding  = ".commit"
)

// keptVersions is how many replaced states the history has, at least; the
// present one is there besides.
const keptVersions = 10

func (b *Backend) historyDir() string { return b.path + ".history" }

func (b *Backend) historyPath(serial uint64) string {
	return filepath.Join(b.historyDir(), strconv.FormatUint(serial, 10))
}

// keep gives the present snapshot, which has that serial, a second name in the
// history. A link costs no space until the state is replaced. A commit doesn't
// fail for its history: the state is what counts.
func (b *Backend) keep(serial uint64) {
	if serial == 0 {
		return
	}
	b.step("keep in the history")
	_ = b.linkToHistory(b.path, b.historyPath(serial))
}

// makeHistory makes the history's folder, and refuses one that lies elsewhere.
func (b *Backend) makeHistory() error { return makeFolder(b.historyDir()) }

func makeFolder(dir string) error {
	if info, err := os.Lstat(dir); err == nil && info.Mode()&os.ModeSymlink != 0 {
		return &os.PathError{Op: "open", Path: dir, Err: errLink}
	}
	return os.MkdirAll(dir, 0o700)
}

// linkToHistory takes the place of a version with the same serial, which is of
// a state that was put back by hand meanwhile.
func (b *Backend) linkToHistory(file, as string) error {
	if err := b.makeHistory(); err != nil {
		return err
	}
	tmp := filepath.Join(b.historyDir(), "tmp")
	if err := removeIfThere(tmp); err != nil {
		return err
	}
	err := os.Link(file, tmp)
	if err != nil { // no hard links here, as on FAT
		err = b.writeNew(tmp, copyFile(file))
	}
	if err == nil {
		err = rename(tmp, as)
	}
	return errors.Join(err, removeIfThere(tmp)) // POSIX leaves both names of one file
}

// markCommit notes that a commit of that serial was in the journal, so that a
// journal without it shows.
func (b *Backend) markCommit(serial uint64) {
	if b.env.Sealer == nil || b.makeHistory() != nil {
		return
	}
	b.step("mark the commit")
	_ = writeOwn(b.historyPath(serial)+commitEnding, nil) // a commit doesn't fail for its history
}

// shorten drops snapshots without which there are versions enough, and what is
// of no more use beside the snapshot of that serial.
func (b *Backend) shorten(serial uint64) {
	b.step("shorten the history")
	kept, _ := b.kept()
	for len(kept) > 1 && kept[1]+keptVersions <= serial {
		_ = os.Remove(b.historyPath(kept[0]))
		_ = os.Remove(b.historyPath(kept[0]) + journalEnding)
		kept = kept[1:]
	}
	marks, _ := b.inHistory(commitEnding)
	for _, n := range marks {
		if n <= serial {
			_ = os.Remove(b.historyPath(n) + commitEnding)
		}
	}
}

// kept lists the serials of the snapshots in the history, the oldest first.
func (b *Backend) kept() ([]uint64, error) { return b.inHistory("") }

// inHistory lists the serials of the files with that ending, the oldest first.
// Other files there are left alone.
func (b *Backend) inHistory(ending string) ([]uint64, error) {
	entries, err := os.ReadDir(b.historyDir())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	var serials []uint64
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ending)
		if n, err := strconv.ParseUint(name, 10, 64); ok && err == nil {
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
	newest := uint64(0)
	for _, ending := range []string{"", commitEnding} {
		serials, err := b.inHistory(ending)
		if err != nil {
			return 0, err
		}
		if n := len(serials); n > 0 {
			newest = max(newest, serials[n-1])
		}
	}
	return newest, nil
}

// checkReplay refuses an old state in a newer one's place: its seal is sound,
// but the history shows that it isn't the last one.
func (b *Backend) checkReplay(serial, newest uint64) error {
	if serial >= newest {
		return nil
	}
	return fmt.Errorf("read the state %s: it has serial %d, but its history has serial %d: an older state or journal was put in its place; "+
		"put back the newest of %s with the journal beside it, or, where the older one is right, move what is newer out of %s",
		b.path, serial, newest, b.historyDir(), b.historyDir())
}

// base is a snapshot with the journal behind it.
type base struct {
	serial         uint64
	state, journal string // paths
	until          uint64 // the serial of the snapshot that replaced it, or of what was never committed
}

// bases lists the snapshots that there are, the present one last, and the
// state's serial. Where the present state or its journal can't be read, there
// is the more reason to look for what was before.
func (b *Backend) bases() (list []base, serial uint64, err error) {
	kept, err := b.kept()
	if err != nil {
		return nil, 0, err
	}
	head, _ := b.header()
	l, _ := b.readLog(head.Lineage, head.Serial)
	for _, n := range kept {
		if n != head.Serial {
			list = append(list, base{serial: n, state: b.historyPath(n), journal: b.historyPath(n) + journalEnding})
		}
	}
	if head.Serial > 0 {
		list = append(list, base{serial: head.Serial, state: b.path, journal: b.journalPath()})
	}
	slices.SortFunc(list, func(a, b base) int { return int(a.serial) - int(b.serial) }) //nolint:gosec // serials count commits
	for i := range list {
		list[i].until = l.serial + 1
		if i+1 < len(list) {
			list[i].until = list[i+1].serial
		}
	}
	return list, l.serial, nil
}

// History implements [state.Historian].
func (b *Backend) History(ctx context.Context) ([]state.Version, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	bases, now, err := b.bases()
	if err != nil {
		return nil, err
	}
	var list []state.Version
	for _, from := range bases {
		versions, err := b.versions(from)
		if errors.Is(err, os.ErrNotExist) {
			continue // a commit dropped it meanwhile
		}
		if err != nil {
			return nil, err
		}
		list = append(list, versions...)
	}
	list = slices.DeleteFunc(list, func(v state.Version) bool { return v.Serial == now }) // it wasn't replaced
	slices.Reverse(list)
	return list, nil
}

// versions are a snapshot and those that commits behind it made.
func (b *Backend) versions(from base) ([]state.Version, error) {
	f, err := os.Open(from.state)
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	defer f.Close() // it was only read
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	head, err := b.codec.DecodeHeader(f, f.Name())
	if err != nil {
		return nil, err
	}
	l, _ := b.readLogAt(from.journal, head.Lineage, head.Serial) // of one that is damaged, the snapshot is left
	list := []state.Version{{
		Serial: head.Serial, Lineage: head.Lineage, Written: info.ModTime().UTC(), Cards: head.Cards, Name: strconv.FormatUint(head.Serial, 10),
	}}
	for _, r := range l.records {
		if serial := r.Serial + 1; r.Type == state.CommitRecord && r.Serial >= head.Serial && serial < from.until {
			list = append(list, state.Version{
				Serial: serial, Lineage: head.Lineage, Written: r.At, Cards: r.Commit.Cards, Name: strconv.FormatUint(serial, 10),
			})
		}
	}
	return list, nil
}

// ReadVersion implements [state.Historian]. The name is a serial.
func (b *Backend) ReadVersion(ctx context.Context, name string) (*state.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read version %s of the state: %w", name, err)
	}
	absent := fmt.Errorf("the history of the state has no version %q: %w", name, os.ErrNotExist)
	serial, err := strconv.ParseUint(name, 10, 64)
	if err != nil {
		return nil, absent
	}
	bases, _, err := b.bases()
	if err != nil {
		return nil, err
	}
	for _, from := range slices.Backward(bases) {
		if from.serial > serial || serial >= from.until {
			continue
		}
		s, err := b.readVersion(from, serial)
		if errors.Is(err, os.ErrNotExist) {
			return nil, absent
		}
		return s, err
	}
	return nil, absent
}

// readVersion reads a snapshot, and makes the commits up to that serial.
func (b *Backend) readVersion(from base, serial uint64) (*state.Snapshot, error) {
	f, err := os.Open(from.state)
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	defer f.Close() // it was only read
	s, err := b.codec.Decode(f, f.Name())
	if err != nil {
		return nil, err
	}
	if s.Serial != from.serial {
		return nil, fmt.Errorf("read the state %s: it has serial %d: another state was put in its place", f.Name(), s.Serial)
	}
	if s.Serial == serial {
		return s, nil
	}
	l, err := b.readLogAt(from.journal, s.Lineage, s.Serial)
	if err != nil {
		return nil, err
	}
	until := slices.IndexFunc(l.records, func(r state.Record) bool { return r.Type == state.CommitRecord && r.Serial+1 == serial })
	if until < 0 {
		return nil, os.ErrNotExist
	}
	return stored.Replay(s, l.records[:until+1])
}
