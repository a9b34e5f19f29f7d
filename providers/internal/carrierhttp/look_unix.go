//go:build unix

package carrierhttp

import "syscall"

// canLook reports whether this system tells what waits at a connection.
const canLook = true

// nothingWaits reports whether a connection has nothing to read by now, not even
// its end. The runtime's sockets never block.
func nothingWaits(raw syscall.RawConn) bool {
	var waits error
	err := raw.Control(func(fd uintptr) {
		var one [1]byte
		_, _, waits = syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK)
	})
	return err == nil && (waits == syscall.EAGAIN || waits == syscall.EWOULDBLOCK) //nolint:errorlint // a system call's number
}
