// Package sidecar makes the directory DIR/.fsync, the sidecar of DIR. It has files that
// belong to files of DIR. A change in it is not reported to processes that watch DIR.
//
// A user who may write to DIR can remove or rename the sidecar; the next process makes
// it again.
package sidecar

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/invalid"
)

// Dir is the name of the sidecar. In all functions the argument dir is the path of DIR
// with its last separator, or empty for the working directory.
const Dir = ".fsync"

func parentOf(dir string) string {
	if dir == "" {
		return "."
	}
	return dir
}

// Check returns an error if the sidecar is not a directory, for a caller that is about to
// move a file there: through a symbolic link, another user could have it moved
// elsewhere. A missing sidecar is no error.
func Check(dir string) error {
	_, err := exists(dir + Dir)
	return err
}

func exists(path string) (bool, error) {
	info, err := file.Lstat(path)
	if err == nil && info.Exists && !info.Mode.IsDir() {
		err = &fs.PathError{Op: "open", Path: path, Err: invalid.Error("not a directory")}
	}
	return info.Exists, err
}

// Make creates the sidecar if it is missing. It begins again if another process has made
// the sidecar first, and a third one has removed it since.
//
// A process that dies in Make may leave an empty directory .fsync.X, with random
// digits X; see [Sweep].
func Make(dir string) error {
	parent, err := os.Stat(parentOf(dir))
	if err != nil {
		return err
	}
	for range maxAttempts {
		if err = tryMake(dir, parent); !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return err
}

const maxAttempts = 100

// tryMake makes a directory and gives it its name when its permissions are complete, so
// that no other user is refused meanwhile. The rename may replace an empty directory
// that another process has just made.
func tryMake(dir string, parent fs.FileInfo) error {
	path := dir + Dir
	if made, err := exists(path); made || err != nil {
		return err
	}
	tmp := fmt.Sprintf("%s.%016x", path, rand.Uint64())
	err := mkdir(tmp, dir, parent)
	if err == nil {
		if err = os.Rename(tmp, path); err == nil {
			return nil
		}
		os.Remove(tmp)
	}
	if errors.Is(err, syscall.EXDEV) {
		// An overlay in a user namespace cannot rename a directory, so make it under
		// its name. Other users are refused until it has its permissions.
		err = mkdir(path, dir, parent)
	}
	if made, _ := exists(path); err == nil || made {
		return nil // perhaps another process was faster
	}
	return &fs.PathError{Op: "mkdir", Path: path, Err: errors.Unwrap(err)}
}

// mkdir makes a directory with the permissions of the parent. Only this user may use it
// before it has them.
func mkdir(path, dir string, parent fs.FileInfo) error {
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	err := inherit(path, parentOf(dir), parent)
	if err != nil {
		os.Remove(path)
	}
	return err
}

// Sweep removes the directories that processes have left that were killed in [Make]. A
// directory that was made in the last seconds may still get its name, so it stays. Sweep
// does nothing if DIR has many entries.
func Sweep(dir string) {
	d, err := os.Open(parentOf(dir))
	if err != nil {
		return
	}
	defer d.Close()
	names, err := d.Readdirnames(maxSwept)
	if err != nil && err != io.EOF || len(names) == maxSwept {
		return
	}
	for _, name := range names {
		if ok, _ := filepath.Match(Dir+".????????????????", name); !ok {
			continue
		}
		path := dir + name
		if info, err := os.Lstat(path); err == nil && info.IsDir() && time.Since(info.ModTime()) > sweepAfter {
			os.Remove(path) // if it is empty
		}
	}
}

const (
	maxSwept   = 1000
	sweepAfter = 10 * time.Second
)
