//go:build linux

package main

import (
	"cmp"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// checkLock checks a lock or a semaphore. Every lock file is a lock of its own: if a held
// lock file is removed, the next process locks a new file, and both run. That is documented.
func (v *verdict) checkLock(s *story, o object) {
	holds, slots := s.of(o), s.slotNumbers(o)
	for _, group := range byIdentity(holds) {
		v.checkExclusion(o, group, slots)
		v.decide("lock model", o, lockModel(o, slots), lockOperations(s, o, group, slots))
	}
	if o.staying {
		v.checkStaying(s, o, holds)
		v.checkPath(s, o, holds)
		v.checkLost(s, o)
		return
	}
	v.checkUnlocked(s, o)
	v.checkDeadlines(s, o)
	if o.fileMoves {
		v.checkPath(s, o, holds)
		v.checkLost(s, o)
		v.checkSwitch(s, o, holds)
		v.checkNewFile(s, o, holds)
		return
	}
	v.checkNeedlessFailures(s, o, holds, slots)
	v.checkIdle(s, o, holds)
	v.checkQueue(s, o)
	v.checkBursts(s, o)
	v.checkHeads(s, o, holds)
	if o.kind == semaphore {
		v.checkIdleSlots(s, o, holds, slots)
		v.checkSlots(s, o, holds, slots)
	}
	v.checkVainWaits(s, o)
}

func byIdentity(holds []*hold) map[identity][]*hold {
	groups := map[identity][]*hold{}
	for _, h := range holds {
		groups[h.id] = append(groups[h.id], h)
	}
	return groups
}

// checkExclusion compares the times in which the holds certainly lasted. It finds the same
// as the model, but also in histories that are too long for the model, and it names the two
// holds.
func (v *verdict) checkExclusion(o object, holds []*hold, slots *slotNumbers) {
	var lasting []*hold
	for _, h := range holds { // by the end of the acquisition
		lasting = slices.DeleteFunc(lasting, func(other *hold) bool { return other.release.from < h.acquire.to })
		if h.certain().from > h.certain().to { // released at once, by a crash
			continue
		}
		for _, other := range lasting {
			if o.kind != semaphore && h.excludes(other) {
				v.add("exclusion", o, "%v and %v", other, h)
			}
			if o.kind == semaphore && h.slotID == other.slotID {
				v.add("exclusion", o, "%v and %v have the same slot", other, h)
			}
		}
		if lasting = append(lasting, h); o.kind == semaphore {
			if _, most := slots.during(span{h.acquire.to, h.acquire.to}); len(lasting) > most {
				v.add("permits", o, "%d holds of %d slots, the last one %v", len(lasting), most, h)
			}
		}
	}
}

// checkPath checks that no acquisition ended with a file that was not at the path any more.
// A process waits for a file until its last conflicting holder has released it, and looks at
// the path after that.
func (v *verdict) checkPath(s *story, o object, holds []*hold) {
	for _, h := range holds {
		if h.got.byStranger() {
			continue // flock(1) does not look
		}
		granted := h.acquire.from // not before
		for _, other := range holds {
			if other != h && other.id == h.id && h.excludes(other) && other.acquire.to < h.acquire.to {
				granted = max(granted, other.release.from)
			}
		}
		for _, a := range s.absences {
			if a.object == o.number && a.id == h.id && a.from < granted && h.acquire.to < a.to {
				v.add("path", o, "%v began at %s, but its file was not at the path since %s", h, clock(granted), clock(a.from))
			}
		}
	}
}

// checkSwitch checks that waiters of a file that is gone go on with the file that is there
// then: a waiter looks once a second. It is no fault if another process has the new file.
func (v *verdict) checkSwitch(s *story, o object, holds []*hold) {
	bound := s.plan.late(o)
	for _, a := range s.absences {
		if a.object != o.number || a.to != never {
			continue
		}
		during := span{a.from, a.from + bound + s.stalled(a.from, a.from+2*bound)}
		if slices.ContainsFunc(holds, func(h *hold) bool { return h.id != a.id && h.certain().overlaps(during) }) {
			continue
		}
		for _, w := range s.operationsOn(o) {
			if w.isAcquisition() && w.flags&byPeer == 0 && w.from < during.from && w.to > during.to && (w.deadline == 0 || w.deadline > during.to) {
				v.add("stale file", o, "%v, but the lock file is another one since %s", w, clock(a.from))
			}
		}
	}
}

// checkLost checks that a holder was told when its file was not at the path any more: by Check,
// and by Adopt, which takes over no lost hold.
func (v *verdict) checkLost(s *story, o object) {
	for _, op := range s.operationsOn(o) {
		if op.op != opCheck && op.op != opAdopt || op.result != ok {
			continue
		}
		for _, a := range s.absences {
			if a.object == o.number && a.id == op.id && a.from < op.from && op.to < a.to {
				v.add("lost", o, "%v, but its file was not at the path since %s", op, clock(a.from))
			}
		}
	}
}

// checkNewFile checks that, some time after a holder has removed the lock file, the new file
// does not stay free while a process waits. Other faults that move files leave no such time.
func (v *verdict) checkNewFile(s *story, o object, holds []*hold) {
	if s.plan.anyFault(func(f *fault) bool { return f.movesFiles && f.name != unlinkByHolder }) {
		return
	}
	ops := s.operationsOn(o)
	settled := s.plan.late(o) - int64(time.Second)
	for i, op := range ops {
		if op.op != opUnlink || op.result != ok {
			continue
		}
		calm := span{op.to + settled, never} // until the next removal
		for _, next := range ops[i+1:] {
			if next.op == opUnlink {
				calm.to = min(calm.to, next.from)
			}
		}
		v.checkIdleNewFile(s, o, holds, ops, calm)
	}
}

// checkIdleNewFile looks for a time within calm in which nobody had the new file.
func (v *verdict) checkIdleNewFile(s *story, o object, holds []*hold, ops []*operation, calm span) {
	const bound = int64(500 * time.Millisecond)
	gone := map[identity]bool{}
	for _, a := range s.absences {
		if a.object == o.number && a.from < calm.from {
			gone[a.id] = true
		}
	}
	free := calm.from
	for _, h := range holds {
		if idle := (span{free, min(h.acquire.to, calm.to)}); !gone[h.id] && h.acquire.to > calm.from {
			if idle.to-idle.from > bound && idle.to-idle.from-s.stalled(idle.from, idle.to) > bound {
				if w := waitsDuring(ops, idle); w != nil {
					v.add("stale file", o, "%v, but the new lock file was free since %s", w, clock(free))
				}
			}
			free = max(free, h.release.to)
		}
	}
}

// waitsDuring returns an acquisition of this library that was in flight during a time.
func waitsDuring(ops []*operation, during span) *operation {
	for _, w := range ops {
		if w.isAcquisition() && w.flags&byPeer == 0 && w.from < during.from && w.to >= during.to && w.result != open && (w.deadline == 0 || w.deadline > during.to) {
			return w
		}
	}
	return nil
}

// checkNeedlessFailures checks tries that found the lock held, and waits whose deadline
// passed: a wait makes a last try at its deadline. In the time from the deadline to the
// return, another process must have held the lock, or may have held it for a moment.
func (v *verdict) checkNeedlessFailures(s *story, o object, holds []*hold, slots *slotNumbers) {
	if o.dirMoves {
		return
	}
	ops, granted := s.operationsOn(o), grants(o, holds)
	moments := newMoments(s.plan, o, holds, granted)
	for _, op := range ops {
		if !op.isAcquisition() || op.byStranger() || op.deadline == 0 || op.result != no && op.result != timedOut {
			continue
		}
		last := span{op.deadline, op.to}
		mine := &hold{shared: op.op == opShared}
		blocking := map[identity]bool{} // the slots; any other lock has one
		for i, h := range holds {
			if last.overlaps(span{granted[i], h.release.to}) && mayBlock(o, h, mine) {
				blocking[h.slotID] = true
			}
		}
		excused := s.roamed(o, last) || s.mayHaveMet(o, op, last)
		if fewest, _ := slots.during(last); len(blocking) < fewest && !excused && !slices.ContainsFunc(ops, func(other *operation) bool {
			return other != op && moments.explain(other, last)
		}) {
			v.add("free lock", o, "%v, although the lock was free since %s", op, clock(last.from))
		}
	}
}

func (o *operation) isAcquisition() bool { return o.op == opAcquire || o.op == opShared }

// acquires reports whether the operation takes one lock or several.
func (o *operation) acquires() bool { return o.isAcquisition() || o.op == opAcquireAll }

// byStranger reports whether another program than this library and fsync-lock did it.
func (o *operation) byStranger() bool { return o.flags&byPeer != 0 && o.by.program != fsyncLock }

// mayBlock reports whether a hold makes a try fail.
func mayBlock(o object, h, try *hold) bool {
	return o.kind == semaphore || h.excludes(try)
}

// checkIdle checks that a lock does not stay free while a process waits for it: in the time
// between two holds, an acquisition was in flight all the time, and the machine had time for
// it.
func (v *verdict) checkIdle(s *story, o object, holds []*hold) {
	if o.kind == semaphore || o.dirMoves {
		return
	}
	bound := s.plan.late(o)
	var free int64 // since when no earlier hold lasts
	for _, h := range holds {
		if h.got.from < h.acquire.to-bound && free > 0 && free < never {
			from := max(free, h.got.from)
			if idle := h.acquire.to - from; idle > bound && h.got.flags&byPeer == 0 && idle-s.stalled(from, h.acquire.to) > bound && !mayBeHeldSecretly(s, o, h, span{from, h.acquire.to}) {
				v.add("idle", o, "%v had to wait although the lock was free since %s", h, clock(from))
			}
		}
		free = max(free, h.release.to)
	}
}

// mayBeHeldSecretly reports whether a process that was killed or given up meanwhile may have
// had the lock in the time.
func mayBeHeldSecretly(s *story, o object, h *hold, in span) bool {
	for _, op := range s.operationsOn(o) {
		if op.op == opAcquireAll && op.overlaps(in) {
			return true
		}
		if op != h.got && op.isAcquisition() && op.overlaps(in) && op.result != ok && op.by != nil && (op.result == open || op.by.wasStopped(in)) {
			return true
		}
	}
	return false
}

// The model of a lock knows its owners: only the holder can release it or find it intact.
type lockInput struct {
	op     opcode
	hold   uint64
	shared bool
	slots  int // of a change of their number
}

// lockState is the exclusive holder, or the sorted shared holders or holders of slots.
type lockState struct {
	writer uint64
	others string
	limit  int // of shared holders
}

func lockModel(o object, slots *slotNumbers) porcupine.Model {
	first := lockState{limit: 1 << 20} // of readers there may be any number
	if o.kind == semaphore {
		first.limit = slots.first()
	}
	return porcupine.Model{
		Init: func() any { return first },
		Step: func(state, input, _ any) (bool, any) { return state.(lockState).step(input.(lockInput)) },
	}
}

func (s lockState) step(in lockInput) (bool, lockState) {
	key := string(packed(in.hold))
	i, held := s.find(key)
	switch {
	case in.op == opResize:
		fits := len(s.others)/len(key) <= in.slots
		s.limit = in.slots
		return fits, s
	case in.op == opCheck:
		return held || s.writer == in.hold, s
	case in.op == opRelease && in.shared && held:
		s.others = s.others[:i] + s.others[i+len(key):]
		return true, s
	case in.op == opRelease && !in.shared && s.writer == in.hold:
		s.writer = 0
		return true, s
	case in.op == opAcquire && in.shared && s.writer == 0 && !held && len(s.others)/len(key) < s.limit:
		s.others = s.others[:i] + key + s.others[i:]
		return true, s
	case in.op == opAcquire && !in.shared && s.writer == 0 && s.others == "":
		s.writer = in.hold
		return true, s
	}
	return false, s
}

func packed(hold uint64) []byte {
	b := make([]byte, 8)
	for i := range b {
		b[i] = byte(hold >> (56 - 8*i))
	}
	return b
}

// find returns where the key is among the other holders, or would be.
func (s lockState) find(key string) (at int, found bool) {
	for ; at < len(s.others); at += len(key) {
		if c := cmp.Compare(s.others[at:at+len(key)], key); c >= 0 {
			return at, c == 0
		}
	}
	return at, false
}

// grants returns for each hold of one lock file a time before which the kernel has not granted
// it: a hold that came later than another one that it excludes was granted after the end of
// that one. holds are in the order in which the acquisitions returned. Without this, a process
// that waited for long might have got the lock at any time, and porcupine would try them all.
func grants(o object, holds []*hold) []int64 {
	var any, exclusive int64 // the latest end of a hold until now, and of an exclusive one
	slots := map[identity]int64{}
	times := make([]int64, len(holds))
	for i, h := range holds {
		ended := any
		switch {
		case o.kind == semaphore:
			ended = slots[h.slotID]
		case h.shared:
			ended = exclusive
		}
		times[i] = min(max(h.acquire.from, ended), h.acquire.to)
		if h.release.from == never {
			continue
		}
		slots[h.slotID] = max(slots[h.slotID], h.release.from)
		if any = max(any, h.release.from); !h.shared {
			exclusive = max(exclusive, h.release.from)
		}
	}
	return times
}

// lockOperations returns the history of one lock file for the model. An acquisition that was
// in flight when its process was killed is left out: if it got the lock, it lost it by the
// kill, and no other result depends on it.
func lockOperations(s *story, o object, holds []*hold, slots *slotNumbers) (ops []porcupine.Operation) {
	mine := map[uint64]*hold{}
	granted := grants(o, holds)
	for i, h := range holds {
		mine[h.number] = h
		in := lockInput{op: opAcquire, hold: h.number, shared: h.shared || o.kind == semaphore}
		ops = append(ops, porcupine.Operation{Input: in, Call: granted[i], Return: h.acquire.to})
		in.op = opRelease
		ops = append(ops, porcupine.Operation{Input: in, Call: max(h.release.from, h.acquire.to), Return: max(h.release.to, h.acquire.to)})
	}
	for _, op := range s.operations {
		if h := mine[op.hold]; h != nil && op.op == opCheck && op.result == ok && op.to != never {
			ops = append(ops, porcupine.Operation{Input: lockInput{op: opCheck, hold: op.hold}, Call: op.from, Return: op.to})
		}
	}
	ops = append(ops, slots.operations()...)
	slices.SortFunc(ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	return ops
}
