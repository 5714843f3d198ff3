//go:build unix

package fileevent

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// unlink removes the file at the path, unless it is a directory, and reports whether this
// call removed it.
func unlink(path string) (bool, error) {
	err := unix.Unlink(path)
	for err == unix.EINTR {
		err = unix.Unlink(path)
	}
	if err == nil || err == unix.ENOENT {
		return err == nil, nil
	}
	return false, &fs.PathError{Op: "take", Path: path, Err: err}
}

// renameTakes: if many processes rename one file, only one of them succeeds.
const renameTakes = true

func rename(from, to string) error { return os.Rename(from, to) }

// isFull reports whether the disk or the user's quota is full.
func isFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
