package file

import (
	"os"
	"slices"
	"syscall"
)

// kernelFiles are the file systems that show the kernel and its processes, by
// their magic numbers (statfs(2); linux/magic.h).
var kernelFiles = []int64{
	0x9fa0,     // proc
	0x62656572, // sysfs
	0x64626720, // debugfs
	0x74726163, // tracefs
	0x73636673, // securityfs
	0x62656570, // configfs
	0x27e0eb,   // cgroup
	0x63677270, // cgroup2
	0x6165676c, // pstore
	0xde5e81e4, // efivarfs
	0xcafe4a11, // bpf
	0x6e736673, // nsfs
}

// ofTheKernel reports whether the open file lies on such a file system.
func ofTheKernel(f *os.File) bool {
	raw, err := f.SyscallConn()
	if err != nil {
		return false
	}
	var stat syscall.Statfs_t
	var failed error
	err = raw.Control(func(fd uintptr) { failed = syscall.Fstatfs(int(fd), &stat) })
	// A file system that can't be asked is an ordinary one.
	return err == nil && failed == nil && slices.Contains(kernelFiles, int64(stat.Type)) //nolint:unconvert // it is an int32 on machines of 32 bits
}
