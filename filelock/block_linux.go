package filelock

import (
	"os"

	"github.com/fsync-lock/fsync/internal/flockwait"
	"golang.org/x/sys/unix"
)

// block opens the file and waits in the kernel until it is locked. It returns the error
// with which the supervisor called the wait back.
func (f lockFile) block(h *hold, flag int, wait supervisor) error {
	open, err := os.OpenFile(f.path, flag, f.perm)
	if err != nil {
		return err
	}
	if f.isGate {
		showWaiter(open)
	}
	how := unix.LOCK_EX
	if f.shared {
		how = unix.LOCK_SH
	}
	if err = h.identifyAs(open); err == nil { // before the wait, so that Acquire returns soon after it
		var call flockwait.Call
		stop := wait(&call, func() bool { return f.isReplaced(h.id) })
		err = call.Lock(int(open.Fd()), how)
		stop()
	}
	if err == nil {
		err = h.setFile(open)
	}
	if err != nil {
		open.Close()
		return err
	}
	h.setLocked(f.shared)
	return nil
}

// showWaiter makes isWaitedFor see that a process waits at the gate or holds it. It uses
// a lock of another family (fcntl(2), F_OFD_SETLK), which the kernel drops with the last
// descriptor of the open file. On a file system without such locks a gate may be removed
// too early; then its waiters create another gate.
func showWaiter(f *os.File) { setShown(f, unix.F_RDLCK) }

// hideWaiter ends what showWaiter began, even if a child process has a copy of the
// descriptor.
func hideWaiter(h *hold) {
	if f, err := h.osFile(); err == nil {
		setShown(f, unix.F_UNLCK)
	}
}

func setShown(f *os.File, how int16) {
	unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: how, Len: 1})
}

// isWaitedFor reports whether another process, or another goroutine, waits at the gate
// or holds it.
func isWaitedFor(h *hold) bool {
	f, err := h.osFile()
	if err != nil {
		return false
	}
	others := unix.Flock_t{Type: unix.F_WRLCK, Len: 1}
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &others) == nil && others.Type != unix.F_UNLCK
}
