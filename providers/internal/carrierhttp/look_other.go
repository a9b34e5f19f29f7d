//go:build !unix

package carrierhttp

import "syscall"

// canLook reports whether this system tells what waits at a connection. Where it
// doesn't, net/http holds the connections.
const canLook = false

func nothingWaits(syscall.RawConn) bool { return false }
