package runlog

import (
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/child"
	"github.com/fsync-lock/fsync/journal"
)

// An Entry is what the journal is to say of a run: one line, when the run is
// over, however that came. If the command is executed in our place, it is
// written before, because nobody is left to do so later. A run that takes long
// has a line before, so that a report can show it while it lasts, and also if
// this process is killed.
type Entry struct {
	log      Log
	relay    *child.Relay
	complain func(string)
	run      journal.Run // what is known when the wait begins; not changed afterwards
	till     time.Time   // when the wait was over

	mu   sync.Mutex // guards what follows, and keeps the lines of a run in order
	over bool       // the line of the end is written next
}

// LongRun is how long a run takes at least that has a line while it lasts.
const LongRun = time.Second / 2

// Begin makes the entry of a run before the wait for its lock or event, of which
// what is known is in the run. From here on a signal that ends the wait is
// journalled. Without a journal the entry, which is nil then, writes nothing.
func (l Log) Begin(run journal.Run, r *child.Relay, complain func(string)) *Entry {
	if l.File == "" {
		return nil
	}
	run.Start, run.PID, run.Command = time.Now(), os.Getpid(), l.written(run.Command)
	run.Host, _ = os.Hostname()
	e := &Entry{log: l, relay: r, complain: complain, run: run}
	r.WhenInterrupted(e.interrupted)
	return e
}

// Waited says that the wait is over, with or without success.
func (e *Entry) Waited() {
	if e != nil {
		e.till = time.Now()
	}
}

// interrupted writes that a signal ended the wait. The goroutine that delivers
// the signal calls it.
func (e *Entry) interrupted(sig syscall.Signal) {
	r := e.run
	r.Waited = time.Since(r.Start)
	r.Outcome, r.Status, r.Signal = journal.Interrupted, child.ExitSignal+int(sig), child.SignalName(sig)
	e.append(r)
}

// Without writes that the wait was in vain, and why.
func (e *Entry) Without(how journal.Outcome, status int, why string) {
	if e == nil {
		return
	}
	r := e.run
	r.Waited = e.till.Sub(r.Start)
	r.Outcome, r.Status, r.Reason = how, status, why
	e.finish(r)
}

// Started writes that the command is about to be executed in our place. A
// signal that comes meanwhile ends us behind the line, and has no line of its
// own.
func (e *Entry) Started() {
	if e == nil {
		return
	}
	r := e.run
	r.Waited, r.Outcome = e.till.Sub(r.Start), journal.Started
	e.relay.InsteadOfTelling(func() { e.append(r) })
}

// Running writes, after a while, that the command is running.
func (e *Entry) Running() {
	if e == nil {
		return
	}
	time.AfterFunc(LongRun, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.over {
			return
		}
		r := e.run
		r.Waited, r.Held, r.Outcome = e.till.Sub(r.Start), time.Since(e.till), journal.Running
		e.log.append(r) // if it cannot be written, neither can the end, which says so
	})
}

// NotStarted writes why the wait was no use: the command could not be run.
func (e *Entry) NotStarted(status int, err error) {
	if e != nil {
		e.held(journal.Run{Outcome: journal.FailedToStart, Status: status, Reason: err.Error()})
	}
}

// Ended writes how the command ended; the reason is why the status is not the
// command's, if it is not.
func (e *Entry) Ended(end child.Outcome, reason string) {
	if e == nil {
		return
	}
	how, by := journal.Ran, end.By
	switch {
	case len(end.Left) > 0:
		how, by = journal.Running, 0 // and the reason says what
	case end.Overtime:
		how = journal.Killed
		if by == 0 {
			by = syscall.SIGTERM // it has dealt with that
		}
	case by != 0:
		how = journal.Signalled
	}
	e.held(journal.Run{Outcome: how, Status: end.Status, Signal: child.SignalName(by), Reason: reason})
}

// held writes the end of a run that did not wait in vain.
func (e *Entry) held(end journal.Run) {
	r := e.run
	r.Waited, r.Held = e.till.Sub(r.Start), time.Since(e.till)
	r.Outcome, r.Status, r.Signal, r.Reason = end.Outcome, end.Status, end.Signal, end.Reason
	e.finish(r)
}

// finish writes the line, when no signal can write one any more, or keep this
// one from being written.
func (e *Entry) finish(r journal.Run) {
	e.relay.Ready()
	e.relay.Over()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.over = true
	e.append(r)
}

// append writes the line. That it cannot be written is nothing to end a job
// for, or to call a good one bad.
func (e *Entry) append(r journal.Run) {
	if err := e.log.append(r); err != nil {
		e.complain("the journal: " + err.Error())
	}
}
