package local

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cardfleet/cardfleet/state/stored"
)

// Every write of the snapshot and every opening of the journal is here.

// replace puts what write writes in the snapshot's place:
// temporary file → write → fsync → close → backup → rename → fsync of the folder.
func (b *Backend) replace(write func(io.Writer) error) error {
	tmp := b.path + ".tmp"
	if err := b.writeNew(tmp, write); err != nil {
		return errors.Join(err, removeIfThere(tmp))
	}
	b.step("keep a backup")
	if err := b.keepBackup(); err != nil {
		return fmt.Errorf("keep a backup: %w", err)
	}
	b.step("rename")
	if err := rename(tmp, b.path); err != nil {
		return err
	}
	b.step("sync the folder")
	return syncDir(filepath.Dir(b.path))
}

// writeNew writes a file that is durable on return, except for its name. What
// a writer left there that is gone is in the way, and goes.
func (b *Backend) writeNew(path string, write func(io.Writer) error) (err error) {
	b.step("create")
	if err := removeIfThere(path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b.step("write")
	if err := write(f); err != nil {
		return err
	}
	b.step("sync")
	return f.Sync()
}

// keepBackup gives the present snapshot a second name, under which it lives on
// when the first one is taken from it.
func (b *Backend) keepBackup() error {
	link := b.path + ".backup.tmp"
	if err := removeIfThere(link); err != nil {
		return err
	}
	err := os.Link(b.path, link)
	if errors.Is(err, os.ErrNotExist) {
		return nil // there is no snapshot yet
	}
	if err != nil { // no hard links here, as on FAT
		err = b.writeNew(link, copyFile(b.path))
	}
	if err != nil {
		return err
	}
	b.step("rename the backup")
	if err := rename(link, b.backupPath()); err != nil {
		return err
	}
	// Where the backup is this very snapshot, since a crash came between the two
	// renames of a commit, POSIX has a rename do nothing and leave both names.
	return removeIfThere(link)
}

// openBehind opens a file for writing behind its first end bytes, cuts off the
// rest, and makes the file's name and length durable.
func (b *Backend) openBehind(path string, end int64) (stored.JournalFile, error) {
	b.step("open the journal")
	f, err := openOwn(path, os.O_WRONLY|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	if err := b.cut(f, end); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return stepping{f, b.step}, nil
}

// stepping is a file whose writes are steps.
type stepping struct {
	*os.File
	step func(name string)
}

func (f stepping) Write(p []byte) (int, error) {
	f.step("write the journal")
	return f.File.Write(p)
}

func (f stepping) Sync() error {
	f.step("sync the journal")
	return f.File.Sync()
}

func (b *Backend) cut(f *os.File, end int64) error {
	if err := f.Truncate(end); err != nil {
		return err
	}
	b.step("cut the journal")
	if _, err := f.Seek(end, io.SeekStart); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(f.Name()))
}

// errLink says that a file which the program names itself is a symbolic link.
var errLink = errors.New("it is a symbolic link, and what cardfleet names itself is never written or read through one: whoever left it there chose what would be overwritten; delete the link")

// openOwn opens a file that the program names itself. A folder that somebody
// else wrote to, such as a branch that was checked out, may hold a link of that
// name, which is not followed.
func openOwn(path string, flag int) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSymlink != 0 {
		return nil, &os.PathError{Op: "open", Path: path, Err: errLink}
	}
	return os.OpenFile(path, flag|noFollow, 0o600)
}

// writeOwn replaces what such a file holds.
func writeOwn(path string, content []byte) error {
	f, err := openOwn(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
