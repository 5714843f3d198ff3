package cli

import (
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Say writes a text, and ignores errors. It blocks SIGPIPE: a closed pipe must not end
// this process while its command runs.
func Say(f *os.File, text string) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var pipe, old unix.Sigset_t
	pipe.Val[0] = 1 << (unix.SIGPIPE - 1)
	if unix.PthreadSigmask(unix.SIG_BLOCK, &pipe, &old) != nil {
		return
	}
	if _, err := syscall.Write(int(f.Fd()), []byte(text)); err == unix.EPIPE {
		take(&pipe)
	}
	unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
}

// take removes a pending signal of the set, if there is one. The thread must block
// the signal.
func take(set *unix.Sigset_t) {
	const size = 8 // of the kernel's sigset_t; on MIPS it is 16, and the call fails
	var now unix.Timespec
	unix.Syscall6(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(set)), 0,
		uintptr(unsafe.Pointer(&now)), size, 0, 0)
}
