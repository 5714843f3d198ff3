package filelock

import (
	"os"

	"github.com/fsync-lock/fsync/internal/file"
	"golang.org/x/sys/unix"

	"github.com/fsync-lock/fsync/internal/fskind"
)

// isUnopened reports whether it is certain that no process but this one has the
// file open, so that no process holds a lock on it.
//
// It asks for a write lease (fcntl(2), F_SETLEASE), which the kernel grants only
// for such a file, and gives it back at once. It neither takes the lock nor
// disturbs other processes: one that opens the file meanwhile waits for that
// moment. If it opens with O_NONBLOCK, as this package does, it gets EWOULDBLOCK
// and opens the file again (see isLeased). If this process is stopped meanwhile,
// the kernel takes the lease away after a while, and says so with a signal: SIGIO
// by default, but SIGURG harms no program.
//
// A lease needs the owner of the file or CAP_LEASE. On a network file system it
// says nothing about other hosts.
func isUnopened(path string) bool {
	if at, err := file.Lstat(path); err != nil || !at.Exists || !at.Mode.IsRegular() || fskind.Of(path).Network {
		return false
	}
	f, err := file.Open(path, os.O_RDONLY)
	if err != nil {
		return false
	}
	defer f.Close()
	fd := f.Fd()
	if _, err := unix.FcntlInt(fd, unix.F_SETSIG, int(unix.SIGURG)); err != nil {
		return false
	}
	return setLease(fd, unix.F_WRLCK) == 0 && setLease(fd, unix.F_UNLCK) == 0
}

// setLease makes a raw system call, so that no other goroutine runs between the two
// calls: in a busy program that could take long.
func setLease(fd uintptr, lease int) unix.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_FCNTL, fd, unix.F_SETLEASE, uintptr(lease))
	return errno
}
