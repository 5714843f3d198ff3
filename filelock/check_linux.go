package filelock

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/fsync-lock/fsync/internal/locktable"
)

// shownMode returns the flock(2) lock that the kernel shows for an open file: the fdinfo
// of its descriptor has a line for the lock, whatever process took it
// (proc_pid_fdinfo(5)).
func shownMode(f *os.File) lockMode {
	mode := fdinfoMode(f)
	if mode == notLocked && !showsLocks() {
		return unknownMode
	}
	return mode
}

// showsLocks reports whether fdinfo shows locks here. Some kernels that imitate
// Linux have no such lines.
var showsLocks = sync.OnceValue(func() bool {
	fd, err := unix.MemfdCreate("fsync", unix.MFD_CLOEXEC)
	if err != nil {
		return false
	}
	f := os.NewFile(uintptr(fd), "fsync")
	defer f.Close()
	return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) == nil && fdinfoMode(f) == exclusiveMode
})

func fdinfoMode(f *os.File) lockMode {
	conn, err := f.SyscallConn()
	if err != nil {
		return unknownMode
	}
	mode := unknownMode
	conn.Control(func(fd uintptr) {
		switch l, locked, err := locktable.OfDescriptor(fd); {
		case err != nil:
		case !locked:
			mode = notLocked
		case l.Shared:
			mode = sharedMode
		default:
			mode = exclusiveMode
		}
	})
	return mode
}
