package main

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"github.com/fsync-lock/fsync/internal/testproc"
	"golang.org/x/sys/unix"
)

func init() { programs["on-old-kernel"] = onOldKernel }

// On a kernel without close_range(2) and pidfds, too, there is a probe, and it has no
// file open except its pipe.
func TestProbeOnAnOldKernel(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("on-old-kernel", "fsync-lock", "a.lock", "count-signals")
	cmd.Dir = t.TempDir()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p := testproc.StartCmd(t, cmd)
	p.Expect("ready")
	testproc.Until(t, "there is a probe", func() bool { return probeOf(p.PID()) != 0 })
	syscall.Kill(-p.PID(), syscall.SIGTERM)
	p.Expect("got terminated.")
	counting{p, t}.end()
}

// onOldKernel executes the command in its arguments, and makes some system calls fail as
// on a kernel that does not have them.
func onOldKernel() {
	path, err := exec.LookPath(os.Args[1])
	if err != nil {
		panic(err)
	}
	runtime.LockOSThread()
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}} // the number of the call
	for _, call := range []uint32{unix.SYS_CLOSE_RANGE, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_SEND_SIGNAL} {
		filter = append(filter,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: call, Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)})
	}
	filter = append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		panic(err)
	}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&prog)), 0, 0); err != nil {
		panic(err)
	}
	panic(syscall.Exec(path, os.Args[1:], os.Environ()))
}
