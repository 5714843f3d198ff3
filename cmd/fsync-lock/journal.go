package main

import (
	"fmt"

	"github.com/fsync-lock/fsync/cmd/internal/child"
	"github.com/fsync-lock/fsync/cmd/internal/runlog"
	"github.com/fsync-lock/fsync/cmd/internal/userdir"
	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/journal"
)

// isRun reports whether the job has a line in the journal: it runs a command with a lock.
func (j *job) isRun() bool { return j.command != nil && !j.unlock }

// begin makes the journal entry of the run before the wait. l is nil if the lock
// could not be opened.
func (j *job) begin(l lock, r *child.Relay) *runlog.Entry {
	if j.log.File == "" || !j.isRun() {
		return nil
	}
	e := j.log.Begin(journal.Run{Lock: j.journalled(l), Name: j.name, Command: j.command}, r, j.program.Complain)
	if j.noFork { // without -F, open and Run call Ready if it is needed
		r.Ready()
	}
	return e
}

// journalled returns the absolute path of the lock. A descriptor without a path is named
// by its number. An empty FILE, as from a variable that is not set, is said to be one.
func (j *job) journalled(l lock) string {
	path := j.lockPath(l)
	switch {
	case path == "" && j.name != "":
		ext := ".lock"
		if j.slots > 0 {
			ext = ".sem"
		}
		path = userdir.Path(j.dir, j.name, ext)
	case path == "" && j.fd >= 0:
		return fmt.Sprintf("descriptor %d", j.fd)
	case path == "":
		return "the empty path"
	}
	return cwd.Name(path)
}

// busy returns the outcome for a lock that another process held for too long.
func (j *job) busy() journal.Outcome {
	if j.timeout == 0 {
		return journal.Skipped
	}
	return journal.TimedOut
}
