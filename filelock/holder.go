package filelock

import (
	"fmt"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/internal/plain"
)

// Holder is who holds a lock, as far as that can be found out. Fields that are
// not known are zero. It is for people to read: by the time it is shown it may
// not be true any more.
type Holder struct {
	PID     int       // in the PID namespace of the caller; in the holder's own if only its record tells of it
	Host    string    // host name
	Command string    // the command line, arguments joined by spaces
	Note    string    // what the holder said with the Note option
	Since   time.Time // when the lock was acquired, by the holder's clock
	Shared  bool
	Slot    int // of a semaphore, which of its slots, from 1; processes that inherit a slot hold the same one
}

// String describes the holder on one line without control characters:
// pid 4242 (rsync -a /srv) on web1 for 2m13s: nightly.
func (h Holder) String() string {
	var b strings.Builder
	if h.PID > 0 {
		fmt.Fprintf(&b, "pid %d", h.PID)
	} else {
		b.WriteString("a process")
	}
	if h.Command != "" {
		fmt.Fprintf(&b, " (%s)", plain.Shorten(h.Command, 80))
	}
	if h.Host != "" {
		fmt.Fprintf(&b, " on %s", plain.Shorten(h.Host, 64))
	}
	if held := time.Since(h.Since); !h.Since.IsZero() && held >= 0 {
		fmt.Fprintf(&b, " for %v", held.Truncate(time.Second))
	}
	if h.Note != "" {
		fmt.Fprintf(&b, ": %s", plain.Shorten(h.Note, 80))
	}
	return b.String()
}

// Holders returns who holds the lock, this process included. It is the best
// effort of the moment: it takes no lock, and the answer may be stale or miss
// holders. Empty means that none is known.
//
// On Linux the kernel is asked (/proc/locks and /proc/PID/fdinfo, proc(5)): a
// process that inherited the lock is a holder too, and so is one that took it
// with flock(1) or from another language.
//
// Whom the kernel does not show is known from a record: an exclusive holder
// writes who it is into the lock file, some milliseconds after it acquired the
// lock or when File is called, and empties the file when it releases it. It
// does so only to the slots of a semaphore and to a file that is called
// NAME.lock, has no other name, may be written, and was empty or held just
// such a record when it was locked; what else a lock file contains is never
// touched. The record also is where Note and Since
// come from, so they are not known of shared holds.
//
// A record that a crash left behind is not shown if the kernel knows better,
// or if its process is gone. That cannot be told of a holder on another host
// or, except from the initial one, in another PID namespace: it is shown until
// the lock is held again, or the file emptied. Whoever may write the lock file
// may write a record that lies.
func (l *Lock) Holders() ([]Holder, error) { return holders(l.seen()) }
