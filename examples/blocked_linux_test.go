package examples_test

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// awaitBlocked waits until n processes are blocked on locks of any files in the
// directory.
func awaitBlocked(t *testing.T, dir string, n int) {
	t.Helper()
	testproc.Until(t, fmt.Sprintf("%d processes wait in the kernel for a file in %s", n, dir), func() bool {
		blocked := 0
		filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err == nil {
				blocked += testproc.Waiters(t, path)
			}
			return nil // a file may disappear meanwhile
		})
		return blocked == n
	})
}
