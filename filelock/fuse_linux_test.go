package filelock_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/fskind"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// bindfs mounts the directory real at dir, through FUSE. die kills the daemon.
func bindfs(t *testing.T) (real, dir string, die func()) {
	t.Helper()
	base := t.TempDir()
	real, dir = filepath.Join(base, "real"), filepath.Join(base, "seen")
	must(t, os.Mkdir(real, 0o777), os.Mkdir(dir, 0o777))
	daemon := exec.Command("bindfs", "-f", real, dir)
	if err := daemon.Start(); err != nil {
		t.Skip("needs bindfs: ", err)
	}
	ended := make(chan struct{})
	go func() { daemon.Wait(); close(ended) }()
	die = func() { daemon.Process.Kill(); <-ended }
	t.Cleanup(func() { die(); unix.Unmount(dir, unix.MNT_DETACH) })
	mounted := func() bool { return fskind.Of(dir).Name == "fuse" }
	testproc.Until(t, "bindfs has mounted the directory", func() bool {
		select {
		case <-ended:
			return true
		default:
			return mounted()
		}
	})
	if !mounted() {
		t.Skip("bindfs cannot mount here")
	}
	return real, dir, die
}

// On FUSE the kernel might not interrupt a thread that waits for a lock. So the waiter
// polls, and its wait ends with its context.
func TestWaitOnFUSE(t *testing.T) {
	t.Parallel()
	_, dir, _ := bindfs(t)
	path := filepath.Join(dir, "a.lock")
	holder := startHolder(t, path)
	ctx, cancel := context.WithCancel(background)
	result := acquireUntil(ctx, filelock.New(path))
	awaitTries(t, path)
	cancel()
	if err := await(t, result); !errors.Is(err, filelock.ErrLocked) || !errors.Is(err, context.Canceled) {
		t.Fatalf("Acquire = %v", err)
	}
	l := filelock.New(path)
	next := acquire(l)
	awaitTries(t, path)
	mustStillWait(t, next)
	release(t, holder)
	mustGet(t, next)
	holder.Send("try 0s")
	holder.Expect("busy")
	mustRelease(t, l)
	awaitNoGate(t, path)
}

// awaitTries waits until a waiter of this process has opened the lock file several times.
func awaitTries(t *testing.T, path string) {
	t.Helper()
	for range 3 {
		tried := make(chan struct{})
		filelock.At(t, filelock.Opening, path, func() { close(tried) })
		<-tried
	}
}
