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
// isUnopened asks for a write lease (fcntl(2), F_SETLEASE), which the kernel grants only
// for such a file, and gives the lease back at once. It does not take the lock, and
// hardly disturbs other processes: a process that opens the file just then waits for a
// moment or, with O_NONBLOCK, gets EWOULDBLOCK and opens the file again (file.Unleased).
// If this process is stopped meanwhile, the kernel takes the lease away after some time
// and sends a signal. The default is SIGIO, which the program may use for itself. So
// isUnopened chooses SIGURG, which a Go program must expect at any time.
//
// Only the owner of the file, or a process with CAP_LEASE, gets a lease. On a network
// file system a lease says nothing about other hosts.
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
// calls and prolongs the lease.
func setLease(fd uintptr, lease int) unix.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_FCNTL, fd, unix.F_SETLEASE, uintptr(lease))
	return errno
}
