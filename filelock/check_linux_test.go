package filelock_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// A file, its directory or a directory above is removed, renamed or replaced: Check says
// that the lock is lost. If the file comes back, Check says that it is held.
func TestCheckOfAFileThatGoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do, undo func(path string) error // undo is nil if the file cannot come back
	}{
		"removed": {do: os.Remove},
		"replaced": {
			do: func(p string) error { return errors.Join(os.WriteFile(p+".new", nil, 0o666), os.Rename(p+".new", p)) },
		},
		"renamed": {
			do:   func(p string) error { return os.Rename(p, p+".old") },
			undo: func(p string) error { return os.Rename(p+".old", p) },
		},
		"a directory in its place": {
			do:   func(p string) error { return errors.Join(os.Rename(p, p+".old"), os.Mkdir(p, 0o777)) },
			undo: func(p string) error { return errors.Join(os.Remove(p), os.Rename(p+".old", p)) },
		},
		"a link in its place": {
			do:   func(p string) error { return errors.Join(os.Rename(p, p+".old"), os.Symlink(p+".old", p)) },
			undo: func(p string) error { return os.Rename(p+".old", p) },
		},
		"directory moved away": {
			do:   func(p string) error { return os.Rename(filepath.Dir(p), filepath.Dir(p)+".old") },
			undo: func(p string) error { return os.Rename(filepath.Dir(p)+".old", filepath.Dir(p)) },
		},
		"directory made again": {
			do: func(p string) error {
				return errors.Join(os.RemoveAll(filepath.Dir(p)), os.MkdirAll(filepath.Dir(p), 0o777), os.WriteFile(p, nil, 0o666))
			},
		},
		"a file in place of the directory": {
			do: func(p string) error {
				d := filepath.Dir(p)
				return errors.Join(os.Rename(d, d+".old"), os.WriteFile(d, nil, 0o666))
			},
		},
		"a loop in place of the directory": {
			do: func(p string) error {
				d := filepath.Dir(p)
				return errors.Join(os.Rename(d, d+".old"), os.Symlink(filepath.Base(d), d))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(newDir(t), "a.lock")
			l := filelock.New(path)
			mustAcquire(t, l)
			mustCheck(t, l, nil, "")
			must(t, c.do(path))
			mustCheck(t, l, filelock.ErrLost, path)
			if c.undo != nil {
				must(t, c.undo(path))
				mustCheck(t, l, nil, "")
				mustTry(t, filelock.New(path), false)
				must(t, c.do(path))
			}
			mustRelease(t, l)
			mustCheck(t, l, filelock.ErrNotHeld, path)
		})
	}
}

// A locked directory is removed and created again: the lock is lost.
func TestCheckOfADirectory(t *testing.T) {
	t.Parallel()
	path := newDir(t)
	l := filelock.New(path)
	mustAcquire(t, l)
	mustCheck(t, l, nil, "")
	must(t, os.Remove(path), os.Mkdir(path, 0o777))
	mustCheck(t, l, filelock.ErrLost, path)
	mustRelease(t, l)
}

// A Lock has two holds, the older one on a file that was removed. Check returns nil as long
// as the Lock has the newer hold.
func TestCheckOfTwoHolds(t *testing.T) {
	t.Parallel()
	for _, opts := range [][]filelock.Option{nil, {filelock.Shared()}} {
		path := lockPath(t)
		l := filelock.New(path, opts...)
		mustAcquire(t, l)
		must(t, os.Remove(path))
		mustCheck(t, l, filelock.ErrLost, path)
		mustAcquire(t, l)
		mustCheck(t, l, nil, "")
		mustTry(t, filelock.New(path), false)
		mustRelease(t, l) // the older
		mustCheck(t, l, nil, "")
		mustRelease(t, l)
		mustCheck(t, l, filelock.ErrNotHeld, path)
	}
}

