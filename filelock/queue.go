package filelock

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// How this process waits.
//
// A blocked flock(2) is woken by the kernel the moment the lock is free, but
// nothing in Go can interrupt it. So nobody who must be able to give up blocks
// in it. The goroutines that want a path wait on channels in a queue, first
// come first served, and one parker, a goroutine of its own, blocks in the
// kernel for the head of the queue:
//
//	Acquire ──try──> held
//	   └─busy─> queue ──head──> parker blocks in flock ──grant──> head of queue
//
// A waiter that gives up leaves its parker where it is. The next waiter of the
// path takes that parker over, with its place in the kernel's queue; a grant
// that finds nobody waiting is released at once.
//
// Everything below is guarded by queues.mu. Nothing blocks while it is held.
// What a parker holds when it is granted belongs to the parker until it is
// sent to a waiter, and to the waiter from then on.
var queues = struct {
	mu     sync.Mutex
	byPath map[string]*queue
	parked int // parkers that occupy an operating-system thread
}{byPath: map[string]*queue{}}

// maxParked bounds the threads that wait in the kernel. A process that waits
// for more paths than that polls for the others.
var maxParked = 128

// A queue is the goroutines of this process that wait for one path. Its head's
// mode always has a parker.
type queue struct {
	path    string
	waiters []*waiter
	parkers [2]*parker // by mode; the one that is not the head's was left behind
	late    int        // grants that are being given back
}

// A waiter is a goroutine in Acquire.
type waiter struct {
	target
	grant chan grant // capacity 1: a parker never waits for a waiter
}

type grant struct {
	h   *handle
	err error
}

// A parker waits for the kernel on behalf of whoever is at the head of the
// queue when the lock comes, and ends with that.
type parker struct {
	target
	q  *queue
	at place // what it waits for; nothing until it has looked
}

func mode(shared bool) int {
	if shared {
		return 1
	}
	return 0
}

// acquire waits for the lock until ctx ends. It returns errBusy for a wait
// that ended in vain.
func (t target) acquire(ctx context.Context) (*handle, error) {
	if !waitedFor(t.path) { // who comes later goes behind
		h, err := t.try()
		if err != errBusy {
			return h, err
		}
	}
	w := t.enqueue()
	select {
	case g := <-w.grant:
		return g.h, g.err
	case <-ctx.Done():
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return w.lastTry()
	}
	if w.leave() {
		return nil, errBusy
	}
	// The grant came first, but nobody wants the lock any more.
	g := <-w.grant
	if g.err == nil {
		g.err = cmp.Or(g.h.release(), errBusy)
	}
	return nil, g.err
}

// lastTry is made at the deadline, while the waiter still stands in the queue:
// a grant that comes meanwhile is its own.
func (w *waiter) lastTry() (*handle, error) {
	h, err := w.try()
	if w.leave() {
		return h, err
	}
	g := <-w.grant
	if err != nil {
		return g.h, g.err
	}
	if g.h != nil { // a shared lock can be had twice; one is enough
		g.h.release()
	}
	return h, nil
}

// tryNow is one try. A parker that was left behind may have been granted the
// lock this moment, on its way to give it back; the try gets it then instead
// of being told that somebody holds the lock. Otherwise a program that gave up
// a wait, and then released the lock itself, could find it held by nobody.
func (t target) tryNow() (*handle, error) {
	left := leftBehind(t.path)
	h, err := t.try()
	if err != errBusy || !left || heldByOthers(t.path) {
		return h, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), lateGrant)
	defer cancel()
	return t.acquire(ctx)
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
func (t target) enqueue() *waiter {
	t.known = false
	w := &waiter{target: t, grant: make(chan grant, 1)}
	now, _ := lookAt(t.path)
	queues.mu.Lock()
	defer queues.mu.Unlock()
	q := queues.byPath[t.path]
	if q == nil {
		q = &queue{path: t.path}
		queues.byPath[t.path] = q
	}
	if len(q.waiters) == 0 {
		q.forget(now)
	}
	q.waiters = append(q.waiters, w)
	q.park()
	return w
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
	q.park() // the new head may be of the other mode
	return true
}

// forget gives up parkers that were left behind on a file that is not at the
// path any more: whoever holds that may hold it for ever.
func (q *queue) forget(now place) {
	for i, p := range q.parkers {
		if p != nil && p.at.exists && (!now.exists || !sameFile(now.file, p.at.file)) {
			q.parkers[i] = nil
		}
	}
}

// park sees to it that the head of the queue has a parker, and that a queue
// nobody needs is gone.
func (q *queue) park() {
	if len(q.waiters) == 0 {
		if q.parkers == [2]*parker{} && q.late == 0 && queues.byPath[q.path] == q {
			delete(queues.byPath, q.path)
		}
		return
	}
	head := q.waiters[0]
	if i := mode(head.shared); q.parkers[i] == nil {
		p := &parker{target: head.target, q: q}
		q.parkers[i] = p
		go p.run()
	}
}

// run waits for the lock and hands it to the head of the queue.
func (p *parker) run() {
	for wait := minPoll; ; wait = min(2*wait, maxPoll) {
		var g grant
		if p.reserve() {
			g.h, g.err = p.lockOnce(true, p.found)
			p.unreserve()
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
func (p *parker) reserve() bool {
	queues.mu.Lock()
	defer queues.mu.Unlock()
	if queues.parked >= maxParked {
		return false
	}
	queues.parked++
	return true
}

func (p *parker) unreserve() {
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
//
// The next parker is started before the grant is sent: the scheduler runs what
// was made ready last first, and that should be the new holder.
func (p *parker) deliver(g grant) (done bool) {
	again := g.err == errBusy || g.err == errReplaced
	queues.mu.Lock()
	q, i := p.q, mode(p.shared)
	wanted := q.parkers[i] == p && len(q.waiters) > 0 && q.waiters[0].shared == p.shared
	if wanted && again {
		queues.mu.Unlock()
		return false
	}
	if q.parkers[i] == p {
		q.parkers[i] = nil
	}
	if wanted {
		head := q.waiters[0]
		q.waiters = slices.Delete(q.waiters, 0, 1)
		q.park()
		head.grant <- g
		queues.mu.Unlock()
		return true
	}
	if g.h != nil {
		q.giveBack(g.h)
	}
	q.park()
	queues.mu.Unlock()
	return true
}

// giveBack releases a grant that came when nobody was left who wanted it.
func (q *queue) giveBack(h *handle) {
	q.late++
	queues.mu.Unlock() // the file system may be slow
	h.release()
	queues.mu.Lock()
	q.late--
}
