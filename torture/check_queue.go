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
// A wait counts from some time after its process has seen it in the queue of the gate or of the
// lock, until the process last saw it there; see lookout. Before that time, another process may
// still remove the gate at which it waits, because it has looked for waiters before.
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
	// settleTime is how long a process may take, at most, from its look for waiters until it has
	// removed the gate, and until a waiter there has made another one.
	settleTime = int64(50 * time.Millisecond)

	// slowSettleTime is the same with slow processes. Each of these steps makes about five calls
	// that may be delayed.
	slowSettleTime = int64(250 * time.Millisecond)

	// lookTime is how long a waiter waits, at least, before it looks past the gate.
	lookTime = int64(900 * time.Millisecond)

	// distrustTime is how long a process ignores a gate past which it has got the lock.
	distrustTime = int64(5500 * time.Millisecond)

	// maxOvertaken is how many newcomers may overtake a wait. By design there are none, as long
	// as the wait is in the queue.
	maxOvertaken = 1
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
	holds := s.of(o)
	for _, w := range q.waits {
		q.check(w)
		q.checkReaders(w, holds)
	}
}

// isTry reports whether an operation has no time.
func (o *operation) isTry() bool { return o.deadline == o.from+1 }

// check checks one wait.
func (q *queueCheck) check(w *operation) {
	in, had := q.inQueue(w)
	if !had {
		return
	}
	overtaken := 0
	var last *operation
	first, _ := slices.BinarySearchFunc(q.waits, in.from, func(g *operation, t int64) int { return cmp.Compare(g.from, t) })
	for _, g := range q.waits[first:] {
		if g.from >= in.to {
			break
		}
		if g.result != ok || g.to > in.to || g.deadline != 0 && g.to >= g.deadline || q.ignoresGate(g) {
			continue
		}
		if g.flags&toldQueue != 0 && g.slept == 0 {
			overtaken, last = overtaken+1, g
		}
	}
	q.v.overtaken = max(q.v.overtaken, overtaken)
	if overtaken > maxOvertaken {
		q.v.add("overtaken", q.object, "%v, in the queue since %s, was overtaken by %d newcomers, last by %v", w, clock(in.from), overtaken, last)
	}
}

// inQueue returns when newcomers had to let a wait go first.
func (q *queueCheck) inQueue(w *operation) (in span, had bool) {
	in = w.stood.all()
	if in.from == 0 || w.by.program == roamingProgram || q.s.occupied(q.object, span{w.from, in.to}) {
		return span{}, false
	}
	settling := span{in.from, in.from + settleTime}
	if q.s.plan.has(slowCalls) {
		settling.to = in.from + slowSettleTime
	}
	in.from = settling.to
	if in.from >= in.to || q.s.plan.has(slowCalls) && q.s.wasStopped(settling, nil) {
		return span{}, false
	}
	q.v.queued++
	return in, true
}

// checkReaders checks that no reader takes the lock past a writer that has the gate and waits at the
// lock for other readers. A reader that was seen at the gate meanwhile may take the lock only if
// nobody has it.
func (q *queueCheck) checkReaders(w *operation, holds []*hold) {
	at := w.stood.lock
	if w.op != opAcquire || at.from == 0 || w.by.program == roamingProgram || q.ignoresGate(w) || q.s.occupied(q.object, span{w.from, at.to}) {
		return
	}
	for _, r := range q.waits {
		past := span{r.stood.gate.to, r.to} // the reader took the lock then
		if r.op != opShared || r.result != ok || past.from < at.from || past.to > at.to || r.deadline != 0 && r.to >= r.deadline || q.ignoresGate(r) {
			continue
		}
		for _, h := range holds {
			if h.number != r.hold && h.certain().from <= past.from && h.certain().to >= past.to {
				q.v.add("overtaken", q.object, "%v, at the lock since %s, was overtaken by %v, which was at the gate at %s, although %v lasted", w, clock(at.from), r, clock(past.from), h)
				break
			}
		}
	}
}

// ignoresGate reports whether a process may have ignored the gate during a wait.
func (q *queueCheck) ignoresGate(w *operation) bool {
	return slices.ContainsFunc(q.passed[w.by], func(p *operation) bool {
		return p != w && p.to <= w.to && w.from < p.to+distrustTime
	})
}
