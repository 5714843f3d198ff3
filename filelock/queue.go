package filelock

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/internal/cwd"
)

// How this process waits.
//
// The kernel wakes a blocked flock(2) as soon as the lock is free, but nothing in
// Go can interrupt it. So a goroutine that must be able to give up does not block
// in it. The goroutines that want a path wait on channels in a queue, first come
// first served. Other goroutines, the parkers, block in the kernel for the head
// of the queue:
//
//	Acquire ──try──> held
//	   └─busy─> queue ──head──> gate ──> parker blocks in flock ──grant──> head
//
// The gate (gate.go) lets one waiter of all processes through at a time. When a
// waiter gives up, its parker stays. The next waiter of the path takes the parker
// over, with its place in the kernel's queue. If no waiter is left when the lock
// is granted, the parker releases it at once.
//
// queues.mu guards everything below. Nothing blocks while it is held. A granted
// lock belongs to the parker until it is sent to a waiter, and then to the
// waiter.
var queues = struct {
	mu     sync.Mutex
	byPath map[string]*queue
	parked int // goroutines that block an operating-system thread
}{byPath: map[string]*queue{}}

// maxParked is the largest number of threads that wait in the kernel. A process
// that waits for more paths polls for the others.
var maxParked = 128

// A queue has the goroutines of this process that wait for one lock or one
// semaphore. After its head has passed the gate, each target of the head has a
// parker. Other parkers were left behind by waiters that gave up.
type queue struct {
	path    string
	waiters []*waiter
	keeper  *keeper // at the gate for the head; nil if there is no head
	parkers map[spot]*parker
}

// reached is called between steps, so that tests can act there.
var reached = func(_ step, path string) {}

type step int

const (
	opening    step = iota // between the look at the path and the open
	givingBack             // before the release of a grant that has no waiter
	passingBy              // after tryPast has taken the lock for the head of the queue
	tableRead              // after a look at the kernel's table of locks
)

// A want is what an acquisition needs: one of its targets, whichever is free first.
type want struct {
	given string // the path of the lock or the semaphore
	path  string // the key of its queue
	any   []target
	slots bool // the targets are slots of a semaphore
	gate  *gate

	still func() error // checks after the acquisition that it is what was wanted; may be nil
}

// slot returns the number of a target: for a semaphore from 1, as its files are
// called, and 0 for a lock.
func (w want) slot(i int) int {
	if !w.slots {
		return 0
	}
	return i + 1
}

// now returns the want with the paths that lead to its targets now. It has no
// targets if there are no such paths.
func (w want) now() want {
	w.any = slices.Clone(w.any)
	for i, t := range w.any {
		var err error
		if w.any[i], err = t.now(); err != nil {
			return want{given: w.given, path: w.path}
		}
	}
	return w
}

// A waiter is a goroutine in Acquire.
type waiter struct {
	want
	since time.Time
	grant chan grant // capacity 1, so that a parker never waits for a waiter
}

// A grant is what a waiter gets: the lock or an error. With it comes the keeper
// that holds the gate. The waiter itself dismisses the keeper, so that no other
// thread is woken before the waiter runs.
type grant struct {
	h      *handle
	err    error
	keeper *keeper
}

func (g grant) take() (*handle, error) {
	if g.keeper != nil {
		go g.keeper.leave()
	}
	return g.h, g.err
}

// A spot is a place in a kernel's queue: of a file, in a mode.
type spot struct {
	path   string
	shared bool
}

func (t target) spot() spot { return spot{t.key(), t.shared} }