// If one slot that a Semaphore holds is lost, Check says so, because one process too many can
// acquire a slot.
func TestCheckOfSlots(t *testing.T) {
	t.Parallel()
	path, s := holdSlots(t, 2)
	mustCheck(t, s, nil, "")
	lost := filepath.Join(path, "2")
	must(t, os.Remove(lost))
	mustCheck(t, s, filelock.ErrLost, lost)
	mustTry(t, filelock.NewSemaphore(path, 2), true) // the third hold
	mustCheck(t, s, filelock.ErrLost, lost)
	must(t, s.Release(), s.Release())
	mustCheck(t, s, filelock.ErrNotHeld, path)

	mustTry(t, s, true)
	must(t, os.Rename(path, path+".old"))
	if err := s.Check(); !errors.Is(err, filelock.ErrLost) {
		t.Fatalf("Check = %v", err)
	}
}

// If the directory may not be searched, Check cannot tell whether the lock is lost.
func TestCheckMayNotSearch(t *testing.T) {
	t.Parallel()
	dir := publicDir(t)
	path := filepath.Join(dir, "a.lock")
	must(t, os.WriteFile(path, nil, 0o666))
	p := startAsNobody(t, "check", path)
	p.Expect("held")
	must(t, os.Chmod(dir, 0o700))
	p.Send("check")
	if got := p.Line(); !strings.HasSuffix(got, "permission denied") || !strings.Contains(got, path) || strings.Contains(got, "lost") {
		t.Fatal(got)
	}
	must(t, os.Chmod(dir, 0o755))
	p.Send("check")
	p.Expect("<nil>")
}

func init() { roles["check"] = check }

// check PATH: holds the lock, and for each line that it hears prints what Check returns.
func check(args []string) error {
	l := filelock.New(args[0])
	if err := l.Acquire(background); err != nil {
		return err
	}
	fmt.Println("held")
	for {
		if _, err := testproc.Hear(); err != nil {
			return nil
		}
		fmt.Println(l.Check())
	}
}

// flockFile runs flock(1) on a file that it inherits.
func flockFile(t testing.TB, f *os.File, option string) {
	t.Helper()
	testproc.Need(t, "flock")
	cmd := exec.Command("flock", option, "3")
	cmd.ExtraFiles = []*os.File{f}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// A process that inherited the hold unlocks the file, or makes the lock shared.
// Check says so, and does not take the lock again.
func TestCheckAfterAnotherUnlocked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, option string
		opts         []filelock.Option
		want         error
	}{
		{"unlocked", "-u", nil, filelock.ErrLost},
		{"made shared", "-s", nil, filelock.ErrLost},
		{"locked again", "-x", nil, nil},
		{"shared, unlocked", "-u", []filelock.Option{filelock.Shared()}, filelock.ErrLost},
		{"shared, made exclusive", "-x", []filelock.Option{filelock.Shared()}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := lockPath(t)
			l := filelock.New(path, c.opts...)
			mustAcquire(t, l)
			f, err := l.File()
			must(t, err)
			defer f.Close()
			flockFile(t, f, c.option)
			for range 2 {
				mustCheck(t, l, c.want, path)
			}
			other := filelock.New(path, filelock.Shared())
			if c.want != nil {
				mustTry(t, other, true)
				mustCheck(t, l, c.want, path) // Check does not take the lock of other for the lock of l
			} else {
				mustTry(t, other, false)
			}
			mustRelease(t, l)
			if c.want != nil {
				mustCheck(t, other, nil, "")
				return
			}
			mustTry(t, other, true)
		})
	}
}

// Check of a Semaphore notices that another process has unlocked a slot.
func TestCheckOfAnUnlockedSlot(t *testing.T) {
	t.Parallel()
	path, s := holdSlots(t, 2)
	f, err := s.File()
	must(t, err)
	defer f.Close()
	flockFile(t, f, "-u")
	var at *fs.PathError
	if err := s.Check(); !errors.Is(err, filelock.ErrLost) || !errors.As(err, &at) || filepath.Dir(at.Path) != path {
		t.Fatalf("Check = %v", err)
	}
}

