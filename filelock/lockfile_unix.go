//go:build unix

package filelock

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// needsWrite means that every lock needs a writable file: these systems emulate
// flock with fcntl locks.
const needsWrite = runtime.GOOS == "aix" || runtime.GOOS == "solaris" || runtime.GOOS == "illumos"

// gates means that waiters pass a gate.
const gates = true

// isBusy reports whether the error of a lock call means that the lock is held. The
// kernel's CIFS client returns EACCES (mount.cifs(8) locks are fcntl locks, and
// fcntl(2) allows both errors).
func isBusy(err error) bool {
	return errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EACCES)
}

// Other meanings of the error of an open or a lock call.
func wantsWrite(err error) bool    { return errors.Is(err, unix.EBADF) || errors.Is(err, unix.EIO) }
func isInterrupted(err error) bool { return errors.Is(err, unix.EINTR) }
func hasNoLocks(err error) bool    { return errors.Is(err, unix.ENOLCK) }

// fileGone reports whether the error of a call on an open file means that the file
// system has lost the file: it is stale, the server is gone, or the lock is lost
// (NFS).
func fileGone(err error) bool {
	return errors.Is(err, unix.ESTALE) || errors.Is(err, unix.EIO) || errors.Is(err, unix.ENOTCONN)
}

// pathGone reports whether the error of a look at a path means that it leads to no
// file. ENOENT is not an error of package file.
func pathGone(err error) bool {
	return errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ESTALE) || errors.Is(err, unix.ENOTCONN)
}

// duplicate returns a second descriptor of the same open file: they share the
// lock. It is close-on-exec, as all of Go's are.
func duplicate(f *os.File) (*os.File, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var dupErr error
	if err := conn.Control(func(from uintptr) {
		syscall.ForkLock.RLock() // not every unix can duplicate and mark in one call
		defer syscall.ForkLock.RUnlock()
		if fd, dupErr = unix.FcntlInt(from, unix.F_DUPFD, 0); dupErr == nil {
			unix.CloseOnExec(fd)
		}
	}); err != nil {
		return nil, os.ErrClosed // which the error itself is not
	}
	if dupErr != nil {
		return nil, os.NewSyscallError("fcntl", dupErr)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// likeOwner gives a file the owner and the group of another one, if this process may do
// that.
func likeOwner(f *os.File, info fs.FileInfo) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if f.Chown(int(st.Uid), int(st.Gid)) != nil {
			f.Chown(-1, int(st.Gid))
		}
	}
}
