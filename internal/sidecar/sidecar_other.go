//go:build !unix

package sidecar

import (
	"io"
	"io/fs"
	"os"
)

// OpenFlags, where the system has them, keep open(2) from following a symbolic link
// at the end of the path and from waiting for the other end of a FIFO.
const OpenFlags = 0

// A handle is an open file.
type handle struct{ *os.File }

func open(path string, flag int) (handle, error) {
	f, err := os.OpenFile(path, flag|OpenFlags, 0)
	return handle{f}, err
}

// isPlain reports whether it is a regular file that is not longer than size.
func (h handle) isPlain(size int) (bool, error) {
	info, err := h.Stat()
	return err == nil && info.Mode().IsRegular() && info.Size() <= int64(size), err
}

// readAt reads until content is full or the file ends.
func (h handle) readAt(content []byte, offset int) (int, error) {
	n, err := h.ReadAt(content, int64(offset))
	if err == io.EOF {
		err = nil
	}
	return n, err
}

func (h handle) writeAt(content []byte, offset int) error {
	_, err := h.WriteAt(content, int64(offset))
	return err
}

func (h handle) close() error { return h.Close() }

func isDirectory(path string) (bool, error) {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir(), err
}

// On Windows a new file inherits the permissions of its directory by itself.
func inherit(*os.File, string, fs.FileInfo, uint16, uint16) {}

func inheritDir(string, string, fs.FileInfo) error { return nil }
