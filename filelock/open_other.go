//go:build !unix

package filelock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
)

const (
	openFlags  = 0
	noFollow   = 0
	needsWrite = false
	gates      = false // a gate cannot be removed while it is open
)

// fileID identifies a file.
type fileID struct{ fs.FileInfo }

func sameFile(a, b fileID) bool { return os.SameFile(a.FileInfo, b.FileInfo) }

func (id fileID) is(info fs.FileInfo) bool { return os.SameFile(id.FileInfo, info) }

// links is not known on this system.
func links(fs.FileInfo) uint64 { return 1 }

func lookAt(path string) (place, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return place{}, nil
	}
	if err != nil {
		return place{}, err
	}
	return seen(info), nil
}

// lookAtOpen looks at an open file.
func lookAtOpen(f *os.File) (place, error) {
	info, err := f.Stat()
	if err != nil {
		return place{}, err
	}
	return seen(info), nil
}

func seen(info fs.FileInfo) place {
	return place{exists: true, mode: info.Mode().Type(), file: fileID{info}, size: info.Size()}
}

func lookThrough(path string) (place, error) { return lookAt(path) }

// distrustLink refuses every link: with access control lists it is hard to find out
// which users could have created it.
func distrustLink(link, dir string) string {
	return "it is a symbolic link, which is not followed on this system: give the path of the file that it leads to"
}

func isBusy(error) bool        { return false }
func isLeased(error) bool      { return false }
func wantsWrite(error) bool    { return false }
func isInterrupted(error) bool { return false }
func isLink(error) bool        { return false }
func hasNoLocks(error) bool    { return false }
func fileGone(error) bool      { return false }
func pathGone(error) bool      { return false }

// duplicate fails: a LockFileEx lock belongs to the process that took it and cannot
// be inherited.
func duplicate(*os.File) (*os.File, error) {
	return nil, fmt.Errorf("a hold cannot be inherited on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

func likeOwner(*os.File, fs.FileInfo) {}
