package filelock_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

func init() { roles["starve"] = starve }

// starve PATH HELD: opens files until it has no descriptor left, and finds that it can lock
// neither PATH nor HELD. Then it closes the files, and waits for HELD.
func starve(args []string) error {
	waiting := filelock.New(args[1])
	var files []*os.File
	var err error
	for err == nil {
		var f *os.File
		if f, err = os.Open(os.DevNull); err == nil {
			files = append(files, f)
		}
	}
	if !errors.Is(err, syscall.EMFILE) {
		return err
	}
	for _, err := range []error{
		errorOf(filelock.New(args[0]).TryAcquire()),
		filelock.New(args[0]).Acquire(context.Background()),
		waiting.Acquire(context.Background()),
		errorOf(waiting.Holders()),
	} {
		if !errors.Is(err, syscall.EMFILE) || errors.Is(err, filelock.ErrLocked) {
			return fmt.Errorf("without a descriptor: %w", err)
		}
	}
	for _, f := range files {
		f.Close()
	}
	fmt.Println("starved")
	if err := waiting.Acquire(context.Background()); err != nil {
		return err
	}
	fmt.Println("acquired")
	return nil
}

func TestNoDescriptorsLeft(t *testing.T) {
	t.Parallel()
	path, held := lockPath(t), lockPath(t)
	holder := startHolder(t, held)
	cmd := testproc.Below(testproc.RoleCmd("starve", path, held), "sh", "-c", `ulimit -n 32; exec "$0" "$@"`)
	p := testproc.StartCmd(t, cmd)
	p.Expect("starved")
	awaitWaiters(t, held, 1)
	release(t, holder)
	p.Expect("acquired")
	p.Wait()
}

// The directory of a lock file is renamed while one process holds the lock and another one
// waits for it. The waiter gets an error, because the path leads nowhere now. By its new
// path, the lock is still held.
func TestDirectoryMovedAway(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	path := filepath.Join(dir, "a.lock")
	holder := startHolder(t, path)
	result := acquireAndWait(t, background, filelock.New(path))
	must(t, os.Rename(dir, dir+".old"))
	if _, err := filelock.New(path).TryAcquire(); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("TryAcquire = %v", err)
	}
	moved := filelock.New(filepath.Join(dir+".old", "a.lock"))
	mustTry(t, moved, false) // the same file still excludes
	release(t, holder)
	if err := await(t, result); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("Acquire = %v", err)
	}
	mustTry(t, moved, true)
}

// In a sticky directory that every user may write to, the kernel refuses O_CREAT on
// a file of another user, even to root.
func TestProtectedRegular(t *testing.T) {
	// Not parallel: the setting belongs to the machine.
	const setting = "/proc/sys/fs/protected_regular"
	old, err := os.ReadFile(setting)
	if err != nil {
		t.Skipf("this kernel has no such setting: %v", err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile(setting, old, 0); err != nil && os.Getuid() == 0 {
			t.Error(err)
		}
	})
	for _, mode := range []os.FileMode{0o777, 0o770} {
		for _, level := range []string{"0", "1", "2"} {
			if err := os.WriteFile(setting, []byte(level), 0); err != nil {
				t.Skipf("only root can change %s: %v", setting, err)
			}
			dir := publicDir(t)
			path := filepath.Join(dir, "a.lock")
			must(t, os.WriteFile(path, nil, 0o666), os.Chmod(path, 0o666), os.Chown(path, 1234, 1234),
				os.Chown(dir, 0, 65534), // the group of the other user
				os.Chmod(dir, mode|os.ModeSticky))
			l := filelock.New(path)
			mustTry(t, l, true)
			if got := tryAsNobody(t, path); got != "false <nil>" {
				t.Errorf("protected_regular=%s, mode %o: another user's try of a held lock: %s", level, mode, got)
			}
			mustRelease(t, l)
			if got := tryAsNobody(t, path); got != "true <nil>" {
				t.Errorf("protected_regular=%s, mode %o: another user's try: %s", level, mode, got)
			}
			// The other user creates the file after our stat has found no file.
			must(t, os.Remove(path))
			filelock.At(t, filelock.Opening, path, func() {
				if err := errors.Join(os.WriteFile(path, nil, 0o666), os.Chown(path, 1234, 1234)); err != nil {
					t.Error(err)
				}
			})
			l = filelock.New(path)
			mustTry(t, l, true)
			mustRelease(t, l)
		}
	}
}

