package main

import (
	"fmt"
	"path/filepath"

	"github.com/fsync-lock/fsync/cmd/internal/child"
	"github.com/fsync-lock/fsync/cmd/internal/runlog"
	"github.com/fsync-lock/fsync/cmd/internal/userdir"
	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/journal"
)

// begin makes the journal entry of the run before the wait. l is nil if the lock
// could not be opened.
func (j *job) begin(l lock, r *child.Relay) *runlog.Entry {
	if j.log.File == "" || j.command == nil || j.unlock {
		return nil // without a command or a lock there is no run
	}
	e := j.log.Begin(journal.Run{Lock: j.journalled(l), Name: j.name, Command: j.command}, r, j.program.Complain)
	if j.noFork { // without -F, a wait or the start of the command does it
		r.Ready()
	}
	return e
}

// journalled returns the absolute path of the lock or, if there is none, a name
// for it.
func (j *job) journalled(l lock) string {
	path := j.lockPath(l)
	switch {
	case path == "" && j.name != "":
		dir := j.dir
		if dir == "" {
			dir, _ = userdir.Default() // open has reported its error
		}
		path = filepath.Join(dir, j.name) + ".lock"
		if j.slots > 0 {
			path = filepath.Join(dir, j.name) + ".sem"
		}
	case path == "":
		return fmt.Sprintf("descriptor %d", j.fd)
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
