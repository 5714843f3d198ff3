package filelock

import (
	"os"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/flockwait"
	"golang.org/x/sys/unix"
)

// block opens the file, and waits in the kernel until it is locked. It returns errBusy
// if the wait had to end, and errReplaced if the file is not at the path any more.
func (t target) block(h *handle, flag int, at file.Info, until ending) error {
	f, err := os.OpenFile(t.path, flag, t.perm)
	if err != nil {
		return err
	}
	if t.isGate {
		showWaiter(f)
	}
	if err = h.identifyAs(f); err == nil { // now, since after the grant every system call counts
		err = t.blockOn(f, at, until)
	}
	if err == nil {
		err = h.put(f)
	}
	if err != nil {
		f.Close()
		return err
	}
	h.noteLocked(t.shared)
	return nil
}

func (t target) blockOn(f *os.File, at file.Info, until ending) error {
	how := unix.LOCK_EX
	if t.shared {
		how = unix.LOCK_SH
	}
	var call flockwait.Call
	defer until(&call, t.path, func() bool { return t.isReplaced(at) })()
	return call.Lock(int(f.Fd()), how)
}

// showWaiter shows that a process waits at the gate or holds it: isWaitedFor sees that.
// It is a lock of another family (fcntl(2), F_OFD_SETLK). The kernel drops it with the
// last descriptor of the open file. Where there are no such locks, a gate may be
// removed too early; then its waiters take their places again at another gate.
func showWaiter(f *os.File) { setShown(f, unix.F_RDLCK) }

// hideWaiter ends that at once, even if a child process has a copy of the descriptor.
func hideWaiter(h *handle) {
	if f, err := h.open(); err == nil {
		setShown(f, unix.F_UNLCK)
	}
}

func setShown(f *os.File, how int16) {
	unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: how, Len: 1})
}

// isWaitedFor reports whether another process, or another goroutine, waits at the gate
// or holds it.
func isWaitedFor(h *handle) bool {
	f, err := h.open()
	if err != nil {
		return false
	}
	others := unix.Flock_t{Type: unix.F_WRLCK, Len: 1}
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &others) == nil && others.Type != unix.F_UNLCK
}
