// Package userdir knows the directory that the commands look names up in when
// they are not told.
package userdir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/fsync-lock/fsync"
)

// root is the directory of the superuser.
const root = "/run/lock/fsync"

// ErrNone says that there is no such directory.
var ErrNone = errors.New("a name needs a directory: give --dir, or set FSYNC_DIR or XDG_RUNTIME_DIR")

// Default returns the directory: $FSYNC_DIR, else fsync in $XDG_RUNTIME_DIR,
// else /run/lock/fsync for root, else none, which is empty. It may not exist.
func Default() string {
	dir, _ := find()
	return dir
}

// find reports also whether the directory is to be the user's alone, which is
// so unless the user has chosen it.
func find() (dir string, private bool) {
	if dir := os.Getenv("FSYNC_DIR"); dir != "" {
		return dir, false
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "fsync"), true
	}
	if os.Geteuid() == 0 {
		return root, true
	}
	return "", false
}

// Open returns the manager of the directory that --dir gives, or if that is
// empty of the default one. A directory that is missing is made for the user
// alone. A default directory that others can write to is refused; the error
// is [ErrNone] if there is none.
func Open(given string) (*fsync.Manager, error) {
	dir, private := given, false
	if dir == "" {
		dir, private = find()
	}
	if dir == "" {
		return nil, ErrNone
	}
	if dir == root {
		os.MkdirAll(filepath.Dir(dir), 0o755) // that one is everybody's
	}
	m, err := fsync.Open(dir, fsync.Perm(0o700))
	if err == nil && private {
		err = checkPrivate(dir)
	}
	return m, err
}

// checkPrivate refuses a directory that others can put files into, or lead
// elsewhere: they could hold our locks for ever, and /run/lock is open to
// everybody on many systems.
func checkPrivate(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() || !ours(info) || info.Mode().Perm()&0o022 != 0 {
		return &fs.PathError{Op: "open", Path: dir, Err: errors.New("it is not a directory of this user's alone; remove it, or give another by --dir or FSYNC_DIR")}
	}
	return nil
}
