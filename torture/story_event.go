//go:build linux

package main

import "time"

// eventStory returns the operations that change one event.
func (s *story) eventStory(o object) *eventStory {
	if s.events[o.number] == nil {
		if s.events == nil {
			s.events = map[int]*eventStory{}
		}
		s.events[o.number] = newEventStory(o, s.operationsOn(o))
	}
	return s.events[o.number]
}

// settled is how long after a change of directories all processes have noticed it, even on a
// busy machine. They look once a second.
const settled = 3 * time.Second

// late is plan.late for a change at a time. If the directory was not replaced shortly before,
// its waiters are woken as soon as others.
func (s *story) late(o object, since int64) int64 {
	d := s.plan.late(o)
	if o.remade && !s.mayBeMoved(o, span{since - int64(settled), since}) {
		d -= int64(time.Second)
	}
	return d
}

// mayBeMoved reports whether the directory of an object may have been another one during a
// time.
func (s *story) mayBeMoved(o object, during span) bool {
	return s.stillUntil(o, during.from) <= during.to
}

// stillUntil returns the time until which the directory of an object has certainly not changed
// since another time.
func (s *story) stillUntil(o object, since int64) int64 {
	until := int64(never)
	for _, m := range s.moves {
		if o.moves() && m.to >= since {
			until = min(until, max(m.from, since))
		}
	}
	return until
}
