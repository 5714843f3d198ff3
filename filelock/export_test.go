package filelock

import (
	"errors"
	"maps"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/cwd"
)

// QueueLen is the number of goroutines of this process that wait for path.
func QueueLen(path string) int {
	queues.mu.Lock()
	defer queues.mu.Unlock()
	if q := queues.byPath[path]; q != nil {
		return len(q.waiters)
	}
	return 0
}

// HasQueue reports whether anything is left of the waits for path.
func HasQueue(path string) bool {
	queues.mu.Lock()
	defer queues.mu.Unlock()
	return queues.byPath[path] != nil
}

// Parked is the number of this process's parkers that block in the kernel.
func Parked() int {
	queues.mu.Lock()
	defer queues.mu.Unlock()
	return queues.parked
}

// SetMaxParked changes the bound on parked threads until the test ends.
func SetMaxParked(t testing.TB, n int) {
	old := maxParked
	set := func(n int) {
		queues.mu.Lock()
		defer queues.mu.Unlock()
		maxParked = n
	}
	set(n)
	t.Cleanup(func() { set(old) })
}

// DescriptorOf is the descriptor that a held Lock locks.
func DescriptorOf(l *Lock) (uintptr, error) {
	f, err := l.holds[0].open()
	if err != nil {
		return 0, err
	}
	return f.Fd(), nil
}

// The steps between which a test can come, with At.
const (
	Opening    = opening
	GivingBack = givingBack
	PassingBy  = passingBy
	TableRead  = tableRead
)

// A stepAt is a step on a path.
type stepAt struct {
	step step
	path string
}

var steps sync.Map // stepAt -> func()

func init() {
	reached = func(s step, path string) {
		if do, ok := steps.LoadAndDelete(stepAt{s, path}); ok {
			do.(func())()
		}
	}
}

// At has do called, once, when this process next reaches a step on path.
func At(t testing.TB, s step, path string, do func()) {
	steps.Store(stepAt{s, path}, do)
	t.Cleanup(func() { steps.Delete(stepAt{s, path}) })
}

// Look does at once what the head of a queue does every second.
func Look(t testing.TB, path string) { keeperOf(t, path).look() }

// StopLooking has the head of a queue look no more, until the next Look.
func StopLooking(t testing.TB, path string) {
	for tick := keeperOf(t, path).tick; !tick.Stop(); { // a look that runs sets the timer when it is over
		time.Sleep(time.Millisecond)
	}
}

func keeperOf(t testing.TB, path string) *keeper {
	t.Helper()
	queues.mu.Lock()
	defer queues.mu.Unlock()
	q := queues.byPath[path]
	if q == nil || q.keeper == nil {
		t.Fatalf("nobody waits for %s", path)
	}
	return q.keeper
}

// Sweep does at once what is done some time after a gate was passed.
func Sweep(path string) { gateOf(path, cwd.Dir{}, 0o666).sweep() }

// LastTryAfterAGrant is a wait for a free lock that reaches its deadline when
// it has been granted the lock but has not been told yet. It reports whether it
// has the lock, and releases it.
func LastTryAfterAGrant(l *Lock) error {
	w, err := l.aim()
	if err != nil {
		return err
	}
	self := w.enqueue()
	self.begin()
	for len(self.grant) == 0 {
		time.Sleep(time.Millisecond)
	}
	h, err := self.lastTry()
	if err != nil {
		return err
	}
	if h == nil {
		return errors.New("granted nothing")
	}
	return h.release()
}

var FlockError = flockError

// Parkers are the parkers of a path's queue.
func Parkers(path string) map[spot]*parker {
	queues.mu.Lock()
	defer queues.mu.Unlock()
	if q := queues.byPath[path]; q != nil {
		return maps.Clone(q.parkers)
	}
	return nil
}

// InUse reports whether the gate of path makes a newcomer wait behind others.
func InUse(path string) bool { return gateOf(path, cwd.Dir{}, 0o666).inUse() }

// Distrust makes this process ignore the gate of path.
func Distrust(path string) { gateOf(path, cwd.Dir{}, 0o666).distrust(false) }

// HideLocks has the kernel tell nothing about the locks of open files until the test
// ends.
func HideLocks(t testing.TB) {
	kernelMode = func(*os.File) lockMode { return unknownMode }
	t.Cleanup(func() { kernelMode = shownMode })
}
