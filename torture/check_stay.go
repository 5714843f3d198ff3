//go:build linux

package main

import (
	"cmp"
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
			if in.to-in.from <= bound {
				continue
			}
			if in = s.longestFree(o, holds, in); in.to-in.from-s.stalled(in.from, in.to) > bound {
				v.add("idle", o, "%v, but the lock file is another one since %s, and free since %s", w, clock(a.from), clock(in.from))
				break
			}
		}
	}
}

// longestFree returns the longest part of a time in which no process had a file that may have
// been at the path. A process that was killed may have had it all the time.
func (s *story) longestFree(o object, holds []*hold, in span) (longest span) {
	gone := map[identity]bool{}
	for _, a := range s.absences {
		if a.object == o.number && a.from <= in.from {
			gone[a.id] = true
		}
	}
	var taken []span
	for _, h := range holds {
		if !gone[h.id] {
			taken = append(taken, span{h.acquire.to, h.release.to})
		}
	}
	for _, op := range s.operationsOn(o) {
		if op.isAcquisition() && op.result == open {
			taken = append(taken, op.span)
		}
	}
	slices.SortFunc(taken, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	from := in.from
	for _, t := range append(taken, span{in.to, in.to}) {
		if to := min(t.from, in.to); to-from > longest.to-longest.from {
			longest = span{from, to}
		}
		from = max(from, t.to)
	}
	return longest
}
