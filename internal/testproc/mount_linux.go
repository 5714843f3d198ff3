package testproc

import (
	"os"
	"syscall"
	"testing"
)

// Tmpfs mounts a new file system for a test, and returns its directory. It skips the test
// if this process may not mount.
func Tmpfs(t testing.TB, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("cannot mount a file system (needs root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(os.NewSyscallError("umount", err))
		}
	})
	return dir
}

// ReadOnly makes the file system of [Tmpfs] read-only. It waits until no process has a file
// open for writing: a child process that is just being started has copies of all descriptors.
func ReadOnly(t testing.TB, dir string) {
	t.Helper()
	Until(t, "the file system can be made read-only", func() bool {
		err := syscall.Mount("none", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
		if err != nil && err != syscall.EBUSY {
			t.Fatal(os.NewSyscallError("remount", err))
		}
		return err == nil
	})
}
