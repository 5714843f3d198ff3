//go:build unix

package child

import (
	"errors"
	"os/signal"
	"syscall"

	"github.com/fsync-lock/fsync/cmd/internal/term"
	"golang.org/x/sys/unix"
)

// isJob reports whether this process is a job of its own in the
// foreground of a terminal. A part of one, such as in a script, is none: to the
// rest of the job it must not do anything.
func isJob() bool { return unix.Getpgrp() == unix.Getpid() && term.InForeground() }

// signal hands a signal on, to the whole group if it is the command's own.
func (p *process) signal(sig syscall.Signal) {
	if p.apart {
		syscall.Kill(-p.pid, sig)
		return
	}
	p.kill(sig)
}

// signalGroup ends the command and whatever else is in its group. A stopped
// process would heed TERM only when it is continued.
func (p *process) signalGroup(sig syscall.Signal) {
	group := -p.pid
	if !p.apart { // we lead the group
		if theirs, err := unix.Getpgid(p.pid); err != nil || theirs != unix.Getpgrp() {
			p.kill(sig) // it has left
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

// mayBeKilled reports whether the kernel lets this process do that.
func (s Survivor) mayBeKilled() bool { return syscall.Kill(s.PID, 0) != unix.EPERM }

// groupLives reports whether there is anybody left in the command's own group.
func (p *process) groupLives() bool {
	return p.apart && syscall.Kill(-p.pid, 0) != unix.ESRCH
}

// outcomeOf reads what wait(2) returned.
func outcomeOf(ws syscall.WaitStatus, err error) Outcome {
	switch {
	case err != nil:
		return Outcome{Status: 1} // as flock(1): somebody else has waited for it
	case ws.Signaled():
		return Outcome{Status: ExitSignal + int(ws.Signal()), By: ws.Signal()}
	}
	return Outcome{Status: ws.ExitStatus()}
}

// become turns this process into the command.
func become(path string, argv, env []string) error { return syscall.Exec(path, argv, env) }

func isScript(err error) bool { return errors.Is(err, unix.ENOEXEC) }
