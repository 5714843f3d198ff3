//go:build linux

package main

import (
	"cmp"
	"slices"
	"time"
)

// Waiters of a lock stand in a queue, at the gate, and a newcomer must not overtake them: it takes the
// lock without going to the gate only if no process waits. checkQueue counts the newcomers that
// took the lock at once while another wait stood in the queue. These may overtake:
//   - a try, and the last try at a deadline;
//   - a process that has got the lock past a slow one in the last seconds: it ignores the gate;
//   - flock(1) and other programs.
//
// The queue itself is the kernel's. If a waiter gives up, the kernel wakes all waiters behind
// it, and the first of them to run is the first in the queue again. A newcomer passes a gate
// that is free at that moment. So the check says nothing about the order of waiters at the gate.
type queueCheck struct {
	v      *verdict
	s      *story
	object object
	waits  []*operation              // of this library, by their begin
	passed map[*process][]*operation // waits of each process that may have passed by the gate
}

const (
	// settleTime is how long a wait may take from when it goes to the gate until it is in the
	// queue there. That takes some calls of the kernel. On a busy machine, and while the file
	// system makes other files, they were seen to take 500 ms, and no beat was missed.
	settleTime = int64(time.Second)

	// stallTime is how long before and after that a process must have run.
	stallTime = int64(100 * time.Millisecond)

	// lookTime is how long a waiter waits, at least, before it looks past the gate.
	lookTime = int64(900 * time.Millisecond)

	// distrustTime is how long a process ignores a gate past which it has got the lock.
	distrustTime = int64(5500 * time.Millisecond)

	// maxOvertaken is how many newcomers may overtake a wait. By design there are none, as long
	// as the wait is in the queue.
	maxOvertaken = 3
)

// checkQueue checks one lock. The histories of semaphores do not say who stands in the queue, and
// those of calls for several locks do not say when each of the waits began.
func (v *verdict) checkQueue(s *story, o object) {
	if o.kind == semaphore || o.joint || o.resized || o.hidden || s.plan.anyFault(func(f *fault) bool { return f.overtakes }) {
		return
	}
	q := &queueCheck{v: v, s: s, object: o, passed: map[*process][]*operation{}}
	for _, op := range s.operationsOn(o) {
		if !op.isAcquisition() || op.flags&byPeer != 0 || op.by == nil || op.isTry() {
			continue
		}
		q.waits = append(q.waits, op)
		if op.to-op.from >= lookTime { // also if it had to give the lock up again, because its time was over
			q.passed[op.by] = append(q.passed[op.by], op)
		}
	}
	for _, w := range q.waits {
		q.check(w)
	}
}

// isTry reports whether an operation has no time.
func (o *operation) isTry() bool { return o.deadline == o.from+1 }

// check checks one wait. It must have had time to get from its last step to the gate.
func (q *queueCheck) check(w *operation) {
	queued := w.slept + settleTime
	if w.flags&toldQueue == 0 || w.slept == 0 || queued >= w.to || w.result == open || w.by.wasStopped(w.span) || q.s.stalledFor(w, w.slept-stallTime, queued+stallTime) > 0 {
		return
	}
	overtaken := 0
	var last *operation
	first, _ := slices.BinarySearchFunc(q.waits, queued, func(g *operation, t int64) int { return cmp.Compare(g.from, t) })
	for _, g := range q.waits[first:] {
		if g.from >= w.to {
			break
		}
		if g.result != ok || g.to >= w.to || g.deadline != 0 && g.to >= g.deadline || q.ignoresGate(g) {
			continue
		}
		if g.flags&toldQueue != 0 && g.slept == 0 {
			overtaken, last = overtaken+1, g
		}
	}
	q.v.overtaken = max(q.v.overtaken, overtaken)
	if overtaken > maxOvertaken {
		q.v.add("overtaken", q.object, "%v, in the queue since %s, was overtaken by %d newcomers, last by %v", w, clock(queued), overtaken, last)
	}
}

// ignoresGate reports whether a process may have ignored the gate during a wait.
func (q *queueCheck) ignoresGate(w *operation) bool {
	return slices.ContainsFunc(q.passed[w.by], func(p *operation) bool {
		return p != w && p.to <= w.to && w.from < p.to+distrustTime
	})
}
