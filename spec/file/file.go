// Package file opens the files that a configuration or an option names.
//
// A name proves nothing: a link may lead anywhere. So what is opened is looked
// at, and the process's own memory and environment, the kernel's settings and
// devices are refused: what they hold is nobody's configuration, and may be
// secret. Start reading at [Open].
package file

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ErrNotForReading says that a path leads to the kernel's files or to a device.
var ErrNotForReading = errors.New("it leads to the system's own files or to a device, which are never read; name a file of your own")

// Open opens a file for reading, or says why it is none to be read: an error of
// the file system, or [ErrNotForReading] with the path. A pipe is read, since a
// shell hands its <(…) over as one.
func Open(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := check(f); err != nil {
		return nil, errors.Join(&fs.PathError{Op: "read", Path: path, Err: err}, f.Close())
	}
	return f, nil
}

// Read reads the whole file, under the conditions of [Open].
func Read(path string) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var content bytes.Buffer
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		content.Grow(int(min(info.Size(), mostAtOnce)) + bytes.MinRead) // the size is a hint: the file may grow
	}
	if _, err := content.ReadFrom(f); err != nil {
		return nil, err
	}
	return content.Bytes(), nil
}

// mostAtOnce is for how much of a file room is made before it is read.
const mostAtOnce = 1 << 30

func check(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("look at it: %w", err)
	}
	if info.Mode()&fs.ModeDevice != 0 || ofTheKernel(f) {
		return ErrNotForReading
	}
	return nil
}
