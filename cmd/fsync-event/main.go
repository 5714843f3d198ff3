// Fsync-event sets, clears and shows events, and waits for them: it is package
// fileevent as a command for the shell.
//
// On stdout, wait prints the events that ended the wait as they were given, and info
// prints which process set them. Errors go to stderr, after the name that the program was
// called by. On a terminal it also shows what it waits for. Text that other users may
// have chosen, such as a note, is printed without control characters. But if stdout is
// not a terminal, wait prints names unchanged, because a script compares them.
package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/fsync-lock/fsync/cmd/internal/child"
	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/term"
)

func main() {
	r := child.NewRelay()
	r.OnMainThread(func() { os.Exit(run(os.Args, r)) })
}

// exitNotSet is the exit status if an event is not set, or was not in time.
const exitNotSet = 1

// run is the whole program: it reads the command line, does what that asks for, and
// returns the exit status.
func run(args []string, r *child.Relay) int {
	program := cli.Program(filepath.Base(args[0]))
	q, err := parse(program, args[1:])
	if err != nil {
		return program.Refuse(err)
	}
	if q.verb == "run" {
		return q.runCommand(r)
	}
	targets, err := q.targets(q.operands)
	if err != nil {
		return q.program.Fail(cli.OpenStatus(err), err)
	}
	switch q.verb {
	case "set":
		return q.forAll(targets, target.Set)
	case "clear":
		return q.forAll(targets, target.clear)
	case "is-set":
		return q.forAll(targets, target.checkSet)
	case "info":
		return q.printInfo(os.Stdout, targets)
	}
	return q.wait(os.Stdout, targets, r)
}

// forAll calls do for each event, even after a failure. It returns the exit status of the
// first failure. If nothing failed, but an event is not set, it returns exitNotSet.
func (q *query) forAll(targets []target, do func(target) error) int {
	status := 0
	for _, t := range targets {
		switch err := do(t); {
		case errors.Is(err, errNotSet):
			if status == 0 {
				status = exitNotSet
			}
		case err != nil:
			if failed := q.program.Fail(cli.OpenStatus(err), err); status <= exitNotSet {
				status = failed
			}
		}
	}
	return status
}

// remark prints a message that is not an error. On a terminal that Ctrl-S has
// stopped it prints nothing, because that would block.
func (q *query) remark(message string) {
	if !term.IsTerminal(os.Stderr) || term.Writable(os.Stderr) {
		q.program.Complain(message)
	}
}
