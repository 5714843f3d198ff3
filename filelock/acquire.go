package filelock

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"time"

	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/internal/process"
)

// The way of a waiter, in the goroutine that called Acquire:
//
//	try ──busy──> turn ──> gate ──> flock(2) ──> still the file at the path? ──> held
//
// The goroutines of a process that want the same path take turns, first come first
// served. The gate, a second lock file, lets one waiter of all processes through
// at a time. That waiter blocks in flock(2) on the lock file, and can be called back
// from there (package flockwait). If the locked file is not at the path any more, it
// locks the file that is (target.lockUntil, target.check). If no thread may block, the
// waiter tries again and again instead; the rest of its way is the same.
//
// Each step ends with ctx, and the waiter gives back what it had by then: its turn, the
// gate, and its place in the kernel's queue.

// A want is what an acquisition needs: one of its targets, whichever is free first.
type want struct {
	given string // the path of the lock or the semaphore
	path  string // identifies it among the goroutines of this process
	any   []target
	slots bool // the targets are slots of a semaphore
	gate  *gate

	onWait func() // called before the wait; nil = nothing is called

	// For a semaphore: still checks after the acquisition that the slot counts, and
	// resized returns the slots if their number is not n any more.
	still   func(*handle) error
	resized func(n int) []target
}

// acquire waits for the lock until ctx ends. It returns errBusy if ctx ended first.
func (w want) acquire(ctx context.Context) (*handle, error) {
	if !turns.taken(w.path) && !w.gate.inUse() { // a newcomer must not overtake waiters
		h, err := w.try()
		if err != errBusy {
			return h, err
		}
	}
	h, err := w.wait(ctx)
	if err == errBusy && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return w.renew().try()
	}
	return h, err
}

// renew returns the want with the slots that there are now: during a wait, the
// semaphore may have been resized.
func (w want) renew() want {
	if w.resized != nil {
		if slots := w.resized(len(w.any)); slots != nil {
			w.any = slots
		}
	}
	return w
}

// try takes one of the targets if one is free; otherwise it returns errBusy. It
// begins with a random slot, so that processes do not all meet at the first one.
func (w want) try() (*handle, error) {
	first := 0
	if len(w.any) > 1 {
		first = rand.N(len(w.any))
	}
	for i := range w.any {
		h, err := w.any[(first+i)%len(w.any)].try()
		if err != errBusy {
			return h, err
		}
	}
	return nil, errBusy
}

// wait goes the way of a waiter, from its turn to the lock.
func (w want) wait(ctx context.Context) (*handle, error) {
	if w.onWait != nil {
		w.onWait()
	}
	self := &waiter{gate: w.gate, since: time.Now()}
	turn, err := turns.take(ctx, w.path)
	if err != nil {
		return nil, errBusy
	}
	defer turn.pass()
	process.Self() // it takes a while, and the record needs it
	gate, lock, err := w.passGate(ctx, self)
	if lock != nil || err != nil {
		return lock, err
	}
	stop := everySecond(w.path, func() (done bool) {
		self.tell() // for Waiters
		return false
	})
	lock, err = w.lock(ctx)
	stop()
	w.gate.leave(gate, err == nil)
	return lock, err
}

// passGate waits at the gate until ctx ends. It returns the gate, or nil if there can
// be no gate.
//
// The process that holds the gate may be stopped, or very slow, while the lock
// itself is free. So the waiter looks once a second. If no process holds the lock,
// the waiter passes by the gate: passGate returns the lock. If there is nothing to
// wait for any more, such as a directory, passGate returns the error.
func (w want) passGate(ctx context.Context, self *waiter) (gate, lock *handle, err error) {
	if w.gate.path == "" {
		return nil, nil, nil
	}
	here, callBack := context.WithCancel(ctx)
	defer callBack()
	found := errBusy // what a look has found; lock is its lock
	stop := everySecond(w.path, func() (done bool) {
		self.tell()
		if lock, found = w.tryPast(); found == errBusy {
			return false
		}
		callBack()
		return true
	})
	gate, err = w.gate.pass(here)
	stop() // lock and found do not change any more
	switch {
	case found == errBusy && err == errBusy:
		w.gate.sweep() // this waiter may be the last one
		return nil, nil, errBusy
	case found == errBusy:
		w.gate.judge(err)
		return gate, nil, nil
	case gate != nil: // the gate was passed in the moment of the look
		w.gate.leave(gate, lock != nil)
	case lock != nil:
		w.gate.distrust(time.Now().Add(stuckFor))
	}
	if lock != nil && ctx.Err() != nil { // the caller does not want it any more
		lock.release()
		return nil, nil, errBusy
	}
	return nil, lock, found
}

// tryPast takes the lock if no process holds it, not even shared: readers must not
// overtake a writer that waits for other readers. Otherwise it returns errBusy.
func (w want) tryPast() (*handle, error) {
	w = w.renew()
	if !w.isFree() {
		return nil, errBusy
	}
	h, err := w.try()
	if err != nil && !endsWait(err) {
		return nil, errBusy
	}
	reached(passingBy, w.path)
	return h, err
}

// endsWait reports whether the error means that there is no file to wait for any
// more, for example because the directory was removed.
func endsWait(err error) bool {
	return errors.Is(err, cwd.ErrMoved) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrInvalid)
}

// isFree reports whether a try makes sense: no process holds one of the targets,
// or the target is exclusive, where the try itself finds out.
func (w want) isFree() bool {
	for _, t := range w.any {
		if !t.shared {
			return true
		}
		t.shared = false
		h, err := t.try()
		if err == nil {
			h.release()
		}
		if err == nil || endsWait(err) { // the try will return the error
			return true
		}
	}
	return false
}

// lock waits for one of the targets until ctx ends.
func (w want) lock(ctx context.Context) (*handle, error) {
	if w.slots {
		return w.lockSlot(ctx)
	}
	return w.any[0].lock(ctx)
}

// reached is called between steps, so that tests can act there.
var reached = func(_ step, path string) {}

type step int

const (
	opening   step = iota // between the look at the path and the open
	passingBy             // after tryPast has taken the lock
	tableRead             // after a look at the kernel's table of locks
	leaving               // between the two steps with which a waiter leaves a gate
)
