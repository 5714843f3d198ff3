//go:build !unix

package fileevent

import (
	"errors"
	"io/fs"
	"os"
)

// there reports whether there is a file of any kind at the path.
func there(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// links returns 2: the number of names is not known, and there may be several.
func links(fs.FileInfo) uint64 { return 2 }

// inode returns 0: the number is not known.
func inode(fs.FileInfo) uint64 { return 0 }
