// Fsync-event sets, clears and shows events, and waits for them: it is package
// fileevent as a command for the shell.
//
// On stdout, wait prints the events that ended it as they were given, and info
// prints who set them; the other commands print nothing. Errors go to stderr,
// after the name that the program was called by. On a terminal it also shows
// what it waits for. Text that other users may have chosen, such as a note, is
// printed without control characters. Only wait prints names as they are if
// stdout is not a terminal, because a script compares them.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/fsync-lock/fsync/cmd/internal/child"
	"github.com/fsync-lock/fsync/cmd/internal/getopt"
	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/internal/printable"
)

func main() {
	r := child.NewRelay()
	r.OnMainThread(func() { os.Exit(run(os.Args, r)) })
}

// Exit statuses, those beyond 1 from sysexits.h. Others are in package child.
const (
	exitNotSet   = 1  // not set, or the time is up
	exitUsage    = 64 // EX_USAGE
	exitNoInput  = 66 // EX_NOINPUT: the event cannot be read, set or cleared
	exitNoExec   = 69 // EX_UNAVAILABLE: the command cannot be run
	exitInternal = 70 // EX_SOFTWARE: the output cannot be written
	exitSystem   = 71 // EX_OSERR: out of memory, processes or descriptors
	exitCreate   = 73 // EX_CANTCREAT: no room, or a read-only file system
)

// run is the whole program: it reads the command line, does it, and returns the
// exit status.
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

// refuse prints the answer that the command line asks for, or what is wrong with
// the command line.
func (q *query) refuse(err error) int {
	var text answer
	if !errors.As(err, &text) {
		return q.fail(exitUsage, getopt.Help(err, q.program))
	}
	if _, err := fmt.Print(string(text)); err != nil {
		return q.fail(exitInternal, err)
	}
	return 0
}

// each calls do for all events, even after a failure. It returns the status of
// the first failure, or exitNotSet if nothing else is wrong.
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

// fail prints the error and returns the status.
func (q *query) fail(status int, err error) int {
	q.complain(err.Error())
	return status
}

// remark prints a message that is not an error. On a terminal that Ctrl-S has
// stopped it prints nothing, because that would block.
func (q *query) remark(message string) {
	if _, terminal := term.Columns(os.Stderr); !terminal || term.Takes(os.Stderr) {
		q.complain(message)
	}
}

// complain prints a message on stderr.
func (q *query) complain(message string) {
	child.Say(os.Stderr, q.program+": "+printable.Lines(message)+"\n")
}
