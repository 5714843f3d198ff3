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

// openFlags: an open does not follow a link at the end of the path, does not wait
// for the other end of a FIFO or for a device, and does not make a terminal the
// controlling terminal.
const (
	openFlags = noFollow | unix.O_NONBLOCK | unix.O_NOCTTY
	noFollow  = unix.O_NOFOLLOW
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

// isLeased reports whether a file could not be opened because another process has a
// lease on it (fcntl(2)), such as Samba or, for a moment, isUnopened.
func isLeased(err error) bool {
	var open *fs.PathError
	return errors.Is(err, unix.EWOULDBLOCK) && errors.As(err, &open)
}

// fileID identifies a file.
type fileID struct{ dev, ino uint64 }

func sameFile(a, b fileID) bool { return a == b }

func (id fileID) is(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && id == fileID{uint64(st.Dev), uint64(st.Ino)}
}

// links returns the number of names of the file.
func links(info fs.FileInfo) uint64 {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 1
	}
	return uint64(st.Nlink)
}

// lookAt is an lstat without allocation, because every acquisition calls it twice.
func lookAt(path string) (place, error) {
	var st unix.Stat_t
	err := unix.Lstat(path, &st)
	for err == unix.EINTR {
		err = unix.Lstat(path, &st)
	}
	return found("lstat", path, &st, err)
}

// lookThrough looks at the file to which a symbolic link leads.
func lookThrough(path string) (place, error) {
	var st unix.Stat_t
	err := unix.Stat(path, &st)
	for err == unix.EINTR {
		err = unix.Stat(path, &st)
	}
	return found("stat", path, &st, err)
}

// lookAtOpen looks at an open file.
func lookAtOpen(f *os.File) (place, error) {
	var st unix.Stat_t
	err := unix.Fstat(int(f.Fd()), &st)
	for err == unix.EINTR {
		err = unix.Fstat(int(f.Fd()), &st)
	}
	return found("fstat", f.Name(), &st, err)
}

// found converts the result of a stat call.
func found(op, path string, st *unix.Stat_t, err error) (place, error) {
	if err == unix.ENOENT {
		return place{}, nil
	}
	if err != nil {
		return place{}, &fs.PathError{Op: op, Path: path, Err: err}
	}
	at := place{exists: true, file: fileID{uint64(st.Dev), uint64(st.Ino)}, size: st.Size}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		at.mode = fs.ModeDir
	case unix.S_IFLNK:
		at.mode = fs.ModeSymlink
	case unix.S_IFIFO:
		at.mode = fs.ModeNamedPipe
	case unix.S_IFSOCK:
		at.mode = fs.ModeSocket
	case unix.S_IFBLK, unix.S_IFCHR:
		at.mode = fs.ModeDevice
	default:
		at.mode = fs.ModeIrregular
	}
	return at, nil
}

// Other meanings of the error of an open or a lock call.
func wantsWrite(err error) bool    { return errors.Is(err, unix.EBADF) || errors.Is(err, unix.EIO) }
func isInterrupted(err error) bool { return errors.Is(err, unix.EINTR) }
func isLink(err error) bool        { return errors.Is(err, unix.ELOOP) }
func hasNoLocks(err error) bool    { return errors.Is(err, unix.ENOLCK) }

// fileGone reports whether the error of a call on an open file means that the file
// system has lost the file: it is stale, the server is gone, or the lock is lost
// (NFS).
func fileGone(err error) bool {
	return errors.Is(err, unix.ESTALE) || errors.Is(err, unix.EIO) || errors.Is(err, unix.ENOTCONN)
}

// pathGone reports whether the error of a look at a path means that it leads to no
// file. ENOENT is not an error of lookAt.
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