// On FUSE the kernel may not show the locks. But if Check has seen the lock once, it notices
// when the lock is gone. When the daemon dies, the file is lost.
func TestCheckOnFUSE(t *testing.T) {
	t.Parallel()
	_, dir, die := bindfs(t)
	path := filepath.Join(dir, "a.lock")
	l := filelock.New(path)
	mustAcquire(t, l)
	mustCheck(t, l, nil, "")
	f, err := l.File()
	must(t, err)
	adopted, err := filelock.Adopt(f, path)
	must(t, err)
	mustCheck(t, adopted, nil, "")
	must(t, adopted.Leave())
	f, err = l.File()
	must(t, err)
	defer f.Close()
	flockFile(t, f, "-u")
	mustCheck(t, l, filelock.ErrLost, path)
	flockFile(t, f, "-x")
	mustCheck(t, l, nil, "")
	die() // the cache of the kernel is valid for a second
	testproc.Until(t, "the file is lost", func() bool { return errors.Is(l.Check(), filelock.ErrLost) })
}

// Some goroutines call Check while others acquire and release.
func TestCheckAtOnce(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	l := filelock.New(path, filelock.Shared())
	var over atomic.Bool
	var asking, using sync.WaitGroup
	for range 2 {
		asking.Go(func() {
			for !over.Load() {
				if err := l.Check(); err != nil && !errors.Is(err, filelock.ErrNotHeld) {
					t.Error(err)
					return
				}
			}
		})
		using.Go(func() {
			for range 200 {
				if err := errors.Join(l.Acquire(background), l.Check(), l.Release()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	using.Wait()
	over.Store(true)
	asking.Wait()
}

// Check follows the links in the path of a lock, but not a path to a descriptor.
func TestCheckOfLinks(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	file, link, other := filepath.Join(base, "file"), filepath.Join(base, "link"), filepath.Join(base, "other")
	must(t, os.Symlink("file", link))
	l := filelock.New(link, filelock.AnyFile())
	mustAcquire(t, l)
	mustCheck(t, l, nil, "")
	must(t, os.Symlink("other", link+".new"), os.Rename(link+".new", link), os.WriteFile(other, nil, 0o666))
	mustCheck(t, l, filelock.ErrLost, link)
	must(t, os.Remove(link))
	mustCheck(t, l, filelock.ErrLost, link)

	f, err := os.Open(file)
	must(t, err)
	open := filelock.New("/dev/fd/"+strconv.Itoa(int(f.Fd())), filelock.AnyFile())
	mustTry(t, open, false)
	mustRelease(t, l)
	mustAcquire(t, open)
	must(t, f.Close()) // the path is not followed again
	mustCheck(t, open, nil, "")
	must(t, os.Remove(file))
	mustCheck(t, open, filelock.ErrLost, open.Path())
}

// If the process changes its directory, a relative path stays with its file.
func TestCheckOfARelativePath(t *testing.T) {
	// Not parallel: the working directory belongs to the process.
	base := t.TempDir()
	t.Chdir(base)
	l := filelock.New("a.lock")
	mustAcquire(t, l)
	mustCheck(t, l, nil, "")
	t.Chdir(t.TempDir())
	must(t, os.WriteFile("a.lock", nil, 0o666))
	mustCheck(t, l, nil, "")
	must(t, os.Remove(filepath.Join(base, "a.lock")))
	mustCheck(t, l, filelock.ErrLost, "a.lock")
}

// The program changes its directory between the two steps of Check: it finds the path, and
// looks for the file there.
func TestCheckMeetsChdir(t *testing.T) {
	base, elsewhere := t.TempDir(), t.TempDir()
	for name, open := range kinds {
		t.Chdir(base)
		l := open(name)
		mustAcquire(t, l)
		filelock.At(t, filelock.PathFound, fileOf(name, name), func() { t.Chdir(elsewhere) })
		mustCheck(t, l.(checker), nil, "")
		if here, err := os.Getwd(); err != nil || here != elsewhere {
			t.Errorf("%s: Check did not look for the file: %s, %v", name, here, err)
		}
		mustRelease(t, l)
	}
}
