package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os/exec"
	"slices"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/child"
)

// runCommand waits for the events of --when, runs the command, sets those of
// --set if it succeeded, and returns the command's exit status.
//
// What can be known to be wrong is found before the wait, which may take all
// night.
func (q *query) runCommand(r *child.Relay) int {
	began := time.Now()
	when, err := q.open(q.when, isName, q.waiting())
	if err != nil {
		return q.fail(openStatus(err), err)
	}
	next, err := q.open(q.set, isName, q.noting())
	if err == nil {
		err = settable(next)
	}
	if err != nil {
		return q.fail(openStatus(err), err)
	}
	path, err := exec.LookPath(q.operands[0])
	if err != nil && !errors.Is(err, exec.ErrDot) { // the user's PATH is the user's business
		return q.notRun(err)
	}
	if _, err := q.await(r, when); err != nil {
		return q.waitFailed(when, err)
	}
	q.noteOld(began)
	end, err := r.Run(child.Command{Path: path, Argv: q.operands})
	if err != nil {
		q.putBack(when)
		return q.notRun(err)
	}
	if end.Status == 0 {
		return q.each(next, target.Set)
	}
	return r.Mourn(end)
}

// noteOld says that run has taken what was set before it began, which may be of
// the night before. With --max-age it may be as old as that.
func (q *query) noteOld(began time.Time) {
	if q.quiet || q.maxAge > 0 {
		return
	}
	for _, label := range slices.Sorted(maps.Keys(q.taken)) {
		if before := began.Sub(q.taken[label].Since); before >= time.Millisecond { // finer it is not written
			q.complain("takes " + label + ", which was set " + inWords(before) + " before this run began; --max-age passes over what is old")
		}
	}
}

// settable finds mistakes in the events that are to be set. Their directories
// may be made by the command.
func settable(targets []target) error {
	for _, t := range targets {
		if _, err := t.IsSet(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// putBack sets again what was taken for a command that could not be started.
func (q *query) putBack(taken []target) {
	if q.take {
		q.each(taken, target.Set)
	}
}

// notRun is the status for a command that could not be run.
func (q *query) notRun(err error) int {
	status := exitNoExec
	if isShortage(err) {
		status = exitSystem
	}
	return q.fail(status, fmt.Errorf("cannot run %s: %w", q.operands[0], child.Reason(err)))
}
