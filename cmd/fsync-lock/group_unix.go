//go:build unix

package main

import (
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// signal hands a signal on, to the whole group if it is the command's own.
func (p *process) signal(sig syscall.Signal) {
	if p.apart {
		syscall.Kill(-p.pid, sig)
		return
	}
	p.kill(sig)
}

// signalAll ends the command and whatever else is in its group. A stopped
// process would heed TERM only when it is continued.
func (p *process) signalAll(sig syscall.Signal) {
	group := -p.pid
	if !p.apart {
		mine := unix.Getpgrp()
		if theirs, err := unix.Getpgid(p.pid); err != nil || theirs != mine || mine != unix.Getpid() {
			p.kill(sig) // it has left our group, or that has others in it
		}
		if mine != unix.Getpid() {
			return
		}
		group = 0
		if sig != unix.SIGKILL {
			signal.Ignore(sig) // we are in it ourselves
		}
	}
	syscall.Kill(group, sig)
	if sig != unix.SIGKILL {
		syscall.Kill(group, unix.SIGCONT)
	}
}

// groupLives reports whether there is anybody left in the command's own group.
func (p *process) groupLives() bool {
	return p.apart && syscall.Kill(-p.pid, 0) != unix.ESRCH
}

// outcomeOf reads what wait(2) returned.
func outcomeOf(ws syscall.WaitStatus, err error) outcome {
	switch {
	case err != nil:
		return outcome{status: 1} // as flock(1): somebody else has waited for it
	case ws.Signaled():
		return outcome{status: exitSignal + int(ws.Signal()), by: ws.Signal()}
	}
	return outcome{status: ws.ExitStatus()}
}
