//go:build linux

package main

// checkResults checks that a call which ended in vain had a reason: its deadline had passed, or
// its context was cancelled.
func (v *verdict) checkResults(s *story) {
	for _, op := range s.operations {
		o := s.plan.objects[bitOf(op.objects)]
		if !op.mayEndInVain() || op.byStranger() {
			continue
		}
		switch op.result {
		case no, timedOut, tooLate:
			if op.deadline == 0 {
				v.add("early end", o, "%v, but it had no deadline", op)
			} else if op.to < op.deadline {
				v.add("early end", o, "%v, but its deadline was at %s", op, clock(op.deadline))
			}
		case cancelled: // a client may have killed its fsync-lock
			if op.flags&(cancels|byPeer) == 0 {
				v.add("early end", o, "%v, but its context was not cancelled", op)
			}
		}
	}
}

// mayEndInVain reports whether the operation waits for a lock or an event, or tries.
func (o *operation) mayEndInVain() bool {
	switch o.op {
	case opWait, opWaitAll, opTakeAll, opWaitClear, opTake, opNext:
		return true
	}
	return o.acquires()
}
