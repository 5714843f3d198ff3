//go:build unix

package watch

import (
	"io/fs"
	"os"
	"syscall"
)

// An identity identifies a directory, whatever its path.
type identity struct{ dev, ino uint64 }

func identify(dir string) (identity, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return identity{}, err
	}
	if !info.IsDir() {
		return identity{}, &fs.PathError{Op: "watch", Path: dir, Err: syscall.ENOTDIR}
	}
	st := info.Sys().(*syscall.Stat_t)
	return identity{uint64(st.Dev), uint64(st.Ino)}, nil
}
