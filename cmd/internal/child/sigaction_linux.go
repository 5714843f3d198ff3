//go:build !(mips || mipsle || mips64 || mips64le)

package child

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// setDefault gives a signal its default action (SIG_DFL) in the kernel.
// [os/signal.Reset] is not enough: the Go runtime then drops some signals that
// would end another program.
func setDefault(sig syscall.Signal) {
	var action [8]uint64 // no smaller than the kernel's; 0 is SIG_DFL, no flags and an empty mask
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, sigsetSize, 0, 0)
}

// init gives signals that the Go runtime would drop, or answer with a page of text, their
// default action: they end this process. The runtime itself needs SEGV, BUS, FPE and ILL.
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

const firstRealTime = 35 // the first real-time signal that the C library does not use
