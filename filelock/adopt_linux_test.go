package filelock_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

func init() { roles["adopt"] = adopt }

// adopt PATH MODE: adopts descriptor 3 and prints the result. For each line that it hears,
// it calls the method and prints the result.
func adopt(args []string) error {
	l, err := filelock.Adopt(os.NewFile(3, "lock"), args[0], modes[args[1]]...)
	if err != nil {
		fmt.Println(err)
		return nil
	}
	fmt.Println("adopted")
	for {
		verb, err := testproc.Hear()
		if err != nil {
			return nil
		}
		switch verb {
		case "check":
			err = l.Check()
		case "leave":
			err = l.Leave()
		case "release":
			err = l.Release()
		case "acquire":
			err = l.Acquire(background)
		case "inherit": // does a child process that was given no file have the lock file?
			var out []byte
			out, err = exec.Command("sh", "-c", "ls -l /proc/self/fd 2>/dev/null; exit 0").CombinedOutput()
			if strings.Contains(string(out), args[0]) {
				err = errors.New("a child process has " + string(out))
			}
		}
		fmt.Println(verb, err)
	}
}

// startAdopter starts a process that adopts a file.
func startAdopter(t testing.TB, f *os.File, path, mode string) *testproc.Proc {
	t.Helper()
	cmd := testproc.RoleCmd("adopt", path, mode)
	cmd.ExtraFiles = []*os.File{f}
	return testproc.StartCmd(t, cmd)
}

// handOver starts a process that adopts the hold of l.
func handOver(t testing.TB, l *filelock.Lock, path, mode string) *testproc.Proc {
	t.Helper()
	f, err := l.File()
	must(t, err)
	defer f.Close()
	p := startAdopter(t, f, path, mode)
	p.Expect("adopted")
	return p
}

// ask makes an adopter call a method, and fails the test if the method returns an error.
func ask(t testing.TB, p *testproc.Proc, verb string) {
	t.Helper()
	p.Send(verb)
	p.Expect(verb + " <nil>")
}

// A lock goes from process to process, and is never free meanwhile.
func TestAdopt(t *testing.T) {
	t.Parallel()
	for mode, opts := range modes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			path := lockPath(t)
			l, other := filelock.New(path, opts...), filelock.New(path)
			mustAcquire(t, l)
			heir := handOver(t, l, path, mode)
			ask(t, heir, "check")
			ask(t, heir, "inherit")
			must(t, l.Leave())
			mustCheck(t, l, filelock.ErrNotHeld, path)
			mustTry(t, other, false)
			ask(t, heir, "check")
			ask(t, heir, "release")
			mustTry(t, other, true)
			mustRelease(t, other)
			ask(t, heir, "acquire") // an adopted Lock can be used like any other Lock
			mustTry(t, other, false)
			heir.Kill()
			mustTry(t, other, true)
		})
	}
}

// The adopter releases the lock for all processes, or leaves it to the others, or dies.
func TestAdoptedHoldEnds(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"release", "leave", "kill"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			path := lockPath(t)
			l, other := filelock.New(path), filelock.New(path)
			mustAcquire(t, l)
			heir := handOver(t, l, path, "exclusive")
			if how == "kill" {
				heir.Kill()
			} else {
				ask(t, heir, how)
			}
			if how == "release" {
				mustTry(t, other, true)
				mustCheck(t, l, filelock.ErrLost, path)
				mustRelease(t, other)
			} else {
				mustTry(t, other, false)
				mustCheck(t, l, nil, "")
			}
			mustRelease(t, l)
			mustTry(t, other, true)
		})
	}
}

// A shell locks its descriptor, and the program that it runs adopts it.
func TestAdoptOfAShell(t *testing.T) {
	t.Parallel()
	testproc.Need(t, "sh", "flock")
	path := lockPath(t)
	cmd := testproc.Below(testproc.RoleCmd("adopt", path, "exclusive"), "sh", "-c", `exec 3>"$1"; flock 3; "$0" "$@"; echo shell; read line`)
	p := testproc.StartCmd(t, cmd)
	p.Expect("adopted")
	ask(t, p, "check")
	other := filelock.New(path)
	mustTry(t, other, false)
	ask(t, p, "release")
	mustTry(t, other, true)
}

