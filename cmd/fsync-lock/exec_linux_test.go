package main

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// A signal that comes when -F has waited and is about to execute the command
// ends the one or the other, at whatever moment it comes.
func TestSignalAtTheExec(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGUSR1} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "a.lock")
			lock := filelock.New(path)
			for range 20 {
				if err := lock.Acquire(t.Context()); err != nil {
					t.Fatal(err)
				}
				cmd := exec.Command("fsync-lock", "-F", "a.lock", "sleep", "5")
				cmd.Dir, cmd.Env = dir, append(os.Environ(), "GORACE=atexit_sleep_ms=0")
				p := testproc.StartCmd(t, cmd)
				testproc.AwaitWaiters(t, path, 1)
				if err := lock.Release(); err != nil {
					t.Fatal(err)
				}
				for end := time.Now().Add(rand.N(1200 * time.Microsecond)); time.Now().Before(end); {
				}
				p.Signal(sig)
				if status := p.Exit(); status != -1 && status != exitSignal+int(sig) {
					t.Fatalf("exit status %d: the signal was lost", status)
				}
			}
		})
	}
}
