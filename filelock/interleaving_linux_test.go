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

// callSteps has the functions to call when a call of flock(2) reaches a step. A key is the
// step with the path of the file, or with the number of the descriptor.
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

// atCall calls do, once, when a call on the file reaches the step.
func atCall(t testing.TB, s flockwait.Step, path string, do func(fd int)) {
	t.Helper()
	needsKernelWait(t, "no call is called back")
	key := fmt.Sprint(int(s), " ", path)
	callSteps.Store(key, do)
	t.Cleanup(func() {
		if _, left := callSteps.LoadAndDelete(key); left {
			t.Errorf("no call on %s has reached step %d", path, s)
		}
	})
}

// cancelAt cancels a wait when a call on the file reaches the step. The call goes on after
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

// mustGiveUp fails the test unless the wait was given up and left nothing, so that a try
// gets the lock at once.
func mustGiveUp(t testing.TB, result <-chan error, path string) {
	t.Helper()
	if err := await(t, result); !errors.Is(err, filelock.ErrLocked) || !errors.Is(err, context.Canceled) {
		t.Errorf("Acquire = %v", err)
	}
	l := filelock.New(path)
	mustTry(t, l, true)
	mustRelease(t, l)
	if n := filelock.QueueLen(path); n != 0 {
		t.Errorf("%d goroutines wait", n)
	}
}

// testCancelMeetsCall runs a test for each moment at which the cancellation of a wait can
// meet the system call.
func testCancelMeetsCall(t *testing.T, test func(*testing.T, flockwait.Step)) {
	t.Parallel()
	for step, name := range map[flockwait.Step]string{flockwait.Begun: "before the system call", flockwait.Returned: "after the grant"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, step)
		})
	}
}

func TestCancelMeetsTheCallForALock(t *testing.T) {
	testCancelMeetsCall(t, func(t *testing.T, step flockwait.Step) {
		path := lockPath(t)
		holder := filelock.New(path)
		mustAcquire(t, holder)
		ctx, cancel := context.WithCancel(background)
		cancelAt(t, step, path, cancel)
		result := acquireUntil(ctx, filelock.New(path))
		if step == flockwait.Returned {
			awaitWaiters(t, path, 1)
		} else {
			<-ctx.Done()
		}
		mustRelease(t, holder)
		mustGiveUp(t, result, path)
		awaitNoGate(t, path)
		if n := testproc.Waiters(t, path); n != 0 {
			t.Errorf("%d threads wait", n)
		}
	})
}

func TestCancelMeetsTheCallForTheGate(t *testing.T) {
	testCancelMeetsCall(t, func(t *testing.T, step flockwait.Step) {
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
		awaitNoGate(t, path)
	})
}

// heldSlots returns the path of a semaphore, and a Lock that holds each of its slots.
func heldSlots(t testing.TB, n int) (path string, holders []*filelock.Lock) {
	t.Helper()
	path, _ = newSemaphore(t, n)
	for i := range n {
		l := filelock.New(filepath.Join(path, strconv.Itoa(i+1)))
		mustAcquire(t, l)
		holders = append(holders, l)
	}
	return path, holders
}

func TestCancelMeetsTheCallForASlot(t *testing.T) {
	const n = 3
	testCancelMeetsCall(t, func(t *testing.T, step flockwait.Step) {
		for i := range n {
			t.Run(fmt.Sprint("slot ", i+1), func(t *testing.T) {
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
	})
}

// The kernel grants two slots at the same moment. Acquire keeps one slot. The other slot is
// free as soon as Acquire has returned, even if the thread that waited for it has not run
// since.
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
			testproc.Until(t, "the late thread does not wait any more", func() bool { return testproc.Waiters(t, late.Path()) == 0 })
			mustRelease(t, late)
			mustRelease(t, s)
			mustTry(t, kept, true)
			mustTry(t, late, true)
		})
	}
}

// A goroutine has locked a slot when another one wins the race. It releases its slot.
func TestLoserReleasesItsSlot(t *testing.T) {
	t.Parallel()
	path, holders := heldSlots(t, 2)
	late, kept := holders[0], holders[1]
	locked, goOn := make(chan struct{}), make(chan struct{})
	filelock.At(t, filelock.SlotLocked, late.Path(), func() { close(locked); <-goOn })
	s := filelock.NewSemaphore(path, 2)
	result := acquireUntil(background, s)
	awaitSlotWaiter(t, path, 2)
	mustRelease(t, late)
	<-locked
	mustRelease(t, kept)
	mustGet(t, result)
	mustTry(t, late, false)
	close(goOn)
	testproc.Until(t, "the slot is free", func() bool {
		ok, err := late.TryAcquire()
		return ok && err == nil
	})
}

// A wait ends with its context when a goroutine has just won a slot for it. The slot is
// released.
func TestGivenUpWhenASlotIsWon(t *testing.T) {
	t.Parallel()
	path, holders := heldSlots(t, 2)
	s, slot := filelock.NewSemaphore(path, 2), holders[0]
	for range 5 { // in case that the waiter does not sleep yet, and gets the slot
		ctx, cancel := context.WithCancel(background)
		defer cancel()
		filelock.At(t, filelock.RaceWon, slot.Path(), cancel)
		result := acquireUntil(ctx, s)
		awaitSlotWaiter(t, path, 2)
		mustRelease(t, slot)
		switch err := <-result; {
		case err == nil:
			if err := s.Release(); err != nil {
				t.Fatal(err)
			}
		case !errors.Is(err, filelock.ErrLocked):
			t.Fatal(err)
		}
		mustTry(t, slot, true)
	}
}

// After a wait was given up, no file is created: the directory can be removed at once, and
// stays removed.
func TestGivenUpWaitMakesNoFile(t *testing.T) {
	t.Parallel()
	rounds := testproc.Size(1000, 50)
	for kind, open := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for i := range rounds {
				dir := filepath.Join(root, strconv.Itoa(i))
				must(t, os.Mkdir(dir, 0o777))
				path := filepath.Join(dir, "a")
				holder := open(path)
				mustAcquire(t, holder)
				ctx, cancel := context.WithCancel(background)
				result := acquireUntil(ctx, open(path))
				spin(rand.N(500 * time.Microsecond))
				cancel()
				if err := await(t, result); !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				must(t, os.RemoveAll(dir))
				mustRelease(t, holder)
			}
			time.Sleep(50 * time.Millisecond) // so that a file that is created late is seen
			if left, err := os.ReadDir(root); len(left) > 0 || err != nil {
				t.Errorf("after %d rounds there are %v, %v", rounds, left, err)
			}
		})
	}
}

// spin waits for a time that may be shorter than the shortest sleep.
func spin(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		runtime.Gosched()
	}
}
