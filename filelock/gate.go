package filelock

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsync-lock/fsync/internal/cwd"
)

// A gate is a turnstile: a second lock file, .NAME.gate, that waiters of all
// processes pass one at a time. The waiter that holds the gate waits for the lock
// itself, and releases the gate when it has the lock. This gives two promises
// that flock(2) does not give: a process that releases and acquires in a loop does
// not overtake waiters, and a stream of overlapping readers lets a waiting writer
// in.
//
// The gate exists only while a process waits, so it costs almost nothing
// otherwise: without a gate a process tries the lock at once, with a gate it
// waits behind it. A gate is a hint. If it cannot be made, or a crash left one,
// locks still exclude each other, in the kernel's order. The gate is locked like
// any lock file: if it is removed, waiters make a new one, and a dead process
// does not hold it.
//
// flock(1) and other programs do not know the gate, and may overtake.
type gate struct {
	of string // the key of its lock or semaphore
	target
	calm atomic.Int64 // when the gate was last seen to be missing, since epoch
}

// distrusted has the files at the paths of gates that this process ignores, until
// another file is at the path.
var distrusted sync.Map // string -> distrust

type distrust struct {
	file    fileID
	forGood bool // the gate cannot be removed; false = its keeper is stopped
}

// distrust marks the file now at the gate's path as one to ignore.
func (g *gate) distrust(forGood bool) {
	if at, err := g.lookNow(); err == nil && at.exists {
		distrusted.Store(g.key(), distrust{at.file, forGood})
	}
}

func (g *gate) trusts(file fileID) bool {
	d, ok := distrusted.Load(g.key())
	return !ok || !sameFile(d.(distrust).file, file)
}

// trust is called after the gate is passed: its former keeper is no longer
// stopped there.
func (g *gate) trust() {
	if d, ok := distrusted.Load(g.key()); ok && !d.(distrust).forGood {
		distrusted.Delete(g.key())
	}
}

// epoch makes times from the monotonic clock fit an atomic.
var epoch = time.Now()

// calmFor is how long a process does not look again after it has found no gate.
// It limits the cost of looking in a tight loop, and how long such a loop may
// overtake a new waiter.
const calmFor = 50 * time.Microsecond

// gateOf returns the gate for a path. Its own path is empty if there can be no
// gate.
func gateOf(path string, in cwd.Dir, perm fs.FileMode) *gate {
	g := &gate{of: in.Key(path)}
	dir, base := filepath.Split(strings.TrimRight(path, string(filepath.Separator)))
	if gates && base != "" && base != "." && base != ".." {
		g.target = target{path: dir + "." + base + ".gate", dir: in, perm: perm}
	}
	return g
}

// inUse reports whether a waiter of any process uses the gate.
func (g *gate) inUse() bool {
	if g.path == "" {
		return false
	}
	now := time.Since(epoch)
	if last := g.calm.Load(); last != 0 && now < time.Duration(last)+calmFor {
		return false
	}
	if at, err := g.lookNow(); err == nil && at.exists {
		return g.trusts(at.file)
	}
	g.calm.Store(int64(now))
	return false
}

// A keeper waits at the gate for the head of a queue, and holds the gate until the
// head has its lock or no waiter is left.
type keeper struct {
	q      *queue
	gate   *gate
	passed bool
	h      *handle     // nil if there can be no gate
	tick   *time.Timer // for look
	told   place       // the gate that tell has written to
}

// newKeeper sends a keeper to the gate. The caller holds queues.mu.
func newKeeper(q *queue, g *gate) *keeper {
	k := &keeper{q: q, gate: g}
	k.tick = time.AfterFunc(lookAgain, k.look)
	go k.run()
	prepareRecord()
	return k
}

func (k *keeper) run() {
	h := k.pass()
	queues.mu.Lock()
	defer queues.mu.Unlock()
	k.passed, k.h = true, h
	k.q.advance()
}

