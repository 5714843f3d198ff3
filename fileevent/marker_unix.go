//go:build unix

package fileevent

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// there reports whether anything stands at the path. It is os.Lstat without
// what that makes of the answer, because it stands between a Set and who is
// woken by it.
func there(path string) (bool, error) {
	var st unix.Stat_t
	for {
		switch err := unix.Lstat(path, &st); err {
		case nil:
			return true, nil
		case unix.ENOENT:
			return false, nil
		case unix.EINTR:
		default:
			return false, &fs.PathError{Op: "lstat", Path: path, Err: err}
		}
	}
}

// unlink removes what stands at the path unless it is a directory, and reports
// whether it was this call that did.
func unlink(path string) (bool, error) {
	for {
		switch err := unix.Unlink(path); err {
		case nil:
			return true, nil
		case unix.ENOENT:
			return false, nil
		case unix.EINTR:
		default:
			return false, &fs.PathError{Op: "take", Path: path, Err: err}
		}
	}
}

// renameTakes is whether of many that rename one file one succeeds.
const renameTakes = true

func rename(from, to string) error { return os.Rename(from, to) }

// inode is the number of the file in its file system.
func inode(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Ino)
	}
	return 0
}

// links is how many names the file has.
func links(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 1
}

// isFull reports whether the disk, or its owner's share of it, is full.
func isFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
