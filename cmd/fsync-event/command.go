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

	awaited []target // the events of --when
	toSet   []target // the events of --set
	path    string   // of the command
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
	case err != nil:
		if e == nil { // with --each
			e = j.begin()
		}
		return j.unprepared(e, status, err)
	case q.onEach:
		return j.runEach()
	}
	_, err = q.await(r, j.awaited)
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

// prepare finds mistakes before the wait, which may take all night. With an error it
// returns the exit status.
func (j *job) prepare() (status int, err error) {
	if j.awaited, err = j.open(j.when, isName, j.waiting()); err != nil {
		return cli.OpenStatus(err), err
	}
	if j.toSet, err = j.open(j.set, isName, j.noting()); err == nil {
		err = settable(j.toSet)
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

// execute runs the command and, if it succeeded, sets the events of --set. It returns how
// the command ended, the exit status, and whether the command was started. The exit
// status is not that of the command if an event could not be set. If the command was not
// started, execute has printed why.
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
	if status = j.forAll(j.toSet, target.Set); status != 0 {
		e.Ended(child.Outcome{Status: status}, "the command succeeded, but an event could not be set")
	} else {
		e.Ended(end, "")
	}
	return end, status, true
}

// noteOld prints that run has taken an event that was set before run began, maybe in the
// night before. With --max-age it prints nothing: the user has said how old an event may
// be. Ten milliseconds do not count: that is the longest step of the clock that gives files
// their times, so touch(1) may seem to have come that much earlier.
func (q *query) noteOld(began time.Time) {
	if q.quiet || q.maxAge > 0 {
		return
	}
	for _, label := range slices.Sorted(maps.Keys(q.taken)) {
		if before := began.Sub(q.taken[label].Since); before > 10*time.Millisecond {
			q.remark("takes " + label + ", which was set " + inWords(before) + " before this run began; --max-age ignores old events")
		}
	}
}

// settable finds mistakes in the events of --set. Their directories may be missing: the
// command may create them.
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
	j.forAll(slices.DeleteFunc(slices.Clone(j.awaited), notTaken), target.Set)
}
