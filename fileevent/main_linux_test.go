package fileevent

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
	"golang.org/x/sys/unix"
)

// polling starts each agent in its own user namespace, where the limit of inotify instances is
// zero. So it is like a process of a user without free instances, but takes none from other
// processes.
var polling = mode{"polling", func(t *testing.T, args ...string) *testproc.Proc {
	t.Helper()
	cmd := testproc.RoleCmd("agent", append(args, "poll")...)
	return testproc.StartCmd(t, testproc.InUserNamespace(t, cmd, 0))
}}

// banWatchers keeps this process from making a watcher. It must be in its own user namespace.
func banWatchers() error {
	if err := os.WriteFile("/proc/sys/user/max_inotify_instances", []byte("0"), 0); err != nil {
		return err
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err == nil {
		unix.Close(fd)
		return errors.New("this process can still make a watcher")
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

// overlayOn makes the directory an overlay, for this process alone.
func overlayOn(dir string) error {
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=1m"); err != nil {
		return err
	}
	return mountOverlay(dir, dir)
}

// mountOverlay mounts an overlay of the directories lower and upper, which it makes in base.
func mountOverlay(base, at string) error {
	for _, name := range []string{"lower", "upper", "work"} {
		if err := os.Mkdir(filepath.Join(base, name), 0o755); err != nil {
			return err
		}
	}
	options := fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", base)
	return syscall.Mount("overlay", at, "overlay", 0, options)
}

// startTraced starts an agent under strace(1), which writes the calls to a file. expression is
// an argument of its option -e.
func startTraced(t *testing.T, path, calls, expression string) *testproc.Proc {
	t.Helper()
	testproc.Need(t, "strace")
	return startCmd(t, testproc.Below(testproc.RoleCmd("agent", path), "strace", "-f", "-qq", "-o", calls, "-e", expression))
}

// bindViews mounts one directory at several places with bindfs(1), and returns the places.
// They are like the mounts of a network file system on several hosts: the changes through one
// are not reported to the others.
func bindViews(t *testing.T, n int) (views []string) {
	t.Helper()
	testproc.Need(t, "bindfs")
	shared := t.TempDir()
	for range n {
		view := t.TempDir()
		if out, err := exec.Command("bindfs", shared, view).CombinedOutput(); err != nil {
			t.Skipf("bindfs: %v: %s", err, out)
		}
		t.Cleanup(func() { syscall.Unmount(view, syscall.MNT_DETACH) })
		views = append(views, view)
	}
	return views
}
