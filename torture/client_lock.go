//go:build linux

package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"github.com/fsync-lock/fsync/filelock"
)

// A locker is a Lock or a Semaphore.
type locker interface {
	Acquire(context.Context) error
	TryAcquire() (bool, error)
	TryAcquireFor(time.Duration) (bool, error)
	With(context.Context, func(context.Context) error) error
	Check() error
	Holders() ([]filelock.Holder, error)
	Waiters() ([]filelock.Waiter, error)
	Release() error
	Leave() error
	File() (*os.File, error)
}

// newLocker returns the value that a client uses for all its acquisitions.
func (c *client) newLocker() locker {
	var opts []filelock.Option
	if c.habit.role == reads {
		opts = append(opts, filelock.Shared())
	}
	if c.object.kind == semaphore {
		return c.newSemaphore()
	}
	return filelock.New(c.path(c.object), opts...)
}

// useLock does what the program and the role of the client are.
func (c *client) useLock() {
	switch program := c.plan.slots[c.slot].program; {
	case program == flockProgram:
		c.useFlockCommand()
	case program == fsyncLock:
		c.useFsyncLock()
	case program == handingProgram:
		c.useHandOver()
	case program == droppingProgram:
		c.useDropped()
	case program == roamingProgram:
		c.roam()
	case c.habit.role == resizes:
		c.resizeOften()
	case c.habit.role == grows:
		c.growWhileHeld()
	case c.habit.role == joins:
		c.joinLocks()
	case c.habit.role == stays:
		c.stayOnOldFile()
	case c.habit.role == queues:
		c.queueUp()
	case c.object.lingers:
		c.linger()
	case c.object.slow:
		c.useBurstLock()
	default:
		c.useAgain()
	}
}

// useAgain acquires and releases until the round ends.
func (c *client) useAgain() {
	for l := c.newLocker(); !c.isEnding(); c.sleep(c.upTo(c.habit.pause)) {
		var last result
		for range 1 + c.rng.IntN(4) { // sometimes in a tight loop
			last = c.useOnce(l)
		}
		if last == otherNumber || c.chance(5) {
			l = c.newLocker()
		}
	}
}

// useOnce acquires and releases once. It returns the result of the acquisition.
func (c *client) useOnce(l locker) result {
	if c.unused == 0 && c.chance(3) {
		return c.useWith(l)
	}
	a := c.acquire(l)
	if a.Result != ok {
		return a.Result
	}
	leave := c.enter(a)
	c.stay(l, a)
	if next := c.acquireAgain(l, a); next.Result == ok {
		leaveNext := c.enter(next)
		leave()
		c.release(l, a) // the older hold
		c.stay(l, next)
		a, leave = next, leaveNext
	}
	given := c.giveAway(l)
	leave()
	if given {
		c.leaveGiven(l, a)
	} else {
		c.release(l, a)
	}
	return ok
}

// acquireAgain sometimes uses a Lock again that has a hold on a file which is not at the path
// any more: then it locks the file that is there now, too.
func (c *client) acquireAgain(l locker, a record) record {
	at, err := identify(c.path(c.object))
	if !c.object.fileMoves || c.object.staying || err == nil && at == (identity{a.File, a.Born}) || !c.chance(50) {
		return record{}
	}
	d := max(c.upTo(300*time.Millisecond), 1)
	return c.acquireBy(l, record{Limit: int64(d)}, func() (bool, error) { return l.TryAcquireFor(d) })
}

// release ends the oldest hold of a Lock.
func (c *client) release(l locker, a record) {
	op := opRelease
	if c.chance(10) || c.plan.has(startsOthers) && c.chance(40) {
		op = opLeave
	}
	c.do(record{Op: op, Hold: a.Hold, File: a.File, Born: a.Born}, func(r *record) {
		if op == opLeave {
			r.became(l.Leave())
		} else {
			r.became(l.Release())
		}
	})
}

// acquire tries to take the lock in one of the ways that there are. An Acquire that fails is
// rare: it reads /proc/locks to name the holders, and all locks of the machine wait for that.
func (c *client) acquire(l locker) record {
	var r record
	var call func() (bool, error)
	switch way := c.way(); {
	case way < 25:
		r.Limit = 1 // so that the record says that this call had a limit
		call = l.TryAcquire
	case way < 50:
		d := c.deadline()
		r.Limit = max(int64(d), 1)
		call = func() (bool, error) { return l.TryAcquireFor(d) }
	case way < 53:
		r.Limit = max(int64(c.upTo(200*time.Millisecond)), 1)
		call = c.acquireWithin(l, time.Duration(r.Limit))
	case way < 57:
		r.Flags |= cancels
		call = c.acquireCancelled(l, c.upTo(30*time.Millisecond))
	default:
		call = func() (bool, error) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			return true, c.acquireWith(ctx, l)
		}
	}
	return c.acquireBy(l, r, call)
}

// acquireBy tries to take the lock by a call.
func (c *client) acquireBy(l locker, r record, call func() (bool, error)) record {
	r.Op, r.Hold = opAcquire, c.newHold()
	if c.habit.role == reads {
		r.Op = opShared
	}
	if c.unused > 0 {
		r.Flags |= firstUse
		r.Slept = int64(c.unused)
	}
	c.queue = nil
	r = c.do(r, func(r *record) {
		taken, err := call()
		if c.queue != nil && c.object.kind != semaphore { // there, Slept is the slot
			r.Flags |= toldQueue
			r.Slept = c.queue.queues.Load()
			c.recordStanding()
		}
		switch {
		case err == nil && taken:
			r.Result = ok
			r.identify(l)
		case err == nil:
			r.Result = no
		default:
			r.became(err)
		}
	})
	if r.Result == ok || r.Result == no || r.Result == timedOut {
		c.unused = 0 // a call that is cancelled may not have looked at the semaphore
	}
	return r
}

