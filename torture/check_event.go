//go:build linux

package main

import (
	"cmp"
	"slices"

	"github.com/anishathalye/porcupine"
)

// checkEvent checks one event. The model is a register that is set or clear. What the model
// cannot say, because a wait counts what happened at any time since it began, direct rules
// over the intervals check.
func (v *verdict) checkEvent(s *story, o object) {
	ops := s.operationsOn(o)
	v.decide("event model", o, eventModel(), eventOperations(o, ops))
	if o.dirMoves {
		return // a wait accepts that the directory is missing; then it sees nothing
	}
	e := newEventStory(o, ops)
	for _, w := range ops {
		switch {
		case w.op == opWaitClear:
			v.checkWaitClear(s, e, w)
		case w.op != opWait && w.op != opTake && w.op != opWaitAll:
		case o.kind == manualEvent:
			v.checkWait(s, e, w)
		default:
			v.checkTake(s, e, w)
		}
	}
	v.checkWatches(s, e, ops)
}

// An eventStory has the operations that change one event.
type eventStory struct {
	object object
	sets   []*operation // also those that may not have happened
	clears []*operation // and takes
}

func newEventStory(o object, ops []*operation) *eventStory {
	e := &eventStory{object: o}
	for _, op := range ops {
		switch {
		case op.op == opSet && op.result != failed: // a Set that fails has set nothing
			e.sets = append(e.sets, op)
		case op.op == opClear && op.result != failed, op.op == opTake && (op.result == ok || op.result == open || op.result == failed):
			e.clears = append(e.clears, op)
		}
	}
	return e
}

// certainSet returns the first Set that certainly happened, began after a time, and ended
// before another one.
func (e *eventStory) certainSet(after, before int64) *operation {
	for _, set := range e.sets {
		if set.from > after && set.to < before && set.result == ok {
			return set
		}
	}
	return nil
}

// mayBeClear reports whether a Clear or a take, other than the given one, may have come
// between the begin of a Set and a time.
func (e *eventStory) mayBeClear(set *operation, until int64, but *operation) bool {
	return slices.ContainsFunc(e.clears, func(c *operation) bool {
		return c != but && c.from <= until && c.to >= set.from
	})
}

// maySet reports whether a Set may have come between the begin of a Clear and a time.
func (e *eventStory) maySet(cleared *operation, until int64) bool {
	return slices.ContainsFunc(e.sets, func(set *operation) bool { return set.from <= until && set.to >= cleared.from })
}

// mustSee returns the Set because of which a wait cannot have ended without success at its
// deadline, or nil: the Set began when the wait was already asleep, or the event stayed set
// from the Set on. The last look comes after the deadline.
func (e *eventStory) mustSee(w *operation) *operation {
	if w.slept > 0 {
		if set := e.certainSet(w.slept, w.deadline); set != nil {
			return set
		}
	}
	var last *operation // if a Clear came after it, one came after all others too
	for _, set := range e.sets {
		if set.result == ok && set.to < w.deadline {
			last = set
		}
	}
	if last != nil && e.mayBeClear(last, w.to, nil) {
		return nil
	}
	return last
}

// mayHaveSeen reports whether some Set explains why a wait returned: the Set was going on
// during the wait, or no Clear has certainly undone it before the wait began.
func (e *eventStory) mayHaveSeen(w *operation) bool {
	var undone int64 // a Set that was over before this time was cleared before the wait began
	for _, c := range e.clears {
		if c.to < w.from && c.result == ok {
			undone = max(undone, c.from)
		}
	}
	return slices.ContainsFunc(e.sets, func(set *operation) bool {
		return set.from <= w.to && (set.to >= w.from || set.to >= undone)
	})
}

// checkWait checks one wait for a manual event, also as one of several events:
//   - a wait that returned was woken by a Set since it began, or found the event set;
//   - a wait whose deadline passed could not have seen a Set;
//   - a wait that slept was woken soon after the Set (checkLate).
func (v *verdict) checkWait(s *story, e *eventStory, w *operation) {
	if w.result == ok && !e.mayHaveSeen(w) {
		v.add("spurious wake-up", e.object, "%v, but no Set explains it", w)
	}
	if w.op == opWaitAll {
		return // one of the other events may be missing
	}
	if w.result == timedOut {
		if set := e.mustSee(w); set != nil {
			v.add("lost wake-up", e.object, "%v, slept since %s, but there was a %v", w, clock(w.slept), set)
		}
	}
	v.checkLate(s, e, w, e.sets, func(set *operation, by int64) bool { // a Set during the sleep wakes it even if a Clear follows
		return set.from <= w.slept && e.mayBeClear(set, by, w)
	})
}

