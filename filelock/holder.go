package filelock

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/fsync-lock/fsync/internal/plain"
)

// Holder is who holds a lock, as far as that can be found out. Fields that are
// not known are zero. It is for people to read: by the time it is shown it may
// not be true any more.
type Holder struct {
	PID     int       // in the PID namespace of the caller; in the holder's own if only its record tells of it
	Host    string    // host name
	Command string    // the command line, arguments joined by spaces; the program's name if only a record tells of it
	Note    string    // what the holder said with the Note option
	Since   time.Time // when the lock was acquired, by the holder's clock
	Shared  bool
	Taker   int // the process that took the lock, and may have ended; others inherited it; 0 = not known
	Slot    int // of a semaphore, which of its slots, from 1; processes that inherit a slot hold the same one
}

// String describes the holder on one line without control characters:
// pid 4242 (rsync -a /srv) on web1 for 2m13s: nightly.
func (h Holder) String() string {
	text := described(h.PID, h.Command, h.Host, h.Since)
	if h.Note != "" {
		text += ": " + plain.Shorten(h.Note, 80)
	}
	return text
}

// Holds groups holders by hold: the processes of a group share one, because
// they inherited it from the process that took it. That process is the first of
// its group, unless it has ended; the others are in the order of their IDs, and
// the groups in the order of slots and takers.
func Holds(holders []Holder) [][]Holder {
	list := slices.Clone(holders)
	slices.SortStableFunc(list, func(a, b Holder) int {
		return cmp.Or(cmp.Compare(a.Slot, b.Slot), cmp.Compare(a.Taker, b.Taker), a.heir()-b.heir(), cmp.Compare(a.PID, b.PID))
	})
	var holds [][]Holder
	for i, h := range list {
		if i == 0 || h.Taker == 0 && h.Shared || h.Taker != list[i-1].Taker || h.Slot != list[i-1].Slot {
			holds = append(holds, nil)
		}
		last := len(holds) - 1
		holds[last] = append(holds[last], h)
	}
	return holds
}

// heir is 0 for the process that took the lock, and 1 for others.
func (h Holder) heir() int {
	if h.Taker == h.PID {
		return 0
	}
	return 1
}

// A Record is what a holder wrote into a lock file, if it is not known that it
// still holds the lock. It may have ended without a chance to remove the record,
// or be out of sight of this process.
type Record struct {
	Holder
	Ended bool // the process is known to have ended
}

// String says who left the record, and when:
// left by pid 4242 (backup) on web1, 2 h ago, not known to be held.
func (r Record) String() string {
	text := "left by " + named(r.PID, r.Command, r.Host)
	if d := time.Since(r.Since); !r.Since.IsZero() && d >= 0 {
		text += ", " + rough(d) + " ago"
	}
	text += ", not known to be held"
	if r.Note != "" {
		text += ": " + plain.Shorten(r.Note, 80)
	}
	return text
}

// rough is a duration in its largest unit.
func rough(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

// Holders returns the processes that hold the lock, this one included. It is
// the best effort of the moment: it takes no lock, and the answer may be stale.
// Empty without an error means that no process holds it. The error is
// [errors.ErrUnsupported] if that cannot be told: [Inspect] gives more, such as
// what a record in the file says.
//
// On Linux the kernel is asked (/proc/locks and /proc/PID/fdinfo, proc(5)): a
// process that inherited the lock is a holder too, and so is one that took it
// with flock(1) or from another language. The kernel shows neither locks of
// other PID namespaces, unless in the initial one, nor locks of other hosts on
// a network file system. On other systems a process knows only its own holds.
//
// Note and Since come from a record: an exclusive holder writes who it is into
// the lock file, some milliseconds after it acquired the lock or when File is
// called, and empties the file when it releases it. It does so only to the
// slots of a semaphore and to a file that is called NAME.lock, has no other
// name, may be written, and was empty or held just such a record when it was
// locked; what else a lock file contains is never touched. A process that can
// write the lock file can write a record that lies.
func (l *Lock) Holders() ([]Holder, error) { return holders(l.seen()) }