// A shell may have opened its descriptor for writing only. The adopter still writes its
// record, and replaces a record that a crash left.
func TestAdoptOfAShellIsRecorded(t *testing.T) {
	t.Parallel()
	for _, flag := range []int{os.O_WRONLY | os.O_TRUNC, os.O_WRONLY | os.O_APPEND, os.O_RDONLY} {
		path := lockPath(t)
		write(t, path, "\x00"+`{"fsync":1,"pid":1,"note":"left by a crash"}`+"\n")
		f, err := os.OpenFile(path, flag, 0)
		must(t, err, syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
		l, err := filelock.Adopt(f, path, filelock.Note("adopted"))
		must(t, err)
		if text := content(t, path); !strings.Contains(text, `"note":"adopted"`) {
			t.Errorf("flag %#x: the record is %q", flag, text)
		}
		mustRelease(t, l)
		mustBeEmpty(t, path)
	}
}

// The record names the adopter as soon as it holds the lock. So the adopter has its note, even
// when the process that acquired the lock has ended.
func TestAdoptIsRecorded(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	taker := testproc.Start(t, "giver", path)
	taker.Expect("taken")
	taker.Expect("adopted by the child") // which the taker started
	mustBe := func(heir int) {
		t.Helper()
		for what, list := range map[string][]filelock.Holder{"Holders": mustHolders(t, path), "LockedError": lockedBy(t, path)} {
			i := slices.IndexFunc(list, func(h filelock.Holder) bool { return h.PID == heir })
			if i < 0 || list[i].Note != "new" || list[i].Taker != taker.PID() || time.Since(list[i].Since) > testproc.Patience {
				t.Fatalf("%s: %+v", what, list)
			}
		}
	}
	heir, err := strconv.Atoi(taker.Line())
	must(t, err)
	mustBe(heir)
	taker.Send("leave")
	taker.Expect("left")
	mustBe(heir)
	if list := mustHolders(t, path); len(list) != 1 {
		t.Fatalf("%+v", list)
	}
	taker.Kill()
	mustBe(heir)
	must(t, syscall.Kill(heir, syscall.SIGKILL))
	testproc.Until(t, "the lock is free", func() bool { return len(mustHolders(t, path)) == 0 })
}

func init() { roles["giver"], roles["heir"] = giver, heir }

// giver PATH: takes a lock, and starts a child process that adopts it. When it hears a line,
// it leaves the lock to the child.
func giver(args []string) error {
	l := filelock.New(args[0], filelock.Note("old"))
	if err := l.Acquire(background); err != nil {
		return err
	}
	fmt.Println("taken")
	f, err := l.File()
	if err != nil {
		return err
	}
	cmd := testproc.RoleCmd("heir", args[0])
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = os.Stdout, os.Stderr, []*os.File{f}
	if err := errors.Join(cmd.Start(), f.Close()); err != nil {
		return err
	}
	if _, err := testproc.Hear(); err != nil {
		return err
	}
	if err := l.Leave(); err != nil {
		return err
	}
	fmt.Println("left")
	testproc.Forever()
	return nil
}

// heir PATH: adopts descriptor 3, and holds it until it is killed.
func heir(args []string) error {
	if _, err := filelock.Adopt(os.NewFile(3, "lock"), args[0], filelock.Note("new")); err != nil {
		return err
	}
	fmt.Printf("adopted by the child\n%d\n", os.Getpid())
	testproc.Forever()
	return nil
}

// lockedBy returns the holders in the error of an Acquire that reaches its deadline.
func lockedBy(t testing.TB, path string) []filelock.Holder {
	t.Helper()
	var locked *filelock.LockedError
	if err := timedOut(filelock.New(path).Acquire); !errors.As(err, &locked) {
		t.Fatal(err)
	}
	return locked.Holders
}

// Adopt closes f after a success, and leaves it open after an error.
func TestAdoptOwnsTheFile(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	l := filelock.New(path)
	mustAcquire(t, l)
	f, err := l.File()
	must(t, err)
	if _, err := filelock.Adopt(f, path, filelock.Shared()); !errors.Is(err, filelock.ErrNotHeld) {
		t.Fatal(err)
	}
	adopted, err := filelock.Adopt(f, path)
	must(t, err)
	if err := f.Close(); !errors.Is(err, os.ErrClosed) {
		t.Fatalf("Close = %v", err)
	}
	must(t, l.Leave())
	collect() // no finalizer closes the file of adopted
	mustCheck(t, adopted, nil, "")
	mustTry(t, filelock.New(path), false)
	must(t, adopted.Leave())
	last := filelock.New(path)
	testproc.Until(t, "the lock is free", func() bool { // a child process that has not called execve(2) yet has the file, too
		ok, err := last.TryAcquire()
		must(t, err)
		return ok
	})
}

// If many goroutines adopt one file, one of them gets the hold. The others get an error, and
// change nothing.
func TestAdoptAtOnce(t *testing.T) {
	t.Parallel()
	for range 20 {
		path := lockPath(t)
		l := filelock.New(path)
		mustAcquire(t, l)
		f, err := l.File()
		must(t, err)
		var all sync.WaitGroup
		got := make(chan *filelock.Lock, 8)
		for range cap(got) {
			all.Go(func() {
				adopted, err := filelock.Adopt(f, path)
				if err == nil {
					got <- adopted
				} else if !errors.Is(err, os.ErrClosed) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if len(got) != 1 {
			t.Fatalf("%d goroutines have adopted the file, want 1", len(got))
		}
		must(t, l.Leave())
		adopted := <-got
		mustCheck(t, adopted, nil, "")
		mustRelease(t, adopted)
		mustTry(t, l, true)
	}
}

// Adopt returns an error for a file that does not hold the lock in the mode of the options.
// It then changes no lock, and leaves the file open.
func TestAdoptRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, other := filepath.Join(dir, "a.lock"), filepath.Join(dir, "other")
	write(t, path, "")
	write(t, other, "")
	must(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o666), os.Symlink("a.lock", filepath.Join(dir, "link")))
	must(t, os.Mkdir(filepath.Join(dir, "a.sem"), 0o777))
	write(t, filepath.Join(dir, "a.sem", "slots"), "2\n")
	open := func(path string, flag int) *os.File {
		t.Helper()
		f, err := os.OpenFile(path, flag, 0)
		must(t, err)
		t.Cleanup(func() { f.Close() })
		return f
	}
	locked := func(f *os.File, how int) *os.File {
		t.Helper()
		must(t, syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB))
		return f
	}
	closed := open(path, os.O_RDONLY)
	must(t, closed.Close())
	exclusive := locked(open(other, os.O_RDONLY), syscall.LOCK_EX)
	shared := locked(open(path, os.O_RDONLY), syscall.LOCK_SH)
	fifo := open(filepath.Join(dir, "fifo"), os.O_RDWR)
	for name, c := range map[string]struct {
		f    *os.File
		path string
		mode string
		want error
	}{
		"no file":                              {nil, path, "exclusive", fs.ErrInvalid},
		"a closed file":                        {closed, path, "exclusive", os.ErrClosed},
		"a descriptor that is not open":        {os.NewFile(9999, "x"), path, "exclusive", syscall.EBADF},
		"a file that is not locked":            {open(path, os.O_RDONLY), path, "exclusive", filelock.ErrNotHeld},
		"a file that is not locked, as shared": {open(other, os.O_RDONLY), other, "shared", filelock.ErrNotHeld},
		"a shared hold as exclusive":           {shared, path, "exclusive", filelock.ErrNotHeld},
		"an exclusive hold as shared":          {exclusive, other, "shared", filelock.ErrNotHeld},
		"another file":                         {exclusive, path, "exclusive", filelock.ErrLost},
		"a missing file":                       {exclusive, filepath.Join(dir, "missing"), "exclusive", filelock.ErrLost},
		"a missing directory":                  {exclusive, filepath.Join(dir, "missing", "a.lock"), "exclusive", filelock.ErrLost},
		"a path below a file":                  {exclusive, filepath.Join(other, "a.lock"), "exclusive", filelock.ErrLost},
		"the path of a FIFO":                   {fifo, filepath.Join(dir, "fifo"), "exclusive", fs.ErrInvalid},
		"a FIFO":                               {fifo, path, "exclusive", filelock.ErrLost},
		"a link":                               {shared, filepath.Join(dir, "link"), "shared", fs.ErrInvalid},
		"the directory of a semaphore":         {open(filepath.Join(dir, "a.sem"), os.O_RDONLY), filepath.Join(dir, "a.sem"), "exclusive", fs.ErrInvalid},
		"an empty path":                        {shared, "", "shared", fs.ErrInvalid},
	} {
		l, err := filelock.Adopt(c.f, c.path, modes[c.mode]...)
		var at *fs.PathError
		if l != nil || !errors.Is(err, c.want) || !errors.As(err, &at) || at.Path != c.path || errors.Is(err, filelock.ErrLocked) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if c.f != nil && c.want != os.ErrClosed && c.want != syscall.EBADF {
			if _, err := c.f.Stat(); err != nil {
				t.Errorf("%s: f afterwards: %v", name, err)
			}
		}
	}
	mustTry(t, filelock.New(path, filelock.Shared()), true) // the locks have not changed
	mustTry(t, filelock.New(path), false)
	mustTry(t, filelock.New(other, filelock.Shared()), false)
}

// If the kernel does not show the lock of an open file, Adopt tries the lock.
func TestAdoptByTrying(t *testing.T) {
	// Not parallel: for all tests, the kernel does not show locks meanwhile.
	filelock.HideLocks(t)
	for mode, opts := range modes {
		path := lockPath(t)
		l := filelock.New(path, opts...)
		mustAcquire(t, l)
		f, err := l.File()
		must(t, err)
		free, err := os.Open(path)
		must(t, err)
		for other, wrong := range modes {
			if other == mode {
				continue
			}
			if _, err := filelock.Adopt(f, path, wrong...); !errors.Is(err, filelock.ErrNotHeld) {
				t.Errorf("%s as %s: %v", mode, other, err)
			}
			if _, err := filelock.Adopt(free, path, wrong...); !errors.Is(err, filelock.ErrNotHeld) {
				t.Errorf("an open file without the lock, which is %s, as %s: %v", mode, other, err)
			}
		}
		if mode == "exclusive" {
			if _, err := filelock.Adopt(free, path); !errors.Is(err, filelock.ErrNotHeld) {
				t.Errorf("an open file without the lock, which is exclusive: %v", err)
			}
		}
		adopted, err := filelock.Adopt(f, path, opts...)
		must(t, err, l.Leave(), adopted.Check())
		mustTry(t, filelock.New(path), false)
		mustRelease(t, adopted)
		for _, opts := range modes {
			if _, err := filelock.Adopt(free, path, opts...); !errors.Is(err, filelock.ErrNotHeld) {
				t.Errorf("a file that is not locked: %v", err)
			}
		}
		mustTry(t, filelock.New(path), true)
	}
}

// If the process changes its directory, a relative path stays with its file.
func TestAdoptARelativePath(t *testing.T) {
	// Not parallel: the working directory belongs to the process.
	base := t.TempDir()
	t.Chdir(base)
	write(t, "a.lock", "")
	f, err := os.Open("a.lock")
	must(t, err, syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
	l, err := filelock.Adopt(f, "a.lock")
	must(t, err)
	t.Chdir(t.TempDir())
	mustCheck(t, l, nil, "")
	mustTry(t, filelock.New(filepath.Join(base, "a.lock")), false)
	mustTry(t, filelock.New("a.lock"), true)
	mustRelease(t, l)
	mustTry(t, filelock.New(filepath.Join(base, "a.lock")), true)
}

// Adopt accepts files that were opened in other ways than Acquire opens them.
func TestAdoptOtherFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	write(t, path, "")
	must(t, os.Symlink("file", filepath.Join(dir, "link")), os.Mkdir(filepath.Join(dir, "d"), 0o777))
	for name, c := range map[string]struct {
		path, at string
		flag     int
		opts     []filelock.Option
	}{
		"write-only":     {path, path, os.O_WRONLY, nil},
		"append":         {path, path, os.O_WRONLY | os.O_APPEND, nil},
		"a directory":    {filepath.Join(dir, "d"), filepath.Join(dir, "d"), os.O_RDONLY, nil},
		"through a link": {path, filepath.Join(dir, "link"), os.O_RDWR, []filelock.Option{filelock.AnyFile()}},
	} {
		f, err := os.OpenFile(c.path, c.flag, 0)
		must(t, err, syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
		l, err := filelock.Adopt(f, c.at, c.opts...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		mustCheck(t, l, nil, "")
		mustTry(t, filelock.New(c.path), false)
		mustRelease(t, l)
		again := filelock.New(c.path)
		mustTry(t, again, true)
		mustRelease(t, again)
	}
}

// The path may lead through the descriptor that Adopt closes, such as /dev/fd/9.
func TestAdoptByNumber(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	write(t, path, "")
	f, err := os.Open(path)
	must(t, err, syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
	l, err := filelock.Adopt(f, "/dev/fd/"+strconv.Itoa(int(f.Fd())), filelock.AnyFile())
	must(t, err)
	mustCheck(t, l, nil, "")
	mustTry(t, filelock.New(path), false)
	must(t, os.Remove(path))
	mustCheck(t, l, filelock.ErrLost, l.Path())
	mustRelease(t, l)
}

// A slot of a semaphore is adopted as a lock on its file.
func TestAdoptASlot(t *testing.T) {
	t.Parallel()
	path, s := holdSlots(t, 1)
	f, err := s.File()
	must(t, err)
	heir := startAdopter(t, f, filepath.Join(path, "1"), "exclusive")
	heir.Expect("adopted")
	must(t, f.Close(), s.Leave())
	mustTry(t, s, false)
	ask(t, heir, "release")
	mustBeEmpty(t, filepath.Join(path, "1"))
	mustTry(t, s, true)
}
