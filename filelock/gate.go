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

// A gate is a second lock file, .NAME.gate, that waiters of all processes pass
// one at a time. The head of the queue at the gate waits for the lock itself
// and lets go of the gate when it has it. That makes two promises that flock(2)
// does not make: who releases and acquires at once does not overtake those who
// wait, and a stream of overlapping readers lets a waiting writer in.
//
// It costs almost nothing while nobody waits, because the gate is there only
// while somebody does: whoever finds none tries the lock at once, and whoever
// finds one goes behind it. A gate is a hint. Where none can be made, or one is
// left over from a crash, locks exclude each other all the same, in the
// kernel's order. It is locked the way the lock is, so one that somebody
// removes is made again, and nobody waits for a process that has died.
//
// Plain flock(1) users of the lock do not know the gate, and may overtake.
type gate struct {
	of string // the key of the lock or the semaphore
	target
	calm atomic.Int64 // when the gate was last found missing, since epoch
}

// distrusted are the gates, by their paths, that keep nobody from trying the
// lock, until there is another in their place.
var distrusted sync.Map // string -> distrust

type distrust struct {
	file    fileID
	forGood bool // it is not a keeper who is stopped: the gate cannot be removed
}

// distrust is of what is at the path now.
func (g *gate) distrust(forGood bool) {
	if at, err := g.lookNow(); err == nil && at.exists {
		distrusted.Store(g.key(), distrust{at.file, forGood})
	}
}

func (g *gate) trusts(file fileID) bool {
	d, ok := distrusted.Load(g.key())
	return !ok || !sameFile(d.(distrust).file, file)
}

// trust is for who has passed the gate: whoever was stopped there is not any
// more.
func (g *gate) trust() {
	if d, ok := distrusted.Load(g.key()); ok && !d.(distrust).forGood {
		distrusted.Delete(g.key())
	}
}

// epoch makes times from the monotonic clock fit an atomic.
var epoch = time.Now()

// calmFor is how long a look is believed that found no gate. It bounds both
// what looking costs a tight loop and how long that loop may overtake.
const calmFor = 50 * time.Microsecond

// gateOf returns the gate of what is at a path. Its own path is empty if there
// can be none.
func gateOf(path string, in cwd.Dir, perm fs.FileMode) *gate {
	g := &gate{of: in.Key(path)}
	dir, base := filepath.Split(strings.TrimRight(path, string(filepath.Separator)))
	if gates && base != "" && base != "." && base != ".." {
		g.target = target{path: dir + "." + base + ".gate", dir: in, perm: perm}
	}
	return g
}

// inUse reports whether somebody waits, in whatever process.
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

// A keeper waits at the gate for the head of a queue, and holds the gate until
// the head has its lock or nobody is left who wants it.
type keeper struct {
	q      *queue
	gate   *gate
	passed bool
	h      *handle     // nil if there is no gate to be had
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

// pass waits at the gate. It returns nil if there is no gate to be had.
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
			k.gate.distrust(true) // it is not one, or not for us
		}
		if err != errReplaced || !waitedFor(k.q.path) {
			return h
		}
	}
}

// look finds out once in a while whether what the head waits for makes sense.
//
// At the gate it may wait for a process that is stopped, or very slow, and
// keeps the gate while the lock itself is free. Past the gate it may wait for
// a file that has been removed or replaced, and may be held for ever, and with
// it the head would keep the gate.
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

// tryPast takes the lock for the head of the queue if nobody holds it, not
// even shared: readers must not get past a writer that waits behind readers.
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

// endsWait reports whether the error says that there is no file to wait for any
// more, such as when the directory was removed. Who keeps the gate may be
// stopped, and never find out.
func endsWait(err error) bool {
	return errors.Is(err, cwd.ErrMoved) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrInvalid)
}

// isFree reports whether there is a target that nobody holds. What is wanted
// exclusively is best tried.
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
		if err == nil || endsWait(err) { // the try will say so
			return true
		}
	}
	return false
}

// dismissKeeper takes the keeper away once it has passed; one that still waits
// at the gate keeps its place for the next waiter. The caller holds queues.mu,
// and has the keeper leave afterwards.
//
// An abandoned wait must not keep the gate: its parker may be blocked behind
// readers for as long as they like, and other readers would have to wait for
// a writer that does not exist.
func (q *queue) dismissKeeper() *keeper {
	k := q.keeper
	if k == nil || !k.passed {
		return nil
	}
	q.keeper = nil
	return k
}

// leave lets the next one pass.
func (k *keeper) leave() {
	k.tick.Stop()
	if k.h != nil {
		k.h.release()
		k.gate.sweepLater()
	}
}

// sweepAfter is how long after passing it a gate is looked at again. Whoever
// was next has it by then.
const sweepAfter = 500 * time.Microsecond

var sweeping sync.Map // path -> struct{}; one timer for each gate is enough

// sweepLater removes the gate if nobody has it after a while. What is removed
// while it is locked misleads nobody: who waits for it finds out and makes a
// new one. A process that ends before leaves the gate to the next that waits.
func (g *gate) sweepLater() {
	if _, again := sweeping.LoadOrStore(g.key(), struct{}{}); again {
		return
	}
	time.AfterFunc(sweepAfter, func() {
		sweeping.Delete(g.key())
		g.sweep()
	})
}

// sweep leaves alone what is not a gate of ours. That, and what it is not
// allowed to remove, must not look like a gate for ever.
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
