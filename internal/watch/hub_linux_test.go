package watch

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// A directory that was moved away without a report is no longer watched.
func TestReplacedDirectoryIsNotWatched(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), childDir(t)
	s, _ := on(t, h, filepath.Join(dir, "a"))
	if !testproc.Watches(t, os.Getpid(), dir) {
		t.Fatal("the kernel shows no watch")
	}
	former := replaceSilently(t, dir)
	h.checkNow(s)
	testproc.Until(t, "a watch on the new directory", func() bool { return watches(h, s) })
	if testproc.Watches(t, os.Getpid(), former) {
		t.Error("the old directory is still watched")
	}
}

// A file system is unmounted, which ends the watch, and mounted again. The directory has the
// same device and inode as before.
func TestMountedAgain(t *testing.T) {
	t.Parallel()
	disk, dir := filepath.Join(t.TempDir(), "disk"), t.TempDir()
	must(t, os.WriteFile(disk, make([]byte, 2<<20), 0o644))
	if out, err := exec.Command("mkfs.ext4", "-q", disk).CombinedOutput(); err != nil {
		t.Skipf("cannot make a file system: %v: %s", err, out)
	}
	loop, err := exec.Command("losetup", "--find", "--show", disk).Output()
	if err != nil {
		t.Skipf("cannot mount a file system: %v", err)
	}
	device := strings.TrimSpace(string(loop))
	defer exec.Command("losetup", "--detach", device).Run()
	mount := func() { must(t, syscall.Mount(device, dir, "ext4", 0, "")) }
	mount()
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	h := testHub(t, never) // a check in between would find that nothing is mounted
	s, notified := on(t, h, filepath.Join(dir, "a"))
	must(t, syscall.Unmount(dir, 0))
	mount()
	if !watches(h, s) {
		t.Skip("it is not the same device again")
	}
	testproc.Until(t, "the watch has ended", func() bool { return len(h.watcher.WatchList()) == 0 })
	h.checkNow(s)
	testproc.Until(t, "another watch", func() bool { return len(h.watcher.WatchList()) == 1 && watches(h, s) })
	proveReports(t, h, s, notified)
}
