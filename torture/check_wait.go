//go:build linux

package main

import (
	"slices"
	"time"
)

// checkDeadlines checks that each wait for a lock ended soon after its deadline.
func (v *verdict) checkDeadlines(s *story, o object) {
	bound := s.plan.late(o)
	for _, op := range s.operationsOn(o) {
		if !op.isAcquisition() || op.flags&byPeer != 0 || op.deadline == 0 || op.result == open {
			continue
		}
		if late := op.to - op.deadline; late > bound && late-s.slowFor(op, op.deadline, op.to) > bound {
			v.add("late end", o, "%v, but its deadline was at %s", op, clock(op.deadline))
		}
	}
}

// checkVainWaits checks that no process waited on while there was no lock file to wait for. It
// looks once a second. Of several clients of a process, one waits, and the others wait for it, so
// they may notice one after the other.
func (v *verdict) checkVainWaits(s *story, o object) {
	for _, h := range s.files.hidings {
		if h.object != o.number || h.by == linkInPlace {
			continue
		}
		for _, op := range s.operationsOn(o) {
			if !op.isAcquisition() || op.flags&byPeer != 0 || op.by == nil || op.result == open {
				continue
			}
			wait := span{max(op.from, h.certain().from), min(op.to, h.certain().to)}
			bound := int64(700*time.Millisecond+s.plan.slowed()) + int64(s.plan.clientsOn(o, op.by.slot))*int64(time.Second)
			if wait.to-wait.from > bound && wait.to-wait.from-s.slowFor(op, wait.from, wait.to) > bound {
				v.add("vain wait", o, "%v, but something else was in the place of the lock file from %s to %s", op, clock(h.certain().from), clock(h.certain().to))
			}
		}
	}
}

// slowFor returns for how long, between two times, the process of an operation did not run, or
// another one that no fault had stopped. If a machine has so little time, the waits of all
// processes take longer.
func (s *story) slowFor(op *operation, from, to int64) int64 {
	return s.sumStalls(from, to, func(st stall) bool {
		return st.by == nil || st.by == op.by || !slices.ContainsFunc(st.by.stops, st.span.overlaps)
	})
}

// clientsOn returns how many clients of a slot use the object.
func (p *plan) clientsOn(o object, slot int) (n int) {
	for _, h := range p.slots[slot].clients {
		if h.object == o.number {
			n++
		}
	}
	return n
}

// uses reports whether a process of the round runs the program.
func (p *plan) uses(of program) bool {
	for _, s := range p.slots {
		if s.program == of {
			return true
		}
	}
	return false
}

// mayHaveMet reports whether a try may have failed because of a lease, or because another process
// had locked what was in the place of the lock file.
func (s *story) mayHaveMet(o object, try *operation, in span) bool {
	return s.leased(o, in) || try.hidden&otherInPlace != 0
}
