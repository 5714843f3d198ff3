package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/filelock"
)

// errConflict says that the lock is held and the user did not want to wait,
// or not for so long.
var errConflict = errors.New("the lock is held")

// open returns the lock that the command line names; it opens nothing yet.
func (j *job) open() (*filelock.Lock, error) {
	var opts []filelock.Option
	if j.shared {
		opts = append(opts, filelock.Shared())
	}
	if j.name == "" {
		return filelock.New(j.path, opts...), nil
	}
	m, err := j.manager()
	if err != nil {
		return nil, err
	}
	return m.NewLock(j.name, opts...)
}

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
	m, err := fsync.Open(dir, fsync.Perm(0o700))
	if err == nil && private {
		err = checkPrivate(dir)
	}
	return m, err
}

var errNoDir = errors.New("--name needs a directory: give --dir, or set FSYNC_DIR or XDG_RUNTIME_DIR")

func defaultDir() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "fsync")
	}
	if os.Geteuid() == 0 {
		return "/run/lock/fsync"
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

// acquire takes the lock, waiting for it as the command line says, until a
// signal comes. It asks nobody who holds the lock: that takes its time.
func (j *job) acquire(lock *filelock.Lock, interrupts <-chan os.Signal) error {
	done := make(chan error, 1)
	go func() { done <- j.attempt(lock) }()
	select {
	case sig := <-interrupts:
		return signalError{sig} // the process ends, and the wait with it
	case err := <-done:
		return err
	}
}

func (j *job) attempt(lock *filelock.Lock) error {
	if j.timeout == 0 && !j.nonblock {
		return lock.Acquire(context.Background())
	}
	ok, err := lock.TryAcquireFor(j.timeout)
	if !ok && err == nil {
		return errConflict
	}
	return err
}

// openStatus is the exit status for a lock file that cannot be had.
func openStatus(err error) int {
	var path *fs.PathError
	switch {
	case errors.Is(err, errNoDir), !errors.As(err, &path) && errors.Is(err, fs.ErrInvalid): // a wrong name
		return exitUsage
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return exitCreate
	case errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ENOLCK):
		return exitSystem
	case errors.As(err, &path) && path.Op == "flock":
		return exitData
	}
	return exitNoInput
}

// signalError says that a signal ended the wait.
type signalError struct{ os.Signal }

func (e signalError) Error() string { return e.Signal.String() }

func signalOf(err error) os.Signal {
	var sig signalError
	errors.As(err, &sig)
	return sig.Signal
}
