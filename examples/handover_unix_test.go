//go:build unix

package examples_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// The lock goes from process to process. Another process that tries it all the time
// never gets it, and only the last server is still running.
func TestHandover(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "server.lock")
	first := testproc.StartCmd(t, example(t, "handover", path))
	serving := func() (pid int) {
		t.Helper()
		line := first.Line() // later processes have the same stdout
		if _, err := fmt.Sscanf(line, "serving; to restart: kill -HUP %d", &pid); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		return pid
	}
	pid := serving()

	// A process that cannot adopt the lock does not get it.
	for _, err := range []error{os.Rename(path, path+".old"), hangUp(pid)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	testproc.Until(t, "the restart fails", func() bool { return strings.Contains(first.Stderr(), "not restarted") })
	if err := os.Rename(path+".old", path); err != nil {
		t.Fatal(err)
	}

	ctx, stop := context.WithCancel(t.Context())
	tries := make(chan int, 1)
	go func() {
		for n := 0; ; n++ {
			if ctx.Err() != nil {
				tries <- n
				return
			}
			if ok, err := filelock.New(path).TryAcquire(); ok || err != nil {
				t.Errorf("try %d: %v, %v", n, ok, err)
			}
		}
	}()
	for range 5 {
		if err := hangUp(pid); err != nil {
			t.Fatal(err)
		}
		next := serving()
		if next == pid {
			t.Fatalf("process %d serves again", pid)
		}
		pid = next
	}
	stop()
	t.Logf("%d tries", <-tries)
	last := filelock.New(path)
	testproc.Until(t, "only the last process holds the lock", func() bool {
		holders, err := last.Holders()
		return err == nil && len(holders) == 1 && holders[0].PID == pid
	})
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	testproc.Until(t, "the lock is free", func() bool {
		ok, err := last.TryAcquire()
		return ok && err == nil
	})
	first.Wait() // fails the test unless its exit status was 0
}

func hangUp(pid int) error { return syscall.Kill(pid, syscall.SIGHUP) }
