package main

import (
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/cmd/internal/userdir"
	"github.com/fsync-lock/fsync/fileevent"
)

// A target is an event that the command line names.
type target struct {
	*fileevent.Event
	label string // as it was given
	name  string // empty if it was given as a file
}

// errNotSet means that an event is not set. It is an answer, not a failure.
var errNotSet = errors.New("not set")

// checkSet fails with errNotSet if the event is not set.
func (t target) checkSet() error {
	set, err := t.IsSet()
	if err == nil && !set {
		err = errNotSet
	}
	return err
}

// clear clears the event and removes the directory .fsync beside it, if it can.
func (t target) clear() error {
	err := t.Clear()
	if err == nil {
		t.Tidy()
	}
	return err
}

// targets returns the events of a verb other than run. With --name all operands are
// names, otherwise they are files.
func (q *query) targets(operands []string) ([]target, error) {
	return q.open(operands, func(string) bool { return len(q.names) > 0 }, append(q.noting(), q.waiting()...))
}

// noting returns the options of an event to set.
func (q *query) noting() []fileevent.Option { return []fileevent.Option{fileevent.Note(q.note)} }

// waiting returns the options of an event to wait for.
func (q *query) waiting() []fileevent.Option {
	opts := []fileevent.Option{fileevent.MaxAge(q.maxAge)}
	if q.take {
		opts = append(opts, fileevent.AutoReset())
	}
	return opts
}

// isName distinguishes names from files in --when and --set: a name has no slash in it.
// A file in the working directory can be given as ./FILE.
func isName(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r < 0x80 && os.IsPathSeparator(uint8(r)) })
}

// open returns the events with these labels. It touches no marker, but creates the
// directory for names if it is missing.
func (q *query) open(labels []string, named func(string) bool, opts []fileevent.Option) ([]target, error) {
	var targets []target
	var names *fsync.Manager
	for _, label := range labels {
		if !named(label) {
			targets = append(targets, target{Event: fileevent.New(label, q.withTaken(label, opts)...), label: label})
			continue
		}
		var err error
		if names == nil {
			if names, err = userdir.Open(q.dir); err != nil {
				return nil, err
			}
		}
		e, err := names.NewEvent(label, q.withTaken(label, opts)...)
		if err != nil {
			return nil, err
		}
		targets = append(targets, target{Event: e, label: label, name: label})
	}
	return targets, nil
}

// withTaken adds an option to opts: a wait that takes the event records it in q.taken.
func (q *query) withTaken(label string, opts []fileevent.Option) []fileevent.Option {
	return append(slices.Clip(opts), fileevent.OnTake(func(set fileevent.Info) {
		if q.taken == nil {
			q.taken = map[string]fileevent.Info{}
		}
		q.taken[label] = set
	}))
}
