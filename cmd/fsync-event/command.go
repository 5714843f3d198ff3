package main

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/child"
	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/runlog"
)

// A job is a command to run when events are set.
type job struct {
	*query
	relay *child.Relay
	began time.Time
	when  []target
	next  []target // to set when the command has succeeded
	path  string   // of the command
}

// runCommand waits for the events of --when, runs the command, sets those of
// --set if it succeeded, and returns the command's exit status. With --each it runs
// the command again and again.
func (q *query) runCommand(r *child.Relay) int {
	j := &job{query: q, relay: r, began: time.Now()}
	var e *runlog.Entry
	if !q.onEach {
		e = j.begin()
	}
	status, err := j.prepare()
	switch {
	case err != nil && e == nil:
		return j.unprepared(j.begin(), status, err)
	case err != nil:
		return j.unprepared(e, status, err)
	case q.onEach:
		return j.each()
	}
	_, err = q.await(r, j.when)
	e.Waited()
	if err != nil {
		return j.gaveUp(e, err)
	}
	q.noteOld(j.began)
	end, status, _ := j.execute(e)
	if end.Status != 0 {
		return r.ExitLike(end)
	}
	return status
}

// prepare finds mistakes before the wait, which may take all night. It returns the
// exit status with the error.
func (j *job) prepare() (status int, err error) {
	if j.when, err = j.open(j.query.when, isName, j.waiting()); err != nil {
		return cli.OpenStatus(err), err
	}
	if j.next, err = j.open(j.set, isName, j.noting()); err == nil {
		err = settable(j.next)
	}
	if err != nil {
		return cli.OpenStatus(err), err
	}
	j.path, err = child.LookPath(j.operands[0])
	if err != nil {
		return cli.NotRun(j.operands[0], err)
	}
	return 0, nil
}

// execute runs the command, and sets the events if it succeeded. It returns how
// the command ended, the exit status, which is not that of the command if an event
// could not be set, and whether the command was started. If it was not, execute has
// printed why.
func (j *job) execute(e *runlog.Entry) (end child.Outcome, status int, started bool) {
	end, err := j.relay.Run(child.Command{Path: j.path, Argv: j.operands, Started: e.Running})
	if err != nil {
		j.putBack()
		status, err := cli.NotRun(j.operands[0], err)
		e.NotStarted(j.program.Fail(status, err), err)
		return end, status, false
	}
	if end.Status != 0 {
		e.Ended(end, "")
		return end, end.Status, true
	}
	if status = j.query.each(j.next, target.Set); status != 0 {
		e.Ended(child.Outcome{Status: status}, "the command succeeded, but an event could not be set")
	} else {
		e.Ended(end, "")
	}
	return end, status, true
}

// noteOld prints that run has taken an event that was set before run began, maybe
// the night before. With --max-age the user has said how old an event may be.
func (q *query) noteOld(began time.Time) {
	if q.quiet || q.maxAge > 0 {
		return
	}
	for _, label := range slices.Sorted(maps.Keys(q.taken)) {
		if before := began.Sub(q.taken[label].Since); before >= time.Millisecond { // the record has no finer time
			q.remark("takes " + label + ", which was set " + inWords(before) + " before this run began; --max-age ignores old events")
		}
	}
}

// settable finds mistakes in the events of --set. Their directories may be
// missing: the command may make them.
func settable(targets []target) error {
	for _, t := range targets {
		if _, err := t.IsSet(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// putBack sets the taken events again, because the command could not be started.
func (j *job) putBack() {
	notTaken := func(t target) bool { _, taken := j.taken[t.label]; return !taken }
	j.query.each(slices.DeleteFunc(slices.Clone(j.when), notTaken), target.Set)
}
