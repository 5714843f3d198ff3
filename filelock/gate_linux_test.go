package filelock_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/flockwait"
	"github.com/fsync-lock/fsync/internal/testproc"
)

func gateOf(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".gate")
}

func gone(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

func awaitNoGate(t testing.TB, path string) {
	t.Helper()
	testproc.Until(t, "the gate is gone", func() bool { return gone(gateOf(path)) })
}

// waitAtGate acquires l in a goroutine, and returns when it waits at the gate.
func waitAtGate(t testing.TB, ctx context.Context, l *filelock.Lock) (result <-chan error) {
	t.Helper()
	result = acquireUntil(ctx, l)
	awaitWaiters(t, gateOf(l.Path()), 1)
	return result
}

// A process that releases the lock and acquires it again waits behind the waiters.
func TestNoOvertakingOfAnotherProcess(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	l := filelock.New(path)
	for range 20 {
		mustAcquire(t, l)
		waiter := startWaiter(t, path)
		awaitWaiters(t, path, 1)
		mustRelease(t, l)
		again := acquire(l)
		waiter.Expect("acquire")
		mustStillWait(t, again)
		waiter.Kill()
		mustGet(t, again)
		mustRelease(t, l)
	}
}

// A reader that comes after a writer waits behind the writer, although other readers hold
// the lock.
func TestReadersDoNotStarveAWriter(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	first, writer := startHead(t, path, "shared")
	second := startWaiter(t, path, "shared")
	third := acquire(filelock.New(path, filelock.Shared()))
	awaitWaiters(t, gateOf(path), 2)
	second.Silent()
	release(t, first)
	writer.Expect("acquire")
	second.Silent()
	mustStillWait(t, third)
	release(t, writer)
	second.Expect("acquire")
	mustGet(t, third)
	awaitNoGate(t, path)
}

// A writer that gave up does not delay readers: it keeps neither the gate nor a place
// in the kernel's queue.
func TestAbandonedWriterKeepsNoGate(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	reader := startHolder(t, path, "shared")
	giveUp(t, filelock.New(path))
	second := startHolder(t, path, "shared")
	release(t, reader)
	release(t, second)
}

// If the first waiter is killed, the next waiter gets the gate.
func TestKilledHeadOfTheQueue(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder, head := startHead(t, path)
	next := waitAtGate(t, background, filelock.New(path))
	head.Kill()
	awaitWaiters(t, path, 1) // next
	release(t, holder)
	mustGet(t, next)
}

// If the first waiter is stopped, the other waiters still get the lock when it is free.
func TestStoppedHeadOfTheQueue(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder, head := startHead(t, path)
	l := filelock.New(path, filelock.Shared())
	reader := waitAtGate(t, background, l)
	goOn := head.Halt()
	release(t, holder)
	mustGet(t, reader)
	// From now on, acquisitions do not wait for the stopped process.
	start := time.Now()
	for range 20 {
		mustRelease(t, l)
		l = filelock.New(path)
		mustAcquire(t, l)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("20 acquisitions behind a stopped process took %v", took)
	}
	goOn()
	awaitWaiters(t, path, 1)
}

// If the first waiter is stopped, one of the others passes by within a second. The rest
// follow at once; they do not wait a second each.
func TestCrowdBehindAStoppedHead(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder, head := startHead(t, path)
	var all sync.WaitGroup
	const n = 20
	for range n {
		all.Go(func() {
			if err := filelock.New(path).With(background, func(context.Context) error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	awaitQueue(t, path, n)
	awaitWaiters(t, gateOf(path), 1)
	goOn := head.Halt()
	start := time.Now()
	release(t, holder)
	all.Wait()
	if took := time.Since(start); took > n/2*time.Second {
		t.Errorf("%d waiters behind a stopped process took %v", n, took)
	}
	goOn()
}

// A waiter behind a stopped waiter notices that there is no lock file to wait for any more.
func TestNoLockFileBehindAStoppedHead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do  func(dir, path string) error
		err error
	}{
		"directory removed": {func(dir, _ string) error { return removeAtOnce(dir) }, fs.ErrNotExist},
		"FIFO in its place": {func(_, path string) error {
			return errors.Join(syscall.Mkfifo(path+".new", 0o666), os.Rename(path+".new", path))
		}, fs.ErrInvalid},
	} {
		for mode, opts := range modes {
			t.Run(name+" "+mode, func(t *testing.T) {
				t.Parallel()
				dir := newDir(t)
				path := filepath.Join(dir, "a.lock")
				_, head := startHead(t, path)
				next := waitAtGate(t, background, filelock.New(path, opts...))
				head.Halt()
				must(t, c.do(dir, path))
				if err := await(t, next); !errors.Is(err, c.err) {
					t.Errorf("Acquire = %v, want %v", err, c.err)
				}
			})
		}
	}
}

// A stopped holder keeps its lock.
func TestStoppedHolder(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder := startHolder(t, path)
	goOn := holder.Halt()
	l := filelock.New(path)
	if ok, err := l.TryAcquireFor(1500 * time.Millisecond); ok || err != nil {
		t.Fatal(ok, err)
	}
	result := acquire(l)
	goOn()
	release(t, holder)
	mustGet(t, result)
}

// When no process waits any more, there is no gate.
func TestGateIsGoneWhenNoProcessWaits(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder, waiter := startHead(t, path)
	if gone(gateOf(path)) {
		t.Error("there is no gate while a process waits")
	}
	release(t, holder)
	waiter.Expect("acquire")
	awaitNoGate(t, path)
}

// With NoRecord, which is for programs that call execve(2), Acquire leaves no gate.
func TestNoGateIsLeftToANewProgram(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder := startHolder(t, path)
	result := acquireAndWait(t, background, filelock.New(path, filelock.NoRecord()))
	release(t, holder)
	mustGet(t, result)
	if !gone(gateOf(path)) {
		t.Error("there is a gate when Acquire has returned")
	}
}

// If there can be no gate, waiters get the lock in the kernel's order.
func TestNoGatePossible(t *testing.T) {
	t.Parallel()
	for name, block := range map[string]func(gate string) error{
		"precious":        func(gate string) error { return os.WriteFile(gate, []byte("precious\n"), 0o666) },
		"left over":       func(gate string) error { return os.WriteFile(gate, nil, 0o666) },
		"FIFO":            func(gate string) error { return syscall.Mkfifo(gate, 0o666) },
		"link":            func(gate string) error { return os.Symlink("elsewhere", gate) },
		"link to nothing": func(gate string) error { return os.Symlink("/nonexistent/elsewhere", gate) },
		"directory":       func(gate string) error { return os.MkdirAll(filepath.Join(gate, "full"), 0o777) },
		"empty directory": func(gate string) error { return os.Mkdir(gate, 0o777) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := lockPath(t)
			must(t, block(gateOf(path)))
			before, err := os.Lstat(gateOf(path))
			must(t, err)
			holder := startHolder(t, path)
			l := filelock.New(path)
			result := acquireAndWait(t, background, l)
			mustTry(t, filelock.New(path), false)
			release(t, holder)
			mustGet(t, result)
			// If the holder still has the file open, this process does not ignore the file
			// yet. A later acquisition finds out that it is not a gate.
			testproc.Until(t, "no process waits at the file", func() bool {
				if filelock.InUse(path) {
					mustRelease(t, l)
					mustAcquire(t, l)
				}
				return !filelock.InUse(path)
			})
			if name == "left over" {
				awaitNoGate(t, path)
			} else if after, err := os.Lstat(gateOf(path)); err != nil || !os.SameFile(before, after) {
				t.Errorf("another file is at the path of the gate now, or none: %v", err)
			}
			if !gone(filepath.Join(filepath.Dir(path), "elsewhere")) {
				t.Error("a link was followed")
			}
			if name == "precious" {
				if text, err := os.ReadFile(gateOf(path)); string(text) != "precious\n" {
					t.Errorf("the file at the path of the gate is %q now, %v", text, err)
				}
			}
		})
	}
	t.Run("read-only file system", func(t *testing.T) {
		t.Parallel()
		dir := testproc.Tmpfs(t, "size=64k")
		path := filepath.Join(dir, "a.lock")
		must(t, os.WriteFile(path, nil, 0o666))
		testproc.ReadOnly(t, dir)
		mustWaitAndGet(t, path)
	})
	t.Run("name too long", func(t *testing.T) {
		t.Parallel()
		mustWaitAndGet(t, filepath.Join(t.TempDir(), strings.Repeat("n", 255)))
	})
}

// mustWaitAndGet fails the test unless a waiter gets the lock after its holder.
func mustWaitAndGet(t testing.TB, path string) {
	t.Helper()
	holder := startHolder(t, path)
	result := acquireAndWait(t, background, filelock.New(path))
	release(t, holder)
	mustGet(t, result)
}

// A process ignores a file that is not a gate. When that file is removed, and the next gate
// gets its inode number, a newcomer waits at the gate.
func TestGateAfterAnotherFile(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	gate := gateOf(path)
	for range 100 {
		write(t, gate, "precious\n")
		before := inode(t, gate)
		filelock.Sweep(path)
		if filelock.InUse(path) {
			t.Fatal("the file counts as a gate")
		}
		time.Sleep(10 * time.Millisecond) // a tick of the clock, so that the times of birth differ
		must(t, os.Remove(gate))
		write(t, gate, "")
		if !filelock.InUse(path) {
			t.Fatal("a newcomer would overtake a waiter")
		}
		if inode(t, gate) == before {
			return
		}
	}
	t.Skip("the file system does not use an inode number again")
}

// The gate may be removed at any time: no waiter is lost, and locks still exclude.
func TestGateRemovedWhileWaiting(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder, first := startHead(t, path)
	second := start(func() error { // With releases, because second may come before third if waiters poll
		return filelock.New(path).With(background, func(context.Context) error { return nil })
	})
	awaitWaiters(t, gateOf(path), 1)
	must(t, os.Remove(gateOf(path)))
	third := startWaiter(t, path)
	awaitWaiters(t, path, 2) // third has created another gate, passed it, and waits beside first
	release(t, holder)
	first.Send("release")
	third.Send("release")
	for _, p := range []*testproc.Proc{first, third} {
		p.Expect("acquire")
		p.Expect("release")
	}
	mustGet(t, second)
}

// Readers do not overtake a waiting writer, even if the writer is stopped.
func TestStoppedWriterKeepsItsPlace(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	reader, writer := startHead(t, path, "shared")
	second := waitAtGate(t, background, filelock.New(path, filelock.Shared()))
	goOn := writer.Halt()
	var passed atomic.Bool
	filelock.At(t, filelock.PassingBy, path, func() { passed.Store(true) })
	for range 3 {
		filelock.Check(t, path)
		if passed.Load() {
			t.Fatal("a reader has overtaken the writer")
		}
	}
	release(t, reader)
	filelock.Check(t, path)
	mustGet(t, second)
	goOn()
}

// A gate that no process uses is removed. If there is none, the directory does not change.
func TestSweep(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	dir := filepath.Dir(path)
	old := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	must(t, os.Chtimes(dir, old, old))
	filelock.Sweep(path)
	if info, err := os.Stat(dir); err != nil || !info.ModTime().Equal(old) {
		t.Errorf("the directory has changed: %v, %v", info.ModTime(), err)
	}
	leaveGate(t, path)
	filelock.Sweep(path)
	if !gone(gateOf(path)) {
		t.Error("the gate is still there")
	}
}

// Two waiters leave the gate at the same time: one of them removes it.
func TestTwoLeaveTheGate(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	writer, first, second := filelock.New(path), filelock.New(path, filelock.Shared()), filelock.New(path, filelock.Shared())
	mustAcquire(t, writer)
	write(t, gateOf(path), "")
	results := []<-chan error{acquire(first), acquire(second)}
	awaitQueue(t, path, 2)
	mustRelease(t, writer)
	for _, result := range results {
		mustGet(t, result)
	}
	filelock.At(t, filelock.Leaving, gateOf(path), func() { mustRelease(t, second) })
	mustRelease(t, first)
	awaitNoGate(t, path)
}

// A gate that a process holds is not removed, but it is removed soon after the process has
// released it.
func TestSweepIsPatient(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	gate := gateOf(path)
	holder := startHolder(t, gate)
	filelock.Sweep(path)
	if gone(gate) {
		t.Error("the gate was removed while a process held it")
	}
	release(t, holder)
	awaitNoGate(t, path)
}

// A gate at which a process waits is not removed, even if no process holds the gate.
func TestNoSweepOfAWaiter(t *testing.T) {
	needsKernelWait(t, "between two polls the gate is not open")
	t.Parallel()
	path := lockPath(t)
	holder := startHolder(t, path)
	head, next := filelock.New(path), filelock.New(path)
	first := acquireAndWait(t, background, head)
	waiter := startWaiter(t, path)
	awaitWaiters(t, gateOf(path), 1)
	before, err := os.Stat(gateOf(path))
	must(t, err)
	goOn := waiter.Halt() // so it does not take the gate when the gate is free
	release(t, holder)
	mustGet(t, first)
	mustRelease(t, head) // removes the gate if no process waits at it
	after, err := os.Stat(gateOf(path))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the gate is another file now, or gone (%v)", err)
	}
	goOn()
	waiter.Expect("acquire")
	mustTry(t, next, false)
	release(t, waiter)
	awaitNoGate(t, path)
}

// A gate that was stuck is used again after a waiter has passed it.
func TestTrustComesBack(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder := startHolder(t, path)
	leaveGate(t, path)
	later := time.Now().Add(time.Hour)
	filelock.Distrust(path, time.Now())
	if !filelock.InUse(path) {
		t.Error("the gate is ignored for too long")
	}
	filelock.Distrust(path, later)
	if filelock.InUse(path) {
		t.Error("a gate that is ignored is in use")
	}
	put(t, gateOf(path), "")
	if !filelock.InUse(path) {
		t.Error("a new gate is ignored")
	}
	filelock.Distrust(path, later)
	result := acquireAndWait(t, background, filelock.New(path)) // passes the gate, because the lock is held
	if !filelock.InUse(path) {
		t.Error("a gate that a waiter has passed is ignored")
	}
	release(t, holder)
	mustGet(t, result)
}

// A waiter passes by the gate. While its call for the gate is called back, the process that
// had the gate goes away, and sees that a process waits. So the waiter removes the gate:
//
//	waiter                      head, which has the gate
//	check: take the lock
//	call back the own call
//	                            unlock the gate; a waiter is shown; end
//	close the gate
//	remove it
func TestPassingByAGateThatIsLeft(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder, head := startHead(t, path)
	atCall(t, flockwait.Begun, gateOf(path), func(fd int) {
		callSteps.Store(fmt.Sprint(int(flockwait.Interrupting), " ", fd), func(int) { head.Kill() })
	})
	result := waitAtGate(t, background, filelock.New(path))
	head.Halt()
	release(t, holder)
	filelock.Check(t, path)
	mustGet(t, result)
	awaitNoGate(t, path)
}

// A waiter passes by a stopped process and gets the lock. Its context has ended meanwhile, so
// it releases the lock. The next waiter, which asks for another mode, then gets it.
func TestPassingByTooLate(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder, head := startHead(t, path)
	ctx, cancel := context.WithCancel(background)
	reader := acquireUntil(ctx, filelock.New(path, filelock.Shared()))
	awaitQueue(t, path, 1)
	writer := acquire(filelock.New(path))
	awaitQueue(t, path, 2)
	awaitWaiters(t, gateOf(path), 1)
	goOn := head.Halt()
	filelock.StopChecks(t, path) // until At is set up
	release(t, holder)
	filelock.At(t, filelock.PassingBy, path, cancel)
	filelock.Check(t, path)
	if err := await(t, reader); !errors.Is(err, filelock.ErrLocked) {
		t.Errorf("Acquire = %v", err)
	}
	mustGet(t, writer) // at its next check
	mustTry(t, filelock.New(path, filelock.Shared()), false)
	goOn()
}

// The gate of a relative path is beside the file to which it leads.
func TestGateOfARelativePath(t *testing.T) {
	l := filelock.New("a.lock")
	t.Chdir(t.TempDir())
	mustAcquire(t, l)
	mustRelease(t, l)
	dir := t.TempDir()
	t.Chdir(dir)
	path := filepath.Join(dir, "a.lock")
	holder := startHolder(t, path)
	result := acquire(l)
	awaitWaiters(t, path, 1)
	if gone(gateOf(path)) {
		t.Error("there is no gate beside the lock file")
	}
	release(t, holder)
	mustGet(t, result)
}

func inode(t testing.TB, path string) uint64 {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return info.Sys().(*syscall.Stat_t).Ino
}
