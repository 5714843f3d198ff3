package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/child"
	"github.com/fsync-lock/fsync/cmd/internal/userdir"
	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/journal"
)

// An entry is what the journal is to say of this run: one line, when the run is
// over, however that came. With -F it is written before, because nobody is left
// to do so later. A run that takes long has a line before, so that a report can
// show it while it lasts, and also if this process is killed.
type entry struct {
	job   *job
	relay *child.Relay
	kept  bool        // there is a journal, and this is a run
	run   journal.Run // what is known when the wait begins; not changed afterwards
	till  time.Time   // when the wait was over

	mu   sync.Mutex // guards what follows, and keeps the lines of a run in order
	over bool       // the line of the end is written next
}

// longRun is how long a run takes at least that has a line while it lasts.
const longRun = time.Second / 2

// begin makes the entry of the run before the lock is waited for; l is nil if
// that could not be opened. From here on a signal that ends the wait is
// journalled.
func (j *job) begin(l lock, r *child.Relay) *entry {
	e := &entry{job: j, relay: r}
	if j.journal == "" || j.command == nil || j.unlock {
		return e // without a command or a lock there is no run
	}
	e.kept = true
	e.run = journal.Run{Start: time.Now(), Lock: j.journalled(l), Name: j.name, Command: j.command, PID: os.Getpid()}
	e.run.Host, _ = os.Hostname()
	r.WhenInterrupted(e.interrupted)
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

// waited says that the wait is over, with or without the lock.
func (e *entry) waited() { e.till = time.Now() }

// interrupted writes that a signal ended the wait. It is called by who delivers
// the signal.
func (e *entry) interrupted(sig syscall.Signal) {
	r := e.run
	r.Waited = time.Since(r.Start)
	r.Outcome, r.Status, r.Signal = journal.Interrupted, child.ExitSignal+int(sig), child.SignalName(sig)
	e.append(r)
}

// busy writes that somebody else held the lock for too long.
func (e *entry) busy(who string) {
	how := journal.TimedOut
	if e.job.timeout == 0 {
		how = journal.Skipped
	}
	e.without(how, e.job.conflictStatus, who)
}

// without writes that there was no lock.
func (e *entry) without(how journal.Outcome, status int, why string) {
	r := e.run
	r.Waited = e.till.Sub(r.Start)
	r.Outcome, r.Status, r.Reason = how, status, why
	e.finish(r)
}

// started writes that the command is about to be executed in our place. A
// signal that comes meanwhile ends us behind the line, and has no line of its
// own.
func (e *entry) started() {
	r := e.run
	r.Waited, r.Outcome = e.till.Sub(r.Start), journal.Started
	e.relay.InsteadOfTelling(func() { e.append(r) })
}

// running writes, after a while, that the command is running.
func (e *entry) running() {
	if !e.kept {
		return
	}
	time.AfterFunc(longRun, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.over {
			return
		}
		r := e.run
		r.Waited, r.Held, r.Outcome = e.till.Sub(r.Start), time.Since(e.till), journal.Running
		e.write(r) // if it cannot be written, neither can the end, which says so
	})
}

// notStarted writes why there was a lock, and no command.
func (e *entry) notStarted(status int, err error) {
	e.held(journal.Run{Outcome: journal.FailedToStart, Status: status, Reason: err.Error()})
}

// ended writes how the command ended.
func (e *entry) ended(end child.Outcome) {
	how, by := journal.Ran, end.By
	switch {
	case end.Overtime:
		how = journal.Killed
		if by == 0 {
			by = syscall.SIGTERM // it has dealt with that
		}
	case by != 0:
		how = journal.Signalled
	}
	e.held(journal.Run{Outcome: how, Status: end.Status, Signal: child.SignalName(by)})
}

// held writes the end of a run that had the lock.
func (e *entry) held(end journal.Run) {
	r := e.run
	r.Waited, r.Held = e.till.Sub(r.Start), time.Since(e.till)
	r.Outcome, r.Status, r.Signal, r.Reason = end.Outcome, end.Status, end.Signal, end.Reason
	e.finish(r)
}

// finish writes the line, when no signal can write one any more, or keep this
// one from being written.
func (e *entry) finish(r journal.Run) {
	if e.kept {
		e.relay.Ready()
		e.relay.Over()
		e.mu.Lock()
		defer e.mu.Unlock()
		e.over = true
		e.append(r)
	}
}

// append writes the line. That it cannot be written is nothing to end a job
// for, or to call a good one bad.
func (e *entry) append(r journal.Run) {
	if !e.kept {
		return
	}
	if err := e.write(r); err != nil {
		e.job.complain("the journal: " + err.Error())
	}
}

func (e *entry) write(r journal.Run) error {
	return journal.Append(e.job.journal, r, e.job.journalSize)
}
