//go:build linux && !(mips || mipsle || mips64 || mips64le || s390x)

package child

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fork makes a process that does nothing but run body: a copy of this one
// that has only the thread of the caller. The Go runtime does not work there,
// so body makes raw system calls and nothing else. No signal can interrupt it:
// all are blocked.
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

// split returns in the parent only. It stays on one thread, without
// [runtime.LockOSThread], which may want another one: with all signals blocked
// nothing preempts it.
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
