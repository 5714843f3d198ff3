package fileevent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// A marker is the file that is there while its event is set.
//
// The path is split and never cleaned: a/../b is another file than b if a is a
// symbolic link.
type marker struct {
	dir  string // with its last separator; empty for the working directory
	name string
}

func splitMarker(path string) marker {
	dir, name := filepath.Split(path)
	return marker{dir, name}
}

func (m marker) path() string { return m.dir + m.name }

func (m marker) directory() string {
	if m.dir == "" {
		return "."
	}
	return m.dir
}

func (m marker) trace() trace { return trace{m.directory(), m.dir + traces, m.name + ".pulse"} }

// check refuses the names that mean something else in every directory.
func (m marker) check(op string) error {
	path, wrong := m.path(), ""
	switch {
	case path == "":
		wrong = "the path of a marker cannot be empty"
	case strings.Contains(path, "\x00"):
		path, wrong = strings.ReplaceAll(path, "\x00", "?"), "a path cannot have a NUL in it"
	case m.name == "", m.name == ".", m.name == "..", m.name == traces:
		wrong = "not the name of a marker"
	default:
		return nil
	}
	return &fs.PathError{Op: op, Path: path, Err: misplaced(wrong)}
}

// absolute makes a marker that stays where it is if the working directory
// changes.
func (m marker) absolute(op string) (marker, error) {
	if err := m.check(op); err != nil {
		return m, err
	}
	if filepath.IsAbs(m.path()) {
		return m, nil
	}
	wd, err := os.Getwd()
	if err == nil && runtime.GOOS == "windows" { // C:name is relative to the directory of that drive
		wd, err = filepath.Abs(m.directory())
		m.dir = ""
	}
	if err != nil {
		return m, &fs.PathError{Op: op, Path: m.path(), Err: err}
	}
	m.dir = wd + string(filepath.Separator) + m.dir
	return m, nil
}

// exists is a look. In a directory that is missing there is no marker.
func (m marker) exists() (bool, error) {
	_, err := os.Lstat(m.path())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// isSet is a look in a directory that has to exist.
func (m marker) isSet() (bool, error) {
	set, err := m.exists()
	if set || err != nil {
		return set, err
	}
	_, err = os.Stat(m.directory())
	return false, err
}

// create makes the marker. O_EXCL neither follows a symbolic link nor opens
// what is there, and is not refused on somebody else's file in a sticky
// directory, as O_CREAT alone is where fs.protected_regular is set
// (proc_sys_fs(5)).
func (m marker) create(perm fs.FileMode) error {
	f, err := os.OpenFile(m.path(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

func (m marker) remove() error {
	info, err := os.Lstat(m.path())
	if errors.Is(err, fs.ErrNotExist) {
		_, err := os.Stat(m.directory())
		return err
	}
	if err != nil {
		return err
	}
	if info.IsDir() { // os.Remove would take an empty one
		return &fs.PathError{Op: "clear", Path: m.path(), Err: syscall.EISDIR}
	}
	if err := os.Remove(m.path()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
