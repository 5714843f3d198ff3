package fileevent

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/fsync-lock/fsync/internal/watch"
)

// A vigil is one event in one wait.
type vigil struct {
	event    *Event
	marker   marker // that stays where it is
	interest watch.Interest
	before   token // for Appear
	sub      *watch.Subscription

	// For WaitAll.
	met     bool // at the last look
	lasting bool // to have been set for a moment is not enough
}

// keep begins a vigil. The trace is read before the first look at the marker: in
// the other order, a pulse between the two reads would show in neither.
func (e *Event) keep(interest watch.Interest) (vigil, error) {
	m, err := e.marker.begin("wait for")
	if err != nil {
		return vigil{}, err
	}
	v := vigil{event: e, marker: m.located(), interest: interest}
	if interest == watch.Appear {
		v.before, err = m.trace()
	}
	if err != nil && m.standing() { // a wait that finds the event set needs no trace
		err = nil
	}
	e.at(looking)
	return v, err
}

// A sight is the result of one look.
type sight struct {
	set bool // for Claim: this look took the event
	now token
	err error
}

// see looks for this vigil and for the others of this process that have the same
// path and aim. If it takes the event, the others see it clear.
func (v *vigil) see() (mine, others any) {
	var s sight
	s.err = v.marker.reach(func(m marker) error {
		if !s.set || v.interest != watch.Take { // do not lose it if the path leads elsewhere now
			s = v.seeAt(m)
		}
		return s.err
	})
	if s.set && v.interest == watch.Take {
		return s, sight{}
	}
	return s, s
}

func (v *vigil) seeAt(m marker) (s sight) {
	switch v.interest {
	case watch.Take:
		s.set, s.err = v.event.take(m)
	case watch.Vanish:
		s.set, s.err = m.exists()
	case watch.Appear:
		if s.set, s.err = m.exists(); s.err != nil {
			break
		}
		s.set = s.set && v.event.counts(m.path)
		if !s.set {
			s.now, s.err = m.trace()
			s.now.there = s.now.there && v.event.countsTrace(m, s.now)
		}
	}
	return s
}

// look reports whether the vigil is met now, or was met at some time since it
// began. It shares its look with other vigils, except before there is a
// subscription, and with MaxAge, because others may have another limit.
func (v *vigil) look() (bool, error) {
	var s sight
	switch {
	case v.sub == nil:
		v.marker.refresh()
		fallthrough
	case v.event.maxAge > 0:
		mine, _ := v.see()
		s = mine.(sight)
	default:
		s = v.sub.Look(v.see).(sight)
	}
	if v.interest == watch.Vanish {
		return !s.set && s.err == nil, s.err
	}
	return s.set || !v.lasting && s.now.differs(v.before), s.err
}

// A wait is a call that waits for one or many events.
type wait struct {
	vigils []vigil
	ctx    context.Context
	what   func() string // names the events that the wait is for

	// step looks at the vigils of these indices and reports whether the wait is
	// over. It is not called again after that.
	step func(changed []int) (bool, error)
}

// keep begins the vigils.
func (w *wait) keep(events []*Event, interest func(*Event) watch.Interest) error {
	w.vigils = make([]vigil, len(events))
	for i, e := range events {
		v, err := e.keep(interest(e))
		if err != nil {
			return err
		}
		w.vigils[i] = v
	}
	return nil
}

// run is the one loop that all waits sleep in. It returns nil when step reports
// that the wait is over. The first look comes before the subscriptions, so that
// no watch is made if the event is already set. The second look comes after them:
// a change before it is seen, and a change after it is reported.
func (w *wait) run() error {
	all := make([]int, len(w.vigils))
	for i := range all {
		all[i] = i
	}
	if over, err := w.step(all); over || err != nil {
		return err
	}
	queue := watch.NewQueue()
	defer w.unsubscribe()
	if err := w.subscribe(queue); err != nil {
		return err
	}
	first := w.vigils[0].event
	again, stop := w.lookAgain()
	defer stop()
	var changed []int
	for next := all; ; next = changed {
		if over, err := w.step(next); over || err != nil {
			return err
		}
		first.at(sleeping)
		select {
		case <-queue.C():
			changed = queue.Drain(changed[:0])
			slices.Sort(changed)
		case <-again:
			changed = append(changed[:0], all...)
		case <-w.ctx.Done():
			return w.lastStep(all)
		}
	}
}

// lookAgain returns a channel that is sent to once a second if a wait has a [MaxAge]:
// touch(1) can make an old marker young, and that does not change the directory.
func (w *wait) lookAgain() (again <-chan time.Time, stop func()) {
	if !slices.ContainsFunc(w.vigils, func(v vigil) bool { return v.event.maxAge > 0 }) {
		return nil, func() {}
	}
	ticker := time.NewTicker(time.Second)
	return ticker.C, ticker.Stop
}

func (w *wait) subscribe(queue *watch.Queue) error {
	for i := range w.vigils {
		v := &w.vigils[i]
		v.event.at(subscribing)
		if err := v.subscribe(queue, i); err != nil {
			return err
		}
	}
	return nil
}

func (v *vigil) subscribe(queue *watch.Queue, tag int) error {
	for {
		m, err := v.marker.now()
		if err != nil {
			return err
		}
		v.sub, err = queue.Subscribe(m.path, v.interest, tag)
		if m.still() {
			return err
		}
		if err == nil { // the path may lead to another file by now
			v.sub.Close()
		}
	}
}

func (w *wait) unsubscribe() {
	for i := range w.vigils {
		if sub := w.vigils[i].sub; sub != nil {
			sub.Close()
		}
	}
}

// lastStep ends a wait whose ctx has ended. After a cancellation it only returns
// the error. At a deadline it looks once more, because a Set before the deadline
// counts; it does not share the look, because the nudge may still be on its way.
func (w *wait) lastStep(all []int) error {
	if errors.Is(w.ctx.Err(), context.DeadlineExceeded) {
		w.unsubscribe()
		for i := range w.vigils {
			w.vigils[i].sub = nil
		}
		if over, err := w.step(all); over || err != nil {
			return err
		}
	}
	return ended(w.ctx, w.what())
}