// checkLate checks that a wait did not sleep for long after one of the changes that it was
// for, each a Set or each a Clear. isUndone reports whether another operation may have undone
// the change by a time.
func (v *verdict) checkLate(s *story, e *eventStory, w *operation, changes []*operation, isUndone func(change *operation, by int64) bool) {
	if w.slept == 0 || w.result == open {
		return
	}
	bound := s.plan.late(e.object)
	for _, change := range changes {
		since := max(change.to, w.from)
		if change.result != ok || w.to-since <= bound || isUndone(change, since+bound) {
			continue
		}
		if w.to-since-s.stalledFor(w, since, w.to) > bound {
			v.add("late wake-up", e.object, "%v, slept since %s, but there was a %v", w, clock(w.slept), change)
			return
		}
	}
}

// checkTake checks that a wait with AutoReset did not sleep for long while the event was set
// and nobody else took it. The model checks the rest.
func (v *verdict) checkTake(s *story, e *eventStory, w *operation) {
	v.checkLate(s, e, w, e.sets, func(set *operation, by int64) bool { return e.mayBeClear(set, by, w) })
}

// checkWaitClear checks that a wait for the end of an event did not sleep for long while the
// event was clear. The model checks the rest.
func (v *verdict) checkWaitClear(s *story, e *eventStory, w *operation) {
	v.checkLate(s, e, w, e.clears, e.maySet)
}

// The model of an event. A take that has failed may have happened or not, and so may everything
// that was in flight when its process was killed. So the state of the model is the set of
// states that are possible. A Set or Clear that has failed has changed nothing.
type eventState uint8

const (
	isClear eventState = 1 << iota
	isSet
)

type eventInput struct {
	op    opcode // opSet, opClear, opTake, or opIsSet for everything that only looks
	saw   eventState
	maybe bool // it may have had no effect
}

func eventModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return isClear },
		Step: func(state, input, _ any) (bool, any) { return state.(eventState).step(input.(eventInput)) },
	}
}

func (s eventState) step(in eventInput) (bool, eventState) {
	var next eventState
	switch in.op {
	case opSet:
		next = isSet
	case opClear:
		next = isClear
	case opTake:
		if s&isSet != 0 {
			next = isClear
		}
	case opIsSet:
		next = s & in.saw
	}
	if in.maybe {
		next |= s
	}
	return next != 0, next
}

// eventOperations returns the history of an event for the model. While the directory is away,
// the event is not set, and Clear does nothing. So where the directory moves, the history has
// only what has certainly found the marker.
func eventOperations(o object, ops []*operation) (history []porcupine.Operation) {
	for _, op := range ops {
		in, when := eventInput{op: op.op, saw: isClear, maybe: op.result == open || op.result == failed}, op.span
		switch {
		case op.result == failed && op.op != opTake || op.result == cancelled || op.result == tooLate:
			continue
		case op.op == opSet:
		case op.op == opClear:
			in.maybe = in.maybe || o.dirMoves
		case op.op == opIsSet && (op.result == open || o.dirMoves && op.result == no):
			continue
		case op.op == opIsSet:
			in.saw = looked(op.result == ok)
		case op.op == opTake && (op.result == ok || op.result == open || op.result == failed) && op.isOf(o) && o.kind == autoEvent:
		case o.dirMoves:
			continue
		case (op.op == opWait || op.op == opTake) && (op.result == timedOut || op.result == no):
			in.op, when.from = opIsSet, op.deadline
		case op.op == opWait && op.result == ok && op.deadline == op.from+1:
			in.op, in.saw = opIsSet, isSet // one look
		case op.op == opWaitClear && op.result == ok:
			in.op = opIsSet
		case op.op == opWaitClear && op.result == timedOut:
			in.op, in.saw, when.from = opIsSet, isSet, op.deadline
		default:
			continue
		}
		history = append(history, porcupine.Operation{Input: in, Call: when.from, Return: max(when.from, when.to)})
	}
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	return history
}

func looked(set bool) eventState {
	if set {
		return isSet
	}
	return isClear
}
