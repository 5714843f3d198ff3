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
	if !o.remade { // each of the directories has an event of its own
		v.decide("event model", o, eventModel(), eventOperations(o, ops))
	}
	e := s.eventStory(o)
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
	if !o.moves() {
		v.checkWatches(s, e, ops)
	}
}

// moves reports whether the directory of the object may be another one at times. A wait
// accepts that it is missing; then it sees nothing.
func (o object) moves() bool { return o.dirMoves || o.remade }

// An eventStory has the operations that change one event, by their begin.
type eventStory struct {
	object object
	sets   changes // also those that may not have happened
	clears changes // and takes
	traces changes // of these, those after which nothing may show an earlier Set
}

// changes are operations by their begin, with the latest end until each of them.
type changes struct {
	ops    []*operation
	latest []int64
}

func (c *changes) add(op *operation) {
	end := op.to
	if n := len(c.latest); n > 0 {
		end = max(end, c.latest[n-1])
	}
	c.ops, c.latest = append(c.ops, op), append(c.latest, end)
}

// since returns the earliest begin of those that end at a time or later, except one. It is
// that time if one of them has begun before, and never if there is none.
func (c *changes) since(t int64, but *operation) int64 {
	i, _ := slices.BinarySearch(c.latest, t)
	for ; i < len(c.ops); i++ {
		if op := c.ops[i]; op != but && op.to >= t {
			return max(op.from, t)
		}
	}
	return never
}

func newEventStory(o object, ops []*operation) *eventStory {
	e := &eventStory{object: o}
	for _, op := range ops {
		switch {
		case op.result == no, op.result == cancelled && op.op != opTake: // it changed nothing
			continue
		case op.op == opSet && op.result != failed: // a Set that fails has set nothing
			e.sets.add(op)
		case op.op == opClear && op.result != failed, op.mayTake(o):
			e.clears.add(op)
		default:
			continue
		}
		if op.flags&noTrace != 0 {
			e.traces.add(op)
		}
	}
	return e
}

// setUntil returns the time until which the event certainly stayed set after a Set: when a
// Clear or a take, other than the given one, may have come.
func (e *eventStory) setUntil(set, but *operation) int64 { return e.clears.since(set.from, but) }

// clearUntil returns the time until which the event certainly stayed clear after a Clear.
func (e *eventStory) clearUntil(cleared *operation) int64 { return e.sets.since(cleared.from, nil) }

// seenUntil returns the time until which each look certainly finds that there was a Set. After
// a Clear the tombstone shows that, unless there is none, or one that looks as before.
func (e *eventStory) seenUntil(set *operation) int64 {
	if e.object.sidecarGoes {
		return e.setUntil(set, nil)
	}
	return max(e.setUntil(set, nil), e.traces.since(set.from, nil))
}

// certainSet returns the first Set that certainly happened, began after a time, ended before
// another one, and is to be seen until a time after the last one, look. A marker that looks as one before
// does not count.
func (e *eventStory) certainSet(after, before, look int64, until func(*operation) int64) *operation {
	for _, set := range e.sets.ops {
		if set.from > after && set.to < before && set.result == ok && set.flags&noTrace == 0 && until(set) > look {
			return set
		}
	}
	return nil
}

// mustSee returns the Set because of which a wait cannot have ended without success at its
// deadline, or nil: the Set began when the wait was already asleep, or the event stayed set
// from the Set on. The last look comes after the deadline.
func (e *eventStory) mustSee(w *operation) *operation {
	if w.slept > 0 {
		if set := e.certainSet(w.slept, w.deadline, w.to, e.seenUntil); set != nil {
			return set
		}
	}
	var last *operation // if a Clear came after it, one came after all others too
	for _, set := range e.sets.ops {
		if set.result == ok && set.to < w.deadline {
			last = set
		}
	}
	if last != nil && e.setUntil(last, nil) <= w.to {
		return nil
	}
	return last
}

// mayHaveSeen reports whether some Set explains why a wait returned: the Set was going on
// during the wait, or no Clear has certainly undone it before the wait began.
func (e *eventStory) mayHaveSeen(w *operation) bool {
	var undone int64 // a Set that was over before this time was cleared before the wait began
	for _, c := range e.clears.ops {
		if c.to < w.from && c.result == ok {
			undone = max(undone, c.from)
		}
	}
	return slices.ContainsFunc(e.sets.ops, func(set *operation) bool {
		return set.from <= w.to && (set.to >= w.from || set.to >= undone)
	})
}

