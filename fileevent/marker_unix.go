//go:build unix

package fileevent

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// there reports whether there is a file of any kind at the path. It calls
// lstat(2) itself, because that is faster than os.Lstat and each wake-up waits
// for it.
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

// unlink removes the file at the path unless it is a directory, and reports
// whether this call did it.
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

// renameTakes: of many processes that rename one file, only one succeeds.
const renameTakes = true

func rename(from, to string) error { return os.Rename(from, to) }

// links returns how many names the file has.
func links(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 1
}

// isFull reports whether the disk or the user's quota is full.
func isFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
