package fileevent

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/watch"
)

// A Watch sees every [Event.Set] from the time when it was made. Make it with
// [Event.Watch] before you read the data that the event is about; the zero value cannot be
// used:
//
//	w, err := reload.Watch()
//	for err == nil {
//		load()
//		err = w.Next(ctx)
//	}
//
// Any number of processes may watch one event. A Watch changes nothing, and sees every Set
// even if other processes wait for the event, take it or clear it. A marker that touch(1)
// creates counts as a Set. A Watch only remembers which marker it saw last, and which marker
// was cleared last. So it holds no resources, need not be closed, and misses nothing between
// two calls of Next.
//
// A Watch may miss a Set if rm(1), or on Windows a wait with [AutoReset], removes the marker
// before Next looks, because these leave no tombstone. It may also miss a pulse if the
// directory is removed or replaced before Next looks.
//
// Many goroutines may use one Watch; then each Set ends one Next. If each goroutine must see
// each Set, make a Watch for each goroutine. A Watch must not be copied.
type Watch struct {
	event  *Event
	marker marker // at the path that the Watch began with; see marker.now

	mu   sync.Mutex
	last versions
}

// Watch returns a Watch that sees every Set from now on. If the event is already set, only
// the next Set counts. The directory need not exist. The error is an [*fs.PathError]: no
// marker can have the path ([fs.ErrInvalid]), or a permission to look for it is missing.
func (e *Event) Watch() (*Watch, error) {
	m, err := e.marker.begin("watch")
	if err != nil {
		return nil, err
	}
	w := &Watch{event: e, marker: m.withKind()}
	if w.last, err = w.marker.versions(versions{}); err == nil {
		w.last, err = w.marker.settle(w.last)
	}
	if err != nil {
		return nil, err
	}
	return w, nil
}

// Next waits until the event has been set since the Watch was made, or since Next last
// returned nil. It returns nil once for all Sets in that time. The event may have been
// cleared again. The errors are those of [Event.Wait]; after an error, the next call still
// sees the Sets until then.
func (w *Watch) Next(ctx context.Context) error {
	if ctx.Err() != nil {
		return ended(ctx, w.marker.path)
	}
	c := condition{event: w.event, marker: w.marker, interest: watch.Change}
	next := &wait{ctx: ctx, conditions: []condition{c}, what: w.event.Path}
	next.step = func([]int) (bool, error) { return w.setSinceLast() }
	return next.run()
}

// setSinceLast reports whether there was a Set since it last reported one. It reads the
// marker and the tombstone under the mutex: with two goroutines in Next, older versions
// that one has read must not replace newer ones that the other has read.
func (w *Watch) setSinceLast() (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, err := w.marker.versions(w.last)
	if err != nil || !now.setSince(w.last) {
		return false, err
	}
	w.last, _ = w.marker.settle(now) // if the error lasts, the next call returns it
	return true, nil
}

// A versions has the version of the marker, and the versions of the tombstone and the notice,
// which were read after it. The notice is known only if there was a marker, then or before.
type versions struct{ marker, tombstone, notice version }

// versions reads the marker first. If a Clear comes between the two reads, the same file is
// read again as the tombstone, and not missed. If there is no marker, and there was none
// before, the tombstone tells enough: there is a new notice only if there was a marker.
func (m marker) versions(before versions) (v versions, err error) {
	err = m.reach(func(m marker) (err error) {
		m.refresh()
		if v.marker, err = m.version(); err == nil {
			v.tombstone, err = m.tombstone()
		}
		if err == nil && (v.marker.exists || before.marker.exists) {
			v.notice, err = m.notice()
		}
		return err
	})
	return v, err
}

// version returns the version of the marker. It opens only a regular file: opening a
// device or a FIFO can have effects.
func (m marker) version() (version, error) {
	info, err := file.LstatBirth(m.path)
	if err == nil && info.Mode.IsRegular() {
		return versionOf(m.path)
	}
	return identify(info), err
}

// setSince reports whether the event was set between the reads of before and now. A marker
// stays until it is replaced, removed, or becomes the tombstone. So the event was set if the
// marker is another one than in before, if the tombstone is neither the tombstone nor the
// marker in before, or if a Set has found the marker in before and has left a notice.
// The two versions need not be from the same instant: if a marker appears after its read,
// the watcher reports it, and Next reads again.
func (now versions) setSince(before versions) bool {
	return now.marker.differs(before.marker) ||
		now.tombstone.differs(before.tombstone) && now.tombstone.differs(before.marker) ||
		before.marker.exists && now.notice.differs(before.notice)
}

// tick is the longest time between two steps of the clock that gives files their times.
const tick = 10 * time.Millisecond

// settle reads the versions again while one of them is ambiguous, but for two ticks at most.
// With an error it returns the versions that it read before.
func (m marker) settle(v versions) (versions, error) {
	for start := time.Now(); v.ambiguous(time.Now()) && pauseInTick(start); {
		again, err := m.versions(v)
		if err != nil {
			return v, err
		}
		v = again
	}
	return v, nil
}

// pauseInTick pauses before the next read of an ambiguous version. It reports false if the
// reads have gone on for two ticks since start.
func pauseInTick(start time.Time) bool {
	switch waited := time.Since(start); {
	case waited > 2*tick:
		return false
	case waited < tick/100:
		runtime.Gosched() // Set writes the ID within microseconds
	default:
		time.Sleep(tick / 20)
	}
	return true
}

func (v versions) ambiguous(now time.Time) bool {
	return v.marker.ambiguous(now) || v.tombstone.ambiguous(now) || v.notice.ambiguous(now)
}

// ambiguous reports whether a file cannot be told from a later one: it has no ID, because
// its record is still to come or touch(1) made it, and it is younger than a tick. If it is
// removed now, the next file may get the same inode in the same tick.
func (v version) ambiguous(now time.Time) bool {
	return v.exists && v.id == "" && now.Sub(v.born).Abs() <= tick
}
