package filelock_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/locktable"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// awaitWaiters waits until n waiters wait for the lock at path.
func awaitWaiters(t testing.TB, path string, n int) {
	t.Helper()
	if testproc.Polls() {
		awaitPolling(t, path, n)
		return
	}
	testproc.AwaitWaiters(t, path, n)
}

// awaitPolling waits until n waiters poll. The first waiter has the gate, and after a second
// each process that waits has written a line into the gate.
func awaitPolling(t testing.TB, path string, n int) {
	t.Helper()
	gate := gateOf(path)
	if slots := filepath.Join(filepath.Dir(path), "slots"); filepath.Base(path) != ".slots.gate" && !gone(slots) {
		gate = gateOf(slots)
	}
	if strings.HasSuffix(path, ".gate") {
		gate, n = path, n+1
	}
	testproc.Until(t, fmt.Sprintf("%d waiters poll for %s", n, path), func() bool {
		if n > 1 {
			text, _ := os.ReadFile(gate)
			return bytes.Count(text, []byte("\n")) >= n
		}
		return isLocked(t, gate) || filelock.QueueLen(path) > 0 // there may be no gate
	})
}

// isLocked reports whether a process has a flock(2) lock on the file.
func isLocked(t testing.TB, path string) bool {
	t.Helper()
	file, err := locktable.Mounts{}.Identify(path, false)
	if err != nil {
		return false
	}
	table, err := locktable.Read(3)
	must(t, err)
	return len(table.Takers(file)) > 0
}

// needsKernelWait skips a test of waits in the kernel if waiters poll.
func needsKernelWait(t testing.TB, why string) {
	t.Helper()
	if testproc.Polls() {
		t.Skip("waiters poll: " + why)
	}
}

// needsWaiters skips a test of the list of waiters if waiters poll.
func needsWaiters(t testing.TB) {
	t.Helper()
	needsKernelWait(t, "the kernel does not show them, so Waiters does not list them")
}
