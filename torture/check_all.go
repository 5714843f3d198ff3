//go:build linux

package main

// A WaitAll that takes several AutoReset events takes them one after the other, in the order
// of their paths. If another process has taken one first, WaitAll sets again what it has, and
// begins with the first one again. The checks of one event see each of these steps as an
// operation of its own.

// steps returns the steps of an opTakeAll.
func (o *operation) steps(p *plan) (steps []*operation) {
	if o.op != opTakeAll {
		return nil
	}
	step := func(op opcode, objects uint64, from, to int64) *operation {
		s := &operation{span: span{from, to}, op: op, result: ok, objects: objects, client: o.client, by: o.by, part: true}
		steps = append(steps, s)
		return s
	}
	begin := o.from // of the next step
	for i, t := range o.took {
		begin = max(begin, t.Slept)
		step(opTake, t.Objects, min(begin, t.Time), t.Time)
		begin = t.Time + 1 // it has certainly taken that event before it does more
		if last := i == len(o.took)-1; last && o.result != ok || !last && o.took[i+1].Hold <= t.Hold {
			end := o.to
			if !last {
				if end = o.took[i+1].Time; o.took[i+1].Slept > t.Time {
					end = o.took[i+1].Slept
				}
			}
			for _, back := range o.attempt(i) {
				if s := step(opSet, back.Objects, begin, end); last && (o.result == open || o.result == failed) {
					s.result = open // perhaps it could not
				}
			}
		}
	}
	if o.result == open { // killed after a take that it could not record
		for _, obj := range p.objects {
			if o.isOf(obj) && obj.kind == autoEvent {
				step(opTake, obj.mask(), begin, o.to).result = open
			}
		}
	}
	return steps
}

// attempt returns what an opTakeAll took in the attempt that ends with its ith take. An
// attempt that took all has nothing to set again.
func (o *operation) attempt(i int) []record {
	begin := i
	for begin > 0 && o.took[begin-1].Hold < o.took[begin].Hold {
		begin--
	}
	if uint64(i-begin)+1 == o.hold {
		return nil
	}
	return o.took[begin : i+1]
}

// checkTakeAll checks that a WaitAll takes in the order of the paths, that it is over as soon
// as it has taken all, and not before, and that it does not sleep on for long while all its
// events are set.
func (v *verdict) checkTakeAll(s *story, w *operation) {
	o := s.plan.objects[bitOf(w.objects)]
	next := uint64(0)
	for _, t := range w.took {
		switch {
		case next == w.hold:
			v.add("take all", o, "%v, but it had all %d events before it took one at %s", w, w.hold, clock(t.Time))
			return
		case t.Hold == 0: // from the beginning
		case t.Hold != next:
			v.add("take order", o, "%v: the event that it took at %s is the %d. in the order of the paths, but %d is next", w, clock(t.Time), t.Hold+1, next+1)
			return
		}
		next = t.Hold + 1
	}
	if took := next == w.hold; w.result != open && took != (w.result == ok) {
		v.add("take all", o, "%v, but it had taken %d of %d events", w, next, w.hold)
	}
	v.checkLateTakeAll(s, w)
}

// checkLateTakeAll looks for a time in which all events of the wait were certainly set.
func (v *verdict) checkLateTakeAll(s *story, w *operation) {
	if w.slept == 0 || w.result == open {
		return
	}
	all := s.eventsOf(w)
	for _, last := range all {
		for _, set := range last.sets.ops { // perhaps the last of them to be set
			since := max(set.to, w.from)
			bound := s.late(last.object, since)
			if set.result != ok || w.to-since <= bound {
				continue
			}
			by := w.to
			for _, e := range all {
				by = min(by, e.staysSet(since))
			}
			if by-since > bound && by-since-s.stalledFor(w, since, by) > bound {
				v.add("late wake-up", last.object, "%v, slept since %s, but all its events were set since %s", w, clock(w.slept), clock(since))
				return
			}
		}
	}
}

// eventsOf returns the stories of all events of an operation.
func (s *story) eventsOf(w *operation) (all []*eventStory) {
	for _, o := range s.plan.objects {
		if w.isOf(o) {
			all = append(all, s.eventStory(o))
		}
	}
	return all
}

// staysSet returns the time until which the event was certainly set since another time.
func (e *eventStory) staysSet(since int64) (until int64) {
	for _, set := range e.sets.ops {
		if set.result == ok && set.to <= since {
			until = max(until, e.setUntil(set, nil))
		}
	}
	return until
}

// checkAlls checks the waits for all of several events.
func (v *verdict) checkAlls(s *story) {
	for _, w := range s.operations {
		switch {
		case w.op == opTakeAll:
			v.checkTakeAll(s, w)
		case w.op == opWaitAll && w.result != open && w.slept > 0:
			v.checkWaitAll(s, w)
		}
	}
}

// checkWaitAll checks that a wait for all of several manual events neither reached its
// deadline nor slept on for long although each of them was set since it began.
func (v *verdict) checkWaitAll(s *story, w *operation) {
	var since, bound int64
	for _, e := range s.eventsOf(w) {
		if e.object.moves() {
			return
		}
		since = max(since, e.seenSince(w))
		bound = max(bound, s.late(e.object, since))
	}
	o := s.plan.objects[bitOf(w.objects)]
	switch {
	case since == never:
	case w.result == timedOut && since < w.deadline:
		v.add("lost wake-up", o, "%v, slept since %s, but each of its events was set until %s", w, clock(w.slept), clock(since))
	case w.to-since > bound && w.to-since-s.stalledFor(w, since, w.to) > bound:
		v.add("late wake-up", o, "%v, slept since %s, but each of its events was set until %s", w, clock(w.slept), clock(since))
	}
}

// seenSince returns the first time since which a wait must have seen that the event was set
// since it began: there was a Set while it slept, or the event stayed set.
func (e *eventStory) seenSince(w *operation) int64 {
	for _, set := range e.sets.ops {
		isSeen := set.from > w.slept && set.flags&noTrace == 0 && e.seenUntil(set) > w.to || e.setUntil(set, nil) > w.to
		if set.result == ok && isSeen {
			return max(set.to, w.from)
		}
	}
	return never
}
