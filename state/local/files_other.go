//go:build !windows

package local

import (
	"errors"
	"os"
	"syscall"
)

// noFollow has an opening fail where the path's last element is a symbolic link.
const noFollow = syscall.O_NOFOLLOW

func rename(from, to string) error { return os.Rename(from, to) }

// syncDir makes the names in a folder durable.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
