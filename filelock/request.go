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

// How Acquire waits, in the goroutine that called it:
//
//	try ──busy──> turn ──> gate ──> flock(2) ──> still the file at the path? ──> held
//
// The goroutines of a process that wait for the same path take turns, first come first
// served. At the gate, a second lock file, the waiters of all processes pass one at a time.
// The waiter that has passed blocks in flock(2) on the lock file, and can be called back
// from there (package flockwait). If the locked file is not at the path any more, the
// waiter locks the file that is there now (lockFile.verify). If no thread may block, the
// waiter polls instead; the other steps are the same.
//
// Each step ends with ctx. The waiter then gives up what it has: its turn, the gate,
// and its place in the kernel's queue.

// A request is for a lock on one of its files, whichever is free first.
type request struct {
	given  string // the path of the Lock or the Semaphore, as given to New
	key    string // identifies the path in this process
	files  []lockFile
	gate   *gate
	onWait func() // called before the wait; nil = nothing is called

	semaphore *Semaphore // whose slots the files are; nil for a Lock
	dir       lockFile   // the directory of the semaphore
}

// acquire waits for the lock until ctx ends. It returns errBusy if ctx ended first.
func (r request) acquire(ctx context.Context) (*hold, error) {
	if !hasTurn(r.key) && !r.gate.inUse() { // a newcomer must not overtake waiters
		h, err := r.try()
		if err != errBusy {
			return h, err
		}
	}
	h, err := r.wait(ctx)
	if err == errBusy && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return r.renewed().try()
	}
	return h, err
}

// renewed returns the request with the slots that the semaphore has now: it may have
// been resized during the wait.
func (r request) renewed() request {
	if r.semaphore != nil {
		if files := r.semaphore.resized(r); files != nil {
			r.files = files
		}
	}
	return r
}

// try takes one of the files if one is free; otherwise it returns errBusy. It
// begins with a random slot, so that processes do not all meet at the first one.
func (r request) try() (*hold, error) {
	first := 0
	if len(r.files) > 1 {
		first = rand.N(len(r.files))
	}
	for i := range r.files {
		h, err := r.files[(first+i)%len(r.files)].try()
		if err != errBusy {
			return h, err
		}
	}
	return nil, errBusy
}

// wait goes through the steps of a waiter, from its turn to the lock.
func (r request) wait(ctx context.Context) (*hold, error) {
	if r.onWait != nil {
		r.onWait()
	}
	since := time.Now()
	turn, err := takeTurn(ctx, r.key)
	if err != nil {
		return nil, errBusy
	}
	defer turn.pass()
	process.Self() // fills a cache for the record, while there is time
	w := newWaiter(r, since)
	defer w.stop()
	gate, h, err := r.passGate(ctx, w)
	if h != nil || err != nil {
		return h, err
	}
	h, err = r.lock(ctx, w)
	r.gate.leave(gate, err == nil)
	return h, err
}

// passGate waits at the gate until ctx ends. It returns the gate, or nil if there can
// be no gate.
//
// The process that holds the gate may be stopped, or very slow, while the lock
// itself is free. So once a second, the waiter checks the lock. If no process holds it,
// passGate returns the lock. If the wait is in vain, for example because the directory
// was removed, passGate returns the error.
func (r request) passGate(ctx context.Context, w *waiter) (gate, lock *hold, err error) {
	if r.gate.path == "" {
		return nil, nil, nil
	}
	here, callBack := context.WithCancel(ctx)
	defer callBack()
	found := errBusy // the result of the last check; lock is its lock
	stop := w.everySecond(func() (done bool) {
		if lock, found = r.tryPast(); found == errBusy {
			return false
		}
		callBack()
		return true
	})
	gate, err = r.gate.pass(here, w)
	stop() // lock and found do not change any more
	switch {
	case found == errBusy && err == errBusy:
		r.gate.sweep() // this waiter may be the last one
		return nil, nil, errBusy
	case found == errBusy:
		r.gate.passed(err)
		return gate, nil, nil
	case gate != nil: // the waiter passed the gate during the check
		r.gate.leave(gate, lock != nil)
	case lock != nil:
		r.gate.distrust(time.Now().Add(stuckFor))
		r.gate.sweep() // the process that had the gate may have seen this waiter, and left the gate to it
	}
	if lock != nil && ctx.Err() != nil {
		lock.release()
		return nil, nil, errBusy
	}
	return nil, lock, found
}

// tryPast takes the lock without the gate, if no process holds the lock. Otherwise it
// returns errBusy. A reader gets errBusy even if only other readers hold the lock: it must
// not overtake a writer that waits for them.
func (r request) tryPast() (*hold, error) {
	r = r.renewed()
	if !r.mayBeFree() {
		return nil, errBusy
	}
	h, err := r.try()
	if err != nil && !endsWait(err) {
		return nil, errBusy
	}
	reached(passingBy, r.key)
	return h, err
}

// endsWait reports whether the error means that there is no file to wait for any
// more, for example because the directory was removed.
func endsWait(err error) bool {
	return errors.Is(err, cwd.ErrMoved) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrInvalid)
}

// mayBeFree reports whether a try makes sense: no process holds one of the files, or
// the request is exclusive and the try itself finds out.
func (r request) mayBeFree() bool {
	for _, f := range r.files {
		if !f.shared {
			return true
		}
		f.shared = false
		h, err := f.try()
		if err == nil {
			h.release()
		}
		if err == nil || endsWait(err) { // then the caller's try will return the error too
			return true
		}
	}
	return false
}

// lock waits for one of the files until ctx ends.
func (r request) lock(ctx context.Context, w *waiter) (*hold, error) {
	if r.semaphore != nil {
		return r.lockSlot(ctx, w)
	}
	return r.files[0].lock(ctx, w.until(ctx))
}

// reached is called between steps, so that tests can act there.
var reached = func(_ step, path string) {}

type step int

const (
	opening    step = iota // between the stat of the path and the open
	passingBy              // after tryPast has taken the lock
	pathFound              // between finding the path of a file again and the stat
	tableRead              // after the kernel's table of locks was read
	leaving                // after a waiter that leaves a gate has checked for other waiters
	slotLocked             // when a goroutine of a race has a slot, or has given up
	raceWon                // when it has won the race, before the waiter gets the slot
)
