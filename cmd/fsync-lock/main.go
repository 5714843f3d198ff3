// Fsync-lock runs a command while it holds a lock on a file, as flock(1) does.
//
// What it prints: nothing, unless something is wrong; then one line on stderr
// behind its own name. stdout belongs to the command.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/fsync-lock/fsync/internal/getopt"
)

func main() { os.Exit(run(os.Args, os.Stdout, os.Stderr)) }

// Exit statuses, those of flock(1), which takes them from sysexits.h.
const (
	exitConflict = 1  // the lock is held; -E sets another
	exitUsage    = 64 // EX_USAGE
	exitData     = 65 // EX_DATAERR: the file cannot be locked
	exitNoInput  = 66 // EX_NOINPUT: the file cannot be opened
	exitNoExec   = 69 // EX_UNAVAILABLE: the command cannot be run
	exitSystem   = 71 // EX_OSERR: out of memory, processes or descriptors
	exitCreate   = 73 // EX_CANTCREAT: no room, or a read-only file system
	exitSignal   = 128
)

// run is the whole program: it reads the command line, takes the lock, runs
// the command and returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	program := filepath.Base(args[0])
	fail := func(status int, err error) int {
		fmt.Fprintf(stderr, "%s: %v\n", program, err)
		return status
	}
	job, err := parse(args[1:])
	switch {
	case errors.Is(err, getopt.ErrStop):
		fmt.Fprint(stdout, job.answer)
		return 0
	case err != nil:
		return fail(exitUsage, fmt.Errorf("%w\nTry '%s --help' for more information.", err, program))
	}
	interrupts := notify()
	lock, err := job.open()
	if err != nil {
		return fail(openStatus(err), err)
	}
	switch err := job.acquire(lock, interrupts); {
	case errors.As(err, new(signalError)):
		return endBy(signalOf(err))
	case errors.Is(err, errConflict):
		return job.conflictStatus
	case err != nil:
		return fail(openStatus(err), err)
	}
	status, err := job.execute(lock, interrupts)
	if err != nil {
		return fail(status, err)
	}
	return status
}
