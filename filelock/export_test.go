package filelock

import (
	"container/list"
	"os"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/internal/flockwait"
	"github.com/gofrs/flock"
)

// QueueLen returns how many goroutines of this process have the turn for path, or wait
// in the queue for it. A goroutine that is about to enter the queue does not count. QueueLen
// reads private fields of the semaphore, which has no method for this.
func QueueLen(path string) int {
	turns.mu.Lock()
	defer turns.mu.Unlock()
	t := turns.byKey[path]
	if t == nil {
		return 0
	}
	fields := reflect.ValueOf(t.mine).Elem()
	mu := (*sync.Mutex)(fields.FieldByName("mu").Addr().UnsafePointer())
	waiters := (*list.List)(fields.FieldByName("waiters").Addr().UnsafePointer())
	mu.Lock()
	defer mu.Unlock()
	return int(fields.FieldByName("cur").Int()) + waiters.Len()
}

// Blocked returns the number of threads of this process that wait in the kernel.
func Blocked() int { return flockwait.Waiting() }

// Poll makes all waiters of this process poll.
func Poll() { flockwait.SetThreads(0) }

// SetThreads changes the bound on threads that wait in the kernel until the test
// ends.
func SetThreads(t testing.TB, n int) {
	former := flockwait.SetThreads(n)
	t.Cleanup(func() { flockwait.SetThreads(former) })
}

// DescriptorOf returns the descriptor of the file that the Lock has locked.
func DescriptorOf(l *Lock) (uintptr, error) {
	f, err := l.holds[0].osFile()
	if err != nil {
		return 0, err
	}
	return f.Fd(), nil
}

// SetLocked returns the state of a lock of gofrs/flock that setLocked has changed.
func SetLocked(shared bool) (exclusively, shares bool) {
	h := &hold{fl: flock.New("")}
	if canSet {
		h.setLocked(shared)
	}
	return h.fl.Locked(), h.fl.RLocked()
}

// The steps at which a test can act, with At.
const (
	Opening    = opening
	PathFound  = pathFound
	PassingBy  = passingBy
	SlotLocked = slotLocked
	RaceWon    = raceWon
	TableRead  = tableRead
	Leaving    = leaving
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

// At calls do once, when this process next reaches the step on path.
func At(t testing.TB, s step, path string, do func()) {
	Once(s, path, do)
	t.Cleanup(func() { steps.Delete(stepAt{s, path}) })
}

// Once is At for a process in a role, which has no testing.TB.
func Once(s step, path string, do func()) { steps.Store(stepAt{s, path}, do) }

// ResizeSteps are the steps of a Resize.
var ResizeSteps = map[string]step{
	"slots made": slotsMade, "slots locked": slotsLocked, "number written": numberWritten,
	"number named": numberNamed, "slot removed": slotRemoved,
}

// waiters has the waiters of this process, by path.
var waiters = struct {
	mu     sync.Mutex
	byPath map[string][]*waiter
}{byPath: map[string][]*waiter{}}

func init() {
	started = func(path string, w *waiter) {
		waiters.mu.Lock()
		defer waiters.mu.Unlock()
		waiters.byPath[path] = append(waiters.byPath[path], w)
	}
}

func waitersOf(t testing.TB, path string) []*waiter {
	t.Helper()
	waiters.mu.Lock()
	defer waiters.mu.Unlock()
	if len(waiters.byPath[path]) == 0 {
		t.Fatalf("no goroutine waits for %s", path)
	}
	return waiters.byPath[path]
}

// Check makes the waiters for path check at once.
func Check(t testing.TB, path string) {
	t.Helper()
	for _, w := range waitersOf(t, path) {
		w.check()
	}
}

// StopChecks stops the checks of the waiters for path until the next Check.
func StopChecks(t testing.TB, path string) {
	t.Helper()
	for _, w := range waitersOf(t, path) {
		for !w.timer.Stop() && !w.isOver() { // a check that is running starts the timer again at its end
			time.Sleep(time.Millisecond)
		}
	}
}

// ChecksOver reports whether no waiter for path will check any more.
func ChecksOver(t testing.TB, path string) bool {
	t.Helper()
	for _, w := range waitersOf(t, path) {
		if !w.isOver() {
			return false
		}
	}
	return true
}

func (w *waiter) isOver() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.over
}

// Sweep removes the gate of path if no process uses it.
func Sweep(path string) { gateOf(path, cwd.Dir{}, 0o666).sweep() }

var FlockError = flockError

// StopTimerOfGate leaves it to Release to remove the gate that a waiter of the Lock has passed.
func StopTimerOfGate(l *Lock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	gatesLeft.Remove(l.gate)
}

// InUse reports whether the gate of path makes a newcomer wait behind others.
func InUse(path string) bool { return gateOf(path, cwd.Dir{}, 0o666).inUse() }

// Distrust makes this process ignore the gate of path, as if its holder was stopped.
func Distrust(path string, until time.Time) { gateOf(path, cwd.Dir{}, 0o666).distrust(until) }

// HideLocks makes this process unable to see the locks of open files, until the test ends.
func HideLocks(t testing.TB) {
	kernelMode = func(*os.File) lockMode { return unknownMode }
	t.Cleanup(func() { kernelMode = shownMode })
}

// SetResizeWait changes how long Resize waits for another Resize, until the test ends.
func SetResizeWait(t testing.TB, d time.Duration) {
	former := resizeWait
	resizeWait = d
	t.Cleanup(func() { resizeWait = former })
}

// Unchanging reports whether the number of slots in the file at path is read only once.
func Unchanging(path string) bool {
	_, ok := unchanging(path)
	return ok
}
