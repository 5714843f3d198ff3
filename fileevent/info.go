package fileevent

import (
	"fmt"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/internal/printable"
	"github.com/fsync-lock/fsync/internal/process"
)

// An Info tells whether an event is set and which process set it. Fields that are not known
// are zero. An Info is for people to read: it may be out of date, and a user with write
// permission for the directory can put other text into the marker.
type Info struct {
	Set     bool
	PID     int       // the process that set it, in its own PID namespace
	Host    string    // its host name
	Boot    string    // identifies the boot of the host
	Command string    // the name of its program
	Note    string    // from its Note option
	Since   time.Time // when the process set the event, by its own clock

	// Rebooted means that the event was set on this host before the last boot, so
	// the process is no longer running.
	Rebooted bool
}

// Info tells whether the event is set, and which process made the marker: the last one that
// set the event, unless its Set could not replace the marker (see [Event.Set]). The process is
// not known if touch(1) made the marker, if the disk was full, or if the process was killed in
// Set. The errors are those of [Event.IsSet].
//
// Set makes the marker, which wakes the waiters, and only then writes its record. So if a
// marker is younger than a second and has no record, Info waits up to 10 ms for one. Once
// Set has returned, Info finds the record.
//
// Info ignores a marker with other content than a record of this package, and opens only
// regular files. The fields may contain control characters; the text of [Info.String]
// contains none.
func (e *Event) Info() (Info, error) {
	set, err := e.IsSet()
	if !set || err != nil {
		return Info{}, err
	}
	info := e.marker.info(recordSoon)
	if info.PID == 0 {
		info.Set, err = e.IsSet() // the event may have been cleared meanwhile
	}
	return info, err
}

// info returns the Info of a marker that exists. It waits for a record as readRecord does.
func (m marker) info(soon time.Duration) Info {
	r, known := m.readRecord(soon)
	if !known {
		return Info{Set: true}
	}
	me := process.Self()
	return Info{
		Set: true, PID: r.PID, Host: r.Host, Boot: r.Boot, Command: r.Command, Note: r.Note, Since: r.Since,
		Rebooted: r.Host == me.Host && r.Boot != "" && me.Boot != "" && r.Boot != me.Boot,
	}
}

// String describes the Info on one line without control characters:
// set by pid 4242 (deploy) on web1 2m13s ago: nightly.
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
		fmt.Fprintf(&b, " (%s)", printable.Shorten(i.Command, 80))
	}
	if i.Host != "" {
		fmt.Fprintf(&b, " on %s", printable.Shorten(i.Host, 64))
	}
	if ago := time.Since(i.Since); !i.Since.IsZero() && ago >= 0 {
		fmt.Fprintf(&b, " %v ago", ago.Truncate(time.Second))
	}
	if i.Rebooted {
		b.WriteString(", before the host was last started")
	}
	if i.Note != "" {
		fmt.Fprintf(&b, ": %s", printable.Shorten(i.Note, 80))
	}
	return b.String()
}
