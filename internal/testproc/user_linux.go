package testproc

import (
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Unprivileged calls f in a thread that file systems take for another user if this process is
// root's. So they check the permissions of files.
func Unprivileged(f func()) {
	if os.Geteuid() == 0 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		unix.Setfsuid(65534)
		defer unix.Setfsuid(0)
	}
	f()
}

// InUserNamespace makes a command run in its own user namespace, as the same user, and in its
// own namespaces of the other kinds that more names (clone(2)). It skips the test if this user
// may not make user namespaces.
func InUserNamespace(t testing.TB, cmd *exec.Cmd, more uintptr) *exec.Cmd {
	t.Helper()
	if err := tryUserNamespace(); err != nil {
		t.Skipf("cannot make a user namespace: %v", err)
	}
	cmd.SysProcAttr = userNamespace()
	cmd.SysProcAttr.Cloneflags |= more
	return cmd
}

func userNamespace() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
}

var tryUserNamespace = sync.OnceValue(func() error {
	p, err := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{Sys: userNamespace()})
	if err == nil {
		p.Wait()
	}
	return err
})
