package main

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// A signal that comes when -F is about to execute the command ends fsync-lock or the
// command, at whatever moment it comes.
func TestSignalAtTheExec(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGUSR1} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			atTheExec(t, func(cmd *exec.Cmd) (*testproc.Proc, func()) {
				p := testproc.StartCmd(t, cmd)
				return p, func() { p.Signal(sig) }
			}, cli.ExitSignal+int(sig))
		})
	}
	t.Run("Ctrl-C", func(t *testing.T) {
		t.Parallel()
		atTheExec(t, func(cmd *exec.Cmd) (*testproc.Proc, func()) {
			term := testproc.StartTerminal(t, cmd)
			return term.Proc, func() { term.Type("\x03") }
		}, cli.ExitSignal+int(syscall.SIGINT))
	})
}

func atTheExec(t *testing.T, start func(*exec.Cmd) (p *testproc.Proc, signal func()), ended int) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.lock")
	lock := filelock.New(path)
	for range 20 {
		if err := lock.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("fsync-lock", "-F", "a.lock", "sleep", "5")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GORACE=atexit_sleep_ms=0")
		p, signal := start(cmd)
		testproc.AwaitWaiters(t, path, 1)
		if err := lock.Release(); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(rand.N(1200 * time.Microsecond)); time.Now().Before(end); {
		}
		signal()
		if status := p.Exit(); status != -1 && status != ended {
			t.Fatalf("exit status %d: the signal was lost", status)
		}
	}
}
