//go:build linux && !(mips || mipsle || mips64 || mips64le || s390x)

package child

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fork starts a process that only runs body: a copy of this process with the caller's
// thread alone. The Go runtime does not work there, so body may make only raw system
// calls. All signals are blocked, so none interrupts body.
func fork(body func()) (pid int, err error) {
	var all, old unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	syscall.ForkLock.Lock()
	defer syscall.ForkLock.Unlock()
	n, errno := split(body, &all, &old)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// split returns in the parent only. It must stay on one thread. It blocks all signals,
// so the runtime cannot preempt it; [runtime.LockOSThread] might need a new thread.
//
//go:noinline
//go:norace
//go:nosplit
func split(body func(), all, old *unix.Sigset_t) (pid uintptr, errno syscall.Errno) {
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK,
		uintptr(unsafe.Pointer(all)), uintptr(unsafe.Pointer(old)), sigsetSize, 0, 0)
	pid, _, errno = syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno == 0 && pid == 0 {
		body()
		for {
			syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK,
		uintptr(unsafe.Pointer(old)), 0, sigsetSize, 0, 0)
	return pid, errno
}
