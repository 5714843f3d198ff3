package filelock

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/fsync-lock/fsync/internal/fskind"
)

// isUnopened reports that no process but this one has the file open, and so no
// process holds a lock on it. False says nothing.
//
// It asks for a write lease, which the kernel (fcntl(2), F_SETLEASE) grants
// only for such a file, and gives it back at once. Neither the lock nor any
// process that locks is in its way: a process that opens the file in between
// waits for the moment that this takes; one that opens it with O_NONBLOCK, as
// this package does, gets EWOULDBLOCK and has to open it again (see isLeased).
// If this process was stopped in between, the kernel would take the lease away
// after a while. It is said to do so with a signal, SIGIO unless told otherwise;
// SIGURG harms no program.
//
// Leases are for the owner of a file and for CAP_LEASE. On a network file system
// they say nothing about other hosts.
func isUnopened(path string) bool {
	if at, err := lookAt(path); err != nil || !at.exists || !at.mode.IsRegular() || fskind.Of(path).Network {
		return false
	}
	f, err := openFile(path, os.O_RDONLY)
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

// setLease is raw: another goroutine must not run between the two calls, which
// could take long in a busy program.
func setLease(fd uintptr, lease int) unix.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_FCNTL, fd, unix.F_SETLEASE, uintptr(lease))
	return errno
}
