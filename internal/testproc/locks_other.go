//go:build !linux

package testproc

import "testing"

// AwaitWaiters skips the test: only Linux shows which processes wait for a lock.
func AwaitWaiters(t testing.TB, path string, n int) {
	t.Helper()
	t.Skip("only Linux shows which processes wait for a lock")
}

// AwaitWatch skips the test: only Linux shows which processes watch a directory.
func AwaitWatch(t testing.TB, pid int, dir string) {
	t.Helper()
	t.Skip("only Linux shows which processes watch a directory")
}
