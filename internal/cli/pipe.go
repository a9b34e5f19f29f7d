package cli

import (
	"errors"
	"io"
	"syscall"
)

// leftPipe is a standard output that nobody may read to its end, as with | head.
// What is written after its reader has left goes nowhere, and that is no
// mistake: the command goes on to its end and its own exit code.
type leftPipe struct{ io.Writer }

// Write fails where there is no room on a disk, but not where nobody reads.
func (l *leftPipe) Write(p []byte) (int, error) {
	n, err := l.Writer.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		return len(p), nil
	}
	return n, err
}
