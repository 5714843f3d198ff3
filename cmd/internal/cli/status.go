package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"slices"
	"syscall"

	"github.com/fsync-lock/fsync/cmd/internal/userdir"
)

// Exit statuses. Those from 64 to 73 come from sysexits.h, as in flock(1); 124 and 125
// come from timeout(1).
const (
	ExitUsage    = 64  // EX_USAGE: the command line is wrong
	ExitData     = 65  // EX_DATAERR: the file cannot be locked
	ExitNoInput  = 66  // EX_NOINPUT: a file cannot be opened
	ExitNoExec   = 69  // EX_UNAVAILABLE: the command cannot be run
	ExitOutput   = 70  // EX_SOFTWARE: the output cannot be written
	ExitSystem   = 71  // EX_OSERR: out of memory, processes or descriptors
	ExitCreate   = 73  // EX_CANTCREAT: the file system is full or read-only
	ExitTimedOut = 124 // the command ran longer than its limit
	ExitNotEnded = 125 // the same, and it or one of its descendants could not be ended
	ExitSignal   = 128 // plus the number of the signal that ended the command
)

// A statusError is an error with an exit status of its own.
type statusError struct {
	status int
	error
}

func (e statusError) Unwrap() error { return e.error }

// WithStatus gives an error its exit status: OpenStatus and Refuse return that status.
func WithStatus(status int, err error) error { return statusError{status, err} }

// OpenStatus returns the exit status for a lock or an event that cannot be used.
func OpenStatus(err error) int {
	var path *fs.PathError
	var own statusError
	switch {
	case errors.As(err, &own):
		return own.status
	case errors.Is(err, userdir.ErrUsage), !errors.As(err, &path) && errors.Is(err, fs.ErrInvalid): // a wrong name
		return ExitUsage
	case isOneOf(err, syscall.EROFS, syscall.ENOSPC, syscall.EDQUOT):
		return ExitCreate
	case isShortage(err):
		return ExitSystem
	case path != nil && path.Op == "flock":
		return ExitData
	}
	return ExitNoInput
}

// NotRun returns the exit status and the message for a command that cannot be run.
func NotRun(command string, err error) (status int, message error) {
	status = ExitNoExec
	if isShortage(err) || errors.Is(err, syscall.EAGAIN) {
		status = ExitSystem
	}
	return status, fmt.Errorf("cannot run %s: %w", command, Reason(err))
}

// isShortage reports whether the system is out of memory, descriptors or locks.
// EAGAIN does not count: fork(2) returns it if there are too many processes, but
// open(2) returns it if another process has a lease on the file.
func isShortage(err error) bool {
	return isOneOf(err, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, syscall.ENOLCK)
}

func isOneOf(err error, list ...error) bool {
	return slices.ContainsFunc(list, func(one error) bool { return errors.Is(err, one) })
}

// Reason returns an error without its operation and path, for a message that already
// names them.
func Reason(err error) error {
	var execErr *exec.Error
	var pathErr *fs.PathError
	switch {
	case errors.As(err, &execErr):
		return execErr.Err
	case errors.As(err, &pathErr):
		return pathErr.Err
	}
	return err
}
