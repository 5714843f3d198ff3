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

// needsWrite means that the file is opened for writing too, as gofrs/flock does on these
// systems: where it emulates flock with fcntl locks, an exclusive lock needs that.
const needsWrite = runtime.GOOS == "aix" || runtime.GOOS == "solaris" || runtime.GOOS == "illumos"

// hasGates means that waiters pass a gate.
const hasGates = true

// isBusy reports whether the error of a lock call means that the lock is held. The
// kernel's CIFS client returns EACCES: its locks are fcntl locks, for which fcntl(2)
// allows both errors.
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

// pathGone reports whether the error of a stat means that the path leads to no file.
// For package file, ENOENT is not an error.
func pathGone(err error) bool {
	return errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ESTALE) || errors.Is(err, unix.ENOTCONN)
}

// duplicate returns a second descriptor of the same open file, which shares the lock.
// It is close-on-exec, as all descriptors of Go are.
func duplicate(f *os.File) (*os.File, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var dupErr error
	if err := conn.Control(func(from uintptr) {
		syscall.ForkLock.RLock() // not every Unix can duplicate and set the flag in one call
		defer syscall.ForkLock.RUnlock()
		if fd, dupErr = unix.FcntlInt(from, unix.F_DUPFD, 0); dupErr == nil {
			unix.CloseOnExec(fd)
		}
	}); err != nil {
		return nil, os.ErrClosed // Control returns another error
	}
	if dupErr != nil {
		return nil, os.NewSyscallError("fcntl", dupErr)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// likeOwner gives the file the owner and the group of another file, as far as this
// process may.
func likeOwner(f *os.File, info fs.FileInfo) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if f.Chown(int(st.Uid), int(st.Gid)) != nil {
			f.Chown(-1, int(st.Gid))
		}
	}
}
