package filelock_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// must fails the test if one of the steps failed.
var must = testproc.Must

// A file, its directory or a directory above is removed, renamed or replaced: Check says
// that the lock is lost. If the file comes back, Check says that it is held.
func TestCheckOfAFileThatGoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do, undo func(path string) error // undo: nil if the file is gone for good
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
			base := filepath.Join(t.TempDir(), "d")
			must(t, os.Mkdir(base, 0o777))
			path := filepath.Join(base, "a.lock")
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

// A directory that is locked, removed, and created again.
func TestCheckOfADirectory(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "d")
	must(t, os.Mkdir(path, 0o777))
	l := filelock.New(path)
	mustAcquire(t, l)
	mustCheck(t, l, nil, "")
	must(t, os.Remove(path), os.Mkdir(path, 0o777))
	mustCheck(t, l, filelock.ErrLost, path)
	mustRelease(t, l)
}

// Two holds of one Lock, the older on a file that was removed: the newer keeps others
// out, until it is gone too.
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

// Each slot that a Semaphore holds must be there: one that is lost lets one more
// process in.
func TestCheckOfSlots(t *testing.T) {
	t.Parallel()
	path, s := holdSlots(t, 2)
	mustCheck(t, s, nil, "")
	lost := filepath.Join(path, "2")
	must(t, os.Remove(lost))
	mustCheck(t, s, filelock.ErrLost, lost)
	if ok, err := filelock.NewSemaphore(path, 2).TryAcquire(); !ok || err != nil { // there are three now
		t.Fatal(ok, err)
	}
	mustCheck(t, s, filelock.ErrLost, lost)
	must(t, s.Release(), s.Release())
	mustCheck(t, s, filelock.ErrNotHeld, path)

	if ok, err := s.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	must(t, os.Rename(path, path+".old"))
	if err := s.Check(); !errors.Is(err, filelock.ErrLost) {
		t.Fatalf("Check = %v", err)
	}
}

// If the directory may not be searched, Check cannot tell whether the lock is lost.
func TestCheckMayNotLook(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	base, err := os.MkdirTemp("", "check") // other users may not search the directory of the test
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(base) })
	path := filepath.Join(base, "a.lock")
	must(t, os.WriteFile(path, nil, 0o666), os.Chmod(base, 0o755))
	p := testproc.Start(t, "check", "65534", path)
	p.Expect("held")
	must(t, os.Chmod(base, 0o700))
	p.Send("check")
	if got := p.Line(); !strings.HasSuffix(got, "permission denied") || !strings.Contains(got, path) || strings.Contains(got, "lost") {
		t.Fatal(got)
	}
	must(t, os.Chmod(base, 0o755))
	p.Send("check")
	p.Expect("<nil>")
}

func init() { roles["check"] = check }

// check UID PATH: locks as another user, and says on each line what Check returns.
func check(args []string) error {
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(65534), syscall.Setuid(65534)); err != nil {
		return err
	}
	l := filelock.New(args[1])
	if err := l.Acquire(background); err != nil {
		return err
	}
	say := "held"
	for {
		os.Stdout.WriteString(say + "\n")
		if _, err := testproc.Hear(); err != nil {
			return nil
		}
		say = "<nil>"
		if err := l.Check(); err != nil {
			say = err.Error()
		}
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
				mustCheck(t, l, c.want, path) // the lock of another process is not the lock of l
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

// A slot that another process has unlocked.
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

// On FUSE the kernel may not know the locks; if it has shown a lock once, it will show it
// again. When the daemon dies, the file is lost.
func TestCheckOnFUSE(t *testing.T) {
	t.Parallel()
	dir, die := bindfs(t)
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

// Many goroutines ask while others acquire and release.
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

// The path of a lock leads through links, or to an open file.
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
	must(t, f.Close()) // the path was only the way to the file
	mustCheck(t, open, nil, "")
	must(t, os.Remove(file))
	mustCheck(t, open, filelock.ErrLost, open.Path())
}

// The process goes to another directory: a relative path stays with its file.
func TestCheckOfARelativePath(t *testing.T) {
	// Not parallel: the working directory is the process's.
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
