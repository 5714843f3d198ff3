// Fsync-event sets and clears events, looks at them and waits for them, from a
// shell: it is package fileevent as a command.
//
// What it prints: wait prints the events that ended it to stdout, as they were
// given, and info who set them; the others print nothing. What is wrong stands
// on stderr behind the name that it was called by. On a terminal it also shows
// what it waits for. What others may have chosen, such as a note, is printed
// without any character that a terminal obeys; only the lines of wait, which a
// script compares, are printed as they are if they do not go to a terminal.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/fsync-lock/fsync/cmd/internal/child"
	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/internal/plain"
)

func main() {
	r := child.NewRelay()
	r.OnMainThread(func() { os.Exit(run(os.Args, r)) })
}

// Exit statuses, those beyond 1 from sysexits.h. Others are in package child.
const (
	exitNotSet   = 1  // or not in time
	exitUsage    = 64 // EX_USAGE
	exitNoInput  = 66 // EX_NOINPUT: the event cannot be looked at, set or cleared
	exitNoExec   = 69 // EX_UNAVAILABLE: the command cannot be run
	exitInternal = 70 // EX_SOFTWARE: the output cannot be written
	exitSystem   = 71 // EX_OSERR: out of memory, processes or descriptors
	exitCreate   = 73 // EX_CANTCREAT: no room, or a read-only file system
)

// run is the whole program: it reads the command line, does what that says,
// and returns the exit status.
func run(args []string, r *child.Relay) int {
	program := filepath.Base(args[0])
	q, err := parse(program, args[1:])
	if err != nil {
		return q.refuse(err)
	}
	if q.verb == "run" {
		return q.runCommand(r)
	}
	targets, err := q.targets(q.operands)
	if err != nil {
		return q.fail(openStatus(err), err)
	}
	switch q.verb {
	case "set":
		return q.each(targets, target.Set)
	case "clear":
		return q.each(targets, target.clear)
	case "is-set":
		return q.each(targets, target.look)
	case "info":
		return q.printInfo(os.Stdout, targets)
	}
	return q.wait(os.Stdout, targets, r)
}

// refuse answers a command line that asks for nothing to be done.
func (q *query) refuse(err error) int {
	var text answer
	if !errors.As(err, &text) {
		return q.fail(exitUsage, fmt.Errorf("%w\nTry '%s --help' for more information.", err, q.program))
	}
	if _, err := fmt.Print(string(text)); err != nil {
		return q.fail(exitInternal, err)
	}
	return 0
}

// each does something to all events, also if it fails for some, and returns
// the status of the first thing that is wrong; that an event is not set comes
// behind everything else.
func (q *query) each(targets []target, do func(target) error) int {
	status := 0
	for _, t := range targets {
		switch err := do(t); {
		case errors.Is(err, errNotSet):
			if status == 0 {
				status = exitNotSet
			}
		case err != nil:
			if failed := q.fail(openStatus(err), err); status <= exitNotSet {
				status = failed
			}
		}
	}
	return status
}

// fail says what is wrong.
func (q *query) fail(status int, err error) int {
	q.complain(err.Error())
	return status
}

// remark says what people should know, and nothing waits for: not on a terminal
// that Ctrl-S has stopped.
func (q *query) remark(message string) {
	if _, terminal := term.Columns(os.Stderr); !terminal || term.Takes(os.Stderr) {
		q.complain(message)
	}
}

// complain prints a message on stderr.
func (q *query) complain(message string) {
	child.Say(os.Stderr, q.program+": "+plain.HarmlessLines(message)+"\n")
}
