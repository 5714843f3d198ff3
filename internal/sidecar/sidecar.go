// Package sidecar makes the directory DIR/.fsync, the sidecar of DIR. The sidecar contains
// files that belong to files of DIR. Processes that watch DIR get no reports of changes in
// the sidecar.
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

// Check returns an error if the sidecar is not a directory. A missing sidecar is no error.
// A caller checks before it moves a file there: if another user had put a symbolic link in
// the place of the sidecar, the file would go elsewhere.
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

// Make creates the sidecar if it is missing. If another process makes the sidecar first, and
// then a process removes it, Make begins again.
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

// maxAttempts is how often Make begins again.
const maxAttempts = 100

// tryMake makes a directory under another name, and renames it when its permissions are
// complete. So no user meets a sidecar without permissions. The rename may replace an empty
// sidecar that another process has just made.
func tryMake(dir string, parent fs.FileInfo) error {
	path := dir + Dir
	if made, err := exists(path); made || err != nil {
		return err
	}
	tmp := fmt.Sprintf("%s.%016x", path, rand.Uint64())
	err := mkdir(tmp, dir, parent)
	if err == nil {
		if err = rename(tmp, path); err == nil {
			return nil
		}
		os.Remove(tmp)
	}
	if errors.Is(err, syscall.EXDEV) {
		// An overlay in a user namespace cannot rename a directory. So make it under its
		// name. It refuses other users until it has its permissions.
		err = mkdir(path, dir, parent)
	}
	if made, _ := exists(path); err == nil || made {
		return nil // perhaps another process was faster
	}
	return &fs.PathError{Op: "mkdir", Path: path, Err: errors.Unwrap(err)}
}

// rename is replaced by tests.
var rename = os.Rename

// mkdir makes a directory with the permissions of the parent. Before it has them, only this
// user may use it.
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

// Sweep removes the directories that killed processes have left in [Make]. A directory that
// was made in the last seconds stays, because it may still get its name. Sweep does nothing
// if DIR has many entries.
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
	maxSwept   = 1000             // the largest number of entries of DIR that Sweep reads
	sweepAfter = 10 * time.Second // the age of a directory that no process makes any more
)
