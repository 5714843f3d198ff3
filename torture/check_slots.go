//go:build linux

package main

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// slotNumbers is how many slots a semaphore had. During a Resize, that is not certain.
type slotNumbers struct {
	changes []*slotChange // the first one is the number at the beginning
	steps   []slotStep    // in the order of time
}

// A slotChange is a Resize that changed the number, or may have changed it.
type slotChange struct {
	span
	slots   int
	certain bool
	until   int64 // not later: then another one has certainly changed the number again
}

// A slotStep is a time from which on the numbers between these two are possible.
type slotStep struct {
	from         int64
	fewest, most int
}

// slotNumbers returns the numbers of slots of a semaphore. Any other lock has one slot.
func (s *story) slotNumbers(o object) *slotNumbers {
	n := &slotNumbers{changes: []*slotChange{{span: span{-1, -1}, slots: o.permit, certain: true}}}
	for _, op := range s.operations {
		if op.op == opResize && op.isOf(o) && op.result != no {
			n.changes = append(n.changes, &slotChange{span: op.span, slots: int(op.slept), certain: op.result == ok})
		}
	}
	var times []int64
	for _, c := range n.changes {
		c.until = never
		for _, later := range n.changes {
			if later.certain && c.before(later.span) {
				c.until = min(c.until, later.to)
			}
		}
		times = append(times, c.from, c.to+1)
		if c.to == never {
			times = times[:len(times)-1]
		}
	}
	slices.Sort(times)
	for _, t := range slices.Compact(times) {
		n.steps = append(n.steps, n.stepAt(t))
	}
	return n
}

func (n *slotNumbers) stepAt(t int64) slotStep {
	step := slotStep{t, math.MaxInt, 0}
	for _, c := range n.changes {
		if c.from <= t && t <= c.until {
			step.fewest, step.most = min(step.fewest, c.slots), max(step.most, c.slots)
		}
	}
	return step
}

func (n *slotNumbers) first() int { return n.changes[0].slots }

// within returns the steps that belong to a time.
func (n *slotNumbers) within(t span) []slotStep {
	i, found := slices.BinarySearchFunc(n.steps, t.from, func(s slotStep, at int64) int { return cmp.Compare(s.from, at) })
	if !found {
		i = max(i-1, 0)
	}
	j := i
	for j < len(n.steps) && n.steps[j].from <= t.to {
		j++
	}
	return n.steps[i:max(j, i+1)]
}

// during returns between which numbers the number of slots was during a time.
func (n *slotNumbers) during(t span) (fewest, most int) {
	fewest = math.MaxInt
	for _, s := range n.within(t) {
		fewest, most = min(fewest, s.fewest), max(most, s.most)
	}
	return fewest, most
}

// mayBe reports whether the number may have been one that pleases, at some moment of a time.
func (n *slotNumbers) mayBe(t span, pleases func(slots int) bool) bool {
	return slices.ContainsFunc(n.changes, func(c *slotChange) bool { return c.from <= t.to && t.from <= c.until && pleases(c.slots) })
}

// areCertain reports whether it is certain of each Resize whether it changed the number.
func (n *slotNumbers) areCertain() bool {
	return !slices.ContainsFunc(n.changes, func(c *slotChange) bool { return !c.certain })
}

// operations returns the changes for the model of a lock.
func (n *slotNumbers) operations() (ops []porcupine.Operation) {
	if !n.areCertain() { // the model allows the largest number all the time
		_, most := n.during(span{0, never})
		return []porcupine.Operation{{Input: lockInput{op: opResize, slots: most}, Call: -1, Return: -1}}
	}
	for _, c := range n.changes[1:] {
		ops = append(ops, porcupine.Operation{Input: lockInput{op: opResize, slots: c.slots}, Call: c.from, Return: c.to})
	}
	return ops
}

