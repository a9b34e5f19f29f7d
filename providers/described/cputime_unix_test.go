//go:build unix

package described_test

import (
	"syscall"
	"time"
)

// cpuTime is the CPU time that the process has used, all threads together: the
// wall's says little on a machine that others share.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
