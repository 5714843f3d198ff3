package fileevent

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/internal/watch"
)

// A Watch sees every [Event.Set] from the time when it was made. Make it with
// [Event.Watch] before you read the data that the event is about:
//
//	w, err := reload.Watch()
//	for err == nil {
//		load()
//		err = w.Next(ctx)
//	}
//
// Any number of processes may watch one event. A Watch changes nothing, and sees
// every Set even if other processes wait for the event, take it or clear it. A
// marker that touch(1) creates counts as a Set. A Watch only remembers which
// marker it saw last and which one was cleared last. So it holds no resources,
// need not be closed, and misses nothing between two calls of Next.
//
// A Watch may miss a Set if rm(1), or on Windows a wait with [AutoReset], removes
// the marker before Next looks, because these leave no trace. It may also miss a
// pulse if the directory is removed or replaced before Next looks.
//
// Many goroutines may use one Watch; each Set then ends one Next. If each
// goroutine must see each Set, give each its own Watch.
type Watch struct {
	event  *Event
	marker marker // that stays where it is

	mu   sync.Mutex
	last sighting
}

// Watch returns a Watch that sees every Set from now on. An event that is already
// set does not count until it is set again. The directory need not exist.
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

// Next waits until the event has been set since the Watch was made, or since Next
// last returned nil. It returns nil once for all Sets in that time. The event may
// have been cleared again. The errors are those of [Event.Wait]; after an error,
// the next call still sees the Sets until then.
func (w *Watch) Next(ctx context.Context) error {
	if ctx.Err() != nil {
		return ended(ctx, w.marker.path)
	}
	v := vigil{event: w.event, marker: w.marker, interest: watch.Change}
	next := &wait{ctx: ctx, vigils: []vigil{v}, what: w.event.Path}
	next.step = func([]int) (bool, error) { return w.look() }
	return next.run()
}

// look reports whether there was a Set since it last reported one. It reads the
// marker and the trace under the mutex: with two goroutines in Next, the older
// sighting of one must not replace the newer one of the other.
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
			break // the next look will return it
		}
		now = again
	}
	w.last = now
	return true, nil
}

// A sighting is the marker and the trace at one time. The marker is read first:
// a Clear between the two reads makes it the trace, so it is not missed.
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

// news reports whether there was a Set after before. A marker stays until it is
// replaced, removed, or becomes the trace. So there was a Set if the marker is
// another one than before, or if the trace is neither the trace nor the marker of
// before. The two need not be from the same instant: if a marker appears after
// the read, the watcher reports it, and there is another look.
func (now sighting) news(before sighting) bool {
	return now.marker.differs(before.marker) ||
		now.trace.differs(before.trace) && now.trace.differs(before.marker)
}

// tick is the longest time between two steps of the clock that births come from.
const tick = 10 * time.Millisecond

// unsettled reports whether a file of the sighting cannot yet be told from a
// later one: it has no ID, because its record is still to come or touch(1) made
// it, and it is younger than a tick. If it is removed now, the next file may get
// the same inode in the same tick. Before it returns true, unsettled pauses.
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