// checkSlots checks that only slots are held that count, and that all processes find the
// number of slots that the last Resize has made.
func (v *verdict) checkSlots(s *story, o object, holds []*hold, slots *slotNumbers) {
	if !o.resized {
		return
	}
	for _, h := range holds {
		if h.certain().from > h.certain().to {
			continue
		}
		for _, step := range slots.within(h.certain()) {
			if h.slot > step.most {
				v.add("permits", o, "%v has slot %d, but there were only %d at %s", h, h.slot, step.most, clock(max(step.from, h.acquire.to)))
				break
			}
		}
	}
	for _, op := range s.operationsOn(o) {
		n := int(op.slept)
		switch {
		case op.op == opSlots && op.result == ok && !slots.mayBe(op.span, func(m int) bool { return m == n }):
			v.add("slots", o, "%v, %d slots, but there was another number", op, n)
		case op.isAcquisition() && op.result == otherNumber && !slots.mayBe(op.span, func(m int) bool { return m != n }):
			v.add("slots", o, "%v, but %d is the number of slots", op, n)
		}
	}
}

// checkIdleSlots checks that no slot stays free while a process waits for the semaphore. Those
// that came before it may be ahead of it, so each acquisition of them begins a new time. A
// waiter notices new slots within a second.
func (v *verdict) checkIdleSlots(s *story, o object, holds []*hold, slots *slotNumbers) {
	bound := s.plan.late(o)
	if o.resized {
		bound += int64(time.Second)
	}
	free := slices.DeleteFunc(freeTimes(s, o, holds, slots), func(f span) bool { return f.to-f.from <= bound })
	for _, w := range s.operationsOn(o) {
		if !w.isAcquisition() || w.flags&byPeer != 0 || w.result == open || w.result == failed {
			continue
		}
		end := w.to
		if w.deadline > 0 {
			end = min(end, w.deadline)
		}
		for _, f := range free {
			in := longestWithout(holds, w, span{max(f.from, w.from), min(f.to, end)}, bound)
			if idle := in.to - in.from; idle > bound && idle-s.stalled(in.from, in.to) > bound {
				v.add("idle", o, "%v, although there was a free slot since %s", w, clock(in.from))
				break
			}
		}
	}
}

// longestWithout returns the longest part of a time in which no process acquired that had begun
// before w. A time that is not longer than the bound stays as it is.
func longestWithout(holds []*hold, w *operation, in span, bound int64) span {
	if in.to-in.from <= bound {
		return in
	}
	rest, longest := in, span{}
	for _, h := range holds { // by the end of the acquisition
		if at := h.acquire.to; h.got.from < w.from && rest.from < at && at < in.to {
			if at-rest.from > longest.to-longest.from {
				longest = span{rest.from, at}
			}
			rest.from = at
		}
	}
	if rest.to-rest.from > longest.to-longest.from {
		longest = rest
	}
	return longest
}

// freeTimes returns the times in which fewer slots were certainly held than there were. A slot
// that was granted, but not returned yet, does not count as held.
func freeTimes(s *story, o object, holds []*hold, slots *slotNumbers) (free []span) {
	type event struct {
		at     int64
		held   int // more or fewer
		fewest int // 0 = unchanged
	}
	var events []event
	for _, st := range slots.steps {
		events = append(events, event{at: st.from, fewest: st.fewest})
	}
	for _, h := range holds {
		events = append(events, event{at: h.acquire.to, held: 1}, event{at: max(h.release.to, h.acquire.to), held: -1})
	}
	for _, op := range s.operationsOn(o) {
		if op.isAcquisition() && op.result == open { // it may have got a slot before it was killed
			events = append(events, event{at: op.from, held: 1}, event{at: op.to, held: -1})
		}
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	held, fewest, since := 0, 0, int64(never)
	for _, e := range events {
		held, fewest = held+e.held, cmp.Or(e.fewest, fewest)
		switch isFree := held < fewest; {
		case isFree && since == never:
			since = max(e.at, 0)
		case !isFree && since != never:
			free = append(free, span{since, e.at})
			since = never
		}
	}
	if since != never {
		free = append(free, span{since, never})
	}
	return free
}
