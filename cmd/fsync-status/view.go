package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"time"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/plain"
)

// A view is what is shown, and as JSON the schema that the man page describes:
// a field that is absent is not known. Fields may be added to version 1.
type view struct {
	Version   int        `json:"fsync_status"`
	Time      time.Time  `json:"time"`
	Host      string     `json:"host,omitempty"`
	Entries   []thing    `json:"entries"`
	Deadlocks []deadlock `json:"deadlocks"`
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
	SetBy     *process   `json:"set_by,omitempty"`
	Error     string     `json:"error,omitempty"`
}

// state is what a thing is in, in a word.
type state string

const (
	free    state = "free"    // nobody is known to hold it
	held    state = "held"    // a lock
	shared  state = "shared"  // a lock that its holders share
	partly  state = "partly"  // some slots of a semaphore
	full    state = "full"    // all slots of a semaphore
	isSet   state = "set"     // an event
	clear_  state = "clear"   // an event that is not set
	unknown state = "unknown" // it cannot be looked at
)

// A process holds something, waits for something or has set an event.
type process struct {
	PID     int       `json:"pid,omitempty"`
	User    string    `json:"user,omitempty"`
	Host    string    `json:"host,omitempty"`
	Command string    `json:"command,omitempty"`
	Note    string    `json:"note,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	Shared  bool      `json:"shared,omitempty"`
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
				Kind: at.WaitsFor.Kind, Name: at.WaitsFor.Name, WaitsFor: at.WaitsFor.Path,
			})
		}
		v.Deadlocks = append(v.Deadlocks, d)
	}
	return v
}

func (e entry) thing(o *owners) thing {
	t := thing{Kind: e.Kind, Name: e.Name, Path: e.Path, State: e.state(), Slots: e.Slots, Holders: []process{}, Waiters: []process{}}
	if err := e.problem(); err != nil {
		t.Error = err.Error()
	}
	if e.isSemaphore() && e.Err == nil {
		used := e.slotsUsed()
		t.SlotsUsed = &used
	}
	for _, h := range e.Holders {
		t.Holders = append(t.Holders, process{
			PID: h.PID, User: o.of(h.PID, h.Host, h.Command), Host: h.Host, Command: h.Command, Note: h.Note, Since: h.Since, Shared: h.Shared,
		})
	}
	for _, w := range e.Waiters {
		t.Waiters = append(t.Waiters, o.waiter(w))
	}
	if s := e.setBy; s.Set && (s.PID > 0 || s.Command != "" || !s.Since.IsZero()) {
		t.SetBy = &process{PID: s.PID, User: o.of(s.PID, s.Host, s.Command), Host: s.Host, Command: s.Command, Note: s.Note, Since: s.Since}
	}
	return t
}

// waiter is on this host: its kernel knows of it.
func (o *owners) waiter(w filelock.Waiter) process {
	p := process{PID: w.PID, Command: w.Command, Since: w.Since, Shared: w.Shared}
	if w.PID > 0 {
		p.Host, p.User = o.host, o.of(w.PID, o.host, w.Command)
	}
	return p
}

func (e entry) state() state {
	switch {
	case e.problem() != nil:
		return unknown
	case e.Kind == fsync.Event && e.Set:
		return isSet
	case e.Kind == fsync.Event:
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
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, plain.HarmlessJSON(b.String()))
	return err
}
