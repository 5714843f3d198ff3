package main

import (
	"syscall"
	"time"

	"github.com/fsync-lock/fsync/internal/plain"
)

// A limit is the end of the time that a command may run: TERM and then, if it
// does not heed it, KILL, as timeout(1) has it. They go to the whole process
// group of the command.
//
// The command gets a group of its own for that, so that nobody else is hit.
// As a job of its own in the foreground of a terminal it does not: it would be
// in the background there, and could not read what is typed. There the shell
// has made a group of the job, and that is ended.
type limit struct {
	killAfter time.Duration // 0 = no KILL

	said chan struct{} // closed when it has been said, or nothing is to be said

	// Guarded by the relay's mutex until the command has ended.
	exceeded time.Time // when TERM was sent; zero = it was not
	killed   bool
}

// limitTime sets the clock for a command that has just been started.
func (j *job) limitTime(p *process, r *relay) *limit {
	l := &limit{killAfter: j.killAfter, said: make(chan struct{})}
	if j.maxRuntime == 0 {
		return l
	}
	time.AfterFunc(j.maxRuntime, func() {
		sent := r.unlessOver(func() {
			l.exceeded = time.Now()
			p.signalAll(syscall.SIGTERM)
		})
		if sent && j.verbose { // nothing waits for whoever does not read it
			go func() {
				defer close(l.said)
				j.complain("TERM after " + j.maxRuntime.String() + " to " + plain.Shorten(j.command[0], 80))
			}()
		} else {
			close(l.said)
		}
		if sent && l.killAfter > 0 {
			time.AfterFunc(l.killAfter, func() {
				r.unlessOver(func() {
					l.killed = true
					p.signalAll(syscall.SIGKILL)
				})
			})
		}
	})
	return l
}

// outcome is what is handed on for a command that ran for too long.
func (l *limit) outcome(p *process, end outcome) outcome {
	select {
	case <-l.said:
	case <-time.After(100 * time.Millisecond):
	}
	if l.killed && end.by == syscall.SIGKILL {
		return outcome{status: end.status, by: end.by, overtime: true}
	}
	if l.killAfter > 0 && !l.killed {
		l.killRest(p)
	}
	return outcome{status: exitTimedOut, overtime: true}
}

// killRest gives what is left of the command's group the rest of its time, and
// then KILL: it may be what does not heed TERM, and it has the lock. Nothing
// tells of the end of a group, so it is looked for.
func (l *limit) killRest(p *process) {
	for pause := time.Millisecond; p.groupLives(); pause = min(2*pause, 50*time.Millisecond) {
		left := l.killAfter - time.Since(l.exceeded)
		if left <= 0 {
			p.signalAll(syscall.SIGKILL)
			return
		}
		time.Sleep(min(pause, left))
	}
}
