package filelock_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/flockwait"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// callSteps has what to do when a call of flock(2) reaches a step, by the step and by
// the path of the file, or by the number of the descriptor.
var callSteps sync.Map // "STEP PATH" or "STEP NUMBER" -> func(fd int)

func init() {
	flockwait.Reached = func(s flockwait.Step, fd int) {
		path, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		for _, of := range []any{path, fd} {
			if do, ok := callSteps.LoadAndDelete(fmt.Sprint(int(s), " ", of)); ok {
				do.(func(int))(fd)
			}
		}
	}
}

// atCall has do called, once, when a call on the file reaches a step.
func atCall(t testing.TB, s flockwait.Step, path string, do func(fd int)) {
	t.Helper()
	needsKernelWait(t, "no call is called back")
	key := fmt.Sprint(int(s), " ", path)
	callSteps.Store(key, do)
	t.Cleanup(func() {
		if _, left := callSteps.LoadAndDelete(key); left {
			t.Errorf("no call on %s came to step %d", path, s)
		}
	})
}

// cancelAt cancels a wait when a call on the file reaches a step. The call goes on when
// it has been called back.
func cancelAt(t testing.TB, s flockwait.Step, path string, cancel func()) {
	t.Helper()
	atCall(t, s, path, func(fd int) {
		back := make(chan struct{})
		callSteps.Store(fmt.Sprint(int(flockwait.Interrupted), " ", fd), func(int) { close(back) })
		cancel()
		<-back
	})
}

// mustGiveUp fails the test unless the wait was given up, and left nothing: the lock
// can be taken at once.
func mustGiveUp(t testing.TB, result <-chan error, path string) {
	t.Helper()
	if err := <-result; !errors.Is(err, filelock.ErrLocked) || !errors.Is(err, context.Canceled) {
		t.Errorf("Acquire = %v", err)
	}
	l := filelock.New(path)
	if ok, err := l.TryAcquire(); !ok || err != nil {
		t.Errorf("a try of the free lock: %v, %v", ok, err)
		return
	}
	mustRelease(t, l)
	if n := filelock.QueueLen(path); n != 0 {
		t.Errorf("%d goroutines wait", n)
	}
}

var callStepNames = map[flockwait.Step]string{flockwait.Begun: "before the system call", flockwait.Returned: "after the grant"}

func TestCancelMeetsTheCallForALock(t *testing.T) {
	t.Parallel()
	for step, name := range callStepNames {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := lockPath(t)
			holder := filelock.New(path)
			mustAcquire(t, holder)
			ctx, cancel := context.WithCancel(background)
			cancelAt(t, step, path, cancel)
			result := acquireUntil(ctx, filelock.New(path))
			if step == flockwait.Returned {
				awaitWaiters(t, path, 1)
				mustRelease(t, holder)
			} else {
				<-ctx.Done()
				mustRelease(t, holder)
			}
			mustGiveUp(t, result, path)
			testproc.Until(t, "the gate is gone", func() bool { return gone(gateOf(path)) })
			if n := testproc.Waiters(t, path); n != 0 {
				t.Errorf("%d threads wait", n)
			}
		})
	}
}

func TestCancelMeetsTheCallForTheGate(t *testing.T) {
	t.Parallel()
	for step, name := range callStepNames {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := lockPath(t)
			holder, head := startHead(t, path)
			ctx, cancel := context.WithCancel(background)
			cancelAt(t, step, gateOf(path), cancel)
			result := acquireUntil(ctx, filelock.New(path))
			if step == flockwait.Returned {
				awaitWaiters(t, gateOf(path), 1)
				filelock.StopChecks(t, path) // the waiter must not take the lock before the head does
			} else {
				<-ctx.Done()
			}
			release(t, holder)
			head.Expect("acquire")
			<-ctx.Done()
			release(t, head)
			mustGiveUp(t, result, path)
			testproc.Until(t, "the gate is gone", func() bool { return gone(gateOf(path)) })
		})
	}
}

