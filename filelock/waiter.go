package filelock

import (
	"context"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/flockwait"
)

// A waiter is the wait of the goroutine that has the turn. Once a second it checks what no
// system call reports, for example whether the lock file was replaced.
type waiter struct {
	gate  *gate
	since time.Time
	told  file.ID // the gate that has a line about this wait; zero = none

	mu     sync.Mutex // guards the fields below; held during the checks
	timer  *time.Timer
	checks []func() (done bool)
	over   bool
}

// newWaiter returns a waiter that has waited since the given time. The caller must call
// its stop.
func newWaiter(r request, since time.Time) *waiter {
	w := &waiter{gate: r.gate, since: since}
	w.everySecond(func() (done bool) {
		w.tell()
		return false
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(time.Second, w.check)
	started(r.key, w)
	return w
}

// everySecond calls check once a second until check is done or stop is called. stop
// waits for a check that is running, so nothing happens after stop has returned. Checks
// must be stopped in the reverse order of their starts.
func (w *waiter) everySecond(check func() (done bool)) (stop func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.checks)
	w.checks = append(w.checks, check)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.checks = w.checks[:n]
	}
}

// check calls all checks.
func (w *waiter) check() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, check := range w.checks {
		if check != nil && check() {
			w.checks[i] = nil
		}
	}
	if !w.over {
		w.timer.Reset(time.Second)
	}
}

// stop ends all checks.
func (w *waiter) stop() {
	w.timer.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.checks, w.over = nil, true
}

// started is called with each new waiter. Tests replace it.
var started = func(key string, w *waiter) {}

// A supervisor watches over a call that is blocked in the kernel. It calls the call back
// with errBusy when the wait must end, and with errReplaced when the file is not at the
// path any more. It does nothing after stop has returned.
type supervisor func(call *flockwait.Call, isReplaced func() bool) (stop func())

// until returns a supervisor for a wait that ends with ctx.
func (w *waiter) until(ctx context.Context) supervisor {
	return func(call *flockwait.Call, isReplaced func() bool) (stop func()) {
		stopCheck := w.everySecond(func() (done bool) { return callBackIfReplaced(call, isReplaced) })
		stopWithContext := context.AfterFunc(ctx, func() { call.Back(errBusy) })
		return func() {
			stopWithContext()
			stopCheck()
		}
	}
}

// callBackIfReplaced calls a call back if the file is not at the path any more.
func callBackIfReplaced(call *flockwait.Call, isReplaced func() bool) (done bool) {
	if done = isReplaced(); done {
		call.Back(errReplaced)
	}
	return done
}

// lock waits for the lock until ctx ends; then it returns errBusy. It waits in the
// kernel under the supervisor or, if no thread may block there, between tries.
func (f lockFile) lock(ctx context.Context, wait supervisor) (*hold, error) {
	f.lockedBefore = false
	var pause flockwait.Pause
	for ctx.Err() == nil { // a wait that has ended must not create the file
		h, err := f.lockOnce(wait)
		switch {
		case err != errBusy && err != errReplaced:
			return h, err
		case err == errBusy && !pause.Wait(ctx):
			return nil, errBusy
		}
	}
	return nil, errBusy
}
