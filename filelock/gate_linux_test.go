package filelock_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

func gateOf(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".gate")
}

func gone(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

func notYet(t testing.TB, result <-chan error) {
	t.Helper()
	select {
	case err := <-result:
		t.Fatalf("got the lock too early (%v)", err)
	default:
	}
}

// A process that releases and acquires at once goes behind the waiters.
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
		notYet(t, again)
		waiter.Kill()
		mustGet(t, again)
		mustRelease(t, l)
	}
}

// A reader that comes after a writer goes behind it, although the lock is
// shared at that time.
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
	notYet(t, third)
	release(t, writer)
	second.Expect("acquire")
	mustGet(t, third)
	testproc.Until(t, "the gate is gone", func() bool { return gone(gateOf(path)) })
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

// A waiter that is killed at the head of the queue leaves the gate to the next.
func TestKilledHeadOfTheQueue(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder, head := startHead(t, path)
	next := acquire(filelock.New(path))
	awaitWaiters(t, gateOf(path), 1)
	head.Kill()
	awaitWaiters(t, path, 1) // the next one
	release(t, holder)
	mustGet(t, next)
}

// A waiter that is stopped at the head of the queue does not keep the others
// from a lock that is free.
func TestStoppedHeadOfTheQueue(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder, head := startHead(t, path)
	l := filelock.New(path, filelock.Shared())
	reader := acquire(l)
	awaitWaiters(t, gateOf(path), 1)
	goOn := head.Halt()
	release(t, holder)
	mustGet(t, reader)
	// From then on it is not in the way at all.
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

// A stopped waiter does not keep a crowd from the lock: when one waiter has passed by it,
// the others do not have to wait a second each.
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

// A waiter behind a stopped waiter notices that the directory was removed.
func TestNoDirectoryBehindAStoppedHead(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "a.lock")
	_, head := startHead(t, path)
	next := acquire(filelock.New(path))
	awaitWaiters(t, gateOf(path), 1)
	head.Halt()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-next:
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Acquire = %v, want ErrNotExist", err)
		}
	case <-time.After(testproc.Patience):
		t.Error("it waits on")
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
func TestGateIsGoneWhenNobodyWaits(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder, waiter := startHead(t, path)
	if gone(gateOf(path)) {
		t.Error("there is no gate while a process waits")
	}
	release(t, holder)
	waiter.Expect("acquire")
	testproc.Until(t, "the gate is gone", func() bool { return gone(gateOf(path)) })
}

// A program that replaces itself leaves no gate behind.
func TestNoGateIsLeftToANewProgram(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder := startHolder(t, path)
	result := acquire(filelock.New(path, filelock.NoRecord()))
	awaitWaiters(t, path, 1)
	release(t, holder)
	mustGet(t, result)
	if !gone(gateOf(path)) {
		t.Error("there is a gate when Acquire has returned")
	}
}

