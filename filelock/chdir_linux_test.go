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

// kinds makes a lock, and a semaphore with one slot.
var kinds = map[string]func(path string) acquirer{
	"lock": func(path string) acquirer { return filelock.New(path) },
	"slot": func(path string) acquirer { return filelock.NewSemaphore(path, 1) },
}

// fileOf returns the path of the locked file.
func fileOf(kind, path string) string {
	if kind == "slot" {
		return filepath.Join(path, "1")
	}
	return path
}

// chdirLinked goes to a directory through a symbolic link, which is then in $PWD. It returns
// the path of the directory, and a function that makes the link lead to another directory.
func chdirLinked(t *testing.T) (dir string, swap func()) {
	t.Helper()
	top := t.TempDir()
	dir = filepath.Join(top, "1")
	link := filepath.Join(top, "cur")
	must(t, os.Mkdir(dir, 0o777), os.Mkdir(filepath.Join(top, "2"), 0o777), os.Symlink(dir, link))
	t.Chdir(link)
	return dir, func() {
		must(t, os.Remove(link), os.Symlink(filepath.Join(top, "2"), link))
	}
}

// A relative path starts in the working directory that the kernel knows, even if $PWD leads
// to another directory now. A waiter stays with its file.
func TestRelativePathInASwappedDirectory(t *testing.T) {
	for name, open := range kinds {
		dir, swap := chdirLinked(t)
		holder := open(filepath.Join(dir, "a"))
		mustTry(t, holder, true)
		result := acquire(open("a"))
		awaitWaiters(t, fileOf(name, filepath.Join(dir, "a")), 1)
		swap()
		mustRelease(t, holder)
		mustGet(t, result)
		mustTry(t, holder, false)
		mustTry(t, open("./a"), false)
	}
}

// AcquireAll recognizes one file by different paths.
func TestAcquireAllInASwappedDirectory(t *testing.T) {
	dir, swap := chdirLinked(t)
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
			mustAcquire(t, holder)
			result := acquire(open("a"))
			awaitWaiters(t, fileOf(name, filepath.Join(dir, "a")), 1)
			t.Chdir(elsewhere)
			if lost {
				must(t, os.Rename(dir, dir+".old"))
			}
			mustRelease(t, holder)
			err := await(t, result)
			var pathErr *fs.PathError
			switch {
			case !lost && err != nil:
				t.Errorf("%s: %v", name, err)
			case lost && (!errors.Is(err, cwd.ErrMoved) || !errors.As(err, &pathErr) || !strings.Contains(err.Error(), "use an absolute path")):
				t.Errorf("%s whose directory is lost: %v", name, err)
			}
			if names, _ := filepath.Glob(filepath.Join(elsewhere, "*")); len(names) > 0 {
				t.Errorf("%s: a file was created in the new directory: %v", name, names)
			}
			if lost {
				mustTry(t, open(filepath.Join(dir+".old", "a")), true)
			} else {
				mustTry(t, open(filepath.Join(dir, "a")), false)
				awaitNoGate(t, map[string]string{"lock": filepath.Join(dir, "a"), "slot": filepath.Join(dir, "a", "slots")}[name])
			}
		}
	}
}

// The program changes its directory between the stat of the path and the open, so the open
// finds another file.
func TestChdirWhileOpening(t *testing.T) {
	for name, open := range kinds {
		dir, elsewhere := t.TempDir(), t.TempDir()
		t.Chdir(dir)
		// Both files exist, so no error shows that the wrong one was opened.
		for _, d := range []string{dir, elsewhere} {
			l := open(filepath.Join(d, name))
			mustTry(t, l, true)
			mustRelease(t, l)
		}
		filelock.At(t, filelock.Opening, fileOf(name, name), func() { t.Chdir(elsewhere) })
		l := open(name)
		mustTry(t, l, true)
		mustTry(t, open(filepath.Join(dir, name)), false)
		mustTry(t, open(filepath.Join(elsewhere, name)), true)
	}
}

// The same relative path in two directories means two locks, in one process too.
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
		t.Fatal("the lock in the other directory is free, but was not acquired", ok, err)
	}
	mustTry(t, filelock.New(filepath.Join(second, "a")), false)
	select {
	case err := <-result:
		t.Fatal("the lock has two holders", err)
	case <-time.After(20 * time.Millisecond):
	}
	mustRelease(t, other)
	mustRelease(t, holder)
	mustGet(t, result)
	mustTry(t, holder, false)
}

// If the program changes its directory while AcquireAll waits, AcquireAll still takes the
// locks in the directory in which it began.
func TestChdirWhileAcquiringAll(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	t.Chdir(dir)
	holder := filelock.New(filepath.Join(dir, "a"))
	mustAcquire(t, holder)
	result := start(func() error { return filelock.AcquireAll(background, filelock.New("b"), filelock.New("a")) })
	awaitWaiters(t, holder.Path(), 1)
	t.Chdir(elsewhere)
	mustRelease(t, holder)
	mustGet(t, result)
	mustTry(t, filelock.New(filepath.Join(dir, "b")), false)
	if _, err := os.Lstat("b"); err == nil {
		t.Error("b was created in the new directory")
	}
}

// Release removes the record even if the program has changed its directory.
func TestRecordAfterChdir(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	l := filelock.New("a.lock")
	mustAcquire(t, l)
	t.Chdir(t.TempDir())
	size := func() int64 {
		info, err := os.Stat(filepath.Join(dir, "a.lock"))
		must(t, err)
		return info.Size()
	}
	testproc.Until(t, "there is a record", func() bool { return size() > 0 })
	mustRelease(t, l)
	if n := size(); n != 0 {
		t.Errorf("%d bytes are left of the record", n)
	}
}
