//go:build unix && !aix

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/fsync-lock/fsync/cmd/internal/child"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/flockwait"
	"github.com/fsync-lock/fsync/internal/fskind"
	"golang.org/x/sys/unix"
)

// A descriptor is a lock on a file that the shell has open. After this process the lock
// remains as long as a process has the file open. A descriptor has no path, so there is
// no check that the file is still at the path, and no gate. A waiter waits in the
// kernel's queue, as flock(1) does.
type descriptor struct {
	fd  int
	how int // LOCK_EX or LOCK_SH

	onWait func() // see filelock.OnWait; may be nil
}

// newDescriptor checks that the shell has opened the descriptor.
func newDescriptor(fd int, shared bool, onWait func()) (lock, error) {
	d := &descriptor{fd, unix.LOCK_EX, onWait}
	if shared {
		d.how = unix.LOCK_SH
	}
	if !isGiven(fd) {
		return d, d.failed(unix.EBADF)
	}
	return d, nil
}

// isGiven reports whether this process inherited a descriptor. It did not if the
// descriptor is close-on-exec: then this program has opened it.
func isGiven(fd int) bool {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil && flags&unix.FD_CLOEXEC == 0 && !child.LooksOpenedByRuntime(fd)
}

// flock is flock(2), repeated if a signal interrupts it.
func (d *descriptor) flock(how int) error {
	for {
		if err := unix.Flock(d.fd, how); err != unix.EINTR {
			return err
		}
	}
}

func (d *descriptor) failed(err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: "flock", Path: "descriptor " + strconv.Itoa(d.fd), Err: err}
}

func (d *descriptor) unlock() error { return d.failed(d.flock(unix.LOCK_UN)) }

func (d *descriptor) TryAcquire() (bool, error) {
	err := d.flock(d.how | unix.LOCK_NB)
	if err == unix.EWOULDBLOCK || err == unix.EACCES { // EACCES: the kernel's CIFS client
		return false, nil
	}
	return err == nil, d.failed(err)
}

// Acquire waits in the kernel. If ctx can end, it waits through a duplicate of the
// descriptor (dup(2)), where the wait can be interrupted. The duplicate is the same open
// file, so the shell's descriptor gets the lock. A lock that is granted just when ctx
// ends is not released: another process with the same open file may have taken it. One
// more try tells whether the open file has the lock.
func (d *descriptor) Acquire(ctx context.Context) error {
	if ok, err := d.TryAcquire(); ok || err != nil {
		return err
	}
	if d.onWait != nil {
		d.onWait()
	}
	if ctx.Done() == nil {
		return d.failed(d.flock(d.how))
	}
	if free, ok := d.mayBlock(); ok {
		defer free()
		return d.wait(ctx)
	}
	return d.poll(ctx)
}

// mayBlock reports whether a wait in the kernel can be interrupted. If so, the caller
// must call free after the wait.
func (d *descriptor) mayBlock() (free func(), ok bool) {
	if fskind.OfDescriptor(d.fd).Network {
		return nil, false
	}
	return flockwait.Reserve()
}

func (d *descriptor) wait(ctx context.Context) error {
	fd, err := unix.FcntlInt(uintptr(d.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return d.poll(ctx)
	}
	call := flockwait.Call{Inherited: true}
	stop := context.AfterFunc(ctx, func() { call.Back(errTimeout) })
	err = call.Lock(fd, d.how)
	stop()
	unix.Close(fd)
	if err != errTimeout {
		return d.failed(err)
	}
	return d.lastTry()
}

// poll tries again after each pause, until ctx ends.
func (d *descriptor) poll(ctx context.Context) error {
	for pause := (flockwait.Pause{}); pause.Wait(ctx); {
		if ok, err := d.TryAcquire(); ok || err != nil {
			return err
		}
	}
	return d.lastTry()
}

func (d *descriptor) lastTry() error {
	if ok, err := d.TryAcquire(); ok || err != nil {
		return err
	}
	return errTimeout
}

// errTimeout is the error of a wait that timed out, as a filelock.Lock returns it.
var errTimeout = errors.Join(filelock.ErrLocked, context.DeadlineExceeded)

// Release is unlock.
func (d *descriptor) Release() error { return d.unlock() }

// Leave is never called: the descriptor belongs to the shell.
func (d *descriptor) Leave() error { return errors.ErrUnsupported }

func (d *descriptor) Holders() ([]filelock.Holder, error) {
	path := d.Path()
	if path == "" {
		return nil, nil
	}
	return filelock.New(path).Holders()
}

// Path returns the path of the file; empty = not known.
func (d *descriptor) Path() string {
	path, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", d.fd))
	if err != nil {
		return ""
	}
	if _, err := os.Lstat(path); err != nil {
		return "" // the file was removed, or is a pipe
	}
	return path
}

// File is never called: the command inherits the shell's descriptor.
func (d *descriptor) File() (*os.File, error) { return nil, errors.ErrUnsupported }
