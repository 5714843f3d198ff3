package fileevent

import (
	"os"
	"time"

	"github.com/fsync-lock/fsync/internal/process"
)

// MaxAge makes waits ignore an event that was set longer than d ago: they wait
// until it is set again. [Event.Wait], [Event.WaitFor], [WaitAny] and [WaitAll]
// do so; [Event.IsSet] and [Event.Info] do not. With [AutoReset] an old event is
// not taken and stays set. The next Set renews it and wakes the waits that
// ignored it. If d is 0 or less, there is no limit.
//
// The age counts from Info.Since, see [Event.Info], by the setter's clock. If the
// marker has no record, because touch(1) made it, the age counts from the last
// change of the file. touch(1) does not renew a marker that has a record. A time
// in the future is not old. A touch(1) of an existing marker is not reported to
// the waits, which see it within a second.
func MaxAge(d time.Duration) Option {
	return func(e *Event) { e.maxAge = max(d, 0) }
}

// counts reports whether the marker or trace at the path is young enough. One
// that does not exist is not.
func (e *Event) counts(path string) bool {
	return e.maxAge == 0 || time.Since(setTime(path)) <= e.maxAge
}

// countsTrace does the same for a trace, which may be archived.
func (e *Event) countsTrace(m marker, t token) bool {
	if t.archived {
		return e.maxAge == 0 || time.Since(t.set) <= e.maxAge
	}
	return e.counts(m.tracePath())
}

// setTime returns when the event was set; zero if it is not.
func setTime(path string) time.Time {
	text, _ := marker{path: path}.content()
	if r, ok := process.Parse(text); ok && !r.Since.IsZero() {
		return r.Since
	}
	info, err := os.Lstat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
