package filelock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/internal/plain"
)

// State is who holds and who waits for a lock or a semaphore, as far as that
// can be found out, at one moment.
type State struct {
	Holders []Holder // known holders; see [Holds] for those that share a hold
	Waiters []Waiter

	Recorded []Record    // records in the file of holders that are not known to hold it
	Posix    []PosixLock // locks of another family on the same file

	// Unknown says why there may be holders, of the lock or of further slots,
	// that Holders does not name: the kernel cannot be asked, or does not tell.
	// It is empty if Holders is complete. For an exclusive lock with a holder it
	// is empty, too.
	Unknown string

	Err error // why it cannot be looked at, a [*fs.PathError]
}

// A Status is whether a lock, or any slot of a semaphore, is held.
type Status string

const (
	Held    Status = "held"
	Free    Status = "free"    // no process holds it
	Unknown Status = "unknown" // State.Unknown or State.Err says why
)

// Status returns whether the lock, or any slot of the semaphore, is held.
func (s State) Status() Status {
	switch {
	case s.Err != nil:
		return Unknown
	case len(s.Holders) > 0:
		return Held
	case s.Unknown != "":
		return Unknown
	}
	return Free
}

// holders are the known ones, or the error that says that there may be some.
func (s State) holders(path string) ([]Holder, error) {
	if s.Status() == Unknown && s.Err == nil {
		return nil, &fs.PathError{Op: "inspect", Path: path, Err: unsupportedError{errors.New(s.Unknown)}}
	}
	return s.Holders, s.Err
}

// Suspects returns the holders of a lock that is known to be held, because a try
// failed: the known ones, or else those that records name and that may still be
// there.
func (s State) Suspects() []Holder {
	list := s.Holders
	if len(list) == 0 {
		for _, r := range s.Recorded {
			if !r.Ended {
				list = append(list, r.Holder)
			}
		}
	}
	return list
}

// Waiter is a process that waits for a lock, as far as that can be found out.
// Fields that are not known are zero.
type Waiter struct {
	PID     int       // in the PID namespace of the caller
	Command string    // the command line, arguments joined by spaces
	Since   time.Time // when it began to wait, by its own clock
	Shared  bool

	// Nested are the holders of the lock that are ancestors of this process, and
	// this process itself if it inherited the lock that it waits for. If such an
	// ancestor waits for this process to end, neither goes on.
	Nested []int
}

// String describes the waiter on one line without control characters:
// pid 4243 (rsync -a /srv) for 2m13s.
func (w Waiter) String() string { return described(w.PID, w.Command, "", w.Since) }

// A PosixLock is a fcntl(2) lock on a lock file, a POSIX lock or an open file
// description lock. Such locks are another family than those of this package:
// on a local file system, neither excludes the other.
type PosixLock struct {
	PID     int    // 0 = not known, as for an open file description lock
	Command string // the command line, arguments joined by spaces
	Shared  bool
	Slot    int // of a semaphore, the slot whose file it is on, from 1
}

// String says what the lock is, and that it is no hold:
// a POSIX lock of pid 4242 (vi), another family: it does not exclude this one.
func (p PosixLock) String() string {
	return "a POSIX lock of " + described(p.PID, p.Command, "", time.Time{}) + ", another family: it does not exclude this one"
}

// A Locker is a [*Lock] or a [*Semaphore].
type Locker interface {
	Path() string
	Holders() ([]Holder, error)
	Waiters() ([]Waiter, error)
	seen() (want, error)
}

var _, _ Locker = (*Lock)(nil), (*Semaphore)(nil)

// Inspect returns the state of each lock, at the price of one: the kernel is
// asked once for all of them, and so what it says of them is of the same
// moment. That is what shows a deadlock.
func Inspect(locks ...Locker) []State {
	states, wants := make([]State, len(locks)), make([]want, len(locks))
	for i, l := range locks {
		wants[i], states[i].Err = l.seen()
	}
	inspect(states, wants, true)
	return states
}

