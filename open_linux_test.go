package fsync_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// The error of Open says why the directory could not be made.
func TestOpenWithoutPermission(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	testproc.Must(t, os.Chmod(dir, 0o555))
	testproc.Unprivileged(func() {
		if _, err := fsync.Open("new"); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("Open = %v", err)
		}
	})
}

// The program may not search a directory above the Manager's. So the path stays relative, and
// the Manager fails after the program has gone to another directory.
func TestOpenBelowAClosedDirectory(t *testing.T) {
	above := t.TempDir()
	dir := filepath.Join(above, "dir")
	testproc.Must(t, os.MkdirAll(filepath.Join(dir, "locks"), 0o777))
	t.Chdir(dir)
	testproc.Must(t, os.Chmod(above, 0))
	t.Cleanup(func() { os.Chmod(above, 0o700) })
	testproc.Unprivileged(func() {
		m, err := fsync.Open("locks")
		testproc.Must(t, err)
		if m.Dir() != "locks" {
			t.Errorf("the directory is %q", m.Dir())
		}
		l, err := m.NewLock("a")
		if err != nil || l.Path() != "locks/a.lock" {
			t.Errorf("NewLock = %v, %v", l, err)
		}
		testproc.Must(t, os.Chdir("/"))
		_, lockErr := m.NewLock("a")
		_, semaphoreErr := m.NewSemaphore("a", 1)
		_, eventErr := m.NewEvent("a")
		_, listErr := m.List()
		for _, err := range []error{lockErr, semaphoreErr, eventErr, listErr} {
			var path *fs.PathError
			if !errors.As(err, &path) || path.Path != "locks" {
				t.Errorf("in another directory: %v", err)
			}
		}
	})
}

// The program may not search its working directory, so it cannot open a directory in it.
func TestOpenInAClosedDirectory(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	testproc.Must(t, os.Chmod(dir, 0))
	t.Cleanup(func() { os.Chmod(dir, 0o700) })
	testproc.Unprivileged(func() {
		var path *fs.PathError
		if _, err := fsync.Open("locks"); !errors.As(err, &path) || path.Op != "open" || path.Path != "locks" {
			t.Errorf("Open = %v", err)
		}
	})
}
