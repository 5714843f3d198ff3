// Package cwd keeps a relative path on its file while the program changes its working
// directory.
//
// A relative path begins in the working directory of the process, as the kernel knows it.
// That directory may have another name than $PWD says, and the process may not be allowed
// to use its absolute path. So a call uses a relative path as it is while the process stays
// in the directory. If the program goes to another directory during the call, see
// [os.Chdir], the call uses the absolute path of the former one. If that path now leads
// elsewhere, the call fails with [ErrMoved].
//
// On Windows, which resolves paths drive by drive and does not let a working directory be
// renamed, a relative path is made absolute at once.
package cwd

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/fsync-lock/fsync/internal/file"
)

// ErrMoved means that the program changed its working directory while a relative path was
// in use, and that the former directory is not where it was.
var ErrMoved = errors.New("the working directory was changed meanwhile, and the former one cannot be found by its name; use an absolute path")

// ErrRemoved means that the working directory was removed, so no file can be made in it. The
// error is an [fs.ErrNotExist].
var ErrRemoved = fmt.Errorf("the working directory was removed: %w", fs.ErrNotExist)

// A Dir is the working directory that a path begins in. The zero Dir is for absolute
// paths.
type Dir struct {
	relative bool
	id       file.ID // no other directory gets this ID while the process is in the directory
	path     string  // the kernel's name for the directory; empty if it has none
}

// At returns the path to use, and the directory that it begins in. On Windows the path is
// absolute, elsewhere it is the path as given.
func At(path string) (string, Dir, error) {
	if runtime.GOOS == "windows" {
		path, err := filepath.Abs(path)
		return path, Dir{}, err
	}
	if filepath.IsAbs(path) {
		return path, Dir{}, nil
	}
	here, err := file.Stat(".")
	if err == nil && !here.Exists {
		err = fs.ErrNotExist
	}
	return path, Dir{relative: true, id: here.ID, path: getwd()}, err
}

// Path returns a path that leads, after changes of the working directory, to the file that
// the given path began with.
func (d Dir) Path(path string) (string, error) {
	if !d.relative || filepath.IsAbs(path) {
		return path, nil
	}
	here, err := file.Stat(".")
	switch {
	case here.Exists && here.ID == d.id:
		return path, nil
	case d.isAt(d.path):
		return join(d.path, path), nil
	case err != nil: // the process may no longer use the directory, so it is not known whether it has left
		return "", err
	}
	return "", ErrMoved
}

// Still reports whether a path that [Dir.Path] returned still leads to the same file. A
// caller asks after each use of the path. If the answer is no, it may have used another
// file, and asks for the Path again.
func (d Dir) Still(path string) bool {
	switch {
	case !d.relative:
		return true
	case filepath.IsAbs(path):
		return d.isAt(d.path)
	}
	return d.isAt(".")
}

// isAt reports whether the path leads to the directory. An empty path leads nowhere.
func (d Dir) isAt(path string) bool {
	info, _ := file.Stat(path)
	return info.Exists && info.ID == d.id
}

// Removed reports whether the path is in a working directory that was removed while the
// process was in it. It sees that from the number of names, which some file systems do not
// count; there, Removed reports false.
func (d Dir) Removed(path string) bool {
	if !filepath.IsLocal(path) {
		return false
	}
	here, err := file.Stat(".")
	return err == nil && here.ID == d.id && here.Links == 0
}

// Key returns a text for the path. The same path in two directories has two keys.
func (d Dir) Key(path string) string {
	if !d.relative || filepath.IsAbs(path) {
		return path
	}
	return fmt.Sprintf("%x:%x:%s", d.id.Dev, d.id.Ino, path)
}

// Abs returns an absolute path to the file. If the process cannot use any, it returns the
// path as it is.
func (d Dir) Abs(path string) string {
	if !d.relative {
		return clean(path)
	}
	for _, dir := range []string{getwd(), d.path} {
		if d.isAt(dir) {
			return clean(join(dir, path))
		}
	}
	return path
}

// Abs is [Dir.Abs] for a path that begins in the present working directory.
func Abs(path string) string {
	at, d, err := At(path)
	if err != nil {
		return path
	}
	return d.Abs(at)
}

// Name returns the absolute path by the kernel's name for the working directory, for people
// to read. The process may not be allowed to use that path. If the directory has no name,
// Name returns the path as it is.
func Name(path string) string {
	at, d, err := At(path)
	if err == nil && d.path != "" {
		at = join(d.path, at)
	}
	return clean(at)
}

// getwd asks the kernel. [os.Getwd] prefers $PWD, which may contain symbolic links that lead
// elsewhere a moment later.
func getwd() string {
	dir, err := syscall.Getwd()
	if err != nil || !filepath.IsAbs(dir) {
		return ""
	}
	return dir
}

// clean cleans a path that contains no "..": if a is a symbolic link, a/../b is another file
// than b.
func clean(path string) string {
	if slices.Contains(strings.Split(path, "/"), "..") {
		return path
	}
	return filepath.Clean(path)
}

// join puts a directory before a path. It cleans nothing except a leading ./ of the path.
func join(dir, path string) string {
	for strings.HasPrefix(path, "./") {
		path = strings.TrimLeft(path[2:], "/")
	}
	if path == "" || path == "." {
		return dir
	}
	return strings.TrimSuffix(dir, "/") + "/" + path
}

// Join returns the path of a file in a directory. Unlike [filepath.Join] it does not clean
// the path of the directory.
func Join(dir, file string) string {
	return strings.TrimRight(dir, string(filepath.Separator)) + string(filepath.Separator) + file
}
