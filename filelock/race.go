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
	won    chan grant // capacity 1
	runs   sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	over    bool
	blocked map[*flockwait.Call]func() (isReplaced bool) // the goroutines that are blocked
}

// A grant is the result of a race: a locked slot, or the error of one.
type grant struct {
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
	race := &race{won: make(chan grant, 1), blocked: map[*flockwait.Call]func() bool{}}
	race.ctx, race.cancel = context.WithCancel(ctx)
	defer race.cancel()
	defer w.everySecond(race.check)()
	polled := r
	polled.files = race.start(r.files)
	var pause flockwait.Pause
	var took time.Duration // by the last poll
	for {
		var poll <-chan time.Time
		if len(polled.files) > 0 {
			poll = time.After(max(pause.Next(), 9*took)) // of many slots: at most a tenth of a processor
		}
		select {
		case g := <-race.won:
			return g.h, g.err
		case <-ctx.Done():
			return nil, race.giveUp()
		case <-poll:
			start := time.Now()
			h, err := polled.try()
			if err != errBusy {
				return race.bring(grant{h, err})
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
			switch first := err != errBusy && r.end(); {
			case first:
				r.won <- grant{h, err}
			case h != nil:
				h.release()
			}
		})
	}
	return slots[n:]
}

// end ends the race, and reports whether it was not over before. It calls back all
// goroutines that are blocked; no goroutine will block afterwards.
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

// supervise is the supervisor of the goroutines. The winner calls the others back
// itself. That is faster than the end of a context, which would start a goroutine for
// each call.
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
		callBackIf(isReplaced(), call) // nothing happens if the call is over
	}
	return false
}

// giveUp ends the race without a winner. When it returns, no goroutine is left, and
// no slot is held.
func (r *race) giveUp() error {
	if !r.end() {
		if g := <-r.won; g.h != nil {
			g.h.release()
		}
	}
	r.runs.Wait()
	return errBusy
}

// bring ends the race with the result of a poll, unless a goroutine has won meanwhile.
func (r *race) bring(g grant) (*hold, error) {
	if !r.end() {
		if g.h != nil {
			g.h.release()
		}
		g = <-r.won
	}
	return g.h, g.err
}
