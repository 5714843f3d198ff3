package fsync

import (
	"fmt"
	"strings"

	"github.com/fsync-lock/fsync/fileevent"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/printable"
)

// A Kind says whether an entry is a lock, a semaphore or an event.
type Kind string

// The kinds of entries. A lock, a semaphore and an event may have the same name,
// because their files have different suffixes.
const (
	KindLock      Kind = "lock"
	KindSemaphore Kind = "semaphore"
	KindEvent     Kind = "event"
)

// suffixes are the ends of the file names of each kind.
var suffixes = []struct {
	kind   Kind
	suffix string
}{{KindLock, ".lock"}, {KindSemaphore, ".sem"}, {KindEvent, ".event"}}

// Entry is a lock, a semaphore or an event, and its state.
type Entry struct {
	Kind  Kind
	Name  string // in the Manager's directory; empty for an entry given by its path
	Path  string
	Slots int // of a semaphore; 0 if no process has used it yet

	// State has the holders and waiters of a lock or a semaphore. Its Err says
	// why the state of an entry of any kind is not known.
	filelock.State

	// Info says whether an event is set, and which process set it.
	fileevent.Info
}

// Status returns whether a lock, or any slot of a semaphore, is held. If the
// status is unknown, Err or Unknown says why. The status of an event is always
// unknown.
func (e Entry) Status() filelock.Status {
	if e.Kind == KindEvent {
		return filelock.Unknown
	}
	return e.State.Status()
}

// String describes the entry on one line without control characters:
// lock nightly: held by pid 4242 (rsync -a /srv) on web1 for 2m13s; 1 waits.
func (e Entry) String() string {
	name := e.Name
	if name == "" {
		name = e.Path
	}
	return fmt.Sprintf("%s %s: %s", e.Kind, printable.Shorten(name, 240), e.describe())
}

// describe returns the part of String after the name.
func (e Entry) describe() string {
	switch {
	case e.Err != nil:
		return "unknown: " + printable.Shorten(e.Err.Error(), 240)
	case e.Kind == KindEvent:
		return e.Info.String()
	}
	parts := []string{e.describeHolds()}
	for _, r := range e.Recorded {
		parts = append(parts, r.String())
	}
	for _, p := range e.POSIX {
		parts = append(parts, p.String())
	}
	if n := len(e.Waiters); n == 1 {
		parts = append(parts, "1 waits")
	} else if n > 1 {
		parts = append(parts, fmt.Sprintf("%d wait", n))
	}
	return strings.Join(parts, "; ")
}

func (e Entry) describeHolds() string {
	holds := filelock.GroupByHold(e.Holders)
	text := string(e.Status())
	switch {
	case e.Status() == filelock.Unknown:
		text += ": " + e.Unknown
	case e.Kind == KindSemaphore && len(holds) > 0:
		text = fmt.Sprintf("%d of %d slots held", len(holds), e.Slots)
	}
	separator := " by "
	for _, hold := range holds {
		text += separator + hold[0].String()
		separator = ", "
	}
	return text
}
