package fileevent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
	"golang.org/x/sys/unix"
)

// polling starts agents in user namespaces of their own, where the limit of inotify
// instances is zero. They are like processes of a user without free instances, but
// other processes lose none.
var polling = mode{"polling", func(t *testing.T, args ...string) *testproc.Proc {
	t.Helper()
	cmd := testproc.RoleCmd("agent", append(args, "poll")...)
	cmd.SysProcAttr = newNamespace()
	if !canClone() {
		t.Skip("this user may not make user namespaces, which the test limits watchers with")
	}
	return testproc.StartCmd(t, cmd)
}}

func newNamespace() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
}

func canClone() bool {
	p, err := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{Sys: newNamespace()})
	if err != nil {
		return false
	}
	p.Wait()
	return true
}

func banWatchers() error {
	if err := os.WriteFile("/proc/sys/user/max_inotify_instances", []byte("0"), 0); err != nil {
		return err
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err == nil {
		unix.Close(fd)
		return errors.New("there are still watchers to be had")
	}
	if err != unix.EMFILE {
		return fmt.Errorf("inotify_init1: %w", err)
	}
	return nil
}

// takeDescriptors uses up the descriptors of this process.
func takeDescriptors() {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		panic(err)
	}
	limit.Cur = 0
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		panic(err)
	}
}

// watchers returns how many inotify instances this process has.
func watchers() int {
	fds, _ := filepath.Glob("/proc/self/fd/*")
	n := 0
	for _, fd := range fds {
		if what, _ := os.Readlink(fd); what == "anon_inode:inotify" {
			n++
		}
	}
	return n
}

// mountOverlay makes the directory an overlay, for this process alone.
func mountOverlay(dir string) error {
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=1m"); err != nil {
		return err
	}
	for _, name := range []string{"lower", "upper", "work"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	options := fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", dir)
	return syscall.Mount("overlay", dir, "overlay", 0, options)
}
