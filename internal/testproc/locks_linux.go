package testproc

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Waiters returns how many flock(2) calls the kernel has blocked on the file
// at path, as /proc/locks shows them.
func Waiters(t testing.TB, path string) int {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	inode := fmt.Sprintf(":%d", info.Sys().(*syscall.Stat_t).Ino)
	for before := -1; ; {
		n := 0
		for line := range strings.Lines(lockTable(t)) {
			// 1: -> FLOCK  ADVISORY  WRITE 4242 fe:00:1234 0 EOF
			f := strings.Fields(line)
			if len(f) >= 7 && f[1] == "->" && f[2] == "FLOCK" && strings.HasSuffix(f[6], inode) {
				n++
			}
		}
		if n == before {
			return n
		}
		before = n // read in pieces, lines can be missed, or be there twice
	}
}

// lockTable reads /proc/locks, in pieces as large as the kernel makes them.
func lockTable(t testing.TB) string {
	t.Helper()
	f, err := os.Open("/proc/locks")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, buf := "", make([]byte, os.Getpagesize())
	for {
		n, err := f.Read(buf)
		text += string(buf[:n])
		if err == io.EOF {
			return text
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// AwaitWaiters waits until n flock(2) calls are blocked on the file at path.
func AwaitWaiters(t testing.TB, path string, n int) {
	t.Helper()
	Until(t, fmt.Sprintf("%d waiters in the kernel for %s", n, path), func() bool {
		return Waiters(t, path) == n
	})
}

// AwaitWatch waits until a process has an inotify watch on the directory, as
// /proc/PID/fdinfo shows it.
func AwaitWatch(t testing.TB, pid int, dir string) {
	t.Helper()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	inode := fmt.Sprintf(" ino:%x ", info.Sys().(*syscall.Stat_t).Ino)
	Until(t, fmt.Sprintf("process %d watches %s", pid, dir), func() bool {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
		for _, file := range files {
			if text, _ := os.ReadFile(file); strings.Contains(string(text), "inotify wd:") && strings.Contains(string(text), inode) {
				return true
			}
		}
		return false
	})
}
