package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/child"
	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/userdir"
	"github.com/fsync-lock/fsync/filelock"
)

// A lock is the lock, the semaphore or the descriptor that the command line names.
type lock interface {
	Acquire(context.Context) error
	TryAcquire() (bool, error)
	Holders() ([]filelock.Holder, error)
	File() (*os.File, error) // a duplicate of the held file
	Release() error          // ends the hold, also for processes that inherited it
	Leave() error            // leaves the hold to processes that inherited it
	Path() string
}

// errConflict means that the lock is held, and with -w still was when the time was up.
var errConflict = errors.New("the lock is held")

// open returns the lock that the command line names. It does not open the lock file.
// With -u it returns nil, except for a descriptor.
//
// A waiter catches signals before other processes can see that it waits: until then the
// Go runtime drops signals that do not end the program. If the lock is free, open does
// not wait until signals are caught, because that takes time.
func (j *job) open(r *child.Relay) (lock, error) {
	opts := []filelock.Option{filelock.OnWait(r.Ready)}
	if j.shared {
		opts = append(opts, filelock.Shared())
	}
	if j.note != "" {
		opts = append(opts, filelock.Note(j.note))
	}
	if j.noFork { // no process would remove the record
		opts = append(opts, filelock.NoRecord())
	}
	switch {
	case j.fd >= 0:
		return newDescriptor(j.fd, j.shared, r.Ready)
	case j.unlock:
		return nil, nil // a file that is opened again has no lock to release
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

// acquire takes the lock, and waits for it as long as the command line says. A
// signal during the wait ends this process; see child.Relay.
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

// tellLink prints, with --verbose, where a symbolic link leads.
func (j *job) tellLink(l lock) {
	if !j.verbose || l == nil || j.path == "" || j.slots > 0 {
		return
	}
	if info, err := os.Lstat(j.path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return
	}
	if f, err := l.File(); err == nil {
		j.program.Complain(fmt.Sprintf("%s is a symbolic link to %s", j.path, f.Name()))
		f.Close()
	}
}

func (j *job) attempt(l lock, r *child.Relay) (bool, error) {
	if j.unlock {
		return true, unlock(l)
	}
	ctx, cancel := cli.Within(j.timeout)
	defer cancel()
	if s, ok := l.(*filelock.Semaphore); ok {
		if err := j.resize(ctx, s, r); err != nil {
			return false, err
		}
	}
	if j.timeout == 0 {
		return l.TryAcquire()
	}
	defer j.showWait(l, r)()
	err := l.Acquire(ctx)
	switch {
	case err == nil:
		return true, nil
	case !errors.Is(err, context.DeadlineExceeded):
		return false, err
	case errors.Is(err, filelock.ErrLocked):
		return false, nil
	}
	return l.TryAcquire() // ctx had ended before Acquire began
}

// unlock releases the lock of a descriptor. With a file, -u has nothing to release.
func unlock(l lock) error {
	if d, ok := l.(*descriptor); ok {
		return d.unlock()
	}
	return nil
}
