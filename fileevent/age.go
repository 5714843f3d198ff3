package fileevent

import (
	"os"
	"time"
)

// MaxAge makes waits pass over a Set that is older than d when they look at it:
// for them the event is not set until it is set anew. [Event.Wait],
// [Event.WaitFor], [WaitAny] and [WaitAll] heed it; [Event.IsSet] and
// [Event.Info] do not. With [AutoReset] an old Set is not taken. It stays, and
// the next Set renews it, which wakes those that passed it over. No limit is a
// d of 0 or less.
//
// When an event was set is what [Event.Info] calls Since, by the setter's clock.
// Of a marker without such a record, as touch(1) makes it, it is the time of its
// last change; touch(1) does not renew one that has a record. A time that is
// yet to come is not old. What wakes nobody, such as a touch(1) of a marker that
// was there, is seen after a second.
func MaxAge(d time.Duration) Option {
	return func(e *Event) { e.maxAge = max(d, 0) }
}

// counts reports whether the marker, or the trace that it has become, is young
// enough. What is not there is not.
func (e *Event) counts(path string) bool {
	return e.maxAge == 0 || time.Since(setTime(path)) <= e.maxAge
}

// countsTrace reports it of a trace, which may be archived.
func (e *Event) countsTrace(m marker, t token) bool {
	if t.archived {
		return e.maxAge == 0 || time.Since(t.set) <= e.maxAge
	}
	return e.counts(m.tracePath())
}

// setTime returns when the event was set; zero if it is not.
func setTime(path string) time.Time {
	text, _ := marker{path: path}.content()
	if r, ok := parseRecord(text); ok && !r.Since.IsZero() {
		return r.Since
	}
	info, err := os.Lstat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
