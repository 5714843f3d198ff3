package fileevent

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/internal/watch"
)

// A Watch sees every [Event.Set] from when it was made. Make one with
// [Event.Watch] before you read what the event is about:
//
//	w, err := reload.Watch()
//	for err == nil {
//		load()
//		err = w.Next(ctx)
//	}
//
// Any number of processes may watch one event. A Watch takes nothing, changes
// nothing, and does not mind who else waits, clears or sets. It counts a marker
// that touch(1) makes as a Set. It remembers which marker it saw last, and
// which one was cleared last; so it holds no resources, need not be closed, and
// misses nothing while nobody calls Next.
//
// Not promised: that it sees a marker that rm(1), or on Windows a wait with
// [AutoReset], has removed before Next looks. These leave no trace. Nor that it sees a pulse in a directory that was
// removed, or replaced by another one, before Next looks.
//
// A Watch may be used by many goroutines; each Set ends one Next then. For each
// goroutine to see each Set, give each a Watch.
type Watch struct {
	event  *Event
	marker marker // that stays where it is

	mu   sync.Mutex
	last sighting
}

// Watch returns a Watch that sees every Set from here on. An event that is set
// already does not count until it is set again. The directory need not exist.
func (e *Event) Watch() (*Watch, error) {
	m, err := e.marker.begin("watch")
	if err != nil {
		return nil, err
	}
	w := &Watch{event: e, marker: m.located()}
	w.last, err = w.marker.sight()
	for start := time.Now(); err == nil && w.last.unsettled(start); {
		w.last, err = w.marker.sight()
	}
	if err != nil {
		return nil, err
	}
	return w, nil
}

// Next returns nil when the event has been set since the Watch was made or Next
// last returned nil, at once or as soon as it happens: once, however often that
// was. By then the event may have been cleared. The end of ctx and errors are
// as with [Event.Wait]; what was set meanwhile is left for the next call.
func (w *Watch) Next(ctx context.Context) error {
	if ctx.Err() != nil {
		return ended(ctx, w.marker.path)
	}
	v := vigil{event: w.event, marker: w.marker, aim: watch.Change}
	next := &wait{ctx: ctx, vigils: []vigil{v}, what: w.event.Path}
	next.step = func([]int) (bool, error) { return w.look() }
	return next.run()
}

// look reports whether there is another marker, or trace of one, than at the
// last look that did. It reads both under the mutex: with two goroutines in
// Next, the older view of one must not take the place of the other's.
func (w *Watch) look() (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, err := w.marker.sight()
	if err != nil || !now.news(w.last) {
		return false, err
	}
	for start := time.Now(); now.unsettled(start); {
		again, err := w.marker.sight()
		if err != nil {
			break // the next look will meet it
		}
		now = again
	}
	w.last = now
	return true, nil
}

// A sighting is the marker and the trace at one time. The marker is looked at
// first: a Clear that comes in between makes it the trace.
type sighting struct{ marker, trace token }

func (m marker) sight() (s sighting, err error) {
	err = m.reach(func(m marker) (err error) {
		m.refresh()
		if s.marker, err = m.mark(); err == nil {
			s.trace, err = m.trace()
		}
		return err
	})
	return s, err
}

// news reports whether there was a Set after before. A marker stands until it
// is replaced, removed, or becomes the trace. So a marker that was not there
// before is a new one; and so is a trace that is neither the one of before nor
// the marker of before. That this holds does not depend on the two having been
// there at the same instant: a marker that comes after the look at it is
// reported, and looked at again.
func (now sighting) news(before sighting) bool {
	return now.marker.differs(before.marker) ||
		now.trace.differs(before.trace) && now.trace.differs(before.marker)
}

// tick is the longest between two steps of the clock that births are read from.
const tick = 10 * time.Millisecond

// unsettled reports, after a pause, whether the sighting is not good to compare
// others with yet: a file so young that its record is still to come, or that
// touch(1) made, may go, and the next one be born on the same inode in the same
// tick. A tick is the longest that this can last.
func (s sighting) unsettled(since time.Time) bool {
	waited := time.Since(since)
	if waited > 2*tick || !s.marker.young() && !s.trace.young() {
		return false
	}
	if waited < tick/100 {
		runtime.Gosched() // the record takes microseconds
	} else {
		time.Sleep(tick / 20)
	}
	return true
}

func (t token) young() bool {
	return t.there && t.id == "" && time.Since(t.file.time()).Abs() <= tick
}
