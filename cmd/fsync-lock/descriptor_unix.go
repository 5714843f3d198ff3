//go:build unix

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
	"golang.org/x/sys/unix"
)

// A descriptor is a lock on a file that the shell has open. It lasts after this
// process has ended, as long as a process has the file open. It has no path, so
// there is no check that the file is still at the path, and no gate. A waiter
// waits in the kernel's queue, as flock(1) does.
type descriptor struct {
	fd  int
	how int // LOCK_EX or LOCK_SH
}

// newDescriptor checks that the shell has opened the descriptor.
func newDescriptor(fd int, shared bool) (lock, error) {
	d := &descriptor{fd, unix.LOCK_EX}
	if shared {
		d.how = unix.LOCK_SH
	}
	if !isGiven(fd) {
		return d, d.failed(unix.EBADF)
	}
	return d, nil
}

// isGiven reports whether a descriptor came from the process that started this
// one. A descriptor that is close-on-exec was opened by the Go runtime.
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

// Acquire starts another process to wait in the kernel if ctx has a deadline. This
// process could not interrupt such a wait, and might be granted the lock after it
// has reported that the lock is held. The other process waits through the same
// open file, so its lock is also that of this process. When it has ended, one more
// try tells whether the lock was granted.
func (d *descriptor) Acquire(ctx context.Context) error {
	if ok, err := d.TryAcquire(); ok || err != nil {
		return err
	}
	if ctx.Done() == nil {
		return d.failed(d.flock(d.how))
	}
	waiter, err := d.startWaiter()
	if err != nil {
		return statusError{exitSystem, err}
	}
	stop := context.AfterFunc(ctx, func() { waiter.Kill() })
	state, _ := waiter.Wait()
	stop()
	switch ok, err := d.TryAcquire(); {
	case ok || err != nil:
		return err
	case ctx.Err() == nil:
		return statusError{exitSystem, fmt.Errorf("the process that waited for descriptor %d has ended: %v", d.fd, state)}
	}
	return errTimeout
}

// errTimeout is the error of a wait that timed out, as that of a filelock.Lock.
var errTimeout = errors.Join(filelock.ErrLocked, context.DeadlineExceeded)

// startWaiter runs this program again, to wait for the lock and end. It works
// without /proc and /dev, which may be missing after a chroot(2): a pipe that no
// other process has takes the place of /dev/null.
func (d *descriptor) startWaiter() (*os.Process, error) {
	self, err := executable()
	if err != nil {
		return nil, fmt.Errorf("cannot wait for a limited time: %w", err)
	}
	null, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	in.Close()
	defer null.Close()
	argv := []string{os.Args[0], "--exclusive", "3"}
	if d.how == unix.LOCK_SH {
		argv[1] = "--shared"
	}
	file := os.NewFile(uintptr(d.fd), "")
	waiterFile = file // if it were garbage collected, it would be closed
	return os.StartProcess(self, argv, &os.ProcAttr{
		Files: []*os.File{null, null, null, file}, Sys: child.Attributes(true, true), // a Ctrl-C is not for it
	})
}

var waiterFile *os.File

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

// File is never called: a command inherits the descriptor itself.
func (d *descriptor) File() (*os.File, error) { return nil, errors.ErrUnsupported }
