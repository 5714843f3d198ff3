//go:build unix

package sidecar

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// OpenFlags, where the system has them, keep open(2) from following a symbolic link
// at the end of the path and from waiting for the other end of a FIFO.
const OpenFlags = unix.O_NOFOLLOW | unix.O_NONBLOCK

// A handle is an open file. An os.File prepares to wait for pipes and sockets,
// which would double the system calls of a Set.
type handle struct {
	fd   int
	path string
}

func open(path string, flag int) (handle, error) {
	fd, err := retried(func() (int, error) { return unix.Open(path, flag|OpenFlags|unix.O_CLOEXEC, 0) })
	return handle{fd, path}, failed("open", path, err)
}

// isPlain reports whether the file is regular, has one name, and is not longer
// than size.
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

// inherit gives the file the ACL or mode of the directory and, if this process may,
// its owner and group. So a user can use files that root has made in the user's
// directory. inherit works on an open file, because the path could lead to another
// file meanwhile. Before, only the file's maker may use it, so no user has more
// permissions at any time than in the end.
//
// For each user, the file gets the directory's permissions that are in mask, and
// also those in always.
//
// Errors are ignored: some file systems have no owners or modes, and a user who
// lacks a permission gets an error on opening the file.
func inherit(f *os.File, dir string, parent fs.FileInfo, mask, always uint16) {
	st := parent.Sys().(*syscall.Stat_t)
	ours := f.Chown(int(st.Uid), int(st.Gid)) == nil || f.Chown(-1, int(st.Gid)) == nil
	mode := parent.Mode().Perm()&fs.FileMode(0o111*mask) | fs.FileMode(0o111*always)
	if inheritACL(f, dir, st, mask, always) {
		if info, err := f.Stat(); err == nil {
			mode = info.Mode().Perm() // as the ACL has set it
		}
	} else if !ours { // it belongs to another group
		mode = mode&^0o070 | mode&0o007<<3
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		mode |= parent.Mode() & fs.ModeSetgid
	}
	f.Chmod(mode) // last, because a change of owner clears bits
}

// inheritDir gives a new, empty directory the owner, group and permissions of its
// parent, but not the sticky bit: every user who may write to it may replace the
// files of others.
func inheritDir(path, dir string, parent fs.FileInfo) error {
	f, err := os.OpenFile(path, unix.O_DIRECTORY|OpenFlags, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if names, _ := f.Readdirnames(1); len(names) > 0 {
		// This is not the directory that was just made: another user has moved it
		// here to get permissions for it.
		return &fs.PathError{Op: "mkdir", Path: path, Err: unix.ENOTEMPTY}
	}
	inherit(f, dir, parent, 7, 0)
	return nil
}