// A child process that does not call execve(2) after the fork has the lock, too.
func TestForkWithoutExec(t *testing.T) {
	t.Parallel()
	testproc.Need(t, "python3")
	path := lockPath(t)
	enough := path + ".enough"
	must(t, syscall.Mkfifo(enough, 0o666))
	p := testproc.StartCmd(t, exec.Command("python3", "-c", `
import fcntl, os, sys
f = open(sys.argv[1], "w")
fcntl.flock(f, fcntl.LOCK_EX)
if os.fork() > 0:
    os._exit(0)
print("forked", flush=True)
open(sys.argv[2]).read() # until the test has opened the FIFO for writing, and closed it
`, path, enough))
	p.Expect("forked")
	p.Wait()
	l := filelock.New(path)
	mustTry(t, l, false)
	if holders, err := l.Holders(); err != nil || len(holders) != 1 || holders[0].PID == p.PID() || !strings.Contains(holders[0].Command, "fork") {
		t.Errorf("holders = %v, %v", holders, err)
	}
	result := acquire(l)
	awaitQueue(t, path, 1) // /proc/locks does not show a lock whose taker is dead
	must(t, os.WriteFile(enough, nil, 0))
	mustGet(t, result)
}

// If another file comes to the path between the stat and the open, the open does not block,
// and the file is not locked if it cannot be a lock file.
func TestPathChangesBeforeTheOpen(t *testing.T) {
	t.Parallel()
	held := lockPath(t)
	startHolder(t, held)
	for name, c := range map[string]struct {
		before bool // at first there is a lock file
		put    func(path string) error
		want   error
	}{
		"FIFO":            {true, func(path string) error { return syscall.Mkfifo(path, 0o666) }, fs.ErrInvalid},
		"link":            {true, func(path string) error { return os.Symlink("/dev/null", path) }, fs.ErrInvalid},
		"link to a lock":  {true, func(path string) error { return os.Symlink(held, path) }, fs.ErrInvalid},
		"nothing":         {true, func(path string) error { return nil }, nil},
		"file":            {false, func(path string) error { return os.WriteFile(path, nil, 0o666) }, nil},
		"link to nothing": {false, func(path string) error { return os.Symlink("elsewhere", path) }, fs.ErrInvalid},
		"directory":       {false, func(path string) error { return os.Mkdir(path, 0o777) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			path := lockPath(t)
			if c.before {
				must(t, os.WriteFile(path, nil, 0o666))
			}
			filelock.At(t, filelock.Opening, path, func() {
				os.Remove(path)
				if err := c.put(path); err != nil {
					t.Error(err)
				}
			})
			if ok, err := filelock.New(path).TryAcquire(); ok != (c.want == nil) || !errors.Is(err, c.want) {
				t.Errorf("TryAcquire = %v, %v", ok, err)
			}
			if !gone(filepath.Join(filepath.Dir(path), "elsewhere")) {
				t.Error("a link was followed")
			}
		})
	}
}

// A lock file is moved away between the look and the open, and comes back when the waiter
// is blocked on the file that was there meanwhile:
//
//	waiter                      others
//	look: file A
//	                            mv A away; make file B, and lock it
//	open B, block
//	                            mv A back to the path; release A
//	check: B is not at the path
//	lock A
func TestLockFileComesBack(t *testing.T) {
	t.Parallel()
	needsKernelWait(t, "no waiter blocks on a file that is not at the path")
	path := lockPath(t)
	away := path + ".away"
	holder, other := filelock.New(path), filelock.New(path)
	mustAcquire(t, holder)
	moved := make(chan struct{})
	filelock.At(t, filelock.Opening, path, func() { // the try
		filelock.Once(filelock.Opening, path, func() { // the wait
			err := os.Rename(path, away)
			if ok, lockErr := other.TryAcquire(); err != nil || !ok {
				t.Error(err, lockErr)
			}
			close(moved)
		})
	})
	result := acquire(filelock.New(path))
	<-moved
	awaitWaiters(t, path, 1)
	filelock.StopChecks(t, path)
	must(t, os.Rename(away, path))
	mustRelease(t, holder)
	filelock.Check(t, path)
	mustGet(t, result)
	mustRelease(t, other)
}
