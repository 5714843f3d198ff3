//go:build !unix && !windows

package watch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// An identity is the path, because the system has no better one. It has no
// watchers either, so nothing depends on the identity.
type identity struct{ path string }

func identify(dir string) (identity, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return identity{}, err
	}
	if !info.IsDir() {
		return identity{}, &fs.PathError{Op: "watch", Path: dir, Err: errors.New("not a directory")}
	}
	return identity{filepath.Clean(dir)}, nil
}
