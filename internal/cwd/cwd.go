// Package cwd keeps a relative path where it began.
//
// A relative path means what the kernel makes of it: it begins in the directory
// that the process is in. That directory may be called otherwise than $PWD says
// by now, and there may be no absolute path to it that the process may use. So
// nothing is put before the path while the process stays where it is. If it
// goes elsewhere, by [os.Chdir], a call that is still at work goes on by the
// absolute path of the directory that it began in, if that still leads there,
// and fails with [ErrMoved] otherwise.
//
// Windows resolves paths itself, drive by drive, and does not let a working
// directory be renamed: there a relative path is made absolute at once.
package cwd

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// ErrMoved says that the process went to another directory while a relative
// path was in use, and that the directory before cannot be found any more.
var ErrMoved = errors.New("the working directory was changed meanwhile, and the former one cannot be found by its name; use an absolute path")

// A Dir is the working directory that a path begins in. The zero Dir is that
// of absolute paths.
type Dir struct {
	relative bool
	id       identity
	path     string // what the kernel called it; empty if it has no name
}

// Path returns how a path that began in the directory is reached now.
func (d Dir) Path(path string) (string, error) {
	if !d.relative || filepath.IsAbs(path) {
		return path, nil
	}
	id, err := identify(".")
	switch {
	case err == nil && id == d.id:
		return path, nil
	case d.path != "" && d.isAt(d.path):
		return join(d.path, path), nil
	case err != nil: // nothing says that the process went elsewhere
		return "", err
	}
	return "", ErrMoved
}

// Still reports whether a name that Path returned leads there yet. If it does
// before and after its use, it did so in between.
func (d Dir) Still(name string) bool {
	switch {
	case !d.relative:
		return true
	case filepath.IsAbs(name):
		return d.isAt(d.path)
	}
	return d.isAt(".")
}

func (d Dir) isAt(name string) bool {
	id, err := identify(name)
	return err == nil && id == d.id
}

// ErrRemoved says that a path is in a working directory that was removed, in
// which nothing can be made any more. It is [fs.ErrNotExist].
var ErrRemoved = fmt.Errorf("the working directory was removed: %w", fs.ErrNotExist)

// Removed reports whether the path is in a working directory that was removed
// while the process stayed in it.
func (d Dir) Removed(path string) bool {
	return d.relative && filepath.IsLocal(path) && d.isAt(".") && isRemoved(".")
}

// Key returns what tells a path of the directory from the same path of any
// other.
func (d Dir) Key(path string) string {
	if !d.relative || filepath.IsAbs(path) {
		return path
	}
	return d.id.String() + path
}

// Reach returns an absolute path that leads where the path does, for others
// who need one, or the path itself if the process knows of none that it may
// use.
func (d Dir) Reach(path string) string {
	if !d.relative {
		return tidy(path)
	}
	for _, dir := range []string{getwd(), d.path} {
		if dir != "" && d.isAt(dir) {
			return tidy(join(dir, path))
		}
	}
	return path
}

// Reach is [Dir.Reach] for a path that begins in the working directory now.
func Reach(path string) string {
	name, d, err := At(path)
	if err != nil {
		return path
	}
	return d.Reach(name)
}

// Name returns the absolute path as the kernel has it, for people to read, or
// the path itself if its directory has no name. The process may not be allowed
// to use it.
func Name(path string) string {
	name, d, err := At(path)
	if err == nil && d.relative && d.path != "" {
		name = join(d.path, name)
	}
	return tidy(name)
}

// tidy cleans a path if that cannot change where it leads.
func tidy(path string) string {
	if slices.Contains(strings.Split(path, "/"), "..") {
		return path
	}
	return filepath.Clean(path)
}

// join puts a directory before a path. It does not clean the path: with a
// symbolic link a, a/../b is another file than b. That ./a is a needs no
// looking.
func join(dir, path string) string {
	for strings.HasPrefix(path, "./") {
		path = strings.TrimLeft(path[2:], "/")
	}
	if path == "" || path == "." {
		return dir
	}
	return strings.TrimSuffix(dir, "/") + "/" + path
}

// Within is the path of a file in a directory. It is not cleaned either.
func Within(dir, file string) string {
	return strings.TrimRight(dir, string(filepath.Separator)) + string(filepath.Separator) + file
}
