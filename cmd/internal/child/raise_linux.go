package child

import (
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// raise sends a signal to this thread, and unblocks it here. A signal to the whole
// process could go to the main thread, which blocks it and waits for it.
func raise(sig syscall.Signal) {
	runtime.LockOSThread()
	set := sigset(sig)
	unix.PthreadSigmask(unix.SIG_UNBLOCK, &set, nil)
	unix.Tgkill(os.Getpid(), unix.Gettid(), sig)
	time.Sleep(time.Second) // the signal comes before that
}

func sigset(signals ...syscall.Signal) (set unix.Sigset_t) {
	bits := int(8 * unsafe.Sizeof(set.Val[0]))
	for _, sig := range signals {
		set.Val[(int(sig)-1)/bits] |= 1 << ((int(sig) - 1) % bits)
	}
	return set
}

// take removes a pending signal of the set, if there is one. The thread must block
// the signal.
func take(set *unix.Sigset_t) {
	var now unix.Timespec
	unix.Syscall6(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(set)), 0,
		uintptr(unsafe.Pointer(&now)), sigsetSize, 0, 0)
}
