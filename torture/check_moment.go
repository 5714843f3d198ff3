//go:build linux

package main

import (
	"cmp"
	"slices"
	"time"
)

// mayHoldForAMoment reports whether an operation that is not a hold may make a try fail:
//   - an acquisition that was given up, or was in flight when its process was killed, may
//     have got the lock at that moment;
//   - a shared waiter takes the lock exclusively once a second, to see whether it is free
//     (lookTime);
//   - a waiter for a semaphore may get two slots at once, and gives one back;
//   - while a lock is handed over, child processes that are just being started have it;
//   - a call for several locks has some of them while it waits for the next one;
//   - a change of the number of slots takes the slots that it removes.
func mayHoldForAMoment(o object, other *operation) bool {
	switch {
	case other.op == opHandOver, other.op == opAdopt, other.op == opAcquireAll, other.op == opResize:
		return true
	case other.op == opShared && other.to-other.from >= lookTime:
		return true
	case other.op == opLeaveGiven, other.op == opLeave && other.flags&handedOver != 0:
		return true
	case other.isAcquisition() && other.hidden != 0: // it has locked the file, and then looked
		return true
	case other.op == opAcquire && o.kind == semaphore && !other.isTry():
		return true
	}
	return other.isAcquisition() && (other.result == ok && other.triedLast() || other.result != ok && (other.result != no || !other.isTry()))
}

// triedLast reports whether a wait has ended with the last try at its deadline. It may have
// given up the lock just before.
func (o *operation) triedLast() bool { return o.deadline > 0 && !o.isTry() && o.to >= o.deadline }

// moments knows when operations that are no holds may have had a lock or a slot for a moment.
type moments struct {
	object  object
	holds   []*hold
	granted map[*operation]int64 // of the acquisitions of the holds: not before
	keeps   int64                // how long a process may have what it was granted and does not use
}

// keepTime is how long that may be: until the threads of the process run, on a busy machine.
const keepTime = 50 * time.Millisecond

func newMoments(p *plan, o object, holds []*hold, granted []int64) *moments {
	m := &moments{o, holds, map[*operation]int64{}, int64(keepTime + p.slowed())}
	for i, h := range holds {
		m.granted[h.got] = granted[i]
	}
	return m
}

// of returns when such an operation may have had the lock, if that made a try fail:
//   - A wait whose time ran out gives up only then what it gets, unless it gets a slot that
//     does not count, or finds that something else is in the place of the lock file. It may
//     have been granted the lock shortly before, but then no other process had the lock
//     between the try and that time.
//   - Of two slots that a waiter gets at once, one may come a little before the other, or when
//     the waiter has returned with the other one.
//   - A process that is just being started has copies of all files for a while.
func (m *moments) of(op *operation, try span) span {
	ranOut := op.result == no || op.result == timedOut || op.result == ok && op.triedLast() && m.object.kind != semaphore
	switch {
	case op.op == opLeaveGiven:
		return span{op.from, later(op.to, int64(startTime))}
	case m.object.resized:
		return span{op.from, later(op.to, m.keeps)}
	case op.hidden != 0, op.op == opShared && op.to-op.from >= lookTime:
	case op.isAcquisition() && ranOut && m.object.kind != semaphore && m.isHeld(span{try.to, op.deadline}):
		return span{min(op.deadline, op.to), op.to}
	case op.isAcquisition() && ranOut:
		return span{max(op.from, min(op.deadline, op.to)-m.keeps), op.to}
	case m.object.kind == semaphore && op.isAcquisition() && op.result == ok:
		return span{max(op.from, m.granted[op]-m.keeps), op.to + m.keeps}
	}
	return op.span
}

// explain reports whether such an operation on the object may explain that a try failed.
func (m *moments) explain(op *operation, try span) bool {
	isNear := op.from <= try.to && try.from <= later(op.to, max(m.keeps, int64(startTime))) // most are not
	return isNear && mayHoldForAMoment(m.object, op) && m.of(op, try).overlaps(try)
}

// later returns a time some time after another one.
func later(t, by int64) int64 { return t + min(by, never-t) }

// isHeld reports whether some process certainly had the lock at some moment of a time. It looks
// only at the holds that began in it, and at the last one before: there are many holds.
func (m *moments) isHeld(in span) bool {
	first, _ := slices.BinarySearchFunc(m.holds, in.from, func(h *hold, t int64) int { return cmp.Compare(h.acquire.to, t) })
	return in.from < in.to && slices.ContainsFunc(m.holds[max(first-1, 0):min(first+1, len(m.holds))], func(h *hold) bool {
		c := h.certain()
		return c.from <= c.to && c.overlaps(in)
	})
}
