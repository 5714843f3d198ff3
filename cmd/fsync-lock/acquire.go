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
	dir := j.dir
	if dir == "" {
		var err error
		if dir, err = defaultDir(); err != nil {
			return nil, err
		}
	}
	m, err := fsync.Open(dir, fsync.Perm(0o700))
	if err != nil {
		return nil, err
	}
	return m.NewLock(j.name, opts...)
}

// defaultDir is never a directory in which others can put files: whoever can
// may hold our locks for ever.
func defaultDir() (string, error) {
	if dir := os.Getenv("FSYNC_DIR"); dir != "" {
		return dir, nil
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "fsync"), nil
	}
	if os.Geteuid() == 0 {
		return "/run/lock/fsync", nil
	}
	return "", errNoDir
}

var errNoDir = errors.New("--name needs a directory: give --dir, or set FSYNC_DIR or XDG_RUNTIME_DIR")

// acquire takes the lock, waiting for it as the command line says, until a
// signal comes.
func (j *job) acquire(lock *filelock.Lock, interrupts <-chan os.Signal) error {
	ok, err := lock.TryAcquire()
	if ok || err != nil {
		return err
	}
	if j.nonblock {
		return errConflict
	}
	ctx, cancel := context.WithCancel(context.Background())
	if j.timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, j.timeout)
	}
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- lock.Acquire(ctx) }()
	select {
	case sig := <-interrupts:
		return signalError{sig} // the process ends, and the wait with it
	case err := <-done:
		if errors.Is(err, filelock.ErrLocked) || errors.Is(err, context.DeadlineExceeded) {
			return errConflict
		}
		return err
	}
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

func signalNumber(err error) int {
	var sig signalError
	if errors.As(err, &sig) {
		if n, ok := sig.Signal.(syscall.Signal); ok {
			return int(n)
		}
	}
	return 0
}
