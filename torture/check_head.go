//go:build linux

package main

import (
	"time"
)

// While the process at the head of the queue is stopped, the waiters behind it look for
// themselves, once a second, whether the lock is free. So these rules hold for a waiter whose
// process runs:
//   - the lock does not stay free for two seconds while it waits;
//   - as soon as a process has got the lock in this way, its other waiters do not wait for the
//     stopped process any more: the lock is hardly ever free while they wait.
const (
	pastHeadBound  = int64(2 * time.Second)
	nextPastBound  = int64(500 * time.Millisecond)
	ignoresGateFor = int64(4500 * time.Millisecond) // after it has got the lock
)

// checkHeads checks what happened to an exclusive lock while the head of its queue was stopped.
func (v *verdict) checkHeads(s *story, o object, holds []*hold) {
	for _, head := range s.heads {
		if head.object != o.number {
			continue
		}
		h := &headCheck{v: v, s: s, object: o, head: head, free: s.freeBehind(head, holds)}
		for _, w := range s.operationsOn(o) {
			if w.isAcquisition() && w.flags&byPeer == 0 && w.by != nil && w.by != head.by && !w.isTry() && w.overlaps(head.span) {
				h.waits = append(h.waits, w)
			}
		}
		h.check()
	}
}

// A headCheck checks the waits behind one stopped process.
type headCheck struct {
	v      *verdict
	s      *story
	object object
	head   headStop
	free   []span       // when the lock was certainly free
	waits  []*operation // by their begin
}

func (h *headCheck) check() {
	passed := map[*process]int64{} // when a process has first got the lock past the stopped one
	for _, w := range h.waits {
		mayKnow := w.to-w.from >= lookTime && w.to-h.head.from >= lookTime
		if at, has := passed[w.by]; w.result == ok && mayKnow && w.to < h.head.to && (!has || w.to < at) {
			passed[w.by] = w.to
		}
	}
	for _, w := range h.waits {
		in := span{max(w.from, h.head.from), min(w.to, h.head.to)}
		for _, free := range h.free {
			if idle := both(free, in); h.idle(w, idle) > pastHeadBound+h.slowness() {
				h.v.add("idle", h.object, "%v, behind stopped process %d, although the lock was free from %s to %s", w, h.head.by.number, clock(idle.from), clock(idle.to))
				break
			}
		}
		if at, has := passed[w.by]; has {
			h.checkNext(w, both(in, span{at, at + ignoresGateFor}), at)
		}
	}
}

// checkNext checks a wait of a process that has got the lock past the stopped one before.
func (h *headCheck) checkNext(w *operation, in span, passed int64) {
	idle := int64(0)
	for _, free := range h.free {
		idle += h.idle(w, both(free, in))
	}
	if idle > nextPastBound+h.slowness() {
		h.v.add("idle", h.object, "%v: the lock was free for %v of that, although its process has got the lock past stopped process %d at %s",
			w, time.Duration(idle), h.head.by.number, clock(passed))
	}
}

// idle returns for how long a waiter could run in a time.
func (h *headCheck) idle(w *operation, in span) int64 {
	return in.to - in.from - h.s.stalledFor(w, in.from, in.to)
}

func (h *headCheck) slowness() (d int64) {
	for _, f := range h.s.plan.faults {
		d += int64(f.slows)
	}
	return d
}

// both returns the time in which both spans last. It may be empty.
func both(a, b span) span {
	from := max(a.from, b.from)
	return span{from, max(from, min(a.to, b.to))}
}

// freeBehind returns the times in which nobody had the lock while the head of its queue was
// stopped, as far as that is certain.
func (s *story) freeBehind(head headStop, holds []*hold) (free []span) {
	o := s.plan.objects[head.object]
	since := head.from
	add := func(until int64) {
		gap := both(span{since, until}, head.span)
		if gap.from < gap.to && !s.mayBeHeldUnseen(o, head, gap) {
			free = append(free, gap)
		}
	}
	for _, h := range holds {
		if h.release.to < head.from {
			continue
		}
		until := h.acquire.to
		if h.got.by != head.by { // it may have had the lock while it did not run
			until -= s.stalledFor(h.got, since, until)
		}
		add(until)
		since = max(since, h.release.to)
	}
	add(head.to)
	return free
}

// mayBeHeldUnseen reports whether a process may have had the lock that has never said so: it
// was killed, or stopped, or has just given up.
func (s *story) mayBeHeldUnseen(o object, head headStop, in span) bool {
	for _, op := range s.operationsOn(o) {
		if op.op == opAcquireAll && op.overlaps(in) {
			return true
		}
		if op.isAcquisition() && op.result != ok && op.by != nil && op.by != head.by && op.overlaps(in) && (op.result == open || op.by.wasStopped(in)) {
			return true
		}
	}
	return false
}
