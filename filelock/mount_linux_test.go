package filelock_test

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := testproc.Tmpfs(t, "size=64k,nr_inodes=2") // the root directory and one file
	existing, missing := filepath.Join(dir, "a.lock"), filepath.Join(dir, "b.lock")
	l := filelock.New(existing)
	mustAcquire(t, l)
	mustRelease(t, l)
	for _, err := range []error{
		filelock.New(missing).Acquire(background),
		errorOf(filelock.New(missing).TryAcquire()),
	} {
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), missing) {
			t.Errorf("new lock file on a full disk: %v", err)
		}
	}
	mustAcquire(t, l) // an existing file needs no space
}

func TestReadOnlyFileSystem(t *testing.T) {
	t.Parallel()
	dir := testproc.Tmpfs(t, "size=64k")
	existing, missing := filepath.Join(dir, "a.lock"), filepath.Join(dir, "b.lock")
	l := filelock.New(existing)
	mustAcquire(t, l)
	mustRelease(t, l)
	testproc.ReadOnly(t, dir)
	mustAcquire(t, l)
	mustTry(t, filelock.New(existing), false)
	if _, err := filelock.New(missing).TryAcquire(); !errors.Is(err, syscall.EROFS) {
		t.Errorf("new lock file on a read-only file system: %v", err)
	}
	mustRelease(t, l)
}
