package fileevent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/internal/invalid"
	"github.com/fsync-lock/fsync/internal/watch"
)

// WaitAny waits until one of the events is set, or ctx ends. It returns the index of an
// event for which [Event.Wait] would return. If several are set when WaitAny begins, it
// returns the first of them. If that event has [AutoReset], WaitAny takes it, and no other.
//
// After an error the index is -1. The errors are those of [Event.Wait]; an error of one
// event ends the wait for all of them. Without events, WaitAny returns [fs.ErrInvalid] at
// once.
//
// One call may wait for thousands of events. It wakes once for many changes, and looks only
// at events that may have changed.
func WaitAny(ctx context.Context, events ...*Event) (int, error) {
	if len(events) == 0 {
		return -1, invalid.Error("fileevent: wait for any of no events")
	}
	if ctx.Err() != nil {
		return -1, ended(ctx, anyOf(events))
	}
	return waitAny(ctx, events)
}

// waitAny is WaitAny, but it looks once even if ctx has ended.
func waitAny(ctx context.Context, events []*Event) (int, error) {
	w := &wait{ctx: ctx, what: func() string { return anyOf(events) }}
	if err := w.begin(events, (*Event).interest); err != nil {
		return -1, err
	}
	won := -1
	w.step = func(changed []int) (bool, error) {
		for _, i := range changed {
			switch met, err := w.conditions[i].check(); {
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

// WaitAll waits until each of the events has been set, or ctx ends. An event
// counts if it was set at some time since the call began; it may have been
// cleared again when the last one is set. Without events, WaitAll returns nil.
//
// Events with [AutoReset] must all be set at the same time, when all other events have been
// set. Then WaitAll takes them in the order of their paths. If another process takes one of
// them first, WaitAll sets again the events that it has taken, and goes on waiting;
// [Event.Info] then names this process. If an event is given twice, under one path or two,
// WaitAll takes it once.
//
// If ctx ends or an error occurs, WaitAll sets again the events that it has taken. If that
// fails, its errors are joined to the error. If the process dies while it takes several
// events, some of them may stay taken and the others set.
//
// The other errors are those of [Event.Wait].
func WaitAll(ctx context.Context, events ...*Event) error {
	if len(events) == 0 {
		return nil
	}
	w := &waitForAll{missing: len(events)}
	w.wait = wait{ctx: ctx, step: w.step, what: func() string { return w.unmet(events) }}
	if ctx.Err() != nil {
		return ended(ctx, w.what())
	}
	if err := w.begin(events, func(*Event) watch.Interest { return watch.Appear }); err != nil {
		return err
	}
	w.chooseTakes()
	return w.run()
}

// A waitForAll is a WaitAll.
type waitForAll struct {
	wait
	missing int   // how many conditions are not met
	takes   []int // the conditions of events with AutoReset, each path once, in the order of the paths
}

// chooseTakes lists the events to take, in an order that is the same in all processes. Two
// processes that took in different orders could make each other put their events back again
// and again.
func (w *waitForAll) chooseTakes() {
	for i := range w.conditions {
		if w.conditions[i].event.auto {
			w.conditions[i].lasting = true
			w.takes = append(w.takes, i)
		}
	}
	paths := make(map[int]string)
	for _, i := range w.takes {
		paths[i] = cwd.Name(w.conditions[i].marker.path)
	}
	path := func(i int) string { return paths[i] }
	slices.SortStableFunc(w.takes, func(i, j int) int { return strings.Compare(path(i), path(j)) })
	w.takes = slices.CompactFunc(w.takes, func(i, j int) bool { return path(i) == path(j) })
}

func (w *waitForAll) step(changed []int) (bool, error) {
	for _, i := range changed {
		c := &w.conditions[i]
		if c.met && !c.lasting {
			continue // that it was set once is enough
		}
		met, err := c.check()
		if err != nil {
			return false, err
		}
		w.setMet(c, met)
	}
	if w.missing > 0 {
		return false, nil
	}
	return w.take()
}

func (w *waitForAll) setMet(c *condition, met bool) {
	switch {
	case met && !c.met:
		w.missing--
	case !met && c.met:
		w.missing++
	}
	c.met = met
}

// take takes all events in w.takes, or none.
func (w *waitForAll) take() (bool, error) {
	takes := w.distinctTakes()
	for n, i := range takes {
		c := &w.conditions[i]
		m, err := c.marker.now()
		taken := false
		if err == nil {
			taken, err = c.event.take(m)
		}
		if taken {
			continue
		}
		w.setMet(c, false) // when the event is set again, there will be a notification
		return false, errors.Join(err, w.putBack(takes[:n]))
	}
	return true, nil
}

// distinctTakes returns one take for each marker. Two paths may lead to one marker, for
// example through a symbolic link, and the second take of the marker would always fail.
func (w *waitForAll) distinctTakes() (each []int) {
	byName := make(map[string][]marker)
	for _, i := range w.takes {
		m, _ := w.conditions[i].marker.now()
		key := strings.ToLower(m.name)
		if !slices.ContainsFunc(byName[key], m.is) {
			each, byName[key] = append(each, i), append(byName[key], m)
		}
	}
	return each
}

// putBack sets again the events that were taken.
func (w *waitForAll) putBack(taken []int) error {
	var errs []error
	for _, i := range taken {
		c := &w.conditions[i]
		again := *c.event
		var err error
		if again.marker, err = c.marker.now(); err == nil {
			err = again.Set()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("set again what was taken: %w", err))
		}
	}
	return errors.Join(errs...)
}

// unmet names the events that the wait still waits for.
func (w *waitForAll) unmet(events []*Event) string {
	i := max(0, slices.IndexFunc(w.conditions, func(c condition) bool { return !c.met }))
	what := events[i].marker.path
	if len(events) > 1 {
		what = fmt.Sprintf("%d of %d events, %s the first of them", w.missing, len(events), what)
	}
	return what
}
