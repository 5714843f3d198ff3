package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/fsync-lock/fsync/filelock"
)

// execute runs the command with our files and hands signals through to it. It
// returns the command's exit status, or why it could not be run.
//
// The command inherits the lock, so that it is held for as long as it runs,
// whatever becomes of this process. A background process that it leaves
// behind inherits it too. The lock is not released here: that would end it for
// those as well.
func (j *job) execute(lock *filelock.Lock, interrupts <-chan os.Signal) (int, error) {
	if err := bequeath(lock); err != nil {
		return exitSystem, err
	}
	select {
	case sig := <-interrupts: // came before there was a command to get it
		return endBy(sig), nil
	default:
	}
	cmd, err := start(j.command)
	if err != nil {
		return startStatus(err), fmt.Errorf("cannot run %s: %w", j.command[0], reason(err))
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait() // what it says is in ProcessState
	}()
	var last os.Signal
	for {
		select {
		case last = <-interrupts:
			if !fromTerminal(last) {
				cmd.Process.Signal(last) // fails only if the command has just ended
			}
		case <-ended:
			return finish(cmd.ProcessState, last, interrupts), nil
		}
	}
}

// finish returns the exit status for a command that has ended, or ends this
// process by the signal that ended both.
func finish(state *os.ProcessState, last os.Signal, interrupts <-chan os.Signal) int {
	if last == nil && diedOf(state, os.Interrupt) && fromTerminal(os.Interrupt) {
		// The terminal has sent it to us as well. It may still be on its way.
		select {
		case last = <-interrupts:
		case <-time.After(time.Second):
		}
	}
	if last != nil && diedOf(state, last) {
		return endBy(last)
	}
	return exitStatus(state)
}

func start(command []string) (*exec.Cmd, error) {
	cmd := prepare(command)
	err := cmd.Start()
	if isScript(err) {
		// A file without "#!" is a shell script: execvp(3).
		cmd = prepare(append([]string{"/bin/sh", cmd.Path}, command[1:]...))
		err = cmd.Start()
	}
	return cmd, err
}

func prepare(command []string) *exec.Cmd {
	cmd := exec.Command(command[0], command[1:]...)
	if errors.Is(cmd.Err, exec.ErrDot) {
		cmd.Err = nil // the user's PATH is the user's business
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd
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

func startStatus(err error) int {
	for _, shortage := range []error{syscall.ENOMEM, syscall.EAGAIN, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, shortage) {
			return exitSystem
		}
	}
	return exitNoExec
}
