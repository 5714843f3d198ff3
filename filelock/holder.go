package filelock

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/fsync-lock/fsync/internal/printable"
)

// A Holder is a process that holds a lock. Unknown fields are zero. A Holder is for
// people to read: when they read it, the lock may have another holder.
type Holder struct {
	PID     int       // in the caller's PID namespace, or, from a record, in the holder's
	Host    string    // host name
	Command string    // the command line, joined by spaces, or, from a record, the name of the program
	Note    string    // the text of the option Note
	Since   time.Time // when the lock was acquired, by the holder's clock
	Shared  bool
	Taker   int // the PID of the process that acquired the lock, which may have ended; other holders inherited the lock
	Slot    int // the slot of a semaphore, from 1
}

// String describes the holder on one line without control characters:
// pid 4242 (rsync -a /srv) on web1 for 2m13s: nightly.
func (h Holder) String() string {
	text := described(h.PID, h.Command, h.Host, h.Since)
	if h.Note != "" {
		text += ": " + printable.Shorten(h.Note, 80)
	}
	return text
}

// GroupByHold groups holders by hold. A group has the process that acquired the lock, if
// it still runs, and then the processes that inherited the hold from it, in the order of
// their IDs. Groups are in the order of slots, then of takers.
func GroupByHold(holders []Holder) [][]Holder {
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

// heir is 0 for the process that acquired the lock, and 1 for others.
func (h Holder) heir() int {
	if h.Taker == h.PID {
		return 0
	}
	return 1
}

// A Record is a record in a lock file whose writer is not known to hold the lock.
// The writer may have died before it could remove the record, or this process cannot
// see the writer.
type Record struct {
	Holder
	Ended bool // the process is known to have ended
}

// String names the writer of the record, and says when it acquired the lock:
// left by pid 4242 on web1, 2 h ago, not known to be held (backup).
func (r Record) String() string {
	text := "left by " + named(r.PID, "", r.Host)
	if d := time.Since(r.Since); !r.Since.IsZero() && d >= 0 {
		text += ", " + rough(d) + " ago"
	}
	text += ", not known to be held" + inParentheses(r.Command)
	if r.Note != "" {
		text += ": " + printable.Shorten(r.Note, 80)
	}
	return text
}

// rough returns a duration in its largest unit.
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

// Holders returns the processes that hold the lock or a slot, this process included. It
// does not lock anything, and the answer may be out of date. An empty list without an error
// means that no process holds the file that is at the path now; if a held file was removed,
// Holders does not see the hold. The error is
// [errors.ErrUnsupported] if it is not known whether the lock is held; then [Inspect]
// tells more, such as the record in the file.
//
// On Linux, Holders asks the kernel (/proc/locks and /proc/PID/fdinfo, proc(5)).
// The list includes processes that inherited the lock, and processes that took it with
// flock(1) or from another language. The kernel does not show the locks of other hosts
// on a network file system. It shows the locks of other PID namespaces only in the
// initial one. On other systems a process knows only its own holds.
//
// Note and Since come from the record in the lock file. An exclusive holder
// writes the record some milliseconds after it acquired the lock, or when it
// calls File, and empties the file when the hold ends. Only a slot of a semaphore, a
// file called NAME.lock, and the file of a lock with a [Note] get a record. The holder
// must have permission to write to the file. The file must have no second name, and when
// it is locked, it must be empty or contain a record. A process that may write to the lock
// file can also write a false record.
func (c *common) Holders() ([]Holder, error) {
	r, err := c.request(false)
	if err != nil {
		return nil, err
	}
	return r.state(true).holders(c.given)
}
