package filelock

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/internal/flockwait"
)

// A race is a wait for the first free slot of a semaphore. A goroutine for each slot
// blocks in the kernel. The first one that gets its slot calls the others back, so that
// they leave the kernel's queues, and sends the slot to the waiter. The waiter returns
// without waiting for the others.
type race struct {
	ctx    context.Context // ends with the race
	cancel context.CancelFunc
	won    chan result // capacity 1
	runs   sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	over    bool
	blocked map[*flockwait.Call]func() (isReplaced bool) // the goroutines that are blocked
}

// A result of a race is a locked slot, or the error of a slot.
type result struct {
	h   *hold
	err error
}

// maxRunners is the largest number of slots for which a goroutine waits. The waiter
// polls the others.
const maxRunners = 64

// lockSlot waits for any slot until ctx ends. It checks once a second whether the
// semaphore was resized, and then waits for the slots that there are now.
func (r request) lockSlot(ctx context.Context, w *waiter) (*hold, error) {
	for {
		r = r.renewed()
		here, callBack := context.WithCancel(ctx)
		changed := false
		stop := w.everySecond(func() (done bool) {
			if changed = r.semaphore.resized(r) != nil; changed {
				callBack()
			}
			return changed
		})
		h, err := r.lockAny(here, w)
		stop()
		callBack()
		if err != errBusy || !changed || ctx.Err() != nil {
			return h, err
		}
	}
}

// lockAny waits for one of the files until ctx ends.
func (r request) lockAny(ctx context.Context, w *waiter) (*hold, error) {
	if len(r.files) == 1 {
		return r.files[0].lock(ctx, w.until(ctx))
	}
	if h, err := r.try(); err != errBusy {
		return h, err
	}
	race := &race{won: make(chan result, 1), blocked: map[*flockwait.Call]func() bool{}}
	race.ctx, race.cancel = context.WithCancel(ctx)
	defer race.cancel()
	defer w.everySecond(race.check)()
	polled := r
	polled.files = race.start(r.files)
	var pause flockwait.Pause
	var took time.Duration // for the last poll
	for {
		var poll <-chan time.Time
		if len(polled.files) > 0 {
			poll = time.After(max(pause.Next(), 9*took)) // polls take at most a tenth of a processor
		}
		select {
		case first := <-race.won:
			return first.h, first.err
		case <-ctx.Done():
			race.giveUp()
			return nil, errBusy
		case <-poll:
			start := time.Now()
			h, err := polled.try()
			if err != errBusy {
				return race.finish(result{h, err})
			}
			took = time.Since(start)
		}
	}
}

// start starts goroutines for some of the slots, and returns the other slots.
func (r *race) start(slots []lockFile) (others []lockFile) {
	n := len(slots)
	if n > maxRunners {
		first := rand.N(n) // the waiters of all processes cover all slots
		slots = slices.Concat(slots[first:], slots[:first])
		n = maxRunners
	}
	for _, f := range slots[:n] {
		r.runs.Go(func() {
			h, err := f.lock(r.ctx, r.supervise)
			reached(slotLocked, f.path)
			switch first := err != errBusy && r.end(); {
			case first:
				reached(raceWon, f.path)
				r.won <- result{h, err}
			case h != nil:
				h.release()
			}
		})
	}
	return slots[n:]
}

// end ends the race, and reports whether the caller is the first to end it. It calls back
// all goroutines that are blocked; no goroutine will block afterwards.
func (r *race) end() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return false
	}
	r.over = true
	r.cancel()
	for call := range r.blocked {
		call.Back(errBusy)
	}
	return true
}

// supervise is the supervisor of the goroutines. The winner calls the others back itself,
// which is faster than the end of a context: that would start a goroutine for each call.
func (r *race) supervise(call *flockwait.Call, isReplaced func() bool) (stop func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		call.Back(errBusy)
	}
	r.blocked[call] = isReplaced
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.blocked, call)
	}
}

// check calls back the goroutines whose slots are not at their paths any more.
func (r *race) check() (done bool) {
	r.mu.Lock()
	blocked := maps.Clone(r.blocked)
	r.mu.Unlock()
	for call, isReplaced := range blocked {
		callBackIfReplaced(call, isReplaced) // a call that is over ignores it
	}
	return false
}

// giveUp ends the race without a winner. When it returns, no goroutine is left, and
// no slot is held.
func (r *race) giveUp() {
	if !r.end() {
		if first := <-r.won; first.h != nil {
			first.h.release()
		}
	}
	r.runs.Wait()
}

// finish ends the race with the result of a poll, unless a goroutine has won meanwhile.
func (r *race) finish(polled result) (*hold, error) {
	if r.end() {
		return polled.h, polled.err
	}
	if polled.h != nil {
		polled.h.release()
	}
	first := <-r.won
	return first.h, first.err
}
