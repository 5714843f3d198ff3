//go:build unix

package child

import (
	"errors"
	"os/signal"
	"syscall"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/term"
	"golang.org/x/sys/unix"
)

// isJob reports whether this process leads a job in the foreground of a terminal. A
// command in a script does not: a signal to its process group would hit the script.
func isJob() bool {
	group, err := unix.Getpgid(0)
	return err == nil && group == unix.Getpid() && term.InForeground()
}

// signal passes a signal on to the command, or to its whole group if it has its own.
func (p *process) signal(sig syscall.Signal) {
	if p.ownGroup {
		syscall.Kill(-p.pid, sig)
		return
	}
	p.kill(sig)
}

// signalGroup sends a signal to the command and its group. Then it sends CONT, because a
// stopped process handles TERM only after it is continued.
func (p *process) signalGroup(sig syscall.Signal) {
	group := -p.pid
	if !p.ownGroup { // this process leads the group
		theirs, err := unix.Getpgid(p.pid)
		if ours, _ := unix.Getpgid(0); err != nil || theirs != ours {
			p.kill(sig) // the command has left the group
		}
		group = 0
		if sig != unix.SIGKILL {
			signal.Ignore(sig) // this process is in the group
		}
	}
	syscall.Kill(group, sig)
	if sig != unix.SIGKILL {
		syscall.Kill(group, unix.SIGCONT)
	}
}

// mayBeKilled reports whether this process has the permission to kill the survivor.
func (s Survivor) mayBeKilled() bool { return syscall.Kill(s.PID, 0) != unix.EPERM }

// groupLives reports whether the command's own group still has a process.
func (p *process) groupLives() bool {
	return p.ownGroup && syscall.Kill(-p.pid, 0) != unix.ESRCH
}

// outcomeOf reads what wait(2) returned.
func outcomeOf(ws syscall.WaitStatus, err error) Outcome {
	switch {
	case err != nil:
		return Outcome{Status: 1} // other code has waited for the command; flock(1) returns 1, too
	case ws.Signaled():
		return Outcome{Status: cli.ExitSignal + int(ws.Signal()), By: ws.Signal()}
	}
	return Outcome{Status: ws.ExitStatus()}
}

// become replaces this process by the command.
func become(path string, argv, env []string) error { return syscall.Exec(path, argv, env) }

func isScript(err error) bool { return errors.Is(err, unix.ENOEXEC) }
