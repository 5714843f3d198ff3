//go:build !unix && !windows

package fileevent

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// unlink removes the file at the path and reports whether this call did it.
func unlink(path string) (bool, error) {
	if info, err := os.Lstat(path); err == nil && info.IsDir() { // os.Remove would take an empty one
		return false, &fs.PathError{Op: "take", Path: path, Err: syscall.EISDIR}
	}
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func rename(from, to string) error { return os.Rename(from, to) }

// isFull returns false: no error here is known to mean it.
func isFull(error) bool { return false }
