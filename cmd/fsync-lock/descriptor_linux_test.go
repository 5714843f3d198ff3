package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// If the process that waits for a descriptor is killed, the wait fails with an
// error, not with a timeout.
func TestKilledWaiterOfADescriptor(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.lock")
	if err := filelock.New(path).Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", "exec 9>a.lock; exec fsync-lock -w 1000 9")
	cmd.Dir, cmd.Env = filepath.Dir(path), append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	p := testproc.StartCmd(t, cmd)
	testproc.AwaitWaiters(t, path, 1)
	var children []string
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			t.Skip(err)
		}
		children = append(children, strings.Fields(string(text))...)
	}
	switch len(children) {
	case 0:
		t.Skip("this kernel does not list the children of a process")
	case 1:
	default:
		t.Fatalf("children %q", children)
	}
	child, err := strconv.Atoi(children[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(child, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if status := p.Exit(); status != exitSystem || !strings.Contains(p.Stderr(), "the process that waited for descriptor 9 has ended: signal: killed") {
		t.Errorf("exit status %d, %q", status, p.Stderr())
	}
}
