//go:build unix

package beside

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// OpenFlags keep an open(2) from following a symbolic link at the end of the
// path and from waiting for the other end of a FIFO, where that can be.
const OpenFlags = unix.O_NOFOLLOW | unix.O_NONBLOCK

// A handle is an open file without what an os.File does to be able to wait for
// pipes and sockets: half of the system calls of a Set would be for that.
type handle struct {
	fd   int
	path string
}

func open(path string, flag int) (handle, error) {
	fd, err := retried(func() (int, error) { return unix.Open(path, flag|OpenFlags|unix.O_CLOEXEC, 0) })
	return handle{fd, path}, failed("open", path, err)
}

// isPlain reports whether it is a regular file with one name that is not
// longer than size.
func (h handle) isPlain(size int) (bool, error) {
	var st unix.Stat_t
	_, err := retried(func() (int, error) { return 0, unix.Fstat(h.fd, &st) })
	return st.Mode&unix.S_IFMT == unix.S_IFREG && st.Nlink <= 1 && st.Size <= int64(size), failed("stat", h.path, err)
}

// readAt reads until content is full or the file ends.
func (h handle) readAt(content []byte, offset int) (n int, err error) {
	for n < len(content) {
		m, err := retried(func() (int, error) { return unix.Pread(h.fd, content[n:], int64(offset+n)) })
		if m <= 0 || err != nil {
			return n, failed("read", h.path, err)
		}
		n += m
	}
	return n, nil
}

func (h handle) writeAt(content []byte, offset int) error {
	for len(content) > 0 {
		n, err := retried(func() (int, error) { return unix.Pwrite(h.fd, content, int64(offset)) })
		if err != nil {
			return failed("write", h.path, err)
		}
		content, offset = content[n:], offset+n
	}
	return nil
}

func (h handle) close() error { return failed("close", h.path, unix.Close(h.fd)) }

func isDirectory(path string) (bool, error) {
	var st unix.Stat_t
	_, err := retried(func() (int, error) { return 0, unix.Lstat(path, &st) })
	return st.Mode&unix.S_IFMT == unix.S_IFDIR, failed("lstat", path, err)
}

func retried(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != unix.EINTR {
			return n, err
		}
	}
}

func failed(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}

// inherit gives the file the owner and group of the directory, as far as we
// may, and its ACL or mode, so that what root makes in a user's directory is of
// use to the user. It works on an open file because a path could be made to name
// another file meanwhile. The file is its maker's alone until it is done, so
// nobody can do more with it at any time than in the end.
//
// Of everybody's permissions the file gets those in mask, and those in always.
//
// Its failure is none of ours: there are file systems without owners or modes,
// and whoever is locked out by what we may not change is told so when it opens
// the file.
func inherit(f *os.File, dir string, parent fs.FileInfo, mask, always uint16) {
	st := parent.Sys().(*syscall.Stat_t)
	ours := f.Chown(int(st.Uid), int(st.Gid)) == nil || f.Chown(-1, int(st.Gid)) == nil
	mode := parent.Mode().Perm()&fs.FileMode(0o111*mask) | fs.FileMode(0o111*always)
	if inheritACL(f, dir, st, mask, always) {
		if info, err := f.Stat(); err == nil {
			mode = info.Mode().Perm() // the ACL has set it
		}
	} else if !ours { // the group is another one
		mode = mode&^0o070 | mode&0o007<<3
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		mode |= parent.Mode() & fs.ModeSetgid
	}
	f.Chmod(mode) // last, since a change of owner takes bits away
}

// inheritDir gives the new, empty directory the owner, group and permissions of
// its parent, but that it is not sticky: whoever may write to it may replace
// what others have left in it.
func inheritDir(path, dir string, parent fs.FileInfo) error {
	f, err := os.OpenFile(path, unix.O_DIRECTORY|OpenFlags, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if names, _ := f.Readdirnames(1); len(names) > 0 {
		// Not the one that we made: somebody has moved another there and would
		// have it opened to them.
		return &fs.PathError{Op: "mkdir", Path: path, Err: unix.ENOTEMPTY}
	}
	inherit(f, dir, parent, 7, 0)
	return nil
}
