package testproc

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/internal/locktable"
)

// Waiters returns how many flock(2) calls wait in the kernel for the file at path.
func Waiters(t testing.TB, path string) int {
	t.Helper()
	n, err := locktable.Waiters(path)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// AwaitWaiters waits until n flock(2) calls wait in the kernel for the file at path.
func AwaitWaiters(t testing.TB, path string, n int) {
	t.Helper()
	Until(t, fmt.Sprintf("%d waiters in the kernel for %s", n, path), func() bool {
		return Waiters(t, path) == n
	})
}

// AwaitWatch waits until a process has an inotify watch on the directory.
func AwaitWatch(t testing.TB, pid int, dir string) {
	t.Helper()
	Until(t, fmt.Sprintf("process %d watches %s", pid, dir), func() bool { return Watches(t, pid, dir) })
}

// Watches reports whether a process has an inotify watch on the directory, as
// /proc/PID/fdinfo shows it.
func Watches(t testing.TB, pid int, dir string) bool {
	t.Helper()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	inode := fmt.Sprintf(" ino:%x ", info.Sys().(*syscall.Stat_t).Ino)
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	if len(files) == 0 {
		t.Fatalf("process %d has ended", pid)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		text, _ := os.ReadFile(file)
		return strings.Contains(string(text), "inotify wd:") && strings.Contains(string(text), inode)
	})
}
