//go:build unix

package cwd

import (
	"fmt"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// identity tells directories apart. The working directory cannot be removed
// for good while the process is in it, so nothing else gets its numbers.
type identity struct{ dev, ino uint64 }

func (id identity) String() string { return fmt.Sprintf("%x:%x:", id.dev, id.ino) }

func identify(dir string) (identity, error) {
	st, err := stat(dir)
	return identity{uint64(st.Dev), uint64(st.Ino)}, err
}

// isRemoved goes by the count of names, which is none. Where a file system keeps
// another count of a directory, nobody is told.
func isRemoved(dir string) bool {
	st, err := stat(dir)
	return err == nil && st.Nlink == 0
}

func stat(path string) (st unix.Stat_t, err error) {
	for {
		if err = unix.Stat(path, &st); err != unix.EINTR {
			return st, err
		}
	}
}

// At returns the path as it is, and the directory that it begins in.
func At(path string) (string, Dir, error) {
	if filepath.IsAbs(path) {
		return path, Dir{}, nil
	}
	id, err := identify(".")
	return path, Dir{relative: true, id: id, path: getwd()}, err
}

// getwd asks the kernel. [os.Getwd] prefers $PWD, in which there may be
// symbolic links that lead elsewhere a moment later.
func getwd() string {
	dir, err := syscall.Getwd()
	if err != nil || !filepath.IsAbs(dir) {
		return ""
	}
	return dir
}
