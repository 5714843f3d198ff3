package main

import (
	"io"
	"os"
	"time"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/internal/printable"
)

// A listing is the output for one snapshot. The table is drawn from it, and --json prints
// its exported fields. The manual page documents them: if a field is absent, its value is
// not known. Later versions of the program may add fields to version 1.
type listing struct {
	Version   int        `json:"fsync_status"`
	Time      time.Time  `json:"time"`
	Host      string     `json:"host,omitempty"`
	Entries   []item     `json:"entries"`
	Deadlocks []deadlock `json:"deadlocks"`

	all bool // --all: processes that inherited a hold have rows of their own
}

// An item is a lock, a semaphore or an event.
type item struct {
	Kind      fsync.Kind `json:"kind"`
	Name      string     `json:"name,omitempty"`
	Path      string     `json:"path"`
	State     state      `json:"state"`
	Slots     int        `json:"slots,omitempty"`
	SlotsUsed *int       `json:"slots_used,omitempty"`
	Holders   []process  `json:"holders"`
	Waiters   []process  `json:"waiters"`
	Unknown   string     `json:"unknown,omitempty"`
	Recorded  []process  `json:"recorded,omitempty"`
	Posix     []process  `json:"posix,omitempty"`
	SetBy     *process   `json:"set_by,omitempty"`
	Error     string     `json:"error,omitempty"`

	label string // its name in the table
}

// state is the state of an item, in one word.
type state string

const (
	stateFree    state = "free"    // a lock or a semaphore
	stateHeld    state = "held"    // a lock, exclusively
	stateShared  state = "shared"  // a lock
	statePartly  state = "partly"  // some slots of a semaphore are held
	stateFull    state = "full"    // all slots of a semaphore are held
	stateSet     state = "set"     // an event
	stateClear   state = "clear"   // an event
	stateUnknown state = "unknown" // after an error, or if the kernel does not tell
)

// A process holds an item, waits for it or has set it; or it has left a record in
// the file, or has a POSIX lock on it.
type process struct {
	PID     int       `json:"pid,omitempty"`
	User    string    `json:"user,omitempty"`
	Host    string    `json:"host,omitempty"`
	Command string    `json:"command,omitempty"`
	Note    string    `json:"note,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	Shared  bool      `json:"shared,omitempty"`
	Slot    int       `json:"slot,omitempty"`
	Taker   int       `json:"taker,omitempty"`
	Nested  []int     `json:"nested,omitempty"`
	Ended   bool      `json:"ended,omitempty"`

	inherited bool   // it shares the hold of a process listed before it
	heirs     int    // the number of processes listed after it that share its hold
	about     string // what its row says, instead of the command
}

// A deadlock is a cycle of processes: each waits for a lock that the next one
// holds, and the last for a lock that the first holds.
type deadlock struct {
	Links []link `json:"links"`
}

type link struct {
	PID      int        `json:"pid"`
	User     string     `json:"user,omitempty"`
	Command  string     `json:"command,omitempty"`
	Kind     fsync.Kind `json:"waits_for_kind"`
	Name     string     `json:"waits_for_name,omitempty"`
	WaitsFor string     `json:"waits_for_path"`
	HeldBy   int        `json:"held_by,omitempty"`
}

// listing returns the output for a snapshot and its confirmed deadlocks.
func (s *snapshot) listing(deadlocks []fsync.Deadlock) listing {
	host, _ := os.Hostname()
	l := listing{Version: 1, Time: s.at.UTC().Truncate(time.Millisecond), Host: host, Entries: []item{}, Deadlocks: []deadlock{}}
	users := &users{host: host}
	for _, e := range s.entries {
		l.Entries = append(l.Entries, e.item(users))
	}
	for _, d := range deadlocks {
		var links []link
		for _, at := range d {
			links = append(links, link{
				PID: at.PID, User: users.of(at.PID, host, at.Command), Command: at.Command,
				Kind: at.WaitsFor.Kind, Name: at.WaitsFor.Name, WaitsFor: cwd.Name(at.WaitsFor.Path), HeldBy: at.HeldBy,
			})
		}
		l.Deadlocks = append(l.Deadlocks, deadlock{links})
	}
	return l
}

func (e entry) item(u *users) item {
	i := item{
		Kind: e.Kind, Name: e.Name, Path: cwd.Name(e.Path), label: e.label, State: e.state(),
		Slots: e.Slots, Holders: u.holders(e.Holders), Waiters: []process{}, Unknown: e.Unknown,
	}
	if e.Err != nil {
		i.Error = e.Err.Error()
	}
	if e.Slots > 0 && e.Err == nil {
		used := e.slotsHeld()
		i.SlotsUsed = &used
	}
	for _, w := range e.Waiters {
		i.Waiters = append(i.Waiters, u.local(process{PID: w.PID, Command: w.Command, Since: w.Since, Shared: w.Shared, Nested: w.Nested}))
	}
	for _, r := range e.Recorded {
		p := u.holder(r.Holder)
		p.Ended, p.about = r.Ended, r.String()
		i.Recorded = append(i.Recorded, p)
	}
	for _, l := range e.POSIX {
		i.Posix = append(i.Posix, u.local(process{PID: l.PID, Command: l.Command, Shared: l.Shared, Slot: l.Slot, about: l.String()}))
	}
	if s := e.Info; s.Set && (s.PID > 0 || s.Command != "" || !s.Since.IsZero()) {
		i.SetBy = &process{PID: s.PID, User: u.of(s.PID, s.Host, s.Command), Host: s.Host, Command: s.Command, Note: s.Note, Since: s.Since}
	}
	return i
}

// holders returns the holders. Processes that share a hold follow each other.
func (u *users) holders(list []filelock.Holder) []process {
	holders := []process{}
	for _, hold := range filelock.GroupByHold(list) {
		for i, h := range hold {
			p := u.holder(h)
			if p.inherited = i > 0; !p.inherited {
				p.heirs = len(hold) - 1
			}
			holders = append(holders, p)
		}
	}
	return holders
}

func (u *users) holder(h filelock.Holder) process {
	return process{
		PID: h.PID, User: u.of(h.PID, h.Host, h.Command), Host: h.Host, Command: h.Command, Note: h.Note, Since: h.Since,
		Shared: h.Shared, Slot: h.Slot, Taker: h.Taker,
	}
}

// local fills in the host and the user of a process on this host.
func (u *users) local(p process) process {
	if p.PID > 0 {
		p.Host, p.User = u.host, u.of(p.PID, u.host, p.Command)
	}
	return p
}

func (e entry) state() state {
	switch {
	case e.Err != nil:
		return stateUnknown
	case e.Kind == fsync.KindEvent && e.Set:
		return stateSet
	case e.Kind == fsync.KindEvent:
		return stateClear
	case e.Status() == filelock.Unknown:
		return stateUnknown
	case e.Status() == filelock.Free:
		return stateFree
	case e.Kind == fsync.KindSemaphore && !e.isFull():
		return statePartly
	case e.Kind == fsync.KindSemaphore:
		return stateFull
	case e.Holders[0].Shared:
		return stateShared
	}
	return stateHeld
}

// isBusy reports whether an item is, or may be, held or set, or has waiters.
func (i item) isBusy() bool {
	return i.State != stateFree && i.State != stateClear || len(i.Waiters) > 0
}

func (l listing) writeJSON(w io.Writer) error {
	text, err := printable.JSON(l, !term.UTF8())
	if err == nil {
		_, err = w.Write(text)
	}
	return err
}
