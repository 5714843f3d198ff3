package filelock_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// awaitQueue waits until n goroutines of this process have the turn or wait for it.
func awaitQueue(t testing.TB, path string, n int) {
	t.Helper()
	testproc.Until(t, fmt.Sprintf("%d goroutines wait for %s", n, path), func() bool {
		return filelock.QueueLen(path) == n
	})
}

// giveUp waits for a lock that is held, and gives up when the waiter is in the kernel's
// queue.
func giveUp(t testing.TB, l *filelock.Lock) {
	t.Helper()
	ctx, cancel := context.WithCancel(background)
	result := acquireUntil(ctx, l)
	awaitQueue(t, l.Path(), 1)
	awaitWaiters(t, l.Path(), 1)
	cancel()
	if err := await(t, result); !errors.Is(err, filelock.ErrLocked) {
		t.Fatal(err)
	}
}

func TestFirstComeFirstServed(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder := startHolder(t, path)
	const n = 200
	var served []int
	var all sync.WaitGroup
	for i := range n {
		var opts []filelock.Option
		if i%7 == 0 {
			opts = append(opts, filelock.Shared()) // both modes have the same queue
		}
		l := filelock.New(path, opts...)
		all.Go(func() {
			if err := l.Acquire(background); err != nil {
				t.Error(err)
				return
			}
			served = append(served, i) // no data race: two neighbours in the queue are never both shared
			if err := l.Release(); err != nil {
				t.Error(err)
			}
		})
		awaitQueue(t, path, i+1)
	}
	awaitWaiters(t, path, 1) // one thread for all of them
	release(t, holder)
	all.Wait()
	for i, got := range served {
		if got != i {
			t.Fatalf("served %v", served)
		}
	}
}

// A waiter that has given up leaves nothing in the kernel's queues, so it never gets the
// lock later.
func TestGivenUpWaitIsOver(t *testing.T) {
	t.Parallel()
	for _, shared := range []bool{false, true} {
		path := lockPath(t)
		holder := startHolder(t, path)
		var opts []filelock.Option
		if shared {
			opts = append(opts, filelock.Shared())
		}
		for range 5 {
			giveUp(t, filelock.New(path, opts...))
			if n := testproc.Waiters(t, path); n != 0 {
				t.Errorf("%d threads wait", n)
			}
			if n := filelock.QueueLen(path); n != 0 {
				t.Errorf("%d goroutines wait", n)
			}
		}
		release(t, holder)
		holder.Send("try 0s")
		holder.Expect("try")
		awaitNoGate(t, path)
	}
}

// A try succeeds right after a release, although the same process gave up a wait before.
func TestTryAfterAWaitGivenUp(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder, l := filelock.New(path), filelock.New(path)
	for range 20 {
		mustAcquire(t, holder)
		giveUp(t, l)
		mustRelease(t, holder)
		mustTry(t, l, true)
		mustRelease(t, l)
	}
}

