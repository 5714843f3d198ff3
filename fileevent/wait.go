package fileevent

import (
	"context"
	"errors"
	"slices"

	"github.com/fsync-lock/fsync/internal/watch"
)

// A vigil is one event in one wait.
type vigil struct {
	event  *Event
	marker marker // that stays where it is
	aim    watch.Aim
	before token // for Appear
	sub    *watch.Subscription

	// For WaitAll.
	met     bool // at the last look
	lasting bool // to have been set for a moment is not enough
}

// keep begins a vigil. The trace is read before the first look. The other way
// round, a pulse between the two would be in neither.
func (e *Event) keep(aim watch.Aim) (vigil, error) {
	m, err := e.marker.begin("wait for")
	if err != nil {
		return vigil{}, err
	}
	v := vigil{event: e, marker: m.located(), aim: aim}
	if aim == watch.Appear {
		v.before, err = m.trace()
	}
	if err != nil && m.standing() { // who finds it set needs no trace
		err = nil
	}
	e.at(looking)
	return v, err
}

// A sight is what one look finds.
type sight struct {
	set bool // for Claim: and it was taken by this look
	now token
	err error
}

// see looks for the vigil and for others of its process that have the same
// path and aim. What one takes, the others have not.
func (v *vigil) see() (mine, others any) {
	var s sight
	s.err = v.marker.reach(func(m marker) error {
		if !s.set || v.aim != watch.Claim { // what has been taken is had
			s = v.seeAt(m)
		}
		return s.err
	})
	if s.set && v.aim == watch.Claim {
		return s, sight{}
	}
	return s, s
}

func (v *vigil) seeAt(m marker) (s sight) {
	switch v.aim {
	case watch.Claim:
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

// look reports whether what the vigil is for is the case, or was since it
// began. Before there is a subscription it looks for itself. So it does if old
// Sets do not count: others may think otherwise.
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
	if v.aim == watch.Vanish {
		return !s.set && s.err == nil, s.err
	}
	return s.set || !v.lasting && s.now.differs(v.before), s.err
}

// A wait is a call that waits for one or many events.
type wait struct {
	vigils []vigil
	ctx    context.Context
	what   func() string // is waited for, in words

	// step looks at the vigils of these indices and reports whether the wait is
	// over. It is not called again when it was.
	step func(changed []int) (bool, error)
}

// keep begins the vigils.
func (w *wait) keep(events []*Event, aim func(*Event) watch.Aim) error {
	w.vigils = make([]vigil, len(events))
	for i, e := range events {
		v, err := e.keep(aim(e))
		if err != nil {
			return err
		}
		w.vigils[i] = v
	}
	return nil
}

// run is the one loop that all waits sleep in. It returns nil when step says
// so. The first look comes before there are subscriptions, so that no watch is
// made for a wait that has nothing to wait for.
//
// The subscriptions come before the second look, or a change between the two
// would be reported to nobody and seen by nobody.
func (w *wait) run() error {
	all := make([]int, len(w.vigils))
	for i := range all {
		all[i] = i
	}
	if over, err := w.step(all); over || err != nil {
		return err
	}
	inbox := watch.NewInbox()
	defer w.unsubscribe()
	if err := w.subscribe(inbox); err != nil {
		return err
	}
	first := w.vigils[0].event
	var changed []int
	for next := all; ; next = changed {
		if over, err := w.step(next); over || err != nil {
			return err
		}
		first.at(sleeping)
		select {
		case <-inbox.Wake():
			changed = inbox.Nudged(changed[:0])
			slices.Sort(changed)
		case <-w.ctx.Done():
			return w.lastStep(all)
		}
	}
}

func (w *wait) subscribe(inbox *watch.Inbox) error {
	for i := range w.vigils {
		v := &w.vigils[i]
		v.event.at(subscribing)
		if err := v.subscribe(inbox, i); err != nil {
			return err
		}
	}
	return nil
}

func (v *vigil) subscribe(inbox *watch.Inbox, tag int) error {
	for {
		m, err := v.marker.now()
		if err != nil {
			return err
		}
		v.sub, err = inbox.Subscribe(m.path, v.aim, tag)
		if m.still() {
			return err
		}
		if err == nil { // it may be for another file
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

// lastStep is what a wait does when its ctx has ended. Who cancels wants no
// more of it, but a deadline is a time until which a Set counts, also one
// whose nudge is still on its way: hence looks of its own.
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
