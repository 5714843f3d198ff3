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
