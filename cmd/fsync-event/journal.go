package main

import (
	"context"
	"errors"
	"strings"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/runlog"
	"github.com/fsync-lock/fsync/cmd/internal/userdir"
	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/journal"
)

// begin makes the journal entry of a run. Its field Lock names the events.
func (j *job) begin() *runlog.Entry {
	var paths, names []string
	for _, label := range j.when {
		path, name := j.journalled(label)
		paths = append(paths, path)
		if name != "" {
			names = append(names, name)
		}
	}
	run := journal.Run{Kind: journal.KindEvent, Lock: strings.Join(paths, and), Command: j.operands}
	if len(names) == len(paths) {
		run.Name = strings.Join(names, and)
	}
	return j.log.Begin(run, j.relay, j.program.Complain)
}

const and = " and "

// journalled returns the absolute path of an event, or its label if the path is not
// known, and the name of the event if it has one.
func (j *job) journalled(label string) (path, name string) {
	if !isName(label) {
		return cwd.Name(label), ""
	}
	return cwd.Name(userdir.Path(j.dir, label, ".event")), label
}

// unprepared prints the error of prepare, writes it into the journal, and returns the
// exit status.
func (j *job) unprepared(e *runlog.Entry, status int, err error) int {
	j.program.Fail(status, err)
	e.Waited()
	switch status {
	case cli.ExitUsage: // the name is not valid
	case cli.ExitNoExec:
		e.NotStarted(status, err)
	default:
		e.Without(journal.FailedToLock, status, err.Error())
	}
	return status
}

// gaveUp prints why the wait failed, writes it into the journal, and returns the exit
// status.
func (j *job) gaveUp(e *runlog.Entry, err error) int {
	status := j.waitFailed(j.awaited, err)
	switch {
	case !errors.Is(err, context.DeadlineExceeded):
		e.Without(journal.FailedToLock, status, err.Error())
	case j.timeout == 0:
		e.Without(journal.Skipped, status, j.whyNot())
	default:
		e.Without(journal.TimedOut, status, j.whyNot())
	}
	return status
}

// whyNot returns why the events did not count: the directory does not exist, or an
// event was set too long ago.
func (j *job) whyNot() string {
	return strings.TrimPrefix(j.missing(j.awaited)+j.tooOld(j.awaited), ": ")
}
