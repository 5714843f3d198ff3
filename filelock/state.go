package filelock

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/printable"
	"github.com/fsync-lock/fsync/internal/process"
)

// State has the known holders and waiters of a lock or a semaphore.
type State struct {
	Holders []Holder // known holders; [GroupByHold] groups the processes that share a hold
	Waiters []Waiter // known waiters

	Recorded []Record    // records in the file whose writers are not known to hold the lock
	POSIX    []POSIXLock // fcntl(2) locks on the same file

	// Unknown is the reason why Holders may be incomplete: the kernel cannot be
	// asked, or does not show all locks. It is empty if Holders is complete, for
	// example because it has the holder of an exclusive lock.
	Unknown string

	Err error // why the state cannot be read; it is an [*fs.PathError]
}

// A Status says whether a lock, or any slot of a semaphore, is held.
type Status string

const (
	Held    Status = "held"
	Free    Status = "free"    // no process holds the file at the path, or there is no file
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

// holders returns the known holders, or an error if there may be unknown ones.
func (s State) holders(path string) ([]Holder, error) {
	if s.Status() == Unknown && s.Err == nil {
		return nil, &fs.PathError{Op: "inspect", Path: path, Err: unsupportedError{errors.New(s.Unknown)}}
	}
	return s.Holders, s.Err
}

// LikelyHolders returns the processes that probably hold the lock, after a try has
// failed: the known holders or, if there are none, writers of records that may still run.
func (s State) LikelyHolders() []Holder {
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

// A Waiter is a process that waits for a lock. Unknown fields are zero.
type Waiter struct {
	PID     int       // in the caller's PID namespace
	Command string    // the command line, joined by spaces
	Since   time.Time // when it began to wait
	Shared  bool

	// Nested has the PIDs of holders that are ancestors of this process, and its own
	// PID if it inherited the lock that it waits for. If an ancestor waits for the end
	// of this process, that is a deadlock.
	Nested []int
}

// String describes the waiter on one line without control characters:
// pid 4243 (rsync -a /srv) for 2m13s.
func (w Waiter) String() string { return described(w.PID, w.Command, "", w.Since) }

// A POSIXLock is a fcntl(2) lock on a lock file: a POSIX lock or an open file
// description lock. On a local file system, such locks and the locks of this
// package do not exclude each other.
type POSIXLock struct {
	PID     int    // 0 = not known, as for an open file description lock
	Command string // the command line, joined by spaces
	Shared  bool
	Slot    int // the slot of a semaphore, from 1
}

// String describes the lock, and says that it is not a hold:
// a POSIX lock of pid 4242, another family: it does not exclude this one (vi).
func (p POSIXLock) String() string {
	return "a POSIX lock of " + named(p.PID, "", "") + ", another family: it does not exclude this one" + inParentheses(p.Command)
}

// An Inspectable is a [*Lock] or a [*Semaphore]. No other type can implement it.
type Inspectable interface {
	Path() string
	Holders() ([]Holder, error)
	Waiters() ([]Waiter, error)
	request(create bool) (request, error)
}

// Inspect returns the state of each lock or semaphore. It reads the kernel's table for all
// of them together, so many locks cost about as much as one. Processes may take and release
// locks meanwhile, so the states need not be of one moment.
func Inspect(locks ...Inspectable) []State {
	states, requests := make([]State, len(locks)), make([]request, len(locks))
	for i, l := range locks {
		requests[i], states[i].Err = l.request(false)
	}
	inspect(states, requests, true)
	return states
}

// Waiters returns the processes that wait for the lock or for a slot, in the order in
// which the kernel will serve them. It does not lock anything, and the answer may be out
// of date. An empty list means that no waiter is known.
//
// On Linux, Waiters asks the kernel (/proc/locks). The list includes processes
// that wait with flock(1) or from another language. A process is listed once,
// however many of its goroutines wait. A process that polls is not listed. Since
// is known only of waits of this package, after their first second, if the gate
// can be written. On other systems, and in other PID namespaces, waiters are not
// known.
func (c *common) Waiters() ([]Waiter, error) {
	r, err := c.request(false)
	if err != nil {
		return nil, err
	}
	state := r.state(true)
	return state.Waiters, state.Err
}

// state returns the state of the files of a request. If thorough is false, the state has
// no waiters, and no processes that inherited a lock.
func (r request) state(thorough bool) State {
	states := make([]State, 1)
	inspect(states, []request{r}, thorough)
	return states[0]
}

// slot returns the number of the slot that is file i; 0 for a lock.
func (r request) slot(i int) int {
	if r.semaphore == nil {
		return 0
	}
	return i + 1
}

// current returns the request with the paths that lead to its files now. It has no files if
// there are no such paths.
func (r request) current() request {
	r.files = slices.Clone(r.files)
	for i, f := range r.files {
		var err error
		if r.files[i], err = f.current(); err != nil {
			r.files = nil
			return r
		}
	}
	return r
}

// guess adds what is known without the kernel. why says why the kernel cannot be asked.
func (s *State) guess(path string, slot int, why string) {
	at, err := file.Lstat(path)
	s.Err = cmp.Or(s.Err, err)
	if s.Err != nil || !at.Exists { // a missing file is not held
		return
	}
	mine := ownHolds(at.ID, slot)
	s.Holders = append(s.Holders, mine...)
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

// ownHolds returns the holds on the file that this process acquired itself.
func ownHolds(id file.ID, slot int) (list []Holder) {
	me := process.Self()
	held.mu.Lock()
	defer held.mu.Unlock()
	for h := range held.holds {
		if h.id == id {
			list = append(list, Holder{
				PID: me.PID, Taker: me.PID, Host: me.Host, Command: strings.Join(os.Args, " "),
				Note: h.rec.note, Since: h.rec.since, Shared: h.fl.RLocked(), Slot: slot,
			})
		}
	}
	slices.SortStableFunc(list, func(a, b Holder) int { return a.Since.Compare(b.Since) })
	return list
}

// addRecord adds a record whose writer is not known to hold the lock.
func (s *State) addRecord(r process.Record, slot int) {
	s.Recorded = append(s.Recorded, Record{holderIn(r, slot), !r.MayRun()})
}

// described names a process, and says for how long it holds or waits, on one line
// without control characters.
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
	name += inParentheses(command)
	if host != "" {
		name += " on " + printable.Shorten(host, 64)
	}
	return name
}

// inParentheses returns a command that follows a text, or nothing.
func inParentheses(command string) string {
	if command == "" {
		return ""
	}
	return fmt.Sprintf(" (%s)", printable.Shorten(command, 80))
}