// heldSlots returns a semaphore's path, and holders of its slots.
func heldSlots(t testing.TB, n int) (path string, holders []*filelock.Lock) {
	t.Helper()
	path = semPath(t)
	s := filelock.NewSemaphore(path, n)
	if ok, err := s.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := s.Release(); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		l := filelock.New(filepath.Join(path, strconv.Itoa(i+1)))
		mustAcquire(t, l)
		holders = append(holders, l)
	}
	return path, holders
}

func TestCancelMeetsTheCallForASlot(t *testing.T) {
	t.Parallel()
	const n = 3
	for step, name := range callStepNames {
		for i := range n {
			t.Run(fmt.Sprint(name, ", slot ", i+1), func(t *testing.T) {
				t.Parallel()
				path, holders := heldSlots(t, n)
				ctx, cancel := context.WithCancel(background)
				cancelAt(t, step, holders[i].Path(), cancel)
				result := acquireUntil(ctx, filelock.NewSemaphore(path, n))
				if step == flockwait.Returned {
					awaitSlotWaiter(t, path, n)
				} else {
					<-ctx.Done()
				}
				mustRelease(t, holders[i])
				mustGiveUp(t, result, holders[i].Path())
				for _, h := range holders {
					if n := testproc.Waiters(t, h.Path()); n != 0 {
						t.Errorf("%d threads wait for slot %s", n, h.Path())
					}
				}
			})
		}
	}
}

// Two slots are granted at the same moment: one is kept, and the other is free as soon
// as Acquire has returned, although the thread of its call has not run since.
func TestTwoSlotsAreGranted(t *testing.T) {
	t.Parallel()
	for first := range 2 {
		t.Run(fmt.Sprint("slot ", first+1, " is late"), func(t *testing.T) {
			t.Parallel()
			path, holders := heldSlots(t, 2)
			late, kept := holders[first], holders[1-first]
			granted, goOn := make(chan struct{}), make(chan struct{})
			atCall(t, flockwait.Returned, late.Path(), func(int) { close(granted); <-goOn })
			s := filelock.NewSemaphore(path, 2)
			result := acquireUntil(background, s)
			awaitSlotWaiter(t, path, 2)
			mustRelease(t, late)
			<-granted
			mustTry(t, filelock.New(late.Path()), false)
			mustRelease(t, kept)
			mustGet(t, result)
			mustTry(t, late, true)
			mustTry(t, kept, false)
			close(goOn)
			testproc.Until(t, "the late thread has gone", func() bool { return testproc.Waiters(t, late.Path()) == 0 })
			mustRelease(t, late)
			if err := s.Release(); err != nil {
				t.Fatal(err)
			}
			mustTry(t, kept, true)
			mustTry(t, late, true)
		})
	}
}

// A wait that is given up makes no file after its return: the directory can be removed
// at once, and stays removed.
func TestGivenUpWaitMakesNoFile(t *testing.T) {
	t.Parallel()
	rounds := testproc.Size(1000, 50)
	for kind, open := range map[string]func(path string) acquirer{
		"lock":      func(path string) acquirer { return filelock.New(path) },
		"semaphore": func(path string) acquirer { return filelock.NewSemaphore(path, 1) },
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for i := range rounds {
				dir := filepath.Join(root, strconv.Itoa(i))
				if err := os.Mkdir(dir, 0o777); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(dir, "a")
				holder := open(path)
				if err := holder.Acquire(background); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(background)
				result := acquireUntil(ctx, open(path))
				spin(rand.N(500 * time.Microsecond))
				cancel()
				if err := <-result; !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				if err := os.RemoveAll(dir); err != nil {
					t.Fatal(err)
				}
				if err := holder.Release(); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(50 * time.Millisecond) // for events that come late
			if left, err := os.ReadDir(root); len(left) > 0 || err != nil {
				t.Errorf("after %d rounds there are %v, %v", rounds, left, err)
			}
		})
	}
}

// spin waits for a shorter time than the system can sleep.
func spin(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		runtime.Gosched()
	}
}
