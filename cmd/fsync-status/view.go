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

// A view is what is shown, and as JSON the schema that the man page describes:
// a field that is absent is not known. Fields may be added to version 1.
type view struct {
	Version   int        `json:"fsync_status"`
	Time      time.Time  `json:"time"`
	Host      string     `json:"host,omitempty"`
	Entries   []thing    `json:"entries"`
	Deadlocks []deadlock `json:"deadlocks"`

	all bool // processes that inherited a hold have rows of their own
}

// A thing is a lock, a semaphore or an event.
type thing struct {
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
}

// state is what a thing is in, in a word.
type state string

const (
	free    state = "free"    // no process holds it
	held    state = "held"    // a lock
	shared  state = "shared"  // a lock that its holders share
	partly  state = "partly"  // some slots of a semaphore
	full    state = "full"    // all slots of a semaphore
	isSet   state = "set"     // an event
	clear_  state = "clear"   // an event that is not set
	unknown state = "unknown" // it cannot be looked at, or the kernel does not tell
)

// A process holds something, waits for something or has set an event; or it has
// left a record, or a lock of another family.
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

	inherited bool   // another process of this hold has the row
	others    int    // that inherited the hold, if not
	about     string // what is said of it, instead of the command
}

// A deadlock is processes of which each waits for what the next one holds, and
// the last for what the first one holds.
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

// view makes of a look, and of the circles that it has confirmed, what is
// shown.
func (l *look) view(circles []fsync.Deadlock) view {
	host, _ := os.Hostname()
	v := view{Version: 1, Time: l.at.UTC().Truncate(time.Millisecond), Host: host, Entries: []thing{}, Deadlocks: []deadlock{}}
	owners := owners{host: host}
	for _, e := range l.entries {
		v.Entries = append(v.Entries, e.thing(&owners))
	}
	for _, c := range circles {
		var d deadlock
		for _, at := range c {
			d.Links = append(d.Links, link{
				PID: at.PID, User: owners.of(at.PID, host, at.Command), Command: at.Command,
				Kind: at.WaitsFor.Kind, Name: at.WaitsFor.Name, WaitsFor: cwd.Name(at.WaitsFor.Path), HeldBy: at.HeldBy,
			})
		}
		v.Deadlocks = append(v.Deadlocks, d)
	}
	return v
}

func (e entry) thing(o *owners) thing {
	t := thing{Kind: e.Kind, Name: e.Name, Path: cwd.Name(e.Path), State: e.state(), Slots: e.Slots, Holders: []process{}, Waiters: []process{}, Unknown: e.Unknown}
	if e.Err != nil {
		t.Error = e.Err.Error()
	}
	if e.Slots > 0 && e.Err == nil {
		used := e.slotsUsed()
		t.SlotsUsed = &used
	}
	for _, hold := range filelock.Holds(e.Holders) {
		for i, h := range hold {
			p := o.holder(h)
			if i == 0 {
				p.others = len(hold) - 1
			}
			p.inherited = i > 0
			t.Holders = append(t.Holders, p)
		}
	}
	for _, w := range e.Waiters {
		t.Waiters = append(t.Waiters, o.waiter(w))
	}
	for _, r := range e.Recorded {
		p := o.holder(r.Holder)
		p.Ended, p.about = r.Ended, r.String()
		t.Recorded = append(t.Recorded, p)
	}
	for _, l := range e.Posix {
		p := process{PID: l.PID, Command: l.Command, Shared: l.Shared, Slot: l.Slot, about: l.String()}
		o.here(&p)
		t.Posix = append(t.Posix, p)
	}
	if s := e.Info; s.Set && (s.PID > 0 || s.Command != "" || !s.Since.IsZero()) {
		t.SetBy = &process{PID: s.PID, User: o.of(s.PID, s.Host, s.Command), Host: s.Host, Command: s.Command, Note: s.Note, Since: s.Since}
	}
	return t
}

func (o *owners) holder(h filelock.Holder) process {
	return process{
		PID: h.PID, User: o.of(h.PID, h.Host, h.Command), Host: h.Host, Command: h.Command, Note: h.Note, Since: h.Since,
		Shared: h.Shared, Slot: h.Slot, Taker: h.Taker,
	}
}

// here says of a process that it is on this host: its kernel knows of it.
func (o *owners) here(p *process) {
	if p.PID > 0 {
		p.Host, p.User = o.host, o.of(p.PID, o.host, p.Command)
	}
}

func (o *owners) waiter(w filelock.Waiter) process {
	p := process{PID: w.PID, Command: w.Command, Since: w.Since, Shared: w.Shared, Nested: w.Nested}
	o.here(&p)
	return p
}

func (e entry) state() state {
	switch {
	case e.Err != nil:
		return unknown
	case e.Kind == fsync.KindEvent && e.Set:
		return isSet
	case e.Kind == fsync.KindEvent:
		return clear_
	case e.Status() == filelock.Unknown:
		return unknown
	case e.Status() == filelock.Free:
		return free
	case e.isSemaphore() && !e.full():
		return partly
	case e.isSemaphore():
		return full
	case e.Holders[0].Shared:
		return shared
	}
	return held
}

func (v view) writeJSON(w io.Writer) error {
	text, err := printable.JSON(v, !term.UTF8())
	if err == nil {
		_, err = w.Write(text)
	}
	return err
}
