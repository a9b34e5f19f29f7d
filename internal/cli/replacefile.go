package cli

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// temporary are the names of reports and plans that are being written.
const temporary = ".cardfleet-tmp-*"

// replaceFile writes a file beside path, and puts it in its place once it is
// whole and on the disk. What is no file, such as a pipe, is written to.
func replaceFile(path string, write func(io.Writer) error) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	f, err := os.CreateTemp(filepath.Dir(path), temporary)
	if err != nil {
		return err
	}
	b := bufio.NewWriter(f)
	err = write(b)
	if err == nil {
		err = errors.Join(b.Flush(), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path) // a power cut that undoes it leaves the old file, whole
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
