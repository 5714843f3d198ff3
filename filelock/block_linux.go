package filelock

import (
	"os"

	"github.com/fsync-lock/fsync/internal/flockwait"
	"golang.org/x/sys/unix"
)

// block opens the file, and waits in the kernel until it is locked. It returns errBusy
// if the wait had to end, and errReplaced if the file is not at the path any more.
func (t target) block(h *handle, flag int, at place, until ending) error {
	f, err := os.OpenFile(t.path, flag, t.perm)
	if err != nil {
		return err
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

func (t target) blockOn(f *os.File, at place, until ending) error {
	how := unix.LOCK_EX
	if t.shared {
		how = unix.LOCK_SH
	}
	var call flockwait.Call
	defer until(func() { call.Back(errBusy) })()
	defer everySecond(t.path, func() (done bool) {
		gone := t.isReplaced(at)
		if gone {
			call.Back(errReplaced)
		}
		return gone
	})()
	return call.Lock(int(f.Fd()), how)
}