func TestReplacedWhileWaiting(t *testing.T) {
	needsKernelWait(t, "a poll finds the new file at once")
	t.Parallel()
	for name, replace := range map[string]func(path string) error{
		"removed": os.Remove,
		"renamed": func(path string) error { return os.Rename(path, path+".old") },
		"replaced": func(path string) error {
			return errors.Join(os.WriteFile(path+".new", nil, 0o666), os.Rename(path+".new", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := lockPath(t)
			first := startHolder(t, path)
			result := acquireAndWait(t, background, filelock.New(path))
			filelock.StopChecks(t, path) // otherwise the waiter would create a file, and have its lock
			must(t, replace(path))
			second := testproc.Start(t, "hold", path)
			second.Send("try 0s") // overtakes, and holds the file that is at the path now
			second.Expect("try")
			filelock.Check(t, path)
			awaitWaiters(t, path, 1) // our waiter has noticed the new file, and waits for it
			release(t, first)
			mustStillWait(t, result)
			release(t, second)
			mustGet(t, result)
			// Our lock is on the file that is at the path.
			mustTry(t, filelock.New(path), false)
		})
	}
}

// A process that has as many threads in the kernel as it may have polls, and still gets its
// locks.
func TestBoundOnThreads(t *testing.T) {
	// Not parallel: the bound is for the whole process.
	filelock.SetThreads(t, filelock.Blocked()+2)
	dir := t.TempDir()
	const n = 6
	var holders []*testproc.Proc
	var all sync.WaitGroup
	for i := range n {
		path := filepath.Join(dir, fmt.Sprint(i))
		holders = append(holders, startHolder(t, path))
		all.Go(func() {
			if err := filelock.New(path).Acquire(background); err != nil {
				t.Error(err)
			}
		})
		awaitQueue(t, path, 1)
	}
	testproc.Until(t, "two threads wait in the kernel", func() bool {
		sum := 0
		for i := range n {
			sum += testproc.Waiters(t, filepath.Join(dir, fmt.Sprint(i)))
		}
		return sum == 2
	})
	for _, h := range holders {
		release(t, h)
	}
	all.Wait()
}

// A newcomer waits behind the waiters, even if the file that is at the path now is free.
func TestNoOvertaking(t *testing.T) {
	t.Parallel()
	testNoOvertaking(t, lockPath(t))
}

// In one process, the same is true without a gate: the name is too long for a gate.
func TestNoOvertakingWithoutAGate(t *testing.T) {
	t.Parallel()
	testNoOvertaking(t, filepath.Join(t.TempDir(), strings.Repeat("n", 255)))
}

func testNoOvertaking(t *testing.T, path string) {
	needsKernelWait(t, "a poll finds the new file at once")
	holder := startHolder(t, path)
	order := make(chan int)
	acquire := func(i int) {
		l := filelock.New(path)
		if err := l.Acquire(background); err != nil {
			t.Error(err)
		}
		order <- i
		if err := l.Release(); err != nil {
			t.Error(err)
		}
	}
	go acquire(1)
	awaitWaiters(t, path, 1)
	must(t, os.Remove(path))
	go acquire(2)
	awaitQueue(t, path, 2)
	release(t, holder)
	if first, second := <-order, <-order; first != 1 || second != 2 {
		t.Errorf("served %d, then %d", first, second)
	}
}

// A waiter that reaches its deadline tries once more. Here it gets the lock, because the
// file for which it waited was removed. A waiter that is cancelled does not try again.
func TestLastTryAtTheDeadline(t *testing.T) {
	needsKernelWait(t, "a poll finds the new file at once")
	t.Parallel()
	for _, why := range []error{context.DeadlineExceeded, context.Canceled} {
		path := lockPath(t)
		startHolder(t, path) // never releases
		ctx := &endable{background, make(chan struct{}), why}
		result := acquireAndWait(t, ctx, filelock.New(path))
		must(t, os.Remove(path))
		close(ctx.done)
		if err := await(t, result); (err == nil) != (why == context.DeadlineExceeded) {
			t.Errorf("the wait ended with %v, and Acquire = %v", why, err)
		}
	}
}

// An endable is a context that ends when the test says so.
type endable struct {
	context.Context
	done chan struct{}
	why  error
}

func (e *endable) Done() <-chan struct{} { return e.done }

func (e *endable) Err() error {
	select {
	case <-e.done:
		return e.why
	default:
		return nil
	}
}

// If a release and a cancellation come at the same moment, either Acquire succeeds, or the
// lock is free.
func TestReleaseMeetsCancellation(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder, l, other := filelock.New(path), filelock.New(path), filelock.New(path)
	for i := range 300 {
		mustAcquire(t, holder)
		ctx, cancel := context.WithCancel(background)
		result := acquireUntil(ctx, l)
		awaitQueue(t, path, 1)
		if i%2 == 0 {
			cancel()
		}
		mustRelease(t, holder)
		cancel()
		if err := await(t, result); err == nil {
			mustTry(t, other, false)
			mustRelease(t, l)
		} else if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		mustAcquire(t, other)
		mustRelease(t, other)
	}
}

// Many waits that are cancelled together end soon: they do not search all processes for
// holders.
func TestManyWaitsGivenUp(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	startHolder(t, path)
	ctx, cancel := context.WithCancel(background)
	var all sync.WaitGroup
	const n = 300
	for range n {
		all.Go(func() {
			if err := filelock.New(path).Acquire(ctx); !errors.Is(err, filelock.ErrLocked) {
				t.Error(err)
			}
		})
	}
	awaitQueue(t, path, n)
	start := time.Now()
	cancel()
	all.Wait()
	if took := time.Since(start); took > testproc.Patience/4 {
		t.Errorf("%d waits ended %v after they were cancelled", n, took)
	}
}

// A waiter whose directory is removed returns an error, and gives up its turn.
func TestDirectoryRemovedWhileWaiting(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	path := filepath.Join(dir, "a.lock")
	holder := startHolder(t, path)
	result := acquireAndWait(t, background, filelock.New(path))
	must(t, removeAtOnce(dir))
	release(t, holder)
	err := await(t, result)
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Fatalf("Acquire = %v", err)
	}
	awaitQueue(t, path, 0)
}

