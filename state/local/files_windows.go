package local

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
)

// noFollow is none: here [openOwn] alone looks for links.
const noFollow = 0

// rename tries again for a while where somebody reads the file that is to be
// replaced: Windows refuses that, and a plan beside an apply does it. (The go
// command does the same, in cmd/internal/robustio.)
func rename(from, to string) error {
	const pause, most = 10 * time.Millisecond, 200
	for attempt := 0; ; attempt++ {
		err := os.Rename(from, to)
		if err == nil || attempt == most || !isBusy(err) {
			return err
		}
		time.Sleep(pause)
	}
}

func isBusy(err error) bool {
	var code syscall.Errno
	return errors.As(err, &code) && (code == windows.ERROR_ACCESS_DENIED || code == windows.ERROR_SHARING_VIOLATION)
}

// syncDir does nothing: Windows can't sync a folder, and NTFS journals a rename.
func syncDir(string) error { return nil }
