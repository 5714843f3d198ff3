// Fsync-lock runs a command while it holds a lock on a file, as flock(1) does.
//
// It prints only errors: on stderr, after the name that it was called by. With --verbose
// it prints two lines on stdout, as flock(1) does, and more messages on stderr. On a
// terminal it also shows which process it waits for.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/child"
	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/runlog"
	"github.com/fsync-lock/fsync/journal"
)

func main() {
	runtime.GOMAXPROCS(1) // this program does one thing at a time, and so needs fewer threads
	r := child.NewRelay()
	r.OnMainThread(func() { os.Exit(run(os.Args, r)) })
}

// exitConflict is the exit status if the lock is held; -E sets another.
const exitConflict = 1

// run is the whole program: it reads the command line, takes the lock, runs
// the command and returns the exit status.
func run(args []string, r *child.Relay) int {
	program := cli.Program(filepath.Base(args[0]))
	j, err := parse(program, args[1:])
	if err != nil {
		return program.Refuse(err)
	}
	if !j.noFork {
		r.Listen()
	}
	l, err := j.open(r)
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
		program.Fail(end.Status, err)
		j.letGo(l)
		e.NotStarted(end.Status, err)
		return end.Status
	}
	j.letGo(l)
	e.Ended(end, j.reportOvertime(l, end))
	return r.ExitLike(end)
}

// notLocked reports why the lock was not acquired, and returns the exit status.
func (j *job) notLocked(l lock, e *runlog.Entry, err error) int {
	if errors.Is(err, errConflict) {
		e.Without(j.busy(), j.conflictStatus, j.reportConflict(l, err, e != nil))
		return j.conflictStatus
	}
	status := j.program.Fail(cli.OpenStatus(err), err)
	if status != cli.ExitUsage { // an invalid name is no run
		e.Without(journal.FailedToLock, status, err.Error())
	}
	return status
}

// tell prints a line on stdout with --verbose, as flock(1) does.
func (j *job) tell(format string, args ...any) {
	if j.verbose {
		cli.Say(os.Stdout, string(j.program)+": "+fmt.Sprintf(format, args...)+"\n")
	}
}

// seconds writes a time as flock(1) does.
func seconds(d time.Duration) string {
	return fmt.Sprintf("%d.%06d", d/time.Second, d%time.Second/time.Microsecond)
}