// pass waits at the gate. It returns nil if there can be no gate.
func (k *keeper) pass() *handle {
	if k.gate.path == "" || !reserve() {
		return nil
	}
	defer unreserve()
	for {
		h, err := k.gate.lockOnce(true, nil)
		switch {
		case err == nil:
			k.gate.trust()
		case errors.Is(err, fs.ErrInvalid), errors.Is(err, fs.ErrPermission):
			k.gate.distrust(true) // the file is not a gate, or may not be opened
		}
		if err != errReplaced || !waitedFor(k.q.path) {
			return h
		}
	}
}

// look checks once a second that the wait of the head makes sense.
//
// At the gate, the head may wait for a process that is stopped or very slow, while
// the lock itself is free. After the gate, it may wait for a file that has been
// removed or replaced. That file may be locked for ever, and the head would hold
// the gate as long.
func (k *keeper) look() {
	queues.mu.Lock()
	current, passed := k.q.keeper == k, k.passed
	queues.mu.Unlock()
	switch {
	case !current:
		return
	case passed:
		k.q.forgetStale()
	default:
		k.q.tryPast()
	}
	k.tell()
	k.tick.Reset(lookAgain)
}

const lookAgain = time.Second

// tryPast takes the lock for the head of the queue if no process holds it, not even
// shared: readers must not overtake a writer that waits for other readers.
func (q *queue) tryPast() {
	queues.mu.Lock()
	if len(q.waiters) == 0 {
		queues.mu.Unlock()
		return
	}
	head := q.waiters[0]
	queues.mu.Unlock()
	if !head.isFree() {
		return
	}
	h, err := head.try()
	if err != nil && !endsWait(err) {
		return
	}
	reached(passingBy, q.path)
	queues.mu.Lock()
	defer queues.mu.Unlock()
	switch {
	case len(q.waiters) > 0 && q.waiters[0] == head:
		if err == nil {
			head.gate.distrust(false)
		}
		q.serve(grant{h: h, err: err})
	case h != nil:
		q.giveBack(h)
		q.advance()
	}
}

// endsWait reports whether the error means that there is no file to wait for any
// more, for example because the directory was removed. A stopped keeper of the
// gate does not notice that.
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

// dismissKeeper removes the keeper from the queue if it has passed the gate. A
// keeper that still waits at the gate keeps its place for the next waiter. The
// caller holds queues.mu, and calls leave of the keeper afterwards.
//
// A wait that was given up must not hold the gate: its parker may be blocked by
// readers for any time, and other readers would wait for a writer that does not
// exist.
func (q *queue) dismissKeeper() *keeper {
	k := q.keeper
	if k == nil || !k.passed {
		return nil
	}
	q.keeper = nil
	return k
}

// leave releases the gate, so that the next waiter can pass.
func (k *keeper) leave() {
	k.tick.Stop()
	if k.h != nil {
		k.h.release()
		k.gate.sweepLater()
	}
}

// sweepAfter is the time between the release of a gate and its removal. If there
// is a next waiter, it holds the gate by then.
const sweepAfter = 500 * time.Microsecond

var sweeping sync.Map // path -> struct{}; one timer for each gate is enough

// sweepLater removes the gate after sweepAfter if no process holds it. If a process
// starts to wait for the gate meanwhile, it notices the removal and makes a new
// gate. If this process ends before, the next waiter removes the gate.
func (g *gate) sweepLater() {
	if _, again := sweeping.LoadOrStore(g.key(), struct{}{}); again {
		return
	}
	time.AfterFunc(sweepAfter, func() {
		sweeping.Delete(g.key())
		g.sweep()
	})
}

// sweep removes the gate if no process holds it. It distrusts a file that is not a
// gate, or that it may not remove; otherwise that would look like a gate for ever.
func (g *gate) sweep() {
	t := g.target
	t.absent = true
	h, err := t.try()
	if err != nil {
		return
	}
	defer h.release()
	if t, err = t.now(); err != nil {
		return
	}
	if !h.isGate() || os.Remove(t.path) != nil {
		distrusted.Store(g.key(), distrust{h.file, true})
	}
}
