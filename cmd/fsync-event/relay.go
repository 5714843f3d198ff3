package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// A relay has the signals that come to this process. Until there is a command
// they end the process, and with it the wait; from then on they are handed to
// the command, and when that has ended they do nothing any more.
//
// A signal from the terminal is not handed on: the terminal sends it to all of
// its foreground, and so to the command too, which would get it twice. An INT
// or QUIT that somebody sends to this process alone, while it is in the
// foreground, cannot be told from that, and is not handed on either.
type relay struct {
	mu      sync.Mutex  // guards the fields below; the end of the process is under it too
	tidy    func()      // what to do before the end; nil = nothing
	command *os.Process // nil until it runs
	last    syscall.Signal
	came    chan struct{} // has one when last is set
}

// listen begins to catch signals.
func listen() *relay {
	r := &relay{came: make(chan struct{}, 1)}
	c := make(chan os.Signal, 16)
	for _, sig := range caught() {
		signal.Notify(c, sig)
	}
	go func() {
		for sig := range c {
			r.deliver(sig.(syscall.Signal))
		}
	}()
	return r
}

func (r *relay) deliver(sig syscall.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.command != nil:
		if !fromTerminal(sig) {
			r.command.Signal(sig) // fails if it has ended, and never reaches another that has its PID
		}
		if sig != sigCont {
			r.last = sig
			select {
			case r.came <- struct{}{}:
			default:
			}
		}
	case sig != sigCont:
		if r.tidy != nil {
			r.tidy()
		}
		os.Exit(endBy(sig))
	}
}

// before has something done before a signal ends this process.
func (r *relay) before(tidy func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tidy = tidy
}

// start starts the command with our files. A signal that comes meanwhile is
// handed to it.
func (r *relay) start(path string, argv []string) (*os.Process, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := os.StartProcess(path, argv, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err == nil {
		r.command = p
	}
	return p, err
}

// mourn returns the exit status for the command's end. If a signal ended both
// it and us, it ends this process by that, as if it had not been caught here: a
// shell goes on with its loop if a command has dealt with Ctrl-C, and stops if
// Ctrl-C has killed it.
func (r *relay) mourn(end syscall.WaitStatus) int {
	if !end.Signaled() {
		return end.ExitStatus()
	}
	by := end.Signal()
	if by == syscall.SIGINT && fromTerminal(by) {
		// The terminal has sent it to us as well. It may still be on its way.
		select {
		case <-r.came:
		case <-time.After(time.Second):
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if by == r.last {
		return endBy(by)
	}
	return exitSignal + int(by)
}
