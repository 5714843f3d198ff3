package filelock_test

import (
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

func awaitWaiters(t testing.TB, path string, n int) {
	t.Helper()
	testproc.AwaitWaiters(t, path, n)
}
