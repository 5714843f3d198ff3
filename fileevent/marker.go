package fileevent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"unicode"

	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/fskind"
	"github.com/fsync-lock/fsync/internal/invalid"
	"github.com/fsync-lock/fsync/internal/sidecar"
)

// A marker is the file that exists while its event is set.
//
// Its path is split but never cleaned: with a symbolic link a, a/../b is another file than
// b.
type marker struct {
	path string
	dir  string // with its last separator; empty for the working directory
	name string
	in   cwd.Dir // the working directory that the path begins in; see begin

	network bool // it is on a network file system; set by withKind
}

func splitMarker(path string) marker {
	dir, name := filepath.Split(path)
	return marker{path: path, dir: dir, name: name}
}

// withKind returns the marker with the right value of network.
func (m marker) withKind() marker {
	m.network = fskind.Of(m.directory()).Network
	return m
}

// sidecar returns the path of the file with that name in DIR/.fsync. The path of DIR is not
// cleaned.
func (m marker) sidecar(name string) string {
	return m.dir + sidecar.Dir + string(filepath.Separator) + name
}

func (m marker) directory() string {
	if m.dir == "" {
		return "."
	}
	return m.dir
}

// validate refuses paths that no marker can have, such as one that ends in "..".
func (m marker) validate(op string) error {
	path, wrong := m.path, ""
	switch {
	case path == "":
		wrong = "the path of a marker cannot be empty"
	case strings.Contains(path, "\x00"):
		path, wrong = strings.ReplaceAll(path, "\x00", "?"), "a path cannot contain a NUL"
	case m.name == "", m.name == ".", m.name == "..", m.name == sidecar.Dir:
		wrong = "not the name of a marker"
	default:
		return nil
	}
	return &fs.PathError{Op: op, Path: path, Err: invalid.Error(wrong)}
}

// begin returns the marker for a call that waits. The program may change its working
// directory during the call; then now returns the same marker under another path.
func (m marker) begin(op string) (marker, error) {
	if err := m.validate(op); err != nil {
		return m, err
	}
	path, in, err := cwd.At(m.path)
	if err != nil {
		return m, &fs.PathError{Op: op, Path: m.path, Err: err}
	}
	m = splitMarker(path)
	m.in = in
	return m, nil
}

// now returns the marker under the path that leads to it now.
func (m marker) now() (marker, error) {
	path, err := m.in.Path(m.path)
	if err == nil && m.in.Removed(m.path) {
		err = cwd.ErrRemoved
	}
	if err != nil {
		return m, &fs.PathError{Op: "look for", Path: m.path, Err: err}
	}
	if path == m.path {
		return m, nil
	}
	now := splitMarker(path)
	now.in, now.network = m.in, m.network
	return now, nil
}

// reach calls do with the marker under the path that leads to it now. If the program has
// changed its working directory when do returns, the path may have led do to another file;
// then reach calls do again.
func (m marker) reach(do func(marker) error) error {
	for {
		now, err := m.now()
		if err != nil {
			return err
		}
		if err = do(now); now.still() {
			return err
		}
	}
}

// still reports whether the path, which now has returned, still leads to the same file.
func (m marker) still() bool { return m.in.Still(m.path) }

// exists reports whether the marker exists. In a missing directory it does not.
//
// When another host has removed a marker, a FUSE file system may still report the file for
// a second or more. It does not cache listings of directories, so the listing decides.
func (m marker) exists() (bool, error) {
	info, err := file.Lstat(m.path)
	if info.Exists && m.network {
		return m.listed(), nil
	}
	return info.Exists, err
}

// listed reports whether the listing of the directory contains the marker. It also returns
// true if the listing cannot be read, or may contain the name in another encoding.
func (m marker) listed() bool {
	if strings.ContainsFunc(m.name, func(r rune) bool { return r > unicode.MaxASCII }) {
		return true // the server may encode the name in another way
	}
	f, err := os.Open(m.directory())
	if err != nil {
		return true
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	return err != nil || slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, m.name) })
}

// refresh makes the next look see the changes of other hosts. An NFS client may answer
// lstat(2) from its cache; opening the directory makes it ask the server (nfs(5),
// close-to-open cache consistency). A look after a notification needs no refresh, because
// package watch has opened the directory.
func (m marker) refresh() {
	if !m.network {
		return
	}
	if f, err := os.Open(m.directory()); err == nil {
		f.Close()
	}
}

// isSet reports whether the marker exists. A missing directory is an error.
func (m marker) isSet() (bool, error) {
	m = m.withKind()
	m.refresh()
	set, err := m.exists()
	if set || err != nil {
		return set, err
	}
	return false, m.directoryExists()
}

func (m marker) directoryExists() error {
	_, err := os.Stat(m.directory())
	return err
}

// create creates the marker and opens it. If the path exists already, it returns nil. With
// O_EXCL, open(2) neither follows a symbolic link nor opens an existing file. With O_CREAT
// alone, it would fail for another user's file in a sticky directory if
// fs.protected_regular is set (proc_sys_fs(5)).
func (m marker) create(perm fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(m.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if errors.Is(err, fs.ErrExist) {
		return nil, nil
	}
	return f, err
}

// clearable describes the file that Clear will remove. A directory at the path is an error,
// and so is a missing directory of the marker.
func (m marker) clearable() (file.Info, error) {
	info, err := file.Lstat(m.path)
	switch {
	case err == nil && !info.Exists:
		err = m.directoryExists()
	case info.Mode.IsDir(): // os.Remove would remove an empty one
		err = &fs.PathError{Op: "clear", Path: m.path, Err: syscall.EISDIR}
	}
	return info, err
}

// is reports whether both markers exist and are the same file in the same directory. A hard
// link in another directory is another event.
func (m marker) is(other marker) bool {
	return oneFile(file.Stat, m.directory(), other.directory()) && oneFile(file.Lstat, m.path, other.path)
}

func oneFile(stat func(string) (file.Info, error), a, b string) bool {
	one, err := stat(a)
	if err != nil {
		return false
	}
	other, err := stat(b)
	return err == nil && one.Is(other)
}

func (m marker) remove() error {
	if err := os.Remove(m.path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
