package filelock_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// No test in this file is parallel: the working directory belongs to the process.

var kinds = map[string]func(path string) acquirer{
	"lock": func(path string) acquirer { return filelock.New(path) },
	"slot": func(path string) acquirer { return filelock.NewSemaphore(path, 1) },
}

// fileOf returns the file that is locked.
func fileOf(kind, path string) string {
	if kind == "slot" {
		return filepath.Join(path, "1")
	}
	return path
}

func try(t *testing.T, l acquirer, want bool) {
	t.Helper()
	if got, err := l.TryAcquire(); got != want || err != nil {
		t.Fatalf("TryAcquire = %v, %v, want %v", got, err, want)
	}
}

func wait(acquire func() error) <-chan error {
	result := make(chan error, 1)
	go func() { result <- acquire() }()
	return result
}

// inLinked goes to a directory that $PWD names by a link. It returns the path of the
// directory, and a function that makes the link lead elsewhere.
func inLinked(t *testing.T) (dir string, swap func()) {
	t.Helper()
	top := t.TempDir()
	dir = filepath.Join(top, "1")
	link := filepath.Join(top, "cur")
	if err := errors.Join(os.Mkdir(dir, 0o777), os.Mkdir(filepath.Join(top, "2"), 0o777), os.Symlink(dir, link)); err != nil {
		t.Fatal(err)
	}
	t.Chdir(link)
	return dir, func() {
		if err := errors.Join(os.Remove(link), os.Symlink(filepath.Join(top, "2"), link)); err != nil {
			t.Fatal(err)
		}
	}
}

// A relative path starts in the kernel's working directory, not where $PWD leads after a
// change: a waiter stays with its file.
func TestRelativePathInASwappedDirectory(t *testing.T) {
	for name, open := range kinds {
		dir, swap := inLinked(t)
		holder := open(filepath.Join(dir, "a"))
		try(t, holder, true)
		result := acquire(open("a"))
		awaitWaiters(t, fileOf(name, filepath.Join(dir, "a")), 1)
		swap()
		if err := holder.Release(); err != nil {
			t.Fatal(err)
		}
		mustGet(t, result)
		try(t, holder, false)
		try(t, open("./a"), false)
	}
}

// AcquireAll recognizes one file by different paths.
func TestAcquireAllInASwappedDirectory(t *testing.T) {
	dir, swap := inLinked(t)
	swap()
	for _, there := range []bool{false, true} {
		l, same := filelock.New("./a.lock"), filelock.New(filepath.Join(dir, "a.lock"))
		if err := filelock.AcquireAll(background, l, same); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("the file is there: %v: AcquireAll = %v", there, err)
		}
		mustTry(t, l, true)
		mustRelease(t, l)
	}
}

// If a program changes its directory during a wait, the wait goes on for the same file.
// If that file cannot be found any more, the wait ends with an error that says so.
func TestChdirWhileWaiting(t *testing.T) {
	for name, open := range kinds {
		for _, lost := range []bool{false, true} {
			dir, elsewhere := t.TempDir(), t.TempDir()
			t.Chdir(dir)
			holder := open(filepath.Join(dir, "a"))
			if err := holder.Acquire(background); err != nil {
				t.Fatal(err)
			}
			result := acquire(open("a"))
			awaitWaiters(t, fileOf(name, filepath.Join(dir, "a")), 1)
			t.Chdir(elsewhere)
			if lost {
				if err := os.Rename(dir, dir+".old"); err != nil {
					t.Fatal(err)
				}
			}
			if err := holder.Release(); err != nil {
				t.Fatal(err)
			}
			err := <-result
			var pathErr *fs.PathError
			switch {
			case !lost && err != nil:
				t.Errorf("%s: %v", name, err)
			case lost && (!errors.Is(err, cwd.ErrMoved) || !errors.As(err, &pathErr) || !strings.Contains(err.Error(), "use an absolute path")):
				t.Errorf("%s whose directory is lost: %v", name, err)
			}
			if names, _ := filepath.Glob(filepath.Join(elsewhere, "*")); len(names) > 0 {
				t.Errorf("%s: there is something where it has no business: %v", name, names)
			}
			if lost {
				try(t, open(filepath.Join(dir+".old", "a")), true)
			} else {
				try(t, open(filepath.Join(dir, "a")), false)
			}
		}
	}
}

// The program changes its directory between the look at the path and the open, which
// opens another file.
func TestChdirWhileOpening(t *testing.T) {
	for name, open := range kinds {
		dir, elsewhere := t.TempDir(), t.TempDir()
		t.Chdir(dir)
		// Both are there, so nothing but the directory tells them apart.
		for _, d := range []string{dir, elsewhere} {
			l := open(filepath.Join(d, name))
			try(t, l, true)
			if err := l.Release(); err != nil {
				t.Fatal(err)
			}
		}
		filelock.At(t, filelock.Opening, fileOf(name, name), func() { t.Chdir(elsewhere) })
		l := open(name)
		try(t, l, true)
		try(t, open(filepath.Join(dir, name)), false)
		try(t, open(filepath.Join(elsewhere, name)), true)
	}
}

// Two directories have two locks of one relative path, in one process too.
func TestOneRelativePathInTwoDirectories(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	t.Chdir(first)
	holder := filelock.New(filepath.Join(first, "a"))
	mustAcquire(t, holder)
	l := filelock.New("a")
	result := acquire(l)
	awaitWaiters(t, holder.Path(), 1)
	t.Chdir(second)
	other := filelock.New("a")
	if ok, err := other.TryAcquireFor(testproc.Patience); !ok || err != nil {
		t.Fatal("the other directory's lock is free", ok, err)
	}
	mustTry(t, filelock.New(filepath.Join(second, "a")), false)
	select {
	case err := <-result:
		t.Fatal("two holders", err)
	case <-time.After(20 * time.Millisecond):
	}
	mustRelease(t, other)
	mustRelease(t, holder)
	mustGet(t, result)
	mustTry(t, holder, false)
}

// AcquireAll takes the locks to which the paths led when it began, however long it
// waits.
func TestChdirWhileAcquiringAll(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	t.Chdir(dir)
	holder := filelock.New(filepath.Join(dir, "a"))
	mustAcquire(t, holder)
	result := wait(func() error { return filelock.AcquireAll(background, filelock.New("b"), filelock.New("a")) })
	awaitWaiters(t, holder.Path(), 1)
	t.Chdir(elsewhere)
	mustRelease(t, holder)
	mustGet(t, result)
	mustTry(t, filelock.New(filepath.Join(dir, "b")), false)
	if _, err := os.Lstat("b"); err == nil {
		t.Error("b is locked in the other directory")
	}
}

// The record is removed with the hold, also after a change of the directory.
func TestRecordAfterChdir(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	l := filelock.New("a.lock")
	mustAcquire(t, l)
	t.Chdir(t.TempDir())
	size := func() int64 {
		info, err := os.Stat(filepath.Join(dir, "a.lock"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	testproc.Until(t, "a record", func() bool { return size() > 0 })
	mustRelease(t, l)
	if n := size(); n != 0 {
		t.Errorf("%d bytes are left of the record", n)
	}
}