// A parker waits in the kernel for the waiter that is at the head of the queue
// when the lock is granted. Then it ends.
type parker struct {
	target
	q  *queue
	at place // the file that it waits for; zero before it has looked
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

// acquire waits for the lock until ctx ends. It returns errBusy if ctx ended first.
func (w want) acquire(ctx context.Context) (*handle, error) {
	if !waitedFor(w.path) && !w.gate.inUse() { // a newcomer must not overtake waiters
		h, err := w.try()
		if err != errBusy {
			return h, err
		}
	}
	self := w.enqueue()
	ended := ctx.Done() // called only for a wait, and before other processes can see it: fsync-lock relies on that
	self.begin()
	select {
	case g := <-self.grant:
		return g.take()
	case <-ended:
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return self.lastTry()
	}
	if self.leave() {
		return nil, errBusy
	}
	// The grant came first, but the caller does not want the lock any more.
	h, err := (<-self.grant).take()
	if err == nil {
		err = cmp.Or(h.release(), errBusy)
	}
	return nil, err
}

// lastTry is the try at the deadline. The waiter is still in the queue, so a grant
// that comes meanwhile is sent to it.
func (w *waiter) lastTry() (*handle, error) {
	h, err := w.try()
	if w.leave() {
		return h, err
	}
	granted, grantErr := (<-w.grant).take()
	if err != nil {
		return granted, grantErr
	}
	if granted != nil { // a shared lock or a slot can be acquired twice; one is enough
		granted.release()
	}
	return h, nil
}

// tryNow is one try. A parker that was left behind may just have been granted the
// lock, and be about to give it back. Then the try waits for that. Otherwise a
// program that gave up a wait, and then released the lock itself, could be told
// that the lock is held although no process holds it.
func (w want) tryNow() (*handle, error) {
	left := leftBehind(w.path)
	h, err := w.try()
	if err != errBusy || !left {
		return h, err
	}
	var late time.Duration
	for _, t := range w.any {
		if at, err := lookAt(t.path); err == nil && !keptHere(at.file) {
			late = max(late, lateGrant(t.path))
		}
	}
	if late == 0 {
		return nil, errBusy
	}
	ctx, cancel := context.WithTimeout(context.Background(), late)
	defer cancel()
	return w.acquire(ctx)
}

// leftBehind reports whether a parker waits for the path, or gives back a grant,
// while no goroutine waits.
func leftBehind(path string) bool {
	queues.mu.Lock()
	defer queues.mu.Unlock()
	q := queues.byPath[path]
	return q != nil && len(q.waiters) == 0
}

// waitedFor reports whether goroutines of this process wait for the path.
func waitedFor(path string) bool {
	queues.mu.Lock()
	defer queues.mu.Unlock()
	q := queues.byPath[path]
	return q != nil && len(q.waiters) > 0
}

// enqueue puts a waiter at the end of the queue.
func (w want) enqueue() *waiter {
	queues.mu.Lock()
	q := queues.byPath[w.path]
	if q != nil && len(q.waiters) == 0 {
		queues.mu.Unlock()
		q.forgetStale()
		queues.mu.Lock()
		q = queues.byPath[w.path]
	}
	defer queues.mu.Unlock()
	self := &waiter{want: w, since: time.Now(), grant: make(chan grant, 1)}
	if q == nil {
		q = &queue{path: w.path, parkers: map[spot]*parker{}}
		queues.byPath[w.path] = q
	}
	q.waiters = append(q.waiters, self)
	return self
}

// begin starts the wait in the kernel if the waiter is at the head of the queue.
func (w *waiter) begin() {
	queues.mu.Lock()
	defer queues.mu.Unlock()
	if q := queues.byPath[w.path]; q != nil {
		q.advance()
	}
}

// leave removes a waiter that gave up from its queue. It reports false if a grant
// has already been sent to the waiter.
func (w *waiter) leave() bool {
	queues.mu.Lock()
	defer queues.mu.Unlock()
	q := queues.byPath[w.path]
	if q == nil {
		return false
	}
	i := slices.Index(q.waiters, w)
	if i < 0 {
		return false
	}
	q.waiters = slices.Delete(q.waiters, i, i+1)
	q.advance() // the new head may have other targets
	return true
}

// forgetStale drops parkers that wait for a file that is no longer at its path,
// because that file may be locked for ever.
func (q *queue) forgetStale() {
	queues.mu.Lock()
	parkers := slices.Collect(maps.Values(q.parkers))
	queues.mu.Unlock()
	for _, p := range parkers {
		now, err := p.lookNow()
		queues.mu.Lock()
		stale := err == nil && p.at.exists && (!now.exists || !sameFile(now.file, p.at.file))
		if (stale || errors.Is(err, cwd.ErrMoved)) && q.parkers[p.spot()] == p {
			delete(q.parkers, p.spot())
			q.advance()
		}
		queues.mu.Unlock()
	}
}

// advance takes the next step of the queue. It sends a keeper to the gate for a new
// head, starts the parkers of a head that has passed the gate, dismisses the
// keeper when no goroutine waits, and drops a queue that is not needed any more.
func (q *queue) advance() {
	switch {
	case len(q.waiters) == 0:
		if k := q.dismissKeeper(); k != nil {
			go k.leave() // the file system may be slow
		}
		if len(q.parkers) == 0 && q.keeper == nil && queues.byPath[q.path] == q {
			delete(queues.byPath, q.path)
		}
	case q.keeper == nil:
		q.keeper = newKeeper(q, q.waiters[0].gate)
	case q.keeper.passed:
		for _, t := range q.waiters[0].any {
			if q.parkers[t.spot()] == nil {
				p := &parker{target: t, q: q}
				p.known = false
				q.parkers[t.spot()] = p
				go p.run()
			}
		}
	}
}

// run waits for the lock and hands it to the head of the queue.
func (p *parker) run() {
	for wait := minPoll; ; wait = min(2*wait, maxPoll) {
		var g grant
		if reserve() {
			g.h, g.err = p.lockOnce(true, p.found)
			unreserve()
		} else {
			time.Sleep(wait/2 + rand.N(wait/2))
			g.h, g.err = p.lockOnce(false, nil)
		}
		if p.deliver(g) {
			return
		}
	}
}

// The shortest and longest pause between two polls of a parker without a thread.
const (
	minPoll = 2 * time.Millisecond
	maxPoll = 100 * time.Millisecond
)

// reserve reports whether the caller may block one more thread.
func reserve() bool {
	queues.mu.Lock()
	defer queues.mu.Unlock()
	if queues.parked >= maxParked {
		return false
	}
	queues.parked++
	return true
}

func unreserve() {
	queues.mu.Lock()
	defer queues.mu.Unlock()
	queues.parked--
}

func (p *parker) found(at place) {
	queues.mu.Lock()
	defer queues.mu.Unlock()
	p.at = at
}

// deliver gives the result of the parker to the head of the queue, and reports
// whether the parker has finished.
func (p *parker) deliver(g grant) (done bool) {
	again := g.err == errBusy || g.err == errReplaced
	queues.mu.Lock()
	defer queues.mu.Unlock()
	q := p.q
	mine := q.parkers[p.spot()] == p
	wanted := mine && len(q.waiters) > 0 && q.waiters[0].wants(p.spot())
	if wanted && again {
		return false
	}
	if mine {
		delete(q.parkers, p.spot())
	}
	if !wanted {
		if g.h != nil {
			q.giveBack(g.h)
		}
		q.advance()
		return true
	}
	q.serve(g)
	return true
}

// serve gives a grant to the head of the queue. The next head goes to the gate
// again, behind the waiters of other processes.
func (q *queue) serve(g grant) {
	head := q.waiters[0]
	q.waiters = slices.Delete(q.waiters, 0, 1)
	g.keeper = q.dismissKeeper()
	q.advance()
	head.grant <- g
}

func (w *waiter) wants(s spot) bool {
	return slices.ContainsFunc(w.any, func(t target) bool { return t.spot() == s })
}

// giveBack releases a grant that no waiter wants.
func (q *queue) giveBack(h *handle) {
	queues.mu.Unlock() // the file system may be slow
	reached(givingBack, q.path)
	h.release()
	queues.mu.Lock()
}