// checkWait checks one wait for a manual event, also as one of several events:
//   - a wait that returned was woken by a Set since it began, or found the event set;
//   - a wait whose deadline passed could not have seen a Set;
//   - a wait that slept was woken soon after the Set (checkLate).
func (v *verdict) checkWait(s *story, e *eventStory, w *operation) {
	if w.result == ok && !e.object.moves() && !e.mayHaveSeen(w) {
		v.add("spurious wake-up", e.object, "%v, but no Set explains it", w)
	}
	if w.op == opWaitAll {
		return // see checkWaitAll
	}
	if w.result == timedOut && !e.object.moves() {
		if set := e.mustSee(w); set != nil {
			v.add("lost wake-up", e.object, "%v, slept since %s, but there was a %v", w, clock(w.slept), set)
		}
	}
	v.checkLate(s, e, w, e.sets, func(set *operation) int64 { // a Set during the sleep wakes it even if a Clear follows
		if set.from > w.slept {
			return e.seenUntil(set)
		}
		return e.setUntil(set, nil)
	})
}

// checkLate checks that a wait did not sleep for long after one of the changes that it was
// for, each a Set or each a Clear. until returns the time until which the change is certainly
// to be seen.
func (v *verdict) checkLate(s *story, e *eventStory, w *operation, of changes, until func(*operation) int64) {
	if w.slept == 0 || w.result == open {
		return
	}
	for _, change := range of.ops {
		since := max(change.to, w.from)
		bound := s.late(e.object, since)
		if change.result != ok || w.to-since <= bound {
			continue
		}
		by := min(w.to, until(change), s.stillUntil(e.object, change.from))
		if by-since > bound && by-since-s.stalledFor(w, since, by) > bound {
			v.add("late wake-up", e.object, "%v, slept since %s, but there was a %v", w, clock(w.slept), change)
			return
		}
	}
}

// checkTake checks that a wait with AutoReset did not sleep for long while the event was set
// and nobody else took it. The model checks the rest.
func (v *verdict) checkTake(s *story, e *eventStory, w *operation) {
	v.checkLate(s, e, w, e.sets, func(set *operation) int64 { return e.setUntil(set, w) })
}

// checkWaitClear checks that a wait for the end of an event did not sleep for long while the
// event was clear. The model checks the rest.
func (v *verdict) checkWaitClear(s *story, e *eventStory, w *operation) {
	v.checkLate(s, e, w, e.clears, e.clearUntil)
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
	alone bool // it has changed the state: a Set that found the event clear, or a Clear that found it set
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
		if !in.alone || s&isClear != 0 {
			next = isSet
		}
	case opClear:
		if !in.alone || s&isSet != 0 {
			next = isClear
		}
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
		case op.result == failed && !op.mayTake(o) || op.result == cancelled || op.result == tooLate:
			continue
		case (op.op == opSet || op.op == opClear) && op.result == no: // another program has found it so
			in.op, in.saw = opIsSet, looked(op.op == opSet)
		case op.op == opSet || op.op == opClear:
			in.alone = op.flags&byPeer != 0 && op.result == ok // another program makes and removes the marker itself
			in.maybe = in.maybe || op.op == opClear && o.dirMoves
		case op.op == opIsSet && (op.result == open || o.dirMoves && op.result == no):
			continue
		case op.op == opIsSet:
			in.saw = looked(op.result == ok)
		case op.mayTake(o):
			in.op = opTake
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

// mayTake reports whether the operation has taken the event, or may have. A wait for any of
// several events that has not returned may have taken each of those with AutoReset, whichever
// of the events came first.
func (o *operation) mayTake(e object) bool {
	switch {
	case e.kind != autoEvent || !o.isOf(e):
		return false
	case o.op == opTake:
		return o.result == ok || o.result == open || o.result == failed
	}
	return o.op == opWait && (o.result == open || o.result == failed)
}

func looked(set bool) eventState {
	if set {
		return isSet
	}
	return isClear
}
