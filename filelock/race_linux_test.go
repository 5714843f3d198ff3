package filelock_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/locktable"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// withoutWaiter returns the Locks for whose files no thread waits in the kernel, and the
// others.
func withoutWaiter(t *testing.T, locks []*filelock.Lock) (without, with []*filelock.Lock) {
	t.Helper()
	table, err := locktable.Read(3)
	must(t, err)
	mounts := locktable.Mounts{}
	for _, l := range locks {
		file, err := mounts.Identify(l.Path(), false)
		must(t, err)
		if slices.ContainsFunc(table[file.Name], func(l locktable.Lock) bool { return l.Waits }) {
			with = append(with, l)
		} else {
			without = append(without, l)
		}
	}
	return without, with
}

// acquireOneOf acquires one of many slots, all of which are held. It returns when 64 threads
// wait for slots. The waiter polls the other slots.
func acquireOneOf(t *testing.T, n int) (result <-chan error, polled, blocked []*filelock.Lock) {
	t.Helper()
	needsKernelWait(t, "no thread waits")
	path, holders := heldSlots(t, n)
	result = acquire(filelock.NewSemaphore(path, n))
	testproc.Until(t, "64 threads wait", func() bool {
		polled, blocked = withoutWaiter(t, holders)
		return len(blocked) == 64
	})
	return result, polled, blocked
}

// A waiter for more slots than it has threads gets each of them.
func TestMoreSlotsThanThreads(t *testing.T) {
	// Not parallel: the process has not enough threads for other tests meanwhile.
	for _, which := range []string{"a polled slot", "a slot with a thread"} {
		result, polled, blocked := acquireOneOf(t, 66)
		if len(polled) != 2 {
			t.Fatalf("%d slots are polled, want 2", len(polled))
		}
		free := polled[1]
		if which != "a polled slot" {
			free = blocked[20]
		}
		mustRelease(t, free)
		mustGet(t, result)
		mustTry(t, free, false)
		testproc.Until(t, "no thread waits any more", func() bool {
			_, blocked := withoutWaiter(t, blocked)
			return len(blocked) == 0
		})
	}
}

// A thread has won a slot. Before the waiter gets it, a poll gets another slot, which the
// waiter releases.
func TestPollMeetsAWonSlot(t *testing.T) {
	// Not parallel: the process has not enough threads for other tests meanwhile.
	result, polled, blocked := acquireOneOf(t, 65)
	found := make(chan error)
	filelock.At(t, filelock.RaceWon, blocked[0].Path(), func() {
		filelock.At(t, filelock.Opening, polled[0].Path(), func() { found <- polled[0].Release() })
		if err := <-found; err != nil {
			t.Error(err)
		}
	})
	mustRelease(t, blocked[0])
	mustGet(t, result)
	mustTry(t, blocked[0], false)
	mustTry(t, polled[0], true)
}

// A waiter for slots checks every second whether they are at their paths, not only once.
func TestSlotsAreCheckedAgain(t *testing.T) {
	needsKernelWait(t, "a poll finds the new file at once")
	t.Parallel()
	path, holders := heldSlots(t, 2)
	result := acquire(filelock.NewSemaphore(path, 2))
	awaitSlotWaiter(t, path, 2)
	filelock.StopChecks(t, path)
	filelock.Check(t, path)
	must(t, os.Remove(holders[1].Path()))
	filelock.Check(t, path)
	mustGet(t, result) // on a new file
	mustTry(t, filelock.New(holders[1].Path()), false)
}

// A wait is given up when one of its goroutines is about to open a slot. That goroutine does
// not block.
func TestGivenUpWhileOpeningASlot(t *testing.T) {
	needsKernelWait(t, "no thread waits")
	t.Parallel()
	path, holders := heldSlots(t, 2)
	first, second := holders[0].Path(), holders[1].Path()
	ctx, cancel := context.WithCancel(background)
	third := func() { // in the race
		testproc.AwaitWaiters(t, first, 1)
		cancel()
		testproc.AwaitWaiters(t, first, 0) // the race is over
	}
	filelock.At(t, filelock.Opening, second, func() { // the try before the wait
		filelock.Once(filelock.Opening, second, func() { // the try behind the gate
			filelock.Once(filelock.Opening, second, third)
		})
	})
	result := acquireUntil(ctx, filelock.NewSemaphore(path, 2))
	if err := await(t, result); !errors.Is(err, context.Canceled) {
		t.Errorf("Acquire = %v", err)
	}
	testproc.AwaitWaiters(t, second, 0)
}

// On a file system without hard links, the file with the number is written in place.
func TestSemaphoreWithoutHardLinks(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	p := startTamperedRole(t, []string{"-e", "inject=linkat:error=EPERM"}, "slot", path, "2")
	p.Send("acquire")
	p.Expect("acquire")
	if got := files(t, path); got != "1 2 slots" {
		t.Error(got)
	}
	if n, err := filelock.Slots(path); n != 2 || err != nil {
		t.Errorf("%d slots, %v", n, err)
	}
}

// A process that creates a semaphore on such a file system may not have written the number
// yet. Others wait for it a moment.
func TestNumberComesAMomentLater(t *testing.T) {
	t.Parallel()
	testproc.Punctual(t, func() error {
		path := semPath(t)
		number := filepath.Join(path, "slots")
		must(t, os.Mkdir(path, 0o777))
		write(t, number, "")
		written := start(func() error {
			time.Sleep(5 * time.Millisecond)
			return os.WriteFile(number, []byte("2\n"), 0o666)
		})
		ok, err := filelock.NewSemaphore(path, 2).TryAcquire()
		if must(t, <-written); !ok {
			return fmt.Errorf("TryAcquire = %v, %w", ok, err)
		}
		return nil
	})
}
