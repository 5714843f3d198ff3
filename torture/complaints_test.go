//go:build linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

func TestReasonOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]syscall.Errno{
		"flock: cannot open lock file a.lock: No space left on device\n":            syscall.ENOSPC,
		"fsync-lock: open a.lock: no space left on device\n":                        syscall.ENOSPC,
		"fsync-lock: open a.lock: no such file or directory\n":                      syscall.ENOENT,
		"flock: fork failed: Resource temporarily unavailable\n":                    syscall.EAGAIN,
		"something: permission denied\nfsync-lock: open a: read-only file system\n": syscall.EROFS,
		"fsync-lock: lock a.lock: it is a FIFO\n":                                   0,
		"no such file or directory, or what\n":                                      0,
		"":                                                                          0,
	} {
		if got := reasonOf(text); got != want {
			t.Errorf("%q: %v instead of %v", text, got, want)
		}
	}
}

// A command tells why it could not lock, and its error stays if it does not.
func TestCommandsTellTheReason(t *testing.T) {
	t.Parallel()
	c := &client{worker: &worker{dir: t.TempDir()}, number: 1 << 8}
	must(t, os.Mkdir(filepath.Join(c.dir, "stderr"), 0o755))
	for script, want := range map[string]error{
		"echo 'flock: a.lock: No space left on device' >&2; exit 66": syscall.ENOSPC,
		"exit 66": nil,
	} {
		cmd := exec.Command("sh", "-c", script)
		said, err := c.keepComplaints(cmd)
		must(t, err)
		ended := cmd.Run()
		switch got := reasonIn(said, ended); {
		case want == nil && got != ended, want != nil && !errors.Is(got, want):
			t.Errorf("%s: %v", script, got)
		}
		said.Close()
	}
}
