package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/fsync-lock/fsync/internal/file"
	"golang.org/x/sys/unix"
)

// checkGiven refuses a path such as /dev/fd/9 if the shell has not opened that
// descriptor, as flock(1) does. The Go runtime may have opened it, and a lock on such a
// file would exclude no process.
func checkGiven(path string) error {
	notOpen := &fs.PathError{Op: "open", Path: path, Err: unix.ENOENT}
	_, err := file.Follow(path, func(link, _ string) error {
		dir, err := filepath.EvalSymlinks(filepath.Dir(link))
		if err != nil || !strings.HasPrefix(dir, "/proc/") {
			return err
		}
		if dir == "/proc/"+strconv.Itoa(os.Getpid())+"/fd" {
			if fd, err := strconv.Atoi(filepath.Base(link)); err == nil && !isGiven(fd) {
				return notOpen
			}
		}
		return fs.SkipAll // the text of such a link may not be a path
	})
	if errors.Is(err, notOpen) {
		return notOpen
	}
	return nil // filelock meets any other error, too
}
