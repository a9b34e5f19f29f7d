//go:build unix

package main

import (
	"os"
	"runtime"
	"syscall"
)

// peak is the most memory that a process which has ended had, in bytes.
func peak(p *os.ProcessState) int64 {
	usage, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return int64(usage.Maxrss) //nolint:unconvert // bytes there, KiB elsewhere; 32 bits on some
	}
	return int64(usage.Maxrss) * 1024 //nolint:unconvert // it has 32 bits on some
}
