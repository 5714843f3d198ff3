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
	needsWrite = false
	hasGates   = false // a gate cannot be removed while it is open
)

// distrustLink refuses every link: with access control lists it is hard to know which
// users could have created the link.
func distrustLink(link, dir string) string {
	return "it is a symbolic link, which is not followed on this system: give the path of the file that it leads to"
}

func isBusy(error) bool        { return false }
func wantsWrite(error) bool    { return false }
func isInterrupted(error) bool { return false }
func hasNoLocks(error) bool    { return false }
func fileGone(error) bool      { return false }
func pathGone(error) bool      { return false }

// duplicate fails: a LockFileEx lock belongs to the process that took it and cannot
// be inherited.
func duplicate(*os.File) (*os.File, error) {
	return nil, fmt.Errorf("a hold cannot be inherited on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

func likeOwner(*os.File, fs.FileInfo) {}
