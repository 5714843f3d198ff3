//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fsync-lock/fsync/filelock"
)

// jointClient is added to the number of a client in the records of the single locks that it
// has taken together: the call itself is still in flight.
const jointClient = 1 << 7

// A jointLock is one of the locks that a client takes together.
type jointLock struct {
	*client // for the object of this lock
	lock    *filelock.Lock
	op      opcode
	hold    record
	leave   func()
}

// joinLocks takes several locks together, in any order.
func (c *client) joinLocks() {
	made := map[int][2]*filelock.Lock{}
	for ; !c.isEnding(); c.sleep(c.upTo(c.habit.pause)) {
		if c.chance(5) {
			clear(made)
		}
		locks := c.chooseLocks(made)
		if c.acquireAll(locks).Result != ok {
			continue
		}
		for i := range locks {
			locks[i].leave = locks[i].enter(locks[i].hold)
		}
		c.sleep(c.upTo(500 * time.Microsecond))
		c.rng.Shuffle(len(locks), func(i, j int) { locks[i], locks[j] = locks[j], locks[i] })
		for _, l := range locks {
			if c.chance(15) {
				l.do(record{Op: opCheck, Hold: l.hold.Hold, File: l.hold.File, Born: l.hold.Born}, func(r *record) { r.became(l.lock.Check()) })
			}
			l.leave()
			l.release(l.lock, l.hold)
		}
	}
}

// on returns the client for another object.
func (c *client) on(o object) *client {
	other := *c
	other.object = o
	return &other
}

// chooseLocks returns two or all of the locks in a random order, shared or exclusive.
func (c *client) chooseLocks(made map[int][2]*filelock.Lock) []*jointLock {
	var locks []*jointLock
	numbers := c.habit.others
	for _, i := range c.rng.Perm(len(numbers))[:2+c.rng.IntN(len(numbers)-1)] {
		l := &jointLock{client: c.on(c.plan.objects[numbers[i]]), op: opAcquire}
		values := made[numbers[i]]
		if values[0] == nil {
			path := c.path(l.object)
			values = [2]*filelock.Lock{filelock.New(path), filelock.New(path, filelock.Shared())}
			made[numbers[i]] = values
		}
		l.lock = values[0]
		if l.object.kind == sharedLock && c.chance(60) {
			l.op, l.lock = opShared, values[1]
		}
		locks = append(locks, l)
	}
	return locks
}

// acquireAll takes the locks. After a success the history has a hold for each of them; these
// records come before the end of the call, so a process that is killed in between has an
// operation in flight.
func (c *client) acquireAll(locks []*jointLock) record {
	r := record{Op: opAcquireAll}
	values := make([]*filelock.Lock, len(locks))
	for i, l := range locks {
		r.Objects |= l.object.mask()
		values[i] = l.lock
	}
	var d time.Duration
	switch way := c.rng.IntN(100); {
	case way < 20:
		d = max(c.upTo(100*time.Millisecond), 1)
		r.Limit = int64(d)
	case way < 35:
		d = c.upTo(30 * time.Millisecond)
		r.Flags |= cancels
	}
	return c.do(r, func(r *record) {
		ctx, cancel := endingAfter(d, r.Flags&cancels != 0)
		defer cancel()
		if err := filelock.AcquireAll(ctx, values...); err != nil {
			r.became(err)
			r.mustHoldNone(values)
			return
		}
		r.Result = ok
		for _, l := range locks {
			l.took(r.Time)
		}
	})
}

// endingAfter returns a context that ends after a time, by its deadline or by a cancel, or
// never if the time is 0 and it is not cancelled.
func endingAfter(d time.Duration, byCancel bool) (context.Context, context.CancelFunc) {
	if d > 0 && !byCancel {
		return context.WithTimeout(context.Background(), d)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if byCancel {
		time.AfterFunc(d, cancel)
	}
	return ctx, cancel
}

// took records that the call which began at a time has taken this lock.
func (l *jointLock) took(from int64) {
	r := record{Time: from, Client: l.number + jointClient, Kind: begins, Op: l.op, Objects: l.object.mask(), Hold: l.newHold()}
	l.history.write(r)
	r.Result = ok
	r.identify(l.lock)
	r.Kind, r.Time = ends, now()
	l.history.write(r)
	l.hold = r
}

// mustHoldNone makes the result a failure if one of the locks is held after a call that has
// taken none.
func (r *record) mustHoldNone(locks []*filelock.Lock) {
	for _, l := range locks {
		if err := l.Check(); !errors.Is(err, filelock.ErrNotHeld) {
			r.fail(fmt.Errorf("it failed, but %s is held: %v", l.Path(), err))
		}
	}
}
