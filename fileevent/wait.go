package fileevent

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/fsync-lock/fsync/internal/watch"
)

// A condition is what one wait needs from one event.
type condition struct {
	event    *Event
	marker   marker // at the path that the wait began with; see marker.now
	interest watch.Interest
	before   version // of the tombstone, for Appear
	noticed  version // of the notice, for Appear with MaxAge
	sub      *watch.Subscription

	// For WaitAll.
	met     bool // when it was last checked
	lasting bool // the event must be set, not only have been set
}

// newCondition reads the tombstone before the first look at the marker. In the other
// order, a pulse between the two reads would show in neither.
func (e *Event) newCondition(interest watch.Interest) (condition, error) {
	m, err := e.marker.begin("wait for")
	if err != nil {
		return condition{}, err
	}
	c := condition{event: e, marker: m.withKind(), interest: interest}
	if interest == watch.Appear {
		c.before, err = settled(m.tombstone)
	}
	if err == nil && interest == watch.Appear && e.maxAge > 0 {
		c.noticed, err = settled(m.notice)
	}
	if err != nil {
		if set, existsErr := m.exists(); set && existsErr == nil {
			err = nil // a wait that finds the event set needs no tombstone
		}
	}
	e.at(looking)
	return c, err
}

// settled reads the tombstone again while it is ambiguous. If there is another tombstone
// meanwhile, settled returns the first one, so that the wait sees that there was a Set.
func settled(tombstone func() (version, error)) (version, error) {
	before, err := tombstone()
	for start := time.Now(); err == nil && before.ambiguous(time.Now()) && pauseInTick(start); {
		now, againErr := tombstone()
		if againErr != nil || now.differs(before) {
			break
		}
		before = now
	}
	return before, err
}

// An observation is the result of one look at an event.
type observation struct {
	set       bool // for Take: this look has taken the event
	tombstone version
	notice    version // for Appear with MaxAge
	err       error
}

// observe looks at the event for this condition and for the others of this process that
// have the same path and interest. If it takes the event, the result for the others is that
// the event is clear.
func (c *condition) observe() (mine, others any) {
	var o observation
	o.err = c.marker.reach(func(m marker) error {
		// reach may call this twice. If the first call took the event, it stays taken.
		if !o.set || c.interest != watch.Take {
			o = c.observeAt(m)
		}
		return o.err
	})
	if o.set && c.interest == watch.Take {
		return o, observation{}
	}
	return o, o
}

func (c *condition) observeAt(m marker) (o observation) {
	switch c.interest {
	case watch.Take:
		o.set, o.err = c.event.take(m)
	case watch.Vanish:
		o.set, o.err = m.exists()
	case watch.Appear:
		if o.set, o.err = m.exists(); o.err != nil {
			break
		}
		o.set = o.set && c.event.isYoung(m.path)
		if !o.set {
			o.tombstone, o.err = c.youngTrace(m, m.tombstoneName())
		}
		if o.err == nil && !o.set && c.event.maxAge > 0 {
			o.notice, o.err = c.youngTrace(m, m.noticeName())
		}
	}
	return o
}

// youngTrace returns the version of the tombstone or the notice with that name, unless it is
// older than the limit.
func (c *condition) youngTrace(m marker, name string) (version, error) {
	v, err := m.trace(name)
	v.exists = v.exists && c.event.isYoungTrace(m.sidecar(name), v)
	return v, err
}

// check reports whether the condition is met, or was met since it was made. It shares its
// look with other conditions, except before it has a subscription, and except with MaxAge,
// because the others may have another limit.
func (c *condition) check() (bool, error) {
	var o observation
	switch {
	case c.sub == nil:
		c.marker.refresh()
		fallthrough
	case c.event.maxAge > 0:
		mine, _ := c.observe()
		o = mine.(observation)
	default:
		o = c.sub.Look(c.observe).(observation)
	}
	if c.interest == watch.Vanish {
		return !o.set && o.err == nil, o.err
	}
	return o.set || !c.lasting && (o.tombstone.differs(c.before) || o.notice.differs(c.noticed)), o.err
}

// A wait is a call that waits for one or many events.
type wait struct {
	conditions []condition
	ctx        context.Context
	what       func() string // names the events, for an error

	// step checks the conditions of these indices and reports whether the wait is
	// over. It is not called again after that.
	step func(changed []int) (bool, error)
}

// begin makes the conditions.
func (w *wait) begin(events []*Event, interest func(*Event) watch.Interest) error {
	w.conditions = make([]condition, len(events))
	for i, e := range events {
		c, err := e.newCondition(interest(e))
		if err != nil {
			return err
		}
		w.conditions[i] = c
	}
	return nil
}

// run is the one loop in which all waits sleep. It returns nil when step reports that the
// wait is over. The first step comes before the subscriptions, so that no watch is made if
// the event is already set. The second step comes after the subscriptions. It sees all
// earlier changes, and every later change is reported.
func (w *wait) run() error {
	all := make([]int, len(w.conditions))
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
	aging, stop := w.tickIfAging()
	defer stop()
	var changed []int
	for next := all; ; {
		if over, err := w.step(next); over || err != nil {
			return err
		}
		w.conditions[0].event.at(sleeping)
		select {
		case <-queue.C():
			changed = queue.Drain(changed[:0])
			slices.Sort(changed)
			next = changed
		case <-aging:
			next = all
		case <-w.ctx.Done():
			return w.lastStep(all)
		}
	}
}

// tickIfAging returns a channel that is sent to once a second if an event has a [MaxAge].
// touch(1) can make an old marker young, and that changes nothing in the directory.
func (w *wait) tickIfAging() (tick <-chan time.Time, stop func()) {
	if !slices.ContainsFunc(w.conditions, func(c condition) bool { return c.event.maxAge > 0 }) {
		return nil, func() {}
	}
	t := time.NewTicker(time.Second)
	return t.C, t.Stop
}

func (w *wait) subscribe(queue *watch.Queue) error {
	for i := range w.conditions {
		if err := w.conditions[i].subscribe(queue, i); err != nil {
			return err
		}
	}
	return nil
}

func (c *condition) subscribe(queue *watch.Queue, tag int) error {
	for {
		m, err := c.marker.now()
		if err != nil {
			return err
		}
		c.event.at(subscribing)
		c.sub, err = queue.Subscribe(m.path, c.interest, tag)
		if m.still() {
			return err
		}
		if err == nil { // the working directory was changed meanwhile, so the path may lead to another file
			c.sub.Close()
		}
	}
}

func (w *wait) unsubscribe() {
	for i := range w.conditions {
		if sub := w.conditions[i].sub; sub != nil {
			sub.Close()
		}
	}
}

// lastStep ends a wait whose ctx has ended. After a cancellation it only returns the
// error. At a deadline it makes one more step, because a Set before the deadline counts.
// That step shares no look: the shared one may be older than the Set, whose notification may
// still be on its way.
func (w *wait) lastStep(all []int) error {
	if errors.Is(w.ctx.Err(), context.DeadlineExceeded) {
		w.unsubscribe()
		for i := range w.conditions {
			w.conditions[i].sub = nil
		}
		if over, err := w.step(all); over || err != nil {
			return err
		}
	}
	return ended(w.ctx, w.what())
}
