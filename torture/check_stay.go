//go:build linux

package main

import (
	"slices"
	"time"
)

// checkStaying checks that no process waits for a file that is not at the path any more, while
// the one that is there is free. A waiter looks at the path once a second.
func (v *verdict) checkStaying(s *story, o object, holds []*hold) {
	bound := int64(1500 * time.Millisecond)
	for _, f := range s.plan.faults {
		bound += int64(f.slows)
	}
	ops := s.operationsOn(o)
	for _, a := range s.absences {
		if a.object != o.number || a.to != never {
			continue
		}
		for _, w := range ops {
			if !w.isAcquisition() || w.result == failed || w.result == open {
				continue
			}
			in := span{max(a.from, w.from), w.to}
			if w.deadline > 0 {
				in.to = min(in.to, w.deadline)
			}
			if in.to-in.from-s.stalled(in.from, in.to) > bound && !mayBeTaken(s, o, holds, w, in) {
				v.add("idle", o, "%v, but the lock file is another one since %s, and free", w, clock(a.from))
			}
		}
	}
}

// mayBeTaken reports whether another process than the waiter may have had, during a time, a
// file that was at the path.
func mayBeTaken(s *story, o object, holds []*hold, w *operation, in span) bool {
	gone := map[identity]bool{}
	for _, a := range s.absences {
		if a.object == o.number && a.from <= in.from {
			gone[a.id] = true
		}
	}
	return slices.ContainsFunc(holds, func(h *hold) bool {
		return h.got != w && !gone[h.id] && h.possible().overlaps(in)
	}) || slices.ContainsFunc(s.operationsOn(o), func(op *operation) bool {
		return op != w && op.isAcquisition() && op.result != ok && op.result != no && op.overlaps(in)
	})
}
