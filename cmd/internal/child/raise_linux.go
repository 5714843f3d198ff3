package child

import (
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// raise unblocks a signal in this thread, and sends it to this thread alone. A signal to
// the whole process could go to the main thread, which blocks it and waits for it.
func raise(sig syscall.Signal) {
	runtime.LockOSThread()
	set := sigset(sig)
	unix.PthreadSigmask(unix.SIG_UNBLOCK, &set, nil)
	unix.Tgkill(os.Getpid(), unix.Gettid(), sig)
	time.Sleep(time.Second) // the signal comes within this time
}

// sigset returns a set of signals.
func sigset(signals ...syscall.Signal) (set unix.Sigset_t) {
	bits := int(8 * unsafe.Sizeof(set.Val[0]))
	for _, sig := range signals {
		set.Val[(int(sig)-1)/bits] |= 1 << ((int(sig) - 1) % bits)
	}
	return set
}

// sigsetSize is the size of the kernel's sigset_t in bytes. On MIPS it is 16, and
// calls with this size fail.
const sigsetSize = 8
