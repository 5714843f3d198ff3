package watch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// watched reports whether any inotify instance of this process has a watch on
// the directory.
func watched(t *testing.T, id identity) bool {
	t.Helper()
	tables, _ := filepath.Glob("/proc/self/fdinfo/*")
	for _, table := range tables {
		text, _ := os.ReadFile(table)
		if strings.Contains(string(text), fmt.Sprintf(" ino:%x ", id.ino)) {
			return true
		}
	}
	return false
}

// The directory that was moved away in silence is not watched any longer.
func TestReplacedDirectoryIsNotWatched(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	dir := filepath.Join(t.TempDir(), "parent", "dir")
	must(t, os.MkdirAll(dir, 0o755))
	s, _ := on(t, h, filepath.Join(dir, "a"))
	old, err := identify(dir)
	must(t, err)
	if !watched(t, old) {
		t.Fatal("the kernel shows no watch")
	}
	parent := filepath.Dir(dir)
	must(t, errors.Join(os.Rename(parent, parent+".old"), os.MkdirAll(dir, 0o755)))
	h.patrolNow()
	testproc.Until(t, "a watch on the new directory", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return s.on != nil && s.on.id != old
	})
	if watched(t, old) {
		t.Error("the old directory is still watched")
	}
}
