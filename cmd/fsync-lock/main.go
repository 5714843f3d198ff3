// Fsync-lock runs a command while it holds a lock on a file, as flock(1) does.
//
// It prints nothing, except errors, and messages of --verbose, on stderr after the
// name that it was called by. With --verbose it prints two lines on stdout, as
// flock(1) does. On a terminal it also shows the holder that it waits for.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/child"
	"github.com/fsync-lock/fsync/cmd/internal/getopt"
	"github.com/fsync-lock/fsync/cmd/internal/runlog"
	"github.com/fsync-lock/fsync/internal/printable"
	"github.com/fsync-lock/fsync/journal"
)

func main() {
	runtime.GOMAXPROCS(1) // this program does one thing at a time, and needs fewer threads so
	r := child.NewRelay()
	r.OnMainThread(func() { os.Exit(run(os.Args, r)) })
}

// Exit statuses, those of flock(1), which takes them from sysexits.h. Others
// are in package child.
const (
	exitConflict = 1  // the lock is held; -E sets another
	exitUsage    = 64 // EX_USAGE
	exitData     = 65 // EX_DATAERR: the file cannot be locked
	exitNoInput  = 66 // EX_NOINPUT: the file cannot be opened
	exitNoExec   = 69 // EX_UNAVAILABLE: the command cannot be run
	exitSystem   = 71 // EX_OSERR: out of memory, processes or descriptors
	exitCreate   = 73 // EX_CANTCREAT: the file system is full or read-only
)

// A statusError is an error with an exit status of its own.
type statusError struct {
	status int
	error
}

func (e statusError) Unwrap() error { return e.error }

// run is the whole program: it reads the command line, takes the lock, runs
// the command and returns the exit status.
func run(args []string, r *child.Relay) int {
	program := filepath.Base(args[0])
	j, err := parse(program, args[1:])
	if err != nil {
		return refuse(program, err)
	}
	if !j.noFork {
		r.Listen()
	}
	l, err := j.open()
	if err != nil {
		l = nil // an interface with a nil pointer in it is not nil
	}
	e := j.begin(l, r)
	if err == nil {
		err = j.acquire(l, r)
	}
	e.Waited()
	switch {
	case err != nil:
		return j.notLocked(l, e, err)
	case j.command == nil:
		return 0
	}
	end, err := j.execute(l, r, e)
	if err != nil {
		fail(program, end.Status, err)
		j.letGo(l)
		e.NotStarted(end.Status, err)
		return end.Status
	}
	j.letGo(l)
	e.Ended(end, j.reportOvertime(l, end))
	return r.Mourn(end)
}

// notLocked reports why the lock was not acquired, and returns the exit status.
func (j *job) notLocked(l lock, e *runlog.Entry, err error) int {
	if errors.Is(err, errConflict) {
		e.Without(j.busy(), j.conflictStatus, j.reportConflict(l, err, e != nil))
		return j.conflictStatus
	}
	status := fail(j.program, openStatus(err), err)
	if status != exitUsage { // an invalid name is no run
		e.Without(journal.FailedToLock, status, err.Error())
	}
	return status
}

// refuse answers a command line that does not ask for a lock: it prints the help,
// the version or an error, and returns the exit status.
func refuse(program string, err error) int {
	var text answer
	var of statusError
	switch {
	case errors.As(err, &text):
		if _, err := fmt.Print(string(text)); err != nil {
			return fail(program, exitSystem, err)
		}
		return 0
	case errors.As(err, &of):
		return fail(program, of.status, err)
	}
	return fail(program, exitUsage, getopt.Help(err, program))
}

func fail(program string, status int, err error) int {
	child.Say(os.Stderr, program+": "+printable.Lines(err.Error())+"\n")
	return status
}

// tell prints a line on stdout with --verbose, as flock(1) does.
func (j *job) tell(format string, args ...any) {
	if j.verbose {
		child.Say(os.Stdout, j.program+": "+fmt.Sprintf(format, args...)+"\n")
	}
}

// complain prints a line on stderr.
func (j *job) complain(line string) {
	child.Say(os.Stderr, j.program+": "+printable.Lines(line)+"\n")
}

// seconds writes a time as flock(1) does.
func seconds(d time.Duration) string {
	return fmt.Sprintf("%d.%06d", d/time.Second, d%time.Second/time.Microsecond)
}
