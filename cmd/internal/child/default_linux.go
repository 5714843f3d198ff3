//go:build !(mips || mipsle || mips64 || mips64le)

package child

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// setDefault has a signal do to this process what it does by default. To the
// Go runtime that is not to catch it, which is something else: then it drops
// those that are no reason for it to end.
func setDefault(sig syscall.Signal) {
	var action [8]uint64 // no smaller than the kernel's; 0 is SIG_DFL, no flags and an empty mask
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, sigsetSize, 0, 0)
}

// An init function has the signals that the Go runtime would drop, or answer
// with a page of text, do what they do to other programs: end this one. Where
// the system cannot be told so they stay as they are. SEGV, BUS, FPE and ILL are
// left to the runtime, which needs them.
func init() {
	for _, sig := range []syscall.Signal{
		unix.SIGABRT, unix.SIGSYS, unix.SIGTRAP, unix.SIGPIPE, unix.SIGXCPU, unix.SIGXFSZ,
		unix.SIGIO, unix.SIGPWR, unix.SIGPROF, unix.SIGVTALRM, unix.SIGSTKFLT,
	} {
		setDefault(sig)
	}
	for sig := syscall.Signal(firstRealTime); sig < sigLeave; sig++ {
		setDefault(sig)
	}
}

const firstRealTime = 35 // of those that a C library leaves to programs
