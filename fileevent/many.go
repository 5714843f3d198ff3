package fileevent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/internal/watch"
)

// WaitAny waits until one of the events is set, or ctx ends, and returns the
// index of one that it saw set, or that somebody set since it began, as with
// [Event.Wait]. If several are set when it begins it is the first of them. Of
// events with [AutoReset] it takes that one and no other.
//
// The error is that of [Event.Wait], and the index is -1. What is wrong with
// one event ends the wait for all of them. Without events, nothing could end
// it: that is [fs.ErrInvalid], at once.
//
// One call may wait for thousands of events. It is woken once for many
// changes, and looks at those alone that may have changed.
func WaitAny(ctx context.Context, events ...*Event) (int, error) {
	if len(events) == 0 {
		return -1, misplaced("fileevent: wait for any of no events")
	}
	if ctx.Err() != nil {
		return -1, ended(ctx, anyOf(events))
	}
	return waitAny(ctx, events)
}

// waitAny looks once even if ctx has ended.
func waitAny(ctx context.Context, events []*Event) (int, error) {
	w := &wait{ctx: ctx, what: func() string { return anyOf(events) }}
	if err := w.keep(events, (*Event).aim); err != nil {
		return -1, err
	}
	won := -1
	w.step = func(changed []int) (bool, error) {
		for _, i := range changed {
			switch met, err := w.vigils[i].look(); {
			case err != nil:
				return false, err
			case met:
				won = i
				return true, nil
			}
		}
		return false, nil
	}
	if err := w.run(); err != nil {
		return -1, err
	}
	return won, nil
}

func anyOf(events []*Event) string {
	if len(events) == 1 {
		return events[0].marker.path
	}
	return fmt.Sprintf("any of %d events, %s the first of them", len(events), events[0].marker.path)
}

// WaitAll waits until each of the events has been set, or ctx ends. It is
// enough for an event that it was seen set, or that somebody set it, at some
// time since the call began; it may have been cleared again when the last one
// is set. Without events, WaitAll returns nil.
//
// Events with [AutoReset] have to be set all at one time, and when the others
// have been, too. Only then they are taken, in the order of their paths. If
// somebody else is faster with one of them, those that were taken already are
// set again, of which [Event.Info] then says that this process did it, and the
// wait goes on. An event that is given twice, under one path or two, is taken
// once. When ctx ends, or another error occurs, nothing stays taken, unless
// setting it again fails, which the error then says. A process that dies while
// it takes several loses what it has taken, and leaves the others set.
//
// The errors are those of [WaitAny].
func WaitAll(ctx context.Context, events ...*Event) error {
	if len(events) == 0 {
		return nil
	}
	w := &waitForAll{missing: len(events)}
	w.wait = wait{ctx: ctx, step: w.step, what: func() string { return w.unmet(events) }}
	if ctx.Err() != nil {
		return ended(ctx, w.what())
	}
	if err := w.keep(events, func(*Event) watch.Aim { return watch.Appear }); err != nil {
		return err
	}
	w.chooseTakes()
	return w.run()
}

// A waitForAll is a WaitAll.
type waitForAll struct {
	wait
	missing int   // vigils that are not met
	takes   []int // vigils of the events that are to be taken, each path once, in the order of the paths
}

// chooseTakes finds out what is to be taken, in an order that is the same for
// all: two who took in different orders could make each other put back what
// they have for ever.
func (w *waitForAll) chooseTakes() {
	for i := range w.vigils {
		if w.vigils[i].event.auto {
			w.vigils[i].lasting = true
			w.takes = append(w.takes, i)
		}
	}
	paths := make(map[int]string)
	for _, i := range w.takes {
		paths[i] = cwd.Name(w.vigils[i].marker.path) // in which all processes agree
	}
	path := func(i int) string { return paths[i] }
	slices.SortStableFunc(w.takes, func(i, j int) int { return strings.Compare(path(i), path(j)) })
	w.takes = slices.CompactFunc(w.takes, func(i, j int) bool { return path(i) == path(j) })
}

func (w *waitForAll) step(changed []int) (bool, error) {
	for _, i := range changed {
		v := &w.vigils[i]
		if v.met && !v.lasting {
			continue // it was set, and that is enough
		}
		met, err := v.look()
		if err != nil {
			return false, err
		}
		w.note(v, met)
	}
	if w.missing > 0 {
		return false, nil
	}
	return w.take()
}

func (w *waitForAll) note(v *vigil, met bool) {
	switch {
	case met && !v.met:
		w.missing--
	case !met && v.met:
		w.missing++
	}
	v.met = met
}

// take takes all or nothing.
func (w *waitForAll) take() (bool, error) {
	takes := w.oneEach()
	for n, i := range takes {
		v := &w.vigils[i]
		m, err := v.marker.now()
		taken := false
		if err == nil {
			taken, err = v.event.take(m)
		}
		if taken {
			continue
		}
		w.note(v, false) // until it is set again, of which there will be a nudge
		return false, errors.Join(err, w.putBack(takes[:n]))
	}
	return true, nil
}

// oneEach returns the takes without those that lead to the marker of another
// one, through a symbolic link for instance: to take it twice would never
// succeed.
func (w *waitForAll) oneEach() (each []int) {
	byName := make(map[string][]marker)
	for _, i := range w.takes {
		m, _ := w.vigils[i].marker.now()
		key := strings.ToLower(m.name)
		if !slices.ContainsFunc(byName[key], m.is) {
			each, byName[key] = append(each, i), append(byName[key], m)
		}
	}
	return each
}

func (w *waitForAll) putBack(taken []int) error {
	var errs []error
	for _, i := range taken {
		v := &w.vigils[i]
		again := *v.event
		var err error
		if again.marker, err = v.marker.now(); err == nil {
			err = again.Set()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("set again what was taken: %w", err))
		}
	}
	return errors.Join(errs...)
}

// unmet names what the wait waits for yet.
func (w *waitForAll) unmet(events []*Event) string {
	i := max(0, slices.IndexFunc(w.vigils, func(v vigil) bool { return !v.met }))
	what := events[i].marker.path
	if len(events) > 1 {
		what = fmt.Sprintf("%d of %d events, %s the first of them", w.missing, len(events), what)
	}
	return what
}
