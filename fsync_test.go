package fsync_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	dir := filepath.Join(top, "a", "b")
	m, err := fsync.Open(dir, fsync.Perm(0o700))
	if err != nil {
		t.Fatal(err)
	}
	if m.Dir() != dir {
		t.Errorf("Dir = %s, want %s", m.Dir(), dir)
	}
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	if err := os.Chmod(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := fsync.Open(dir, fsync.Perm(0o700)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o750 {
		t.Errorf("the mode of a directory that was there is %v now (%v)", info.Mode(), err)
	}
	file := filepath.Join(top, "file")
	if err := os.WriteFile(file, []byte("text"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", file, filepath.Join(file, "a")} {
		var pathErr *fs.PathError
		if _, err := fsync.Open(dir); !errors.As(err, &pathErr) {
			t.Errorf("Open(%q) = %v", dir, err)
		}
	}
}

func TestRelativeDir(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	m, err := fsync.Open("locks")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	l, err := m.NewLock("a")
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := l.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "locks", "a.lock")); err != nil {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	m := open(t, t.TempDir())
	l, err := m.NewLock("a")
	if err != nil || l.Path() != filepath.Join(m.Dir(), "a.lock") {
		t.Errorf("NewLock: %v, %v", l, err)
	}
	sem, err := m.NewSemaphore("a", 2)
	if err != nil || sem.Path() != filepath.Join(m.Dir(), "a.sem") {
		t.Errorf("NewSemaphore: %v, %v", sem, err)
	}
	for range 2 {
		if ok, err := sem.TryAcquire(); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if ok, err := sem.TryAcquire(); ok || err != nil {
		t.Errorf("a third slot of two: %v, %v", ok, err)
	}
	if sem, err := m.NewSemaphore("a", 0); sem != nil || !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("NewSemaphore of no slots: %v, %v", sem, err)
	}
	e, err := m.NewEvent("a")
	if err != nil || e.Path() != filepath.Join(m.Dir(), "a.event") {
		t.Errorf("NewEvent: %v, %v", e, err)
	}
	for _, name := range []string{"", "..", "../x", "a/b", ".a", "a\x00b", "NUL"} {
		if l, err := m.NewLock(name); l != nil || !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("NewLock(%q) = %v, %v", name, l, err)
		}
		if s, err := m.NewSemaphore(name, 1); s != nil || !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("NewSemaphore(%q) = %v, %v", name, s, err)
		}
		if e, err := m.NewEvent(name); e != nil || !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("NewEvent(%q) = %v, %v", name, e, err)
		}
	}
}

// The longest name works for locks and events.
func TestLongestName(t *testing.T) {
	t.Parallel()
	m := open(t, t.TempDir())
	name := strings.Repeat("n", 240)
	l, err := m.NewLock(name)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := l.TryAcquire(); !ok || err != nil {
		t.Error(ok, err)
	}
	e, err := m.NewEvent(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Set(); err != nil {
		t.Error(err)
	}
}

// The methods of a zero Manager return an error. They do not use the working directory.
func TestZeroManager(t *testing.T) {
	t.Parallel()
	var m fsync.Manager
	_, lockErr := m.NewLock("a")
	_, semaphoreErr := m.NewSemaphore("a", 1)
	_, eventErr := m.NewEvent("a")
	_, listErr := m.List()
	for _, err := range []error{lockErr, semaphoreErr, eventErr, listErr} {
		var path *fs.PathError
		if !errors.As(err, &path) {
			t.Errorf("%v is not an *fs.PathError", err)
		}
	}
}
