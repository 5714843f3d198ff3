package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
)

// runCommand waits for the events of --when, runs the command, sets those of
// --set if it succeeded, and returns the command's exit status.
//
// What can be known to be wrong is found before the wait, which may take all
// night.
func (q *query) runCommand() int {
	when, err := q.open(q.when, isName, q.taking())
	if err != nil {
		return q.fail(openStatus(err), err)
	}
	next, err := q.open(q.set, isName, q.noting())
	if err == nil {
		err = settable(next)
	}
	if err != nil {
		return q.fail(openStatus(err), err)
	}
	path, err := exec.LookPath(q.operands[0])
	if err != nil && !errors.Is(err, exec.ErrDot) { // the user's PATH is the user's business
		return q.notRun(err)
	}
	r := listen()
	if _, err := q.await(r, when); err != nil {
		return q.waitFailed(when, err)
	}
	p, err := start(r, path, q.operands)
	if err != nil {
		q.putBack(when)
		return q.notRun(err)
	}
	state, err := p.Wait()
	if err != nil {
		return q.notRun(err)
	}
	if state.Success() {
		return q.each(next, target.Set)
	}
	return r.mourn(state.Sys().(syscall.WaitStatus))
}

// settable finds mistakes in the events that are to be set. Their directories
// may be made by the command.
func settable(targets []target) error {
	for _, t := range targets {
		if _, err := t.IsSet(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// start starts a file, by the shell if it is a script without "#!", as
// execvp(3) does.
func start(r *relay, path string, argv []string) (*os.Process, error) {
	p, err := r.start(path, argv)
	if errors.Is(err, syscall.ENOEXEC) {
		return r.start("/bin/sh", append([]string{"sh", path}, argv[1:]...))
	}
	return p, err
}

// putBack sets again what was taken for a command that could not be started.
func (q *query) putBack(taken []target) {
	if q.take {
		q.each(taken, target.Set)
	}
}

// notRun is the status for a command that could not be run.
func (q *query) notRun(err error) int {
	status := exitNoExec
	if isShortage(err) {
		status = exitSystem
	}
	return q.fail(status, fmt.Errorf("cannot run %s: %w", q.operands[0], reason(err)))
}

// reason leaves out of an error what the message says anyway.
func reason(err error) error {
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
