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

// inode knows no number of a file.
func inode(fs.FileInfo) uint64 { return 0 }
