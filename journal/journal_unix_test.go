//go:build unix

package journal

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestAppendRefusesOtherFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(path("file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", path("link")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path("dir"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"link", "fifo", "dir"} {
		if err := Append(path(name), numbered(1, 1), 1); err == nil {
			t.Errorf("%s: no error", name)
		}
		// write refuses it, too, if the file was replaced after it was locked.
		if err := write(path(name), []byte("x\n")); err == nil {
			t.Errorf("%s: written", name)
		}
	}
	if info, err := os.Lstat(path("link")); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link was changed")
	}
	if text, err := os.ReadFile(path("file")); len(text) > 0 || err != nil {
		t.Errorf("behind the link: %q, %v", text, err)
	}
	// If there is one error, it is not joined with others.
	if err, ok := Append(path("dir"), numbered(1, 1), 0).(*os.PathError); !ok || err.Path != path("dir") {
		t.Errorf("the error of a directory: %v", err)
	}
	if err := Append("/dev/full", numbered(1, 1), 0); err == nil {
		t.Error("a device was accepted as a journal")
	}
}

// The journal is removed after it was locked, so the line is not written. Append begins again
// while there is time.
func TestRemovedAfterTheLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				os.Remove(path)
			}
		}
	}()
	defer func() { close(stop); <-stopped }()
	for _, wait := range []time.Duration{time.Minute, 0} {
		seen := false
		for end := time.Now().Add(time.Second); !seen && time.Now().Before(end); {
			again, err := appendOnce(path, []byte("x\n"), 0, wait)
			if seen = errors.Is(err, os.ErrNotExist); seen && again != (wait > 0) {
				t.Errorf("%v are left, and it begins again: %v", wait, again)
			}
		}
		t.Logf("%v are left: removed at that moment: %v", wait, seen)
	}
}

// One of the two files of a journal is a link to itself.
func TestReadOfALoop(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"journal", "journal.1"} {
		path := filepath.Join(t.TempDir(), "journal")
		for _, file := range []string{path, path + ".1"} {
			mustAppend(t, file, numbered(1, 1), 0)
		}
		loop := filepath.Join(filepath.Dir(path), name)
		if err := errors.Join(os.Remove(loop), os.Symlink(name, loop)); err != nil {
			t.Fatal(err)
		}
		if runs, _, err := ReadFile(path); !errors.Is(err, syscall.ELOOP) || len(runs) > 0 {
			t.Errorf("%s: %d runs, %v", name, len(runs), err)
		}
	}
}

// A user who may write the journal, but not its directory, can append and not rotate.
func TestAppendInReadOnlyDirectory(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		t.Skip("root may write every directory")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "journal")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir, 0o700) }) // so that it can be removed
	mustAppend(t, path, numbered(1, 1), 0)
	if err := Append(path, numbered(1, 2), 1); !errors.Is(err, os.ErrPermission) {
		t.Error(err)
	}
	if runs := mustRead(t, path); len(runs) != 2 {
		t.Errorf("%d runs", len(runs))
	}
}

// Append does not fail if other processes remove the journal.
func TestJournalIsRemoved(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	done := make(chan bool)
	removed := make(chan int)
	go func() {
		n := 0
		defer func() { removed <- n }()
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Duration(n%300) * time.Microsecond):
				if os.Remove(path) == nil {
					n++
				}
			}
		}
	}()
	stop := sync.OnceFunc(func() {
		close(done)
		t.Logf("removed %d times", <-removed)
	})
	defer stop()
	for i := range 1000 {
		mustAppend(t, path, numbered(1, i), 0)
	}
	stop()
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if again, err := appendLocked(path, []byte("x\n"), 0); !again || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("removed after it was locked: %v, %v", again, err)
	}
	if err := Append(path, numbered(1, 1), 0); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a directory: %v", err)
	}
}