// If there can be no gate, locks work in the kernel's order.
func TestNoGatePossible(t *testing.T) {
	t.Parallel()
	for name, block := range map[string]func(gate string) error{
		"precious":        func(gate string) error { return os.WriteFile(gate, []byte("precious\n"), 0o666) },
		"left over":       func(gate string) error { return os.WriteFile(gate, nil, 0o666) },
		"FIFO":            func(gate string) error { return syscall.Mkfifo(gate, 0o666) },
		"link":            func(gate string) error { return os.Symlink("elsewhere", gate) },
		"link to nothing": func(gate string) error { return os.Symlink("/nonexistent/elsewhere", gate) },
		"directory":       func(gate string) error { return os.MkdirAll(filepath.Join(gate, "full"), 0o777) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := lockPath(t)
			if err := block(gateOf(path)); err != nil {
				t.Fatal(err)
			}
			holder := startHolder(t, path)
			l := filelock.New(path)
			result := acquire(l)
			awaitWaiters(t, path, 1)
			mustTry(t, filelock.New(path), false)
			release(t, holder)
			mustGet(t, result)
			// While the holder is slow to leave the gate, this process leaves the file to it,
			// and finds out the next time.
			testproc.Until(t, "no process waits at the file", func() bool {
				if filelock.InUse(path) {
					mustRelease(t, l)
					mustAcquire(t, l)
				}
				return !filelock.InUse(path)
			})
			if name == "left over" {
				testproc.Until(t, "the gate is gone", func() bool { return gone(gateOf(path)) })
			}
			if !gone(filepath.Join(filepath.Dir(path), "elsewhere")) {
				t.Error("a link was followed")
			}
			if name == "precious" {
				if text, err := os.ReadFile(gateOf(path)); string(text) != "precious\n" {
					t.Errorf("the file in the gate's place is %q now, %v", text, err)
				}
			}
		})
	}
	t.Run("read-only file system", func(t *testing.T) {
		t.Parallel()
		dir := testproc.Tmpfs(t, "size=64k")
		path := filepath.Join(dir, "a.lock")
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		testproc.ReadOnly(t, dir)
		holder := startHolder(t, path)
		result := acquire(filelock.New(path))
		awaitWaiters(t, path, 1)
		release(t, holder)
		mustGet(t, result)
	})
	t.Run("name too long", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), strings.Repeat("n", 255))
		holder := startHolder(t, path)
		result := acquire(filelock.New(path))
		awaitWaiters(t, path, 1)
		release(t, holder)
		mustGet(t, result)
	})
}

// Another file at the path of the gate is removed, and the next gate gets its inode: a
// newcomer waits at that gate.
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
		time.Sleep(10 * time.Millisecond) // a tick of the clock that gives the times of birth
		if err := os.Remove(gate); err != nil {
			t.Fatal(err)
		}
		write(t, gate, "")
		if !filelock.InUse(path) {
			t.Fatal("a newcomer would overtake a waiter")
		}
		if inode(t, gate) == before {
			return
		}
	}
	t.Skip("the file system does not use the number of a file again")
}

// The gate may be removed at any time: no waiter is lost, and locks still exclude.
func TestGateRemovedWhileWaiting(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder, first := startHead(t, path)
	second := make(chan error, 1)
	go func() { // it releases, because it may come before the third if waiters poll
		second <- filelock.New(path).With(background, func(context.Context) error { return nil })
	}()
	awaitWaiters(t, gateOf(path), 1)
	if err := os.Remove(gateOf(path)); err != nil {
		t.Fatal(err)
	}
	third := startWaiter(t, path)
	awaitWaiters(t, path, 2) // it made a gate of its own and waits beside the first
	release(t, holder)
	first.Send("release")
	third.Send("release")
	for _, p := range []*testproc.Proc{first, third} {
		p.Expect("acquire")
		p.Expect("release")
	}
	mustGet(t, second)
}

// Readers do not overtake a waiting writer, even if it is stopped.
func TestStoppedWriterKeepsItsPlace(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	reader, writer := startHead(t, path, "shared")
	second := acquire(filelock.New(path, filelock.Shared()))
	awaitWaiters(t, gateOf(path), 1)
	goOn := writer.Halt()
	for range 3 {
		filelock.Check(t, path)
		if filelock.QueueLen(path) != 1 {
			t.Fatal("a reader got past the writer")
		}
	}
	release(t, reader)
	filelock.Check(t, path)
	mustGet(t, second)
	goOn()
}

// A waiter passes by a stopped process and gets the lock, but its context has ended
// meanwhile: it releases the lock.
func TestPassingByTooLate(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder, head := startHead(t, path)
	ctx, cancel := context.WithCancel(background)
	result := make(chan error)
	go func() { result <- filelock.New(path).Acquire(ctx) }()
	awaitWaiters(t, gateOf(path), 1)
	goOn := head.Halt()
	filelock.StopChecks(t, path) // until the step is watched for
	release(t, holder)
	filelock.At(t, filelock.PassingBy, path, cancel)
	filelock.Check(t, path)
	if err := <-result; !errors.Is(err, filelock.ErrLocked) {
		t.Errorf("Acquire = %v", err)
	}
	holder.Send("try 0s")
	holder.Expect("try")
	goOn()
}

