package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/fileevent"
	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/internal/printable"
)

// A report is what info --json prints, in the schema of the manual page: the value of
// an absent field is not known. Fields have the same names as in the JSON of
// fsync-status, and may be added to version 1.
type report struct {
	Version int     `json:"fsync_event"`
	Events  []state `json:"events"`
}

// A state is an event when info looked at it.
type state struct {
	Name  string  `json:"name,omitempty"`
	Path  string  `json:"path"`
	State string  `json:"state"` // set, clear, or unknown after an error
	SetBy *setter `json:"set_by,omitempty"`
	Error string  `json:"error,omitempty"`
}

// A setter is the process that set an event.
type setter struct {
	PID      int       `json:"pid,omitempty"`
	Host     string    `json:"host,omitempty"`
	Command  string    `json:"command,omitempty"`
	Note     string    `json:"note,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Rebooted bool      `json:"rebooted,omitempty"`
}

// printInfo prints a line for each event with the process that set it, or JSON.
func (q *query) printInfo(out *os.File, targets []target) int {
	r := report{Version: 1, Events: []state{}}
	var b bytes.Buffer
	status := q.forAll(targets, func(t target) error {
		info, err := t.Info()
		r.Events = append(r.Events, t.state(info, err))
		if err != nil {
			return err
		}
		if !q.json {
			fmt.Fprintf(&b, "%s: %v\n", printable.Text(t.label), info)
		}
		if !info.Set {
			return errNotSet
		}
		return nil
	})
	text, err := b.Bytes(), error(nil)
	if q.json {
		text, err = printable.JSON(r, !term.UTF8())
	}
	if _, failed := out.Write(text); err != nil || failed != nil {
		return q.program.Fail(cli.ExitOutput, errors.Join(err, failed))
	}
	return status
}

func (t target) state(info fileevent.Info, err error) state {
	s := state{Name: t.name, Path: cwd.Name(t.Path()), State: "clear"}
	switch {
	case err != nil:
		s.State, s.Error = "unknown", err.Error()
	case info.Set:
		s.State = "set"
	}
	if info.PID > 0 {
		s.SetBy = &setter{info.PID, info.Host, info.Command, info.Note, info.Since, info.Rebooted}
	}
	return s
}