// A queueContext tells when a wait goes to the gate. A wait of this library asks for Done for
// the first time when it takes its turn, and for the third time just before it opens the gate.
type queueContext struct {
	context.Context
	asked  atomic.Int32
	queues atomic.Int64

	lookout *lookout // that sees where the wait stands; nil = none
	path    string   // of the lock
	thread  int      // of the wait
	stood   standing // see lookout.remove
}

func (c *queueContext) Done() <-chan struct{} {
	if c.asked.Add(1) == 3 {
		c.queues.Store(now())
		if c.lookout != nil {
			c.lookout.add(c)
		}
	}
	return c.Context.Done()
}

// acquireWith calls Acquire, and remembers when it goes to the gate and how long it stands there.
func (c *client) acquireWith(ctx context.Context, l locker) error {
	c.queue = &queueContext{Context: ctx, path: c.object.path}
	if c.object.kind != semaphore && c.lookout != nil {
		c.queue.lookout = c.lookout
		defer c.lookout.remove(c.queue)
	}
	return l.Acquire(c.queue)
}

// recordStanding records when the last wait stood in the queues.
func (c *client) recordStanding() {
	for lock, stood := range []span{c.queue.stood.gate, c.queue.stood.lock} {
		if stood.from > 0 {
			c.history.write(record{Time: now(), Client: c.number, Kind: stoodThere, Hold: uint64(lock), Slept: stood.from, Limit: stood.to})
		}
	}
}

func (c *client) acquireWithin(l locker, d time.Duration) func() (bool, error) {
	return func() (bool, error) {
		ctx, cancel := context.WithTimeout(context.Background(), d)
		defer cancel()
		return true, c.acquireWith(ctx, l)
	}
}

// acquireCancelled cancels the context at a random moment: mostly in the wait, sometimes
// before or after it.
func (c *client) acquireCancelled(l locker, after time.Duration) func() (bool, error) {
	return func() (bool, error) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		t := time.AfterFunc(after, cancel)
		defer t.Stop()
		return true, c.acquireWith(ctx, l)
	}
}

// identify records which file is locked.
func (r *record) identify(l locker) {
	id, _, err := identifyOpen(heldFile(l))
	if err != nil {
		r.fail(err)
	}
	r.File, r.Born = id.file, id.born
	if _, isSemaphore := l.(*filelock.Semaphore); isSemaphore {
		r.Flags |= inSlot
		r.Slept = int64(heldSlot(l))
	}
}

func (r *record) isLock() bool {
	return r.Op == opAcquire || r.Op == opShared || r.Op == opAcquireAll
}

// became records the error of an operation.
func (r *record) became(err error) {
	switch {
	case err == nil:
		r.Result = ok
	case errors.Is(err, context.DeadlineExceeded) && r.isLock() && !errors.Is(err, filelock.ErrLocked):
		r.Result = tooLate
	case errors.Is(err, context.DeadlineExceeded):
		r.Result = timedOut
	case errors.Is(err, context.Canceled):
		r.Result = cancelled
	case errors.Is(err, filelock.ErrLost):
		r.Result = lost
	case errors.Is(err, filelock.ErrNotHeld):
		r.Result = notHeld
	case errors.Is(err, fs.ErrInvalid) && r.Flags&firstUse != 0:
		r.Result = otherNumber
	default:
		r.fail(err)
	}
}

// enter enters the critical section. The function that it returns leaves it.
func (c *client) enter(a record) (leave func()) {
	at := c.overlap.cell(c.object, identity{a.File, a.Born})
	var other uint64
	leave = func() { c.overlapped(a.Hold, 0, at.leave(a.Hold)) }
	switch {
	case c.object.kind == semaphore:
		other = at.join(a.Hold, c.object.maySlots())
		leave = func() { c.overlapped(a.Hold, 0, at.part(a.Hold)) }
	case a.Op == opShared:
		other = at.join(a.Hold, 0)
		leave = func() { c.overlapped(a.Hold, 0, at.part(a.Hold)) }
	default:
		other = at.enter(a.Hold)
	}
	if other != 0 {
		c.overlapped(a.Hold, other, false)
		return func() {} // the cell belongs to the other hold
	}
	return leave
}

// overlapped records that another holder is, or was, in the critical section.
func (c *client) overlapped(hold, other uint64, fine bool) {
	if !fine {
		c.history.write(record{Time: now(), Client: c.number, Kind: overlaps, Objects: c.object.mask(), Hold: hold, Slept: int64(other)})
	}
}

// stay holds the lock for a while.
func (c *client) stay(l locker, a record) {
	switch p := c.rng.IntN(200); {
	case p < 2 && c.habit.slow: // waiters look past the gate meanwhile
		c.habit.slow = false
		c.sleep(1200*time.Millisecond + c.upTo(time.Second))
	case p < 120:
	case p < 190:
		c.sleep(c.upTo(500 * time.Microsecond))
	case p < 199:
		c.sleep(c.upTo(20 * time.Millisecond)) // long enough for a record in the file
	default:
		c.sleep(c.upTo(400 * time.Millisecond))
	}
	if c.chance(15) {
		c.do(record{Op: opCheck, Hold: a.Hold, File: a.File, Born: a.Born}, func(r *record) { r.became(l.Check()) })
	}
	asks := c.rng.IntN(2000) == 0 && !c.plan.has(slowCalls) // that looks at all processes of the machine
	if !c.object.fileMoves && !c.object.dirMoves && asks {
		c.askHolders(l, a)
	}
	if c.object.fileMoves && !c.object.staying && c.plan.has(unlinkByHolder) && c.chance(1) {
		c.unlink(l, a)
	}
}
