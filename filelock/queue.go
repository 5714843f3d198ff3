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
// A blocked flock(2) is woken by the kernel the moment the lock is free, but
// nothing in Go can interrupt it. So nobody who must be able to give up blocks
// in it. The goroutines that want a path wait on channels in a queue, first
// come first served, and parkers, goroutines of their own, block in the kernel
// for the head of the queue:
//
//	Acquire ──try──> held
//	   └─busy─> queue ──head──> gate ──> parker blocks in flock ──grant──> head
//
// The gate (gate.go) lets one waiter of all processes through at a time. A
// waiter that gives up leaves its parker where it is. The next waiter of the
// path takes that parker over, with its place in the kernel's queue; a grant
// that finds nobody waiting is released at once.
//
// Everything below is guarded by queues.mu. Nothing blocks while it is held.
// What a parker holds when it is granted belongs to the parker until it is
// sent to a waiter, and to the waiter from then on.
var queues = struct {
	mu     sync.Mutex
	byPath map[string]*queue
	parked int // goroutines that occupy an operating-system thread
}{byPath: map[string]*queue{}}

// maxParked bounds the threads that wait in the kernel. A process that waits
// for more paths than that polls for the others.
var maxParked = 128

// A queue is the goroutines of this process that wait for one lock or one
// semaphore. When its head has passed the gate, each of its targets has a
// parker. Other parkers were left behind.
type queue struct {
	path    string
	waiters []*waiter
	keeper  *keeper // at the gate for the head; nil if there is no head
	parkers map[spot]*parker
}

// reached is called between steps, for tests to come between them.
var reached = func(_ step, path string) {}

type step int

const (
	opening    step = iota // between the look at the path and the open
	givingBack             // before a grant that nobody wants is released
	passingBy              // after tryPast had the lock for the head of the queue
)

// A want is what an acquisition is after: any one of its targets.
type want struct {
	given string // the path of the lock or the semaphore
	path  string // its key: the queue's
	any   []target
	slots bool // they are a semaphore's
	gate  *gate

	still func() error // nil, or whether what was got is what was wanted
}

// slot numbers the targets of a semaphore from 1, as their files are called;
// that of a lock is 0.
func (w want) slot(i int) int {
	if !w.slots {
		return 0
	}
	return i + 1
}

// now returns the want under the paths that lead there now, and without
// targets if there are none.
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
	grant chan grant // capacity 1: a parker never waits for a waiter
}

// A grant is what a waiter gets. It comes with the keeper that the waiter passed
// the gate with, which the waiter sends away: until it runs, nothing that would
// wake another thread is to come between it and its lock.
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

// A parker waits for the kernel on behalf of whoever is at the head of the
// queue when the lock comes, and ends with that.
type parker struct {
	target
	q  *queue
	at place // what it waits for; nothing until it has looked
}

// try takes one of the targets if that needs no waiting; errBusy if it does.
// Different processes try slots in a different order, so that they do not all
// meet at the first.
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

// acquire waits for the lock until ctx ends. It returns errBusy for a wait
// that ended in vain.
func (w want) acquire(ctx context.Context) (*handle, error) {
	if !waitedFor(w.path) && !w.gate.inUse() { // who comes later goes behind
		h, err := w.try()
		if err != errBusy {
			return h, err
		}
	}
	self := w.enqueue()
	ended := ctx.Done() // when it is known that it waits, and before others can see it: a caller may do something here
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
	// The grant came first, but nobody wants the lock any more.
	h, err := (<-self.grant).take()
	if err == nil {
		err = cmp.Or(h.release(), errBusy)
	}
	return nil, err
}

// lastTry is made at the deadline, while the waiter still stands in the queue:
// a grant that comes meanwhile is its own.
func (w *waiter) lastTry() (*handle, error) {
	h, err := w.try()
	if w.leave() {
		return h, err
	}
	granted, grantErr := (<-w.grant).take()
	if err != nil {
		return granted, grantErr
	}
	if granted != nil { // a shared lock or a slot can be had twice; one is enough
		granted.release()
	}
	return h, nil
}

// tryNow is one try. A parker that was left behind may have been granted the
// lock this moment, on its way to give it back; the try gets it then instead
// of being told that somebody holds the lock. Otherwise a program that gave up
// a wait, and then released the lock itself, could find it held by nobody.
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

// leftBehind reports whether a parker waits for the path, or returns what it
// was granted, and no goroutine waits.
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

// begin has the kernel asked for what a waiter wants, if it is at the head.
func (w *waiter) begin() {
	queues.mu.Lock()
	defer queues.mu.Unlock()
	if q := queues.byPath[w.path]; q != nil {
		q.advance()
	}
}

// leave takes a waiter that gave up out of its queue. It reports false if a
// grant has been sent to it.
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
	q.advance() // the new head may want something else
	return true
}

// forgetStale gives up parkers that wait for a file that is not at its path any
// more: whoever holds that may hold it for ever.
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

// advance does for the queue what has become due: it sends the keeper to the
// gate for a new head, lets the head through with its parkers, takes the
// keeper away when nobody waits, and drops a queue that nobody needs.
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

// Bounds of the pause between two tries of a parker that got no thread.
const (
	minPoll = 2 * time.Millisecond
	maxPoll = 100 * time.Millisecond
)

// reserve asks for a thread to block in.
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

// deliver gives what the parker got to the head of the queue and reports
// whether the parker is done.
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

// serve gives a grant to the head of the queue. The next one goes to the gate
// again, behind other processes.
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

// giveBack releases a grant that came when nobody was left who wanted it.
func (q *queue) giveBack(h *handle) {
	queues.mu.Unlock() // the file system may be slow
	reached(givingBack, q.path)
	h.release()
	queues.mu.Lock()
}
