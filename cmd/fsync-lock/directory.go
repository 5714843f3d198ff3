package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/fsync-lock/fsync"
)

// manager opens the directory that --name is looked up in.
func (j *job) manager() (*fsync.Manager, error) {
	if j.dir != "" {
		return fsync.Open(j.dir, fsync.Perm(0o700))
	}
	dir, private := os.Getenv("FSYNC_DIR"), false
	if dir == "" {
		dir, private = defaultDir(), true
	}
	if dir == "" {
		return nil, errNoDir
	}
	if dir == rootDir {
		os.MkdirAll(filepath.Dir(dir), 0o755) // that one is everybody's
	}
	m, err := fsync.Open(dir, fsync.Perm(0o700))
	if err == nil && private {
		err = checkPrivate(dir)
	}
	return m, err
}

var errNoDir = statusError{exitUsage, errors.New("--name needs a directory: give --dir, or set FSYNC_DIR or XDG_RUNTIME_DIR")}

const rootDir = "/run/lock/fsync"

func defaultDir() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "fsync")
	}
	if os.Geteuid() == 0 {
		return rootDir
	}
	return ""
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
