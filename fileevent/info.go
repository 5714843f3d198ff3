package fileevent

import (
	"fmt"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/internal/plain"
)

// Info is whether an event is set and, as far as that can be known, by whom.
// Fields that are not known are zero. It is for people to read: by the time it
// is shown it may not be true any more, and whoever may write to the directory
// may have written something else.
type Info struct {
	Set     bool
	PID     int       // of who set it, in its own PID namespace
	Host    string    // host name
	Boot    string    // tells apart starts of one host
	Command string    // the name of the program
	Note    string    // what was said with the Note option
	Since   time.Time // when it was set, by the setter's clock

	// Rebooted: it was set on this host before the host was last started. None
	// of the processes of that time is running.
	Rebooted bool
}

// Info returns whether the event is set, and who set it. That is known if Set
// made the marker, and not if it was touch(1), if the disk was full, or if
// another Set did that died at the wrong moment. Of several Sets it is the
// last. The error is that of [Event.IsSet].
//
// Of a marker that is not yet a second old and has no record in it, Info waits
// 10 ms to see whether one comes: a Set makes the marker, which wakes who
// waits, and then writes into it. After that Set has returned, Info has it.
//
// What a marker contains that is not a record of this package is ignored, and
// nothing is opened that is not a regular file. The fields contain what was
// written there, which may be control characters; [Info.String] does not.
func (e *Event) Info() (Info, error) {
	set, err := e.IsSet()
	if !set || err != nil {
		return Info{}, err
	}
	info := e.marker.info(recordSoon)
	if info.PID == 0 {
		info.Set, err = e.IsSet() // it may have been cleared meanwhile
	}
	return info, err
}

// info is what the record in a marker says, for which it waits a moment.
func (m marker) info(soon time.Duration) Info {
	r, known := m.readRecord(soon)
	if !known {
		return Info{Set: true}
	}
	me := self()
	return Info{
		Set: true, PID: r.PID, Host: r.Host, Boot: r.Boot, Command: r.Command, Note: r.Note, Since: r.Since,
		Rebooted: r.Host == me.Host && r.Boot != "" && me.Boot != "" && r.Boot != me.Boot,
	}
}

// String describes it on one line without control characters:
// set by pid 4242 (deploy web) on web1 2m13s ago: nightly.
func (i Info) String() string {
	if !i.Set {
		return "not set"
	}
	var b strings.Builder
	b.WriteString("set")
	if i.PID > 0 {
		fmt.Fprintf(&b, " by pid %d", i.PID)
	}
	if i.Command != "" {
		fmt.Fprintf(&b, " (%s)", plain.Shorten(i.Command, 80))
	}
	if i.Host != "" {
		fmt.Fprintf(&b, " on %s", plain.Shorten(i.Host, 64))
	}
	if ago := time.Since(i.Since); !i.Since.IsZero() && ago >= 0 {
		fmt.Fprintf(&b, " %v ago", ago.Truncate(time.Second))
	}
	if i.Rebooted {
		b.WriteString(", before the host was last started")
	}
	if i.Note != "" {
		fmt.Fprintf(&b, ": %s", plain.Shorten(i.Note, 80))
	}
	return b.String()
}
