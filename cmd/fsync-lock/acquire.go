package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/child"
	"github.com/fsync-lock/fsync/cmd/internal/userdir"
	"github.com/fsync-lock/fsync/filelock"
)

// A lock is what the command line names.
type lock interface {
	Acquire(context.Context) error
	TryAcquire() (bool, error)
	Holders() ([]filelock.Holder, error)
	File() (*os.File, error) // a duplicate of the held file
	Release() error          // ends the hold for all who inherited it
	Leave() error            // leaves the hold to those who inherited it
	Path() string
}

// errConflict says that the lock is held and the user did not want to wait,
// or not for so long.
var errConflict = errors.New("the lock is held")

// open returns the lock that the command line names; it opens no lock file
// yet. The lock of -u is nil, unless it is a descriptor's.
func (j *job) open() (lock, error) {
	var opts []filelock.Option
	if j.shared {
		opts = append(opts, filelock.Shared())
	}
	if j.note != "" {
		opts = append(opts, filelock.Note(j.note))
	}
	if j.noFork { // nothing of ours is left to remove it
		opts = append(opts, filelock.NoRecord())
	}
	switch {
	case j.fd >= 0:
		return newDescriptor(j.fd, j.shared)
	case j.unlock:
		return nil, nil // a file that nobody has locked through this descriptor
	case j.name == "" && j.slots > 0:
		return filelock.NewSemaphore(j.path, j.slots, opts...), nil
	case j.name == "":
		return filelock.New(j.path, append(opts, filelock.AnyFile())...), checkGiven(j.path)
	}
	m, err := userdir.Open(j.dir)
	switch {
	case err != nil:
		return nil, err
	case j.slots > 0:
		return m.NewSemaphore(j.name, j.slots, opts...)
	}
	return m.NewLock(j.name, opts...)
}

// acquire takes the lock, waiting for it as the command line says. A signal
// that comes meanwhile ends the process, and the wait with it: see child.Relay.
func (j *job) acquire(l lock, r *child.Relay) error {
	start := time.Now()
	ok, err := j.attempt(l, r)
	switch {
	case err != nil:
		return err
	case ok:
		j.tell("getting lock took %s seconds", seconds(time.Since(start)))
		j.tellLink(l)
		return nil
	}
	return errConflict
}

// tellLink says with --verbose where a symbolic link has led.
func (j *job) tellLink(l lock) {
	if !j.verbose || l == nil || j.path == "" || j.slots > 0 {
		return
	}
	if info, err := os.Lstat(j.path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return
	}
	if f, err := l.File(); err == nil {
		j.complain(fmt.Sprintf("%s is a symbolic link to %s", j.path, f.Name()))
		f.Close()
	}
}

func (j *job) attempt(l lock, r *child.Relay) (bool, error) {
	switch {
	case j.unlock:
		return true, unlock(l)
	case j.timeout == 0:
		return l.TryAcquire()
	}
	defer j.showWait(l, r)()
	ctx := context.Background()
	if j.timeout != forever {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, j.timeout)
		defer cancel()
	}
	err := l.Acquire(beforeWaiting{ctx, r.Ready})
	switch {
	case err == nil:
		return true, nil
	case !errors.Is(err, context.DeadlineExceeded):
		return false, err
	case errors.Is(err, filelock.ErrLocked):
		return false, nil
	}
	return l.TryAcquire() // the time was over before it began
}

// A beforeWaiting has something done when somebody is about to wait for its
// end, and before others can see that: a lock that nobody has is acquired
// without. Who waits is not in a hurry, and a signal that comes early must not
// be lost: until one is caught, the Go runtime drops what is no reason to end.
type beforeWaiting struct {
	context.Context
	do func()
}

func (c beforeWaiting) Done() <-chan struct{} {
	c.do()
	return c.Context.Done()
}

// unlock is for -u. A file that is opened for it is not locked through that
// descriptor, so there is nothing to do.
func unlock(l lock) error {
	if d, ok := l.(*descriptor); ok {
		return d.unlock()
	}
	return nil
}

// openStatus is the exit status for a lock file that cannot be had.
func openStatus(err error) int {
	var path *fs.PathError
	var of statusError
	switch {
	case errors.As(err, &of):
		return of.status
	case errors.Is(err, userdir.ErrUsage), !errors.As(err, &path) && errors.Is(err, fs.ErrInvalid): // a wrong name
		return exitUsage
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return exitCreate
	case isShortage(err), errors.Is(err, syscall.ENOLCK):
		return exitSystem
	case errors.As(err, &path) && path.Op == "flock":
		return exitData
	}
	return exitNoInput
}

// isShortage reports whether the system is out of something.
func isShortage(err error) bool {
	for _, shortage := range []error{syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, shortage) {
			return true
		}
	}
	return false
}
