package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many links the kernel follows (path_resolution(7)).
const maxLinks = 40

// checkGiven refuses a path such as /dev/fd/9 if the shell has not opened that
// descriptor, as flock(1) does. The Go runtime may have opened it, and a lock on
// its file would exclude no process.
func checkGiven(path string) error {
	link := path
	for range maxLinks {
		to, err := os.Readlink(link)
		if err != nil {
			return nil // not a link, or filelock reports the error
		}
		dir, err := filepath.EvalSymlinks(filepath.Dir(link))
		if err != nil {
			return nil
		}
		if dir == "/proc/"+strconv.Itoa(os.Getpid())+"/fd" {
			if fd, err := strconv.Atoi(filepath.Base(link)); err == nil && !isGiven(fd) {
				return &fs.PathError{Op: "open", Path: path, Err: unix.ENOENT}
			}
			return nil
		}
		if strings.HasPrefix(dir, "/proc/") {
			return nil // the text of such a link may not be a path
		}
		if !filepath.IsAbs(to) {
			to = dir + "/" + to
		}
		link = to
	}
	return nil
}
