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

// begin makes the journal's entry of the run before the lock is waited for; l is
// nil if that could not be opened.
func (j *job) begin(l lock, r *child.Relay) *runlog.Entry {
	if j.log.File == "" || j.command == nil || j.unlock {
		return nil // without a command or a lock there is no run
	}
	e := j.log.Begin(journal.Run{Lock: j.journalled(l), Name: j.name, Command: j.command}, r, j.complain)
	if j.noFork { // others get ready when they have to wait, or run their command
		r.Ready()
	}
	return e
}

// journalled is the absolute path of the lock, or the best that stands for it.
func (j *job) journalled(l lock) string {
	path := j.lockPath(l)
	switch {
	case path == "" && j.name != "":
		dir := j.dir
		if dir == "" {
			dir, _ = userdir.Default() // that there is one was found out by open
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

// busy is what the journal says if another process held the lock for too long.
func (j *job) busy() journal.Outcome {
	if j.timeout == 0 {
		return journal.Skipped
	}
	return journal.TimedOut
}
