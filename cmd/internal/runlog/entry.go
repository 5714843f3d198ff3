package runlog

import (
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/child"
	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/journal"
)

// An Entry writes the line of one run into the journal when the run is over, however it
// ended. If the command replaces this process, the line is written before that. A long
// run has one more line, written while it lasts. So a report can show a run that is not
// over, and a run whose wrapper was killed.
type Entry struct {
	log      Log
	relay    *child.Relay
	complain func(string)
	run      journal.Run // what is known when the wait begins; not changed afterwards
	waited   time.Time   // when the wait was over

	mu   sync.Mutex // guards over, and keeps the lines of a run in order
	over bool       // the last line is written, or being written
}

// LongRun is how long a command must run to get a line while it runs.
const LongRun = time.Second / 2

// Begin makes the entry of a run, before the wait for its lock or event. run has the
// fields that are known at that time. If a signal ends the wait, the journal gets a line.
// Without a journal the entry is nil. A nil entry writes nothing.
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

// Waited notes the end of the wait, whether it succeeded or not.
func (e *Entry) Waited() {
	if e != nil {
		e.waited = time.Now()
	}
}

// interrupted writes that a signal ended the wait. It runs in the goroutine that
// delivers the signal.
func (e *Entry) interrupted(sig syscall.Signal) {
	r := e.run
	r.Waited = time.Since(r.Start)
	r.Outcome, r.Status, r.Signal = journal.Interrupted, cli.ExitSignal+int(sig), child.SignalName(sig)
	e.append(r)
}

// Without writes that the run did not get its lock or event, and why.
func (e *Entry) Without(how journal.Outcome, status int, why string) {
	if e == nil {
		return
	}
	r := e.run
	r.Waited = e.waited.Sub(r.Start)
	r.Outcome, r.Status, r.Reason = how, status, why
	e.finish(r)
}

// Started writes that the command is about to replace this process. A signal that comes
// meanwhile ends this process after the line, and gets no line of its own.
func (e *Entry) Started() {
	if e == nil {
		return
	}
	r := e.run
	r.Waited, r.Outcome = e.waited.Sub(r.Start), journal.Started
	e.relay.UnlessInterrupted(func() { e.append(r) })
}

// Running writes that the command is running, if it still runs after LongRun.
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
		r.Waited, r.Held, r.Outcome = e.waited.Sub(r.Start), time.Since(e.waited), journal.Running
		e.log.append(r) // no message about a failure: the last line will fail, too, with a message
	})
}

// NotStarted writes why the command could not be run.
func (e *Entry) NotStarted(status int, err error) {
	if e != nil {
		e.held(journal.Run{Outcome: journal.FailedToStart, Status: status, Reason: err.Error()})
	}
}

// Ended writes how the command ended. reason tells why the exit status is not that of
// the command; empty if it is.
func (e *Entry) Ended(end child.Outcome, reason string) {
	if e == nil {
		return
	}
	how, by := journal.Ran, end.By
	switch {
	case len(end.Left) > 0:
		how, by = journal.Running, 0 // the reason names the processes
	case end.Overtime:
		how = journal.Killed
		if by == 0 {
			by = syscall.SIGTERM // the command handled it
		}
	case by != 0:
		how = journal.Signalled
	}
	e.held(journal.Run{Outcome: how, Status: end.Status, Signal: child.SignalName(by), Reason: reason})
}

// held writes the end of a run that got its lock or event.
func (e *Entry) held(end journal.Run) {
	r := e.run
	r.Waited, r.Held = e.waited.Sub(r.Start), time.Since(e.waited)
	r.Outcome, r.Status, r.Signal, r.Reason = end.Outcome, end.Status, end.Signal, end.Reason
	e.finish(r)
}

// finish writes the last line. Over makes sure that no signal writes another line or
// prevents this one.
func (e *Entry) finish(r journal.Run) {
	e.relay.Ready()
	e.relay.Over()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.over = true
	e.append(r)
}

// append writes the line. A failure does not end the job or change its exit
// status.
func (e *Entry) append(r journal.Run) {
	if err := e.log.append(r); err != nil {
		e.complain("cannot write the journal: " + err.Error())
	}
}
