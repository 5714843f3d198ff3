package child

import (
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// raise sends a signal to this thread: the main thread may be waiting for it,
// or be this one and block it.
func raise(sig syscall.Signal) {
	runtime.LockOSThread()
	set := sigset(sig)
	unix.PthreadSigmask(unix.SIG_UNBLOCK, &set, nil)
	unix.Tgkill(os.Getpid(), unix.Gettid(), sig)
	time.Sleep(time.Second) // it comes at once
}

func sigset(signals ...syscall.Signal) (set unix.Sigset_t) {
	bits := int(8 * unsafe.Sizeof(set.Val[0]))
	for _, sig := range signals {
		set.Val[(int(sig)-1)/bits] |= 1 << ((int(sig) - 1) % bits)
	}
	return set
}

// take takes away a signal of the set that is pending, if there is one. The
// thread has to block it.
func take(set *unix.Sigset_t) {
	var now unix.Timespec
	unix.Syscall6(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(set)), 0,
		uintptr(unsafe.Pointer(&now)), sigsetSize, 0, 0)
}
