//go:build linux

package main

import "slices"

// checkJoint checks calls for several locks whose deadline passed: the call makes a last try
// for the lock that it waits for, so one of the locks must have been held, or may have been.
func (v *verdict) checkJoint(s *story) {
	for _, call := range s.operations {
		if call.op != opAcquireAll || call.result != timedOut {
			continue
		}
		last := span{call.deadline, call.to}
		first := s.plan.objects[bitOf(call.objects)]
		held := slices.ContainsFunc(s.holds, func(h *hold) bool {
			return call.isOf(s.plan.objects[h.object]) && h.possible().overlaps(last)
		})
		if !held && !slices.ContainsFunc(s.operations, func(op *operation) bool {
			return op != call && op.objects&call.objects != 0 && op.overlaps(last) && mayHoldForAMoment(first, op)
		}) {
			v.add("free lock", first, "%v, although all of its locks were free since %s", call, clock(last.from))
		}
	}
}