// A waiter that polls notices that the file was removed, and creates another file. It does
// so although its Lock has locked the first file before.
func TestPollingFindsANewFile(t *testing.T) {
	// Not parallel: the bound is for the whole process.
	filelock.SetThreads(t, 0)
	path := lockPath(t)
	l := filelock.New(path)
	mustAcquire(t, l)
	mustRelease(t, l)
	startHolder(t, path) // never releases
	result := acquire(l)
	awaitQueue(t, path, 1)
	polls := make(chan struct{})
	filelock.At(t, filelock.Opening, path, func() { close(polls) })
	<-polls
	must(t, os.Remove(path))
	mustGet(t, result)
}

// The first waiter checks the path every second, not only once.
func TestChecksEverySecond(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	startHolder(t, path) // never releases
	result := acquire(filelock.New(path))
	for range 2 {
		awaitWaiters(t, path, 1)
		startHolder(t, path+".new")           // never releases
		must(t, os.Rename(path+".new", path)) // in one step, because a waiter that finds no file creates one
	}
	awaitWaiters(t, path, 1)
	must(t, os.Remove(path))
	mustGet(t, result)
}

// A waiter that polls the lock polls the gate, too. A check does not end its wait.
func TestPollingAtTheGate(t *testing.T) {
	// Not parallel: the bound is for the whole process.
	filelock.SetThreads(t, 0)
	path := lockPath(t)
	holder := startHolder(t, path)
	other := startWaiter(t, path)
	awaitWaiters(t, path, 1) // so it has the gate
	result := acquire(filelock.New(path))
	awaitQueue(t, path, 1)
	for range 2 {
		polls := make(chan struct{})
		filelock.At(t, filelock.Opening, gateOf(path), func() { close(polls) })
		<-polls
		if n := testproc.Waiters(t, gateOf(path)); n != 0 {
			t.Errorf("%d threads wait at the gate", n)
		}
		filelock.Check(t, path)
	}
	mustStillWait(t, result)
	release(t, holder)
	other.Expect("acquire")
	release(t, other)
	mustGet(t, result)
}

// The checks of a waiter end with its wait, whether it gets the lock or gives up.
func TestChecksEndWithTheWait(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder, l := filelock.New(path), filelock.New(path)
	for _, gets := range []bool{false, true} {
		mustAcquire(t, holder)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- l.Acquire(ctx) }()
		awaitQueue(t, path, 1)
		if !gets {
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			mustRelease(t, holder)
		} else {
			mustRelease(t, holder)
			must(t, <-done)
			mustRelease(t, l)
		}
		if !filelock.ChecksOver(t, path) {
			t.Error("a waiter goes on checking after its wait")
		}
	}
}
