//go:build linux

package main

// checkWatches checks every Watch of an event: its Next returns once for all Sets since the
// Watch was made or since Next last returned, and misses none.
func (v *verdict) checkWatches(s *story, e *eventStory, ops []*operation) {
	last := map[uint32]*operation{} // of each client, what its Watch has seen last
	for _, op := range ops {
		if op.op == opWatch {
			delete(last, op.client)
			if op.result == ok {
				last[op.client] = op
			}
		}
		before := last[op.client]
		if op.op != opNext || before == nil {
			continue
		}
		if op.result == ok {
			v.checkNext(s, e, op, before)
			last[op.client] = op
		} else {
			v.checkMissed(s, e, op, before)
		}
	}
}

// checkNext checks that a Set explains why Next returned. before is what the Watch did before.
func (v *verdict) checkNext(s *story, e *eventStory, next, before *operation) {
	for _, set := range e.sets.ops {
		if set.to >= before.from && set.from <= next.to {
			v.checkLateNext(s, e, next, before)
			return
		}
	}
	v.add("spurious Next", e.object, "%v, but there was no Set since %v", next, before)
}

// checkMissed checks that there was no Set when Next returned without one.
func (v *verdict) checkMissed(s *story, e *eventStory, next, before *operation) {
	if s.plan.freezes() {
		return
	}
	if set := e.certainSet(before.to, next.deadline, next.to, e.seenUntil); next.result == timedOut && set != nil {
		v.add("missed Set", e.object, "%v, but there was a %v since %v", next, set, before)
		return
	}
	v.checkLateNext(s, e, next, before)
}

// checkLateNext checks that Next did not go on for long after a Set.
func (v *verdict) checkLateNext(s *story, e *eventStory, next, before *operation) {
	bound := s.late(e.object, next.from)
	set := e.certainSet(before.to, next.to-bound, next.to, e.seenUntil)
	if next.result == open || set == nil || s.plan.freezes() {
		return
	}
	if since := max(set.to, next.from); next.to-since-s.stalledFor(next, since, next.to) > bound {
		v.add("late wake-up", e.object, "%v, but there was a %v since %v", next, set, before)
	}
}
