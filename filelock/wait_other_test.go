//go:build !linux

package filelock_test

import (
	"testing"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// awaitWaiters sees only the waiters of this process.
func awaitWaiters(t testing.TB, path string, n int) {
	t.Helper()
	testproc.Until(t, "a goroutine waits for "+path, func() bool { return filelock.QueueLen(path) >= n })
}