// A gate that no process uses is removed.
func TestSweep(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	gate, dir := gateOf(path), filepath.Dir(path)
	long := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	if err := os.Chtimes(dir, long, long); err != nil {
		t.Fatal(err)
	}
	filelock.Sweep(path)
	if info, err := os.Stat(dir); err != nil || !info.ModTime().Equal(long) {
		t.Errorf("sweeping where there is nothing changed the directory: %v, %v", info.ModTime(), err)
	}
	holder := startHolder(t, gate)
	filelock.Sweep(path)
	if gone(gate) {
		t.Error("a gate was swept away that somebody has")
	}
	release(t, holder)
	filelock.Sweep(path)
	testproc.Until(t, "the gate is gone", func() bool { return gone(gate) }) // the first sweep may be at it again
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
	testproc.Until(t, "the gate is gone", func() bool { return gone(gateOf(path)) })
}

// A gate that is locked only for a moment, by a process that does not wait there, is
// removed afterwards.
func TestSweepIsPatient(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	gate := gateOf(path)
	holder := startHolder(t, gate)
	filelock.Sweep(path)
	if gone(gate) {
		t.Error("a gate was swept away that a process has")
	}
	release(t, holder)
	testproc.Until(t, "the gate is gone", func() bool { return gone(gate) })
}

// A gate at which a process waits is not removed, not even while no process holds it.
func TestNoSweepOfAWaiter(t *testing.T) {
	needsKernelWait(t, "between two polls the gate is not open")
	t.Parallel()
	path := lockPath(t)
	holder := startHolder(t, path)
	head, next := filelock.New(path), filelock.New(path)
	first := acquire(head)
	awaitWaiters(t, path, 1)
	waiter := startWaiter(t, path)
	awaitWaiters(t, gateOf(path), 1)
	before, err := os.Stat(gateOf(path))
	if err != nil {
		t.Fatal(err)
	}
	goOn := waiter.Halt() // it does not take the gate when it is free
	release(t, holder)
	mustGet(t, first)
	mustRelease(t, head) // sweeps
	after, err := os.Stat(gateOf(path))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the gate is another file now, or gone (%v)", err)
	}
	goOn()
	waiter.Expect("acquire")
	mustTry(t, next, false)
	release(t, waiter)
	testproc.Until(t, "the gate is gone", func() bool { return gone(gateOf(path)) })
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
		t.Error("a gate is ignored for too long")
	}
	filelock.Distrust(path, later)
	if filelock.InUse(path) {
		t.Error("a gate that is not trusted is in use")
	}
	put(t, gateOf(path), "")
	if !filelock.InUse(path) {
		t.Error("another gate in its place is not in use")
	}
	filelock.Distrust(path, later)
	result := acquire(filelock.New(path)) // tries, and goes to the gate because the lock is held
	awaitWaiters(t, path, 1)
	if !filelock.InUse(path) {
		t.Error("a gate that a waiter has passed is not in use")
	}
	release(t, holder)
	mustGet(t, result)
}

// A lock that was taken without the gate belongs to the waiter that took it, and not to a
// new head of the queue with another request.
func TestPassingByForAnother(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder, head := startHead(t, path)
	ctx, cancel := context.WithCancel(background)
	reader := make(chan error)
	go func() { reader <- filelock.New(path, filelock.Shared()).Acquire(ctx) }()
	awaitQueue(t, path, 1)
	writer := acquire(filelock.New(path))
	awaitQueue(t, path, 2)
	awaitWaiters(t, gateOf(path), 1)
	goOn := head.Halt()
	filelock.StopChecks(t, path) // until the step is watched for
	release(t, holder)
	filelock.At(t, filelock.PassingBy, path, cancel)
	filelock.Check(t, path)
	if err := <-reader; !errors.Is(err, filelock.ErrLocked) {
		t.Errorf("Acquire = %v", err)
	}
	if err := <-writer; err != nil { // at the next look
		t.Fatal(err)
	}
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
		t.Error("there is no gate where the lock is")
	}
	release(t, holder)
	mustGet(t, result)
}

func inode(t testing.TB, path string) uint64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Ino
}