// Waiters returns the processes that wait for the lock, those first that the
// kernel will serve first. It is the best effort of the moment: it takes no
// lock, and the answer may be stale. Empty means that none is known.
//
// The Linux kernel is asked (/proc/locks), so processes that wait with flock(1)
// or from another language are listed too. A process is listed once, however many
// of its goroutines wait, and perhaps still after a wait of it was given up.
// Since when it waits is known only of waits of this package, after their first
// second, where the gate can be written. On other systems, and of other PID
// namespaces, no waiter is known.
func (l *Lock) Waiters() ([]Waiter, error) { return waiters(l.seen()) }

// Waiters returns the processes that wait for a slot, as [Lock.Waiters] does.
func (s *Semaphore) Waiters() ([]Waiter, error) { return waiters(s.seen()) }

func waiters(w want, err error) ([]Waiter, error) {
	if err != nil {
		return nil, err
	}
	state := w.state(true)
	return state.Waiters, state.Err
}

func holders(w want, err error) ([]Holder, error) {
	if err != nil {
		return nil, err
	}
	return w.state(true).holders(w.given)
}

// state is the state of what is wanted. Unless it is to be thorough, it tells
// only of holders, and not of those that inherited a lock.
func (w want) state(thorough bool) State {
	states := make([]State, 1)
	inspect(states, []want{w}, thorough)
	return states[0]
}

// addRecord adds what the record in the file of a slot, or of a lock, says of a
// holder that is not known to hold it.
func (s *State) addRecord(r record, slot int) {
	h := r.holder()
	h.Slot = slot
	s.Recorded = append(s.Recorded, Record{h, !r.mayHold()})
}

// ownHolds are the holds that this process took itself. It knows of those
// where it can ask nobody.
func ownHolds(path string) (list []Holder) {
	at, err := lookAt(path)
	if err != nil || !at.exists {
		return nil
	}
	me := self()
	held.mu.Lock()
	defer held.mu.Unlock()
	for h := range held.handles {
		if h.kept && sameFile(h.file, at.file) {
			list = append(list, Holder{
				PID: me.PID, Taker: me.PID, Host: me.Host, Command: strings.Join(os.Args, " "),
				Note: h.rec.note, Since: h.rec.since, Shared: h.fl.RLocked(),
			})
		}
	}
	slices.SortStableFunc(list, func(a, b Holder) int { return a.Since.Compare(b.Since) })
	return list
}

// described names a process on one line without control characters.
func described(pid int, command, host string, since time.Time) string {
	var b strings.Builder
	b.WriteString(named(pid, command, host))
	if d := time.Since(since); !since.IsZero() && d >= 0 {
		fmt.Fprintf(&b, " for %v", d.Truncate(time.Second))
	}
	return b.String()
}

func named(pid int, command, host string) string {
	name := "a process"
	if pid > 0 {
		name = fmt.Sprintf("pid %d", pid)
	}
	if command != "" {
		name += fmt.Sprintf(" (%s)", plain.Shorten(command, 80))
	}
	if host != "" {
		name += " on " + plain.Shorten(host, 64)
	}
	return name
}

// guess adds to the state what is known of a file without the kernel, and why
// it cannot be asked. A file that is not there is not held.
func (s *State) guess(path string, slot int, why string) {
	if at, err := lookAt(path); s.Err == nil && err != nil {
		s.Err = err
		return
	} else if s.Err != nil || !at.exists {
		return
	}
	mine := ownHolds(path)
	for _, h := range mine {
		h.Slot = slot
		s.Holders = append(s.Holders, h)
	}
	if len(mine) > 0 && !mine[0].Shared {
		return
	}
	if len(mine) > 0 || !isUnopened(path) {
		s.Unknown = why
	}
	if r, ok := readRecord(path); ok {
		s.addRecord(r, slot)
	}
}
