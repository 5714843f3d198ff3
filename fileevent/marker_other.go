//go:build !unix

package fileevent

import (
	"errors"
	"io/fs"
	"os"
)

// there reports whether anything stands at the path.
func there(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// links does not know how many names a file has: there may be more.
func links(fs.FileInfo) uint64 { return 2 }

// inode knows no number of a file.
func inode(fs.FileInfo) uint64 { return 0 }
