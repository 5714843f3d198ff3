package fileevent

import (
	"time"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/process"
)

// MaxAge makes [Event.Wait], [Event.WaitFor], [WaitAny] and [WaitAll] ignore an event that
// was set longer than d ago: they wait until it is set again. [Event.IsSet] and [Event.Info]
// do not ignore it. With [AutoReset] an old event is not taken and stays set. The next Set
// renews it and wakes the waits that ignored it. If d is 0 or less, there is no limit.
//
// The age counts from Info.Since, see [Event.Info], by the clock of the process that set the
// event. If the marker has no record, because touch(1) made it, the age counts from the last
// change of the file. A time in the future is not old. A touch of a marker that has a record
// renews nothing. Waits see a touch of a marker without a record within a second.
func MaxAge(d time.Duration) Option {
	return func(e *Event) { e.maxAge = max(d, 0) }
}

// isYoung reports whether the marker, tombstone or notice at the path is no older than the
// limit. A missing file is too old for any limit.
func (e *Event) isYoung(path string) bool {
	return e.maxAge == 0 || time.Since(setTime(path)) <= e.maxAge
}

// isYoungTrace is isYoung for a tombstone or a notice, which may be archived.
func (e *Event) isYoungTrace(path string, v version) bool {
	if v.archived {
		return e.maxAge == 0 || time.Since(v.set) <= e.maxAge
	}
	return e.isYoung(path)
}

// setTime returns when the event of the marker, tombstone or notice at the path was set. It
// returns the zero time if there is no file.
func setTime(path string) time.Time {
	text, _ := marker{path: path}.content()
	if r, ok := process.Parse(text); ok && !r.Since.IsZero() {
		return r.Since
	}
	info, _ := file.Lstat(path)
	return info.ModTime
}
